"""A person's own pattern, tried on the data at once and kept when it finds what it should."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from engine.data import changes
from engine.data.privacy import PLACEHOLDER, Finding, Kind, Rules
from engine.data.privacy.rules import matches, pattern_like, require_pattern, single_blanks
from engine.data.progress import Progress
from engine.data.review import deciding, rules
from engine.data.review.deciding import Decided
from engine.data.review.replacing import known_in, read_rows, rewrite, save
from engine.data.vault import open_vault
from engine.errors import InputRefused
from engine.workspace import Workspace

SAMPLES = 12
# Of one text among the samples, so that they show different ones.
AROUND = 60
# A pattern that finds something in so many of the examples is hardly a number.
SUSPICIOUS = 0.5
BLOCK = 20_000
PART = 2_000

_TEXTS = """
    SELECT id, 'instruction' AS field, instruction AS text FROM examples WHERE status = 'active'
    UNION ALL SELECT id, 'output', output FROM examples WHERE status = 'active'
    UNION ALL SELECT id, 'input', input FROM examples WHERE status = 'active' AND input <> ''
    UNION ALL SELECT id, 'worse', worse FROM examples WHERE status = 'active' AND worse <> ''
    UNION ALL SELECT id, 'history', unnest(json_extract_string(history, '$[*].content'))
              FROM examples WHERE status = 'active' AND history::VARCHAR <> '[]'
"""


class Sample(NamedTuple):
    """One place that a pattern finds: what is said before it, what it finds, what is said after it."""

    example_id: int
    field: str
    left: str
    text: str
    right: str


@dataclass(frozen=True)
class Trial:
    """What a pattern would do.

    Attributes:
        pattern: the regular expression, of a sample what was made of it.
        type: what it finds.
        places: that it would replace; examples: in how many; of: how many there are.
        samples: some of the places, different texts first.
    """

    pattern: str
    type: Kind
    places: int
    examples: int
    of: int
    samples: tuple[Sample, ...]

    @property
    def suspicious(self) -> bool:
        """Whether it finds something nearly everywhere."""
        return self.examples > 20 and self.examples > SUSPICIOUS * self.of


def read_pattern(typed: str, *, regular: bool = False) -> str:
    """The pattern of what a person typed: a sample ("KD-123456"), or a regular expression.

    Raises:
        InputRefused: the sample has no figure; the expression cannot be used.
    """
    return require_pattern(typed) if regular else pattern_like(typed)


def try_pattern(workspace: Workspace, typed: str, kind: str, *, regular: bool = False) -> Trial:
    """Counts what a pattern would replace in the examples, and shows some of it. Nothing is changed.

    Raises:
        InputRefused: it is no pattern, or the kind is none.
    """
    pattern, of_kind = read_pattern(typed, regular=regular), rules.kind_of(kind)
    places = 0
    examples: set[int] = set()
    samples: dict[str, Sample] = {}
    for block in blocks(workspace):
        # What was replaced already is not looked into.
        open_texts = pc.replace_substring_regex(block["text"], PLACEHOLDER.pattern, "\x03")
        counts = pc.count_substring_regex(open_texts, pattern)
        there = pc.greater(counts, 0)
        places += int(pc.sum(counts).as_py() or 0)
        found = block.filter(there)
        examples.update(found["id"].to_pylist())
        for row in found.slice(0, PART).to_pylist() if len(samples) < SAMPLES else ():
            _add_samples(samples, row, pattern, of_kind)
    total = int(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"))
    return Trial(pattern, of_kind, places, len(examples), total, tuple(samples.values()))


def try_text(workspace: Workspace, text: str, kind: str) -> Trial:
    """The same for a text that is to be replaced wherever it stands as whole words (`deciding.always_text`).

    Raises:
        InputRefused: it has no word, or the kind is none.
    """
    told = deciding.always_rule(text, kind)
    (wanted, of_kind), *_ = told.always.items()
    places = 0
    examples: set[int] = set()
    samples: list[Sample] = []
    for block in blocks(workspace):
        for row in block.filter(pc.match_substring(block["text"], wanted)).to_pylist():
            found = told.find(row["text"])
            places += len(found)
            examples.update([row["id"]] if found else [])
            if found and len(samples) < SAMPLES:
                samples.append(_sample(row, found[0]))
    total = int(workspace.database.value("SELECT count(*) FROM examples WHERE status = 'active'"))
    return Trial(wanted, of_kind, places, len(examples), total, tuple(samples))


def keep_pattern(
    workspace: Workspace, typed: str, kind: str, *, regular: bool = False, progress: Progress | None = None
) -> Decided:
    """Replaces what a pattern finds in the examples, as one batch, and in whatever is imported from now on.

    Raises:
        InputRefused: it is no pattern, the kind is none, or it is kept already.
    """
    pattern, of_kind = read_pattern(typed, regular=regular), rules.kind_of(kind)
    if any(rule.action == "pattern" and rule.text == pattern for rule in rules.list_rules(workspace)):
        raise InputRefused(
            "This pattern is kept already.", f"Its expression is {pattern}.", "Remove it first to keep it as another."
        )
    ids = _examples_with(workspace, pattern)
    told = Rules({}, frozenset(), {pattern: of_kind})
    rows = []
    for start in range(0, len(ids), PART):
        rows += read_rows(workspace, ids[start : start + PART])
        if progress is not None:
            progress(min(1.0, (start + PART) / len(ids)), f"Replacing in {len(ids):,} examples")
    rows.sort(key=lambda row: (row.scope, row.id))
    done = rewrite(rows, {}, told, known_in(workspace, (row.conversation for row in rows)))
    with workspace.database.transaction() as cursor:
        batch, _ = save(cursor, open_vault(workspace), rows, done, purpose="privacy:pattern")
        rules.remember(cursor, "pattern", pattern, of_kind, batch or changes.new_batch(cursor))
    return Decided(batch, len(done.places))


def _add_samples(samples: dict[str, Sample], row: dict[str, object], pattern: str, kind: Kind) -> None:
    text = str(row["text"])
    closed = [match.span() for match in PLACEHOLDER.finditer(text)]
    for finding in matches(pattern, kind, [text])[0]:
        if len(samples) == SAMPLES or any(finding.end > start and finding.start < end for start, end in closed):
            continue
        samples.setdefault(single_blanks(finding.text), _sample(row, finding))


def _sample(row: dict[str, object], finding: Finding) -> Sample:
    text = str(row["text"])
    left, right = text[: finding.start], text[finding.end :]
    return Sample(
        int(str(row["id"])),
        str(row["field"]),
        f"…{left[-AROUND:]}" if len(left) > AROUND else left,
        finding.text,
        f"{right[:AROUND]}…" if len(right) > AROUND else right,
    )


def blocks(workspace: Workspace) -> Iterator[pa.Table]:
    """All that is said in the active examples, so many texts at a time: id, field, text."""
    with workspace.database.cursor() as cursor:
        for batch in cursor.sql(_TEXTS).to_arrow_reader(BLOCK):
            yield pa.Table.from_batches([batch])


def _examples_with(workspace: Workspace, pattern: str) -> list[int]:
    found: set[int] = set()
    for block in blocks(workspace):
        found.update(block.filter(pc.match_substring_regex(block["text"], pattern))["id"].to_pylist())
    return sorted(found)
