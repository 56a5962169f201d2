"""Who answers in chats whose lines only have names: whom the person says, else what names, titles and habits tell."""

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.data.conversations import Author
from engine.data.sources.rows import File
from engine.errors import InputRefused

_AGENT = (
    r"agent\w*|support\w*|operator\w*|representative|rep|staff|adviser|advisor|consultant|service|helpdesk|help desk|"
    r"team|expert|sales|shop|store|mitarbeiter\w*|berater\w*|kundenservice|kundendienst|conseill\w+|opérat\w+|agente|"
    r"operador\w*|asesor\w*|atendente|operatore|assistenza|medewerker|оператор|поддержка|客服"
)
_CUSTOMER = (
    r"visitor|customer|client|user|guest|caller|you|me|kund\w+|besucher\w*|nutzer\w*|gast|clien\w+|visiteu\w+|usuari\w+|"
    r"visitante|utente|visitatore|klant|bezoeker|клиент|посетитель|顾客|访客"
)
_BOT = r"\w*bot|chatbot|virtual assistant|assistant|automat\w+|robot"
_SYSTEM = r"system|info|notice|event|status|hinweis"
AGENT = re.compile(rf"(?:.*\b)?(?:{_AGENT})(?:\b.*)?$", re.IGNORECASE)
CUSTOMER = re.compile(rf"(?:the |our )?(?:{_CUSTOMER})(?:[\s#_-]*\w{{0,12}})?$", re.IGNORECASE)
BOT = re.compile(rf"(?:{_BOT})(?:[\s#_-]*\d*)?$", re.IGNORECASE)
SYSTEM = re.compile(rf"(?:{_SYSTEM})(?: message)?$", re.IGNORECASE)
PHONE = re.compile(r"~?\s*\+?[\d\s().\u00a0-]{7,}$")
# A customer comes back; somebody in more than half of all chats works there.
BEGINNINGS = 5
MOSTLY = 0.8


class WhoAnswers(InputRefused):
    """It cannot be told who answers in a file, or nobody in it has the name that was given.

    Attributes:
        names: those who write in it, of whom the person is to choose.
    """

    def __init__(self, title: str, message: str, remedy: str, names: Iterable[str]) -> None:
        super().__init__(title, message, remedy)
        self.names = tuple(names)


@dataclass
class Speakers:
    """Who speaks in the chats of a file.

    Attributes:
        chats: how many there are.
        met: name -> in how many of them.
        began: name -> how many of the conversations in them it began.
        partner: with whom the chat is, by its title; empty when that does not say it.
    """

    chats: int = 0
    met: Counter[str] = field(default_factory=Counter)
    began: Counter[str] = field(default_factory=Counter)
    partner: str = ""

    def add(self, names: Iterable[str], beginner: str = "") -> None:
        """Counts one chat."""
        self.chats += 1
        self.met.update(set(names))
        if beginner:
            self.began[beginner] += 1


def author(name: str, agents: frozenset[str]) -> Author:
    """Whose a line is that has this name."""
    if name in agents:
        return "agent"
    return "bot" if BOT.match(name) else "system" if SYSTEM.match(name) else "customer"


def tell_agents(file: File, speakers: Speakers, agent: str | None) -> frozenset[str]:
    """The names of those who answer.

    In this order: whom the person names; who is called agent, support and the like, or, where somebody is called
    visitor or customer, the others; who speaks in more than half of several chats; of two, the one with whom the
    chat is not, by its title; the one with a name where the other has but a number; the one who hardly ever begins.

    Raises:
        WhoAnswers: nobody has the name that the person gave, or it cannot be told who answers.
    """
    names = [name for name in speakers.met if author(name, frozenset()) == "customer"]
    if agent:
        return _named(file, names, agent)
    titled = frozenset(name for name in names if AGENT.match(name) and not CUSTOMER.match(name))
    if titled and len(titled) < len(names):
        return titled
    asking = {name for name in names if CUSTOMER.match(name)}
    if asking and len(asking) < len(names):
        return frozenset(names) - asking
    most = sorted(names, key=lambda name: -speakers.met[name])[:2]
    if len(most) == 2 and speakers.met[most[0]] > max(speakers.met[most[1]], speakers.chats / 2, 1):
        return frozenset(most[:1])
    told = _of_two(speakers, names) if len(names) == 2 else None
    if told is None:
        shown = ", ".join(sorted(names)[:8]) + (" and others" if len(names) > 8 else "")
        raise WhoAnswers(
            f"It is not plain who answers in {file.name}.",
            f"These write in it: {shown}. What whoever answers wrote becomes the answers."
            if names
            else "Nobody writes in it.",
            f"Say who answers customers. {in_the_terminal(sorted(names)[:1])}",
            sorted(names),
        )
    return frozenset([told])


def _named(file: File, names: list[str], agent: str) -> frozenset[str]:
    # Whole as well: some names have a comma.
    wanted = {each.strip().lower() for each in (agent, *agent.split(","))}
    found = frozenset(name for name in names if name.lower() in wanted)
    if not found:
        raise WhoAnswers(
            f"Nobody called {agent} writes in {file.name}.",
            f"These do: {', '.join(sorted(names)[:8])}{' and others' if len(names) > 8 else ''}.",
            f"Name one of them as the agent. {in_the_terminal(sorted(names)[:1])}",
            sorted(names),
        )
    return found


def in_the_terminal(names: Sequence[str]) -> str:
    """How to say in a terminal who answers: the first of some names as the example."""
    example = f"agent={names[0]}" if names else "agent=NAME"
    return f"In the terminal: --map {shlex.quote(example)}"


def _of_two(speakers: Speakers, names: list[str]) -> str | None:
    """Which of two people answers, None where nothing tells."""
    other = {names[0]: names[1], names[1]: names[0]}
    if speakers.partner in other:
        return other[speakers.partner]
    numbers = [name for name in names if PHONE.match(name)]
    if len(numbers) == 1:
        return other[numbers[0]]
    total = speakers.began[names[0]] + speakers.began[names[1]]
    if total >= BEGINNINGS:
        return next((other[name] for name in names if speakers.began[name] >= MOSTLY * total), None)
    return None
