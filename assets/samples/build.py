"""Makes the sample shop's ticket export and the key to its mess from the texts in `wordings/`.

    python assets/samples/build.py            writes fernhill/tickets.csv and fernhill/answer_key.json
    python assets/samples/build.py --check    fails when the two files are not what the texts make

Nothing is random: whatever needs choosing is chosen by a hash, so that every machine makes the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import datetime
import hashlib
import io
import json
import sys
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).parent
WORDINGS = HERE / "wordings"
SHOP = HERE / "fernhill"

COLUMNS = (
    "ticket_id", "created_at", "channel", "customer_name", "customer_email", "subject",
    "question", "answer", "topic", "status", "satisfaction", "agent",
)  # fmt: skip

# Published test numbers of the card networks, and the example of the IBAN registry.
TEST_CARDS = ("4242 4242 4242 4242", "4111-1111-1111-1111", "5555555555554444")
EXAMPLE_IBAN = "GB82 WEST 1234 5698 7654 32"

POLICY_CHANGED = datetime.datetime(2025, 3, 1, tzinfo=datetime.UTC)
AUTO_REPLY = (
    "Hello, and thank you for writing to Tansywell. This is an automatic reply: we have received your message and "
    "will answer within one working day."
)

LOWER_CASE, TYPING_ERRORS, QUOTED, SIGNED, TOPIC_MISSING = 14, 22, 9, 9, 8

T = TypeVar("T")


def read(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDINGS / f"{name}.toml").read_text(encoding="utf-8"))


VOICE, PEOPLE, MESS = read("voice"), read("people"), read("mess")
SITUATIONS: list[dict[str, Any]] = read("situations")["situation"]
REFUSAL: str = tomllib.loads((SHOP / "business.toml").read_text(encoding="utf-8"))["refusal"]


def number(key: str, below: int) -> int:
    """A number from 0 to `below` - 1 that looks random and is always the same for one key."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % below


def pick(options: Sequence[T], key: str) -> T:
    return options[number(key, len(options))]


@dataclass
class Ticket:
    """One row in the making, with what was done to it."""

    key: str  # stable name, the seed of all its choices: "delivery-late/1"
    subject: str
    question: str
    answer: str
    topic: str = ""
    status: str = "solved"
    satisfaction: str = ""
    agent: str = ""
    channel: str = ""
    name: str = ""
    email: str = ""
    created_at: datetime.datetime = POLICY_CHANGED
    marks: set[str] = field(default_factory=set)
    twin: str = ""  # key of the ticket that this one repeats
    personal: list[tuple[str, str, str]] = field(default_factory=list)  # column, type, value

    @property
    def situation(self) -> str:
        return self.key.split("/")[0]


# ---- invented people -------------------------------------------------------------------------------------------------


def person(key: str) -> tuple[str, str]:
    first, last = pick(PEOPLE["first"], "first " + key), pick(PEOPLE["last"], "last " + key)
    host = pick(("example.com", "example.org", "example.net"), "host " + key)
    return f"{first} {last}", f"{first}.{last}@{host}".lower()


def phone(key: str) -> str:
    area, line = pick((541, 717, 614, 575, 207, 828), "area " + key), f"01{number('line ' + key, 100):02}"
    return pick(("({0}) 555-{1}", "{0}-555-{1}", "{0}.555.{1}", "+1 {0} 555 {1}"), "form " + key).format(area, line)


def address(key: str) -> str:
    house, zip_code = 3 + number("house " + key, 1900), f"000{10 + number('zip ' + key, 90)}"
    return f"{house} {pick(PEOPLE['streets'], 'street ' + key)}, {pick(PEOPLE['towns'], 'town ' + key)} {zip_code}"


def order(key: str) -> str:
    return f"TG-{204000 + number('order ' + key, 6000)}"


PERSONAL_SLOTS = {
    "name": "name", "first": "name", "other": "name", "other_first": "name", "email": "email",
    "other_email": "email", "phone": "phone", "address": "address", "card": "card", "iban": "iban",
    "order": "order_number",
}  # fmt: skip


