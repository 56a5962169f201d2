"""Plain transcripts of chats and calls: `Agent: ...`, `[10:32] Visitor 123: ...`, one turn after the other.

A line that begins with a name and a colon begins a turn; what follows without one belongs to it. A rule (`---`), or
an empty line where the next turn is not the other side's, or a heading ("Conversation 12", "Chat started ...")
begins another conversation: a file that has rules is divided by these alone.
"""

import io
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.data.conversations import Conversation, Message
from engine.data.sources.rows import File
from engine.data.sources.speakers import AGENT, BOT, CUSTOMER, SYSTEM, Speakers, author, tell_agents
from engine.errors import InputRefused

TIME = r"(?:\d{1,4}[-./]\d{1,2}[-./]\d{1,4}[,T ]+)?\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?Z?(?:\s?[AaPp]\.?[Mm]\.?)?"
TURN = re.compile(
    rf"\s*(?:[\[(](?P<at>{TIME})[\])]\s*|(?P<bare>{TIME})\s*[-–|]?\s+)?[*_]*(?P<name>[^\W\d_][^:：\n\[\]<>{{}}\"|]{{0,40}}?)"
    rf"\s*(?:[\[(](?P<after>{TIME})[\])])?[*_]*\s*[:：][*_]*(?:\s+(?P<text>.*)|$)"
)
RULE = re.compile(r"\s*(?:[-=_*#~]\s?){3,}\s*$")
HEADING = re.compile(
    r"\s*[-=#*\s]*(?:conversation|chat|ticket|transcript|call|session|gespräch|case)\b[\s#:]*(?:id\s*)?[\w-]*\d[\w-]*[-=#*\s:]*$|"
    r"\s*chat (?:started|begins|transcript)\b.*$",
    re.IGNORECASE,
)
# Words before a colon that no person is called.
FIELDS = re.compile(
    r"(?:https?|from|to|cc|date|sent|subject|re|note|notes|total|order|address|phone|e-?mail|question|answer|steps?|"
    r"example|ps|p\.s\.|warning|error|q|a|summary|title|tip|important)$",
    re.IGNORECASE,
)
MOST_NAME_WORDS = 4
# Of the first lines, so many have to be turns.
EXAMINED = 60


class Turn(NamedTuple):
    """One turn: who, when by the file's words, and what."""

    name: str
    at: str
    text: str


class Style(NamedTuple):
    """How a file writes its turns, told from its beginning.

    Attributes:
        timed: whether a time stands at each; then a name and a colon alone begin none.
        titled: whether both sides are called by what they are; then other words before a colon are no names.
        ruled: whether rules or headings divide the conversations.
    """

    timed: bool
    titled: bool
    ruled: bool


class Chat(NamedTuple):
    """One conversation of the file."""

    turns: list[Turn]
    share: float


def looks_like(file: File, head: str) -> bool:
    """Whether a text begins with turns of at least two speakers who come back or say by their name what they are."""
    lines = [line for line in head.splitlines()[:EXAMINED] if line.strip() and not RULE.match(line)]
    style = _style(lines)
    names = [turn.name for line in lines if (turn := _turn(line, style)) is not None]
    known = any(AGENT.match(name) or CUSTOMER.match(name) for name in names)
    return len(set(names)) > 1 and len(names) >= len(lines) / 4 and (known or len(names) >= 2 * len(set(names)))


