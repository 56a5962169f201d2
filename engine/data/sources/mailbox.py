"""Mails as conversations: one mail (.eml, .msg), a mailbox (.mbox) or a zip of mails, gathered into threads.

A mail belongs to the thread of those it names in References and In-Reply-To; one that names none but is called
"Re: ..." to the last thread of that subject between the same two people. Only the headers are kept in memory; the mails
of a thread are read when its turn comes, so that a mailbox may be far larger than the memory.

Who answers (the agents): whom the person names, else the address that most threads share, with all addresses of its
domain unless that is one where anybody gets an address. Where no address stands out, whoever begins a thread is its
customer. Out-of-office mails and bounces are kept as system lines, which teach nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.data.conversations import Author, Conversation, Message
from engine.data.replies import quoted, reply
from engine.data.sources import outlook
from engine.data.sources.damage import told_as_damage
from engine.data.sources.mail_files import FROM_LINE, Place, Source, is_mail_part, opened_mails
from engine.data.sources.mails import Envelope, Person, read_body, read_envelope
from engine.data.sources.rows import File
from engine.data.sources.speakers import WhoAnswers, in_the_terminal
from engine.data.sources.zipped import is_zip, part_names
from engine.errors import InputRefused

HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]*:")
TELLING = frozenset(
    ["from", "to", "subject", "date", "message-id", "received", "mime-version", "return-path", "delivered-to"]
)
# Anybody gets an address there, so a shared domain tells nothing.
FREE_DOMAINS = re.compile(
    r"@(?:gmail|googlemail|outlook|hotmail|live|msn|yahoo|ymail|aol|icloud|me|mac|gmx|web|mail|proton|protonmail|pm|"
    r"t-online|freenet|orange|free|laposte|wanadoo|libero|tiscali|yandex|rambler|qq|163|126|sina|naver|zoho|fastmail|comcast)"
    r"\.[a-z.]{2,6}$"
)
LONGEST_CONTENT = 2000


class Roles(NamedTuple):
    """Who answers, and how that was told, as a sentence for the person."""

    agents: frozenset[str]
    note: str


@dataclass
class _Threads:
    """The mails of a file by thread, without their texts."""

    places: list[Place] = field(default_factory=list)
    senders: list[Person] = field(default_factory=list)
    people: list[tuple[str, ...]] = field(default_factory=list)
    _above: list[int] = field(default_factory=list)
    _by_id: dict[int, int] = field(default_factory=dict)
    _seen: set[int] = field(default_factory=set)
    _by_subject: dict[int, int] = field(default_factory=dict)

    def add(self, place: Place, mail: Envelope) -> None:
        """Puts a mail to its thread; a second copy of one is left out."""
        if mail.id and hash(mail.id) in self._seen:
            return
        number = len(self.places)
        self.places.append(place)
        self.senders.append(mail.sender)
        self.people.append(tuple(person.address for person in mail.recipients))
        self._above.append(number)
        for id in (mail.id, *mail.parents) if mail.id else mail.parents:
            self._join(self._by_id.setdefault(hash(id), number), number)
        if mail.id:
            self._seen.add(hash(mail.id))
        first = self.people[-1][0] if self.people[-1] else ""
        subject = hash((mail.topic, frozenset((mail.sender.address, first))))
        if mail.topic and mail.is_reply and not mail.parents and subject in self._by_subject:
            self._join(self._by_subject[subject], number)
        self._by_subject[subject] = number

    def threads(self) -> list[list[int]]:
        """The mails' numbers by thread, in the order of the file."""
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self.places)):
            found[self._root(number)].append(number)
        return list(found.values())

    def _root(self, number: int) -> int:
        while self._above[number] != number:
            self._above[number] = self._above[self._above[number]]
            number = self._above[number]
        return number

    def _join(self, one: int, other: int) -> None:
        low, high = sorted((self._root(one), self._root(other)))
        self._above[high] = low


def looks_like(file: File, head: str) -> bool:
    """Whether a file is a mail, a mailbox or a zip of nothing but mails; `head` is its beginning, empty for a zip."""
    if is_zip(file):
        names = [name for name in part_names(file) if is_mail_part(name)]
        return bool(names) and all(name.lower().endswith(".eml") for name in names)
    return _is_text_mail(head) or outlook.is_message(file.path)


def who_answers(file: File, agent: str | None = None) -> Roles:
    """Who answers in a mailbox, and a note that says how it was told; reads all headers.

    Raises:
        WhoAnswers: nobody has the name or address that the person gave.
    """
    with opened_mails(file) as source:
        return _roles(file, _gathered(source, file), agent)


def conversations(file: File, encoding: str, agent: str | None = None) -> Iterator[Conversation]:
    """The threads of a file, in the order in which they begin in it.

    Args:
        file: the mail, mailbox or zip.
        encoding: the codec of texts that name none and are not UTF-8.
        agent: who answers: addresses, domains or names, divided by commas; told from the mails otherwise.

    Raises:
        WhoAnswers: nobody has the name or address that the person gave.
    """
    with opened_mails(file) as source:
        if outlook.is_message(file.path):
            yield _outlook_conversation(file, encoding, agent)
            return
        gathered = _gathered(source, file)
        agents = _roles(file, gathered, agent).agents
        done = 0
        for thread in gathered.threads():
            done += len(thread)
            share = done / len(gathered.places)
            yield _conversation([gathered.places[number] for number in thread], source, encoding, agents, share)