class Slots(dict[str, str]):
    """Fills the slots of one text, makes a value when it is first asked for, and remembers what was personal."""

    def __init__(self, ticket: Ticket, column: str, next_card: Callable[[], str]) -> None:
        super().__init__()
        self.ticket, self.column, self.next_card = ticket, column, next_card

    def __missing__(self, slot: str) -> str:
        if slot not in PERSONAL_SLOTS:
            return self.fact(slot)
        value = self.invent(slot)
        self.ticket.personal.append((self.column, PERSONAL_SLOTS[slot], value))
        return value

    def invent(self, slot: str) -> str:
        other_name, other_email = person("other " + self.ticket.key)
        match slot:
            case "name":
                return self.ticket.name
            case "first":
                return self.ticket.name.split()[0]
            case "other":
                return other_name
            case "other_first":
                return other_name.split()[0]
            case "email":
                return self.ticket.email
            case "other_email":
                return other_email
            case "phone":
                return phone(self.ticket.key)
            case "address":
                return address(self.ticket.key)
            case "order":
                return order(self.ticket.key)
            case "card":
                return self.next_card()
            case _:
                return EXAMPLE_IBAN

    def fact(self, slot: str) -> str:
        if slot == "refusal":
            return REFUSAL
        text: str = pick(VOICE["facts"][slot.removeprefix("lower_")], f"{slot} {self.ticket.key}")
        return text[0].lower() + text[1:] if slot.startswith("lower_") else text


# ---- good tickets ----------------------------------------------------------------------------------------------------


def say_in_voice(ticket: Ticket, say: str) -> str:
    """The whole answer as a template: greeting, what was said, an offer now and then, sign-off."""
    if say == "{refusal}":
        return say
    parts = (pick(VOICE[part], part + ticket.key) for part in ("greetings", "offers", "sign_offs"))
    greeting, offer, sign_off = parts
    return " ".join(part for part in (greeting, say, offer, sign_off) if part)


def good_tickets() -> list[Ticket]:
    cards = iter(TEST_CARDS)
    tickets = []
    for situation in SITUATIONS:
        for i, ask in enumerate(situation["ask"]):
            ticket = Ticket(f"{situation['id']}/{i}", situation["subject"], "", "", situation["topic"])
            ticket.name, ticket.email = person(ticket.key)
            ticket.question = ask.format_map(Slots(ticket, "question", lambda: next(cards)))
            answer = say_in_voice(ticket, situation["say"])
            ticket.answer = answer.format_map(Slots(ticket, "answer", lambda: next(cards)))
            ticket.satisfaction = pick(("good", "good", "", ""), "mark " + ticket.key)
            ticket.status = pick(("solved", "solved", "closed"), "status " + ticket.key)
            ticket.marks.update({"off_topic"} if situation["topic"] == "Off-topic" else ())
            tickets.append(ticket)
    return tickets


# ---- the mess --------------------------------------------------------------------------------------------------------


def leave_unresolved(tickets: list[Ticket]) -> None:
    """Turns the last wording of some situations into tickets that nobody should learn from."""
    last = {ticket.situation: ticket for ticket in tickets}
    for kind in ("empty_answer", "reopened", "bad_satisfaction"):
        for i, situation in enumerate(MESS[kind]):
            ticket = last[situation]
            ticket.marks.add(kind)
            ticket.answer = "" if kind == "empty_answer" else MESS["poor_answers"][i]
            ticket.personal = [hit for hit in ticket.personal if hit[0] != "answer"]
            ticket.satisfaction = "bad" if kind == "bad_satisfaction" else ""
            if kind != "bad_satisfaction":
                ticket.status = "reopened" if kind == "reopened" else pick(("open", "pending"), ticket.key)