def conversations(file: File, encoding: str, agent: str | None = None) -> Iterator[Conversation]:
    """The conversations of a transcript; read twice, first for who answers.

    Args:
        file: the text.
        encoding: its codec.
        agent: the names of those who answer, divided by commas; told from the names otherwise.

    Raises:
        InputRefused: it holds no turns, or it cannot be told who answers.
    """
    with file.path.open(encoding=encoding, errors="replace") as text:
        style = _style(text)
    speakers = Speakers()
    for chat in _chats(file, encoding, style):
        speakers.add((turn.name for turn in chat.turns), chat.turns[0].name)
    if not speakers.chats:
        raise InputRefused(
            f"{file.name} holds no turns.",
            "No line begins with a name and a colon, so nobody can be told from anybody.",
            "Write each turn as NAME: text, or export the chats with the names of those who write.",
        )
    agents = tell_agents(file, speakers, agent)
    for number, (turns, share) in enumerate(_chats(file, encoding, style), start=1):
        messages = tuple(Message(author(turn.name, agents), turn.text, turn.name, _iso(turn.at)) for turn in turns)
        customer = next((message.name for message in messages if message.author == "customer"), "")
        yield Conversation(str(number), messages, share, channel="chat", customer=customer)


def _chats(file: File, encoding: str, style: Style) -> Iterator[Chat]:
    """The chats of the file; lines before the first turn, such as titles, belong to none."""
    size = max(1, file.path.stat().st_size)
    turns: list[Turn] = []
    empty = False
    with file.path.open("rb") as binary, io.TextIOWrapper(binary, encoding, "replace") as text:
        for line in text:
            share = min(1.0, binary.tell() / size)
            turn = _turn(line, style)
            parted = RULE.match(line) or HEADING.match(line)
            if not parted and empty and not style.ruled and turn is not None and _begins_anew(turns, turn):
                parted = re.match("", "")
            if parted and turns:
                yield Chat(turns, share)
                turns = []
            if turn is not None:
                turns.append(turn)
            elif turns and not parted:
                turns[-1] = turns[-1]._replace(text=f"{turns[-1].text}\n{line.rstrip()}")
            empty = not line.strip()
    if turns:
        yield Chat(turns, 1.0)


def _begins_anew(turns: list[Turn], turn: Turn) -> bool:
    """Whether a turn after an empty line belongs to another conversation: by somebody new, or by who began this one
    although the last word was not theirs and empty lines do not stand between all turns."""
    names = {each.name for each in turns}
    if len(names) < 2:
        return False
    spaced = any("\n" in each.text for each in turns[:-1])
    return (turn.name not in names or turn.name == turns[0].name) and not spaced


def _style(lines: Iterable[str]) -> Style:
    """How turns are written; reads on until a rule is found."""
    timed = turns = 0
    agent = customer = ruled = False
    for line in lines:
        ruled = ruled or bool(turns and (RULE.match(line) or HEADING.match(line)))
        turn = _turn(line, None)
        if turn is not None:
            turns += 1
            timed += bool(turn.at)
            customer = customer or bool(CUSTOMER.match(turn.name))
            agent = agent or bool(AGENT.match(turn.name))
    return Style(timed * 2 > turns, agent and customer, ruled)


def _turn(line: str, style: Style | None) -> Turn | None:
    """The turn that a line begins, None where it begins none."""
    found = TURN.match(line[:10_000])
    if found is None:
        return None
    name = found["name"].strip()
    words = name.split()
    titled = any(title.match(name) for title in (AGENT, CUSTOMER, BOT, SYSTEM))
    if FIELDS.match(name) or len(words) > MOST_NAME_WORDS or not (titled or not name[0].islower()):
        return None
    if not titled and any(word[0].islower() and len(word) > 3 for word in words):
        return None
    at = found["at"] or found["bare"] or found["after"] or ""
    if style is not None and ((style.timed and not at) or (style.titled and not titled and not at)):
        return None
    text = line[found.start("text") :].strip() if found["text"] is not None else ""
    return Turn(name, at, text)


def _iso(at: str) -> str:
    """A full date and time as ISO 8601; a time of day alone, which says no day, is left out."""
    found = re.match(r"(\d{4})[-./](\d\d)[-./](\d\d)[,T ]+(\d\d:\d\d(?::\d\d)?)", at)
    return f"{found[1]}-{found[2]}-{found[3]}T{found[4]}" if found else ""