def _outlook_conversation(file: File, encoding: str, agent: str | None) -> Conversation:
    try:
        with told_as_damage(file, "a mail of Outlook"):
            mail, text = outlook.read_message(file.path, encoding if encoding != "utf-8" else "cp1252")
    except InputRefused:
        return Conversation("", share=1.0, problem="The Outlook mail is damaged", content=file.name)
    agents = frozenset([mail.sender.address]) if agent and _is_named(mail.sender, agent) else frozenset[str]()
    return _thread([(mail, text)], agents, 1.0)


def _conversation(
    places: Sequence[Place], source: Source, encoding: str, agents: frozenset[str], share: float
) -> Conversation:
    """A thread, its mails read now and put into the order in which they were written."""
    mails: list[tuple[Envelope, str]] = []
    for place in places:
        content = source.read(place)
        try:
            mails.append((read_envelope(content), read_body(content, encoding)))
        except RecursionError:
            shown = content[:LONGEST_CONTENT].decode("utf-8", "replace")
            return Conversation("", share=share, problem="A mail is nested too deep to be read", content=shown)
    return _thread(mails, agents, share)


def _thread(mails: Sequence[tuple[Envelope, str]], agents: frozenset[str], share: float) -> Conversation:
    dated, last = [], ""
    for mail, text in mails:
        last = mail.at or last
        dated.append((last, mail, text))
    ordered = [(mail, text) for _, mail, text in sorted(dated, key=lambda item: item[0])]
    first = ordered[0][0]
    # Without anybody who is known to answer, the one who begins is the customer.
    asking = {mail.sender.address for mail, _ in ordered} - agents if agents else {first.sender.address}
    messages: list[Message] = []
    for mail, text in ordered:
        author: Author = "system" if mail.automatic else "customer" if mail.sender.address in asking else "agent"
        if not messages and author == "agent" and (asked := quoted(text)):
            messages.append(Message("customer", asked))
        messages.append(
            Message(author, reply(text, mail.sender.name or mail.sender.address), mail.sender.name, mail.at)
        )
    customer = next((mail.sender for mail, _ in ordered if mail.sender.address in asking), None)
    others = {person.name for mail, _ in ordered for person in mail.recipients}
    return Conversation(
        id=first.id,
        messages=tuple(messages),
        share=share,
        subject=_subject(first),
        channel="email",
        customer=customer.address if customer else next((p.address for p in first.recipients), ""),
        happened_at=first.at,
        names=tuple(sorted(name for name in others if name and "@" not in name)),
    )


def _subject(mail: Envelope) -> str:
    """The subject as it was written first."""
    topic = mail.topic
    return mail.subject[len(mail.subject) - len(topic) :] if mail.subject.lower().endswith(topic) else mail.subject


def _roles(file: File, gathered: _Threads, agent: str | None) -> Roles:
    if agent:
        named = frozenset(person.address for person in gathered.senders if _is_named(person, agent))
        if not named:
            writers = sorted({person.name or person.address for person in gathered.senders})
            raise WhoAnswers(
                f"Nobody called {agent} writes in {file.name}.",
                f"These do: {', '.join(writers[:10])}{' and others' if len(writers) > 10 else ''}.",
                f"Name one of them, their address or the part of it behind the @. {in_the_terminal(writers[:1])}",
                writers,
            )
        return Roles(named, f"The mails of {agent} are taken as answers, as you said.")
    threads = gathered.threads()
    met: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for thread in threads:
        met.update({gathered.senders[n].address for n in thread} | {who for n in thread for who in gathered.people[n]})
        answered.update(gathered.senders[n].address for n in thread[1:])
    del met[""]
    ranked = sorted(met, key=lambda who: (-met[who], -answered[who], who))
    tied = len(ranked) > 1 and (met[ranked[0]], answered[ranked[0]]) == (met[ranked[1]], answered[ranked[1]])
    if len(threads) < 2 or tied or not ranked or met[ranked[0]] * 2 <= len(threads):
        return Roles(frozenset(), "In each thread, whoever wrote first is taken as the customer.")
    owner = ranked[0]
    domain = "" if FREE_DOMAINS.search(owner) else owner[owner.index("@") :]
    agents = frozenset(who for who in met if who == owner or (domain and who.endswith(domain)))
    others = f", with {len(agents) - 1:,} more at {domain}" if len(agents) > 1 else ""
    return Roles(
        agents,
        f"The mails of {owner}{others} are taken as answers: "
        f"that address is in {met[owner]:,} of {len(threads):,} threads.",
    )


def _is_named(person: Person, agent: str) -> bool:
    # Whole as well: some names have a comma.
    wanted = {name.strip().lower() for name in (agent, *agent.split(","))}
    domains = tuple("@" + name.lstrip("@") for name in wanted if "." in name and " " not in name)
    return not wanted.isdisjoint((person.address, person.name.lower())) or person.address.endswith(domains)


def _is_text_mail(head: str) -> bool:
    """Whether a text begins with mail headers, one a line."""
    lines = head.lstrip("\ufeff\r\n").splitlines()
    if lines and FROM_LINE.match(lines[0].encode("utf-8", "replace")):
        lines = lines[1:]
    names = []
    for line in lines[:200]:
        if not line.strip():
            break
        if line[0] in " \t":
            continue
        if not HEADER.match(line):
            return False
        names.append(line.partition(":")[0].lower())
    return len(TELLING.intersection(names)) >= 2 and bool(
        {"from", "received", "message-id", "mime-version"} & set(names)
    )


def _gathered(source: Source, file: File) -> _Threads:
    gathered = _Threads()
    for place, head in source.heads():
        gathered.add(place, read_envelope(head))
    if not gathered.places:
        raise InputRefused(
            f"{file.name} holds no mail.",
            "It is empty.",
            "Look whether mails are in the folder that was exported, and export it again.",
        )
    return gathered