def repeats(tickets: list[Ticket]) -> list[Ticket]:
    """Exact and near duplicates: the same customer once more, answered again."""
    by_key = {ticket.key: ticket for ticket in tickets}
    exact = [(f"{situation}/again", situation, None) for situation in MESS["exact_duplicates"]]
    near = [(f"{entry['of']}/nearly", entry["of"], entry["ask"]) for entry in MESS["near_duplicates"]]
    made = []
    for key, situation, ask in exact + near:
        first = by_key[f"{situation}/0"]
        copy = Ticket(key, first.subject, ask or first.question, first.answer, first.topic, first.status)
        copy.name, copy.email, copy.twin, copy.personal = first.name, first.email, first.key, list(first.personal)
        copy.marks.add("near_duplicate" if ask else "exact_duplicate")
        made.append(copy)
    return made


def strangers() -> list[Ticket]:
    """Spam, chatter, and answers from before the return period changed."""
    made = []
    for i, entry in enumerate(MESS["spam"]):
        made.append(Ticket(f"spam/{i}", entry["subject"], entry["ask"], AUTO_REPLY if i % 2 else "", marks={"spam"}))
    for i, entry in enumerate(MESS["side_chatter"]):
        made.append(Ticket(f"chatter/{i}", entry["subject"], entry["ask"], entry["answer"], marks={"side_chatter"}))
    for i, entry in enumerate(MESS["old_policy"]):
        old = Ticket(f"old/{i}", entry["subject"], entry["ask"], entry["answer"], "Returns", marks={"old_policy"})
        old.satisfaction = "good"
        made.append(old)
    for ticket in made:
        ticket.name, ticket.email = person(ticket.key)
        ticket.status = "closed" if "spam" in ticket.marks else "solved"
    return made


def some(tickets: list[Ticket], kind: str, count: int) -> list[Ticket]:
    """`count` ordinary tickets, chosen by hash; a ticket gets one kind of mess at most."""
    plain = [ticket for ticket in tickets if not ticket.marks]
    chosen = sorted(plain, key=lambda ticket: number(kind + ticket.key, 2**60))[:count]
    for ticket in chosen:
        ticket.marks.add(kind)
    return chosen


def misspell(text: str) -> str:
    words = text.split(" ")
    return " ".join(MESS["typing_errors"].get(word, word) for word in words)


def disturb_questions(tickets: list[Ticket], repeated: set[str]) -> None:
    """Typing errors, lower case, quoted mail, signatures, damaged characters, missing topics.

    Tickets that have a twin are left alone, so that exact duplicates stay exact.
    """
    free = [ticket for ticket in tickets if ticket.key not in repeated]
    careless = [ticket for ticket in free if misspell(ticket.question) != ticket.question]
    for ticket in some(careless, "typing_errors", TYPING_ERRORS):
        ticket.question = misspell(ticket.question)
    calm = [ticket for ticket in free if not ticket.personal and not ticket.question.islower()]
    for ticket in some(calm, "lower_case", LOWER_CASE):
        ticket.question = ticket.question.lower()
    for ticket in some([ticket for ticket in free if ticket.topic != "Off-topic"], "quoted_mail", QUOTED):
        ticket.question += quoted(ticket)
    for ticket in some(free, "signature", SIGNED):
        ticket.question += signature(ticket)
    # A right single quote saved as UTF-8 and read as Windows-1252.
    with_quotes = [ticket for ticket in free if "'" in ticket.question]
    for ticket in some(with_quotes, "damaged_characters", 1):
        ticket.question = ticket.question.replace("'", "’".encode().decode("cp1252"))
    for ticket in some(free, "topic_missing", TOPIC_MISSING):
        ticket.topic = ""


def quoted(ticket: Ticket) -> str:
    ticket.personal.append(("question", "name", ticket.name.split()[0]))
    earlier = ticket.created_at - datetime.timedelta(hours=19)
    return (
        f"\n\nOn {earlier:%a, %b %d, %Y at %H:%M}, Tansywell <{VOICE['shop_mail']}> wrote:\n"
        f"> Hello {ticket.name.split()[0]},\n> Thank you for your order. It is now in the potting shed.\n"
        "> You can follow it under My Orders."
    )


