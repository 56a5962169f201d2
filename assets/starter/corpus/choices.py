"""Which situations, talks, facts and subjects there are, and which of them training never sees."""

from dataclasses import dataclass
from random import Random
from zlib import crc32

from corpus.grammar import TEXT, Block, read_blocks
from corpus.world import Setting, setting

_FILES = (
    "orders.txt",
    "money.txt",
    "account.txt",
    "contracts.txt",
    "visits.txt",
    "general.txt",
    "cards.txt",
    "accounts_and_transfers.txt",
    "retail.txt",
    "digital.txt",
    "travel.txt",
    "services.txt",
)
SITUATIONS = tuple(read_blocks(*_FILES))
SUBJECTS = tuple(read_blocks("offtopic.txt"))
FACTS = tuple(read_blocks("facts.txt", "facts_more.txt"))
ATTRIBUTES = tuple(read_blocks("attributes.txt"))
TALKS = tuple(read_blocks(*sorted(f"talks/{path.name}" for path in (TEXT / "talks").glob("*.txt"))))
_CHOSEN = {
    "exchange_item",
    "discount_code",
    "party_size_change",
    "voicemail_settings",
    "driving_licence_question",
    "stop_monthly_donation",
    "storage",
    "class size",
    "group size",
    "card replacement",
    "gift wrapping",
}


def one_in(share: int, name: str, which: int = 0) -> bool:
    """Whether the name is in one of ``share`` parts, the ``which``-th, by its own checksum, wherever it stands."""
    return crc32(name.encode()) % share == which


HELD_OUT = frozenset(
    _CHOSEN
    | {block.name for block in (*SITUATIONS, *TALKS) if one_in(25, block.name)}
    | {block.name for block in (*FACTS, *ATTRIBUTES) if one_in(10, block.name, 1)}
)


@dataclass(frozen=True)
class Choice:
    """Which situations, facts and things a conversation may be built from."""

    situations: tuple[Block, ...]
    neighbours: tuple[Block, ...]  # situations that may stand beside the one that a message is about
    facts: tuple[Block, ...]
    fillers: tuple[Block, ...]  # facts that a passage holds besides those asked for
    attributes: tuple[Block, ...]
    talks: tuple[Block, ...]
    other_talks: tuple[Block, ...]  # that may stand beside the one that is asked about
    unseen: bool = False

    def situation(self, rng: Random) -> tuple[Block, Setting]:
        """A situation and a business that it fits."""
        block = rng.choice(self.situations)
        return block, setting(rng, group_of(block, rng))


def group_of(block: Block, rng: Random) -> str | None:
    """One of the groups of trades that the block fits; None when it fits all."""
    group = rng.choice(sorted(block.tags))
    return None if group == "any" else group


def fits(block: Block, world: Setting) -> bool:
    """Whether a block can be about this business."""
    return "any" in block.tags or not block.tags.isdisjoint(world.groups)


def foreign(world: Setting) -> Block:
    """A subject that is not what the business helps with; a subject's tags are those that it is on topic for."""
    return world.rng.choice([subject for subject in SUBJECTS if subject.tags.isdisjoint(world.groups)])


def _choice(unseen: bool) -> Choice:
    known = tuple(block for block in SITUATIONS if block.name not in HELD_OUT)
    return Choice(
        tuple(block for block in SITUATIONS if block.name in HELD_OUT) if unseen else known,
        known,
        tuple(block for block in FACTS if (block.name in HELD_OUT) is unseen),
        tuple(block for block in FACTS if block.name not in HELD_OUT),
        ATTRIBUTES if unseen else tuple(block for block in ATTRIBUTES if block.name not in HELD_OUT),
        tuple(block for block in TALKS if (block.name in HELD_OUT) is unseen),
        tuple(block for block in TALKS if block.name not in HELD_OUT),
        unseen,
    )


CHOICES = {"train": _choice(False), "fresh": _choice(False), "unseen": _choice(True)}