def signature(ticket: Ticket) -> str:
    details = phone(ticket.key + "signature"), address(ticket.key + "signature")
    ticket.personal += [
        ("question", "name", ticket.name),
        ("question", "phone", details[0]),
        ("question", "address", details[1]),
    ]
    return f"\n\n--\n{ticket.name}\n{details[1]}\n{details[0]}"


def register(tickets: list[Ticket]) -> None:
    """Gives dates, channels and agents; a repeated ticket comes minutes or hours after its twin."""
    by_key = {ticket.key: ticket for ticket in tickets}
    for ticket in tickets:
        old = "old_policy" in ticket.marks
        start = datetime.datetime(2025, 1, 7, tzinfo=datetime.UTC) if old else POLICY_CHANGED
        minutes = number("minute " + ticket.key, 660) + 60 * 8
        ticket.created_at = start + datetime.timedelta(number("day " + ticket.key, 50 if old else 270), minutes=minutes)
        ticket.channel = pick(("email", "email", "web form", "chat"), "channel " + ticket.key)
        ticket.agent = pick(PEOPLE["agents"], "agent " + ticket.key) if ticket.answer else ""
    for ticket in tickets:
        if ticket.twin:
            wait = datetime.timedelta(minutes=4 + number("wait " + ticket.key, 900))
            ticket.created_at = by_key[ticket.twin].created_at + wait


# ---- the two files ---------------------------------------------------------------------------------------------------


def make() -> list[Ticket]:
    tickets = good_tickets()
    leave_unresolved(tickets)
    again = repeats(tickets)
    tickets += again + strangers()
    register(tickets)
    disturb_questions(tickets, {ticket.twin for ticket in again})
    return sorted(tickets, key=lambda ticket: (ticket.created_at, ticket.key))


def csv_text(tickets: list[Ticket]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row, t in enumerate(tickets):
        when = t.created_at.strftime("%Y-%m-%d %H:%M")
        person_columns = (when, t.channel, t.name, t.email, t.subject)
        writer.writerow((1001 + row, *person_columns, t.question, t.answer, t.topic, t.status, t.satisfaction, t.agent))
    return out.getvalue()


def answer_key(tickets: list[Ticket]) -> dict[str, Any]:
    """Which ticket carries what, by kind; pairs for duplicates; every personal value inside the texts."""
    ids = {ticket.key: 1001 + row for row, ticket in enumerate(tickets)}
    kinds = sorted({mark for ticket in tickets for mark in ticket.marks})
    key: dict[str, Any] = {}
    for kind in kinds:
        marked = [ticket for ticket in tickets if kind in ticket.marks]
        key[kind] = [[ids[t.twin], ids[t.key]] if t.twin else ids[t.key] for t in marked]
    key["personal_data"] = [
        {"ticket_id": ids[ticket.key], "column": column, "type": kind, "value": value}
        for ticket in tickets
        for column, kind, value in dict.fromkeys(ticket.personal)
    ]
    return key


def key_text(key: dict[str, Any]) -> str:
    """JSON with one entry to a line, so that a change can be read in a diff."""
    blocks = []
    for kind, entries in key.items():
        lines = ",\n".join("    " + json.dumps(entry, ensure_ascii=False) for entry in entries)
        blocks.append(f'  "{kind}": [\n{lines}\n  ]')
    return "{\n" + ",\n".join(blocks) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description="Make the sample shop's tickets from the texts in wordings/.")
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    tickets = make()
    texts = {"tickets.csv": csv_text(tickets), "answer_key.json": key_text(answer_key(tickets))}
    for name, text in texts.items():
        path = SHOP / name
        if not check:
            path.write_bytes(text.encode("utf-8"))
        elif not path.is_file() or path.read_bytes() != text.encode("utf-8"):
            print(f"{name} is not what wordings/ makes. Run python assets/samples/build.py.", file=sys.stderr)
            return 1
    print(f"{len(tickets)} tickets {'match' if check else 'written'}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
