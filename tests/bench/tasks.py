"""The tasks of the reproduction: which texts are learned from, which are asked, and what the right answers are.

Everything is drawn from the public data in ../shared/data beside the repository, with a seed. Texts that are equal once
normalised count once, so that none is on both sides.
"""

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.data.examples import Example
from engine.evaluation.normalise import normalise

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SEED = 20
NAME_THE_TOPIC = "Name the topic.\n\nMessage: {}"
# The categories are those of the data set; whoever is not told them could fit the schema by chance alone.
CATEGORIES = (
    "account", "cancellation_fee", "contact", "delivery", "feedback", "invoice", "newsletter", "order", "payment",
    "refund", "shipping_address",
)  # fmt: skip
AS_JSON = (
    "Triage the message as JSON. Keys, in this order: category, priority, summary, suggested_action. "
    f"Categories: {', '.join(CATEGORIES)}. Priorities: low, normal, high, urgent.\n\nMessage: {{}}"
)


class Ticket(NamedTuple):
    """A message, what it is about, and the answer it got; banking77 has no answers."""

    text: str
    label: str
    answer: str = ""
    category: str = ""


@dataclass(frozen=True)
class Task:
    """A task's two sides. `rest` is what neither side took."""

    train: tuple[Ticket, ...]
    test: tuple[Ticket, ...]
    rest: tuple[Ticket, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({ticket.label for ticket in self.train}))


class Triage(NamedTuple):
    """What an intent means for whoever gets the ticket: the rule that the JSON targets are made by."""

    priority: str
    wish: str
    action: str


# Written for this measurement: the data set has intents and categories and no JSON.
TRIAGE = {
    "cancel_order": Triage("high", "cancel an order", "Cancel the order if it has not been sent"),
    "change_order": Triage("high", "change an order", "Change the order before it is sent"),
    "change_shipping_address": Triage("high", "change the delivery address", "Correct the address of open orders"),
    "check_cancellation_fee": Triage("low", "know the cancellation fee", "Tell the fee that applies"),
    "check_invoice": Triage("normal", "see an invoice", "Find the invoice and check it"),
    "check_payment_methods": Triage("low", "know the ways to pay", "List the ways to pay"),
    "check_refund_policy": Triage("low", "know the refund policy", "Explain the refund policy"),
    "complaint": Triage("urgent", "make a complaint", "Pass it to a supervisor"),
    "contact_customer_service": Triage("normal", "reach customer service", "Give the contact details and hours"),
    "contact_human_agent": Triage("high", "talk to a person", "Hand over to a person"),
    "create_account": Triage("low", "open an account", "Explain how to register"),
    "delete_account": Triage("normal", "close an account", "Confirm the identity and close the account"),
    "delivery_options": Triage("low", "know the delivery options", "List the delivery options"),
    "delivery_period": Triage("normal", "know when it arrives", "Look up the delivery date"),
    "edit_account": Triage("normal", "change account details", "Explain how to change the details"),
    "get_invoice": Triage("normal", "get an invoice", "Send the invoice"),
    "get_refund": Triage("high", "get a refund", "Check the claim and start the refund"),
    "newsletter_subscription": Triage("low", "change the newsletter", "Change the subscription"),
    "payment_issue": Triage("urgent", "solve a payment problem", "Check the payment with the provider"),
    "place_order": Triage("normal", "place an order", "Help with the order"),
    "recover_password": Triage("high", "recover a password", "Send a link for a new password"),
    "registration_problems": Triage("high", "solve a sign-up problem", "Check the registration"),
    "review": Triage("low", "leave a review", "Send the link to the review page"),
    "set_up_shipping_address": Triage("normal", "add a delivery address", "Explain how to add an address"),
    "switch_account": Triage("normal", "switch the account", "Change the kind of account"),
    "track_order": Triage("normal", "track an order", "Look up where the order is"),
    "track_refund": Triage("normal", "track a refund", "Look up where the refund is"),
}


def missing() -> str:
    """Which data is missing, in words; empty when all is there."""
    needed = (DATA / "bitext_support" / "tickets.csv", DATA / "banking77" / "train.csv")
    absent = [path.name for path in needed if not path.is_file()]
    return f"{', '.join(absent)} not found under ../shared/data beside the repository" if absent else ""


def read(name: str) -> list[Ticket]:
    """All tickets of "bitext" or "banking77", texts that are equal once normalised taken once, in the file's order."""
    if name == "bitext":
        with (DATA / "bitext_support" / "tickets.csv").open(encoding="utf-8", newline="") as file:
            rows = [
                Ticket(row["instruction"], row["intent"], row["response"], row["category"].lower())
                for row in csv.DictReader(file)
            ]
    else:
        with (DATA / "banking77" / "train.csv").open(encoding="utf-8", newline="") as file:
            rows = [Ticket(row["text"], row["category"]) for row in csv.DictReader(file)]
    return list({normalise(row.text): row for row in reversed(rows)}.values())[::-1]


def split(tickets: list[Ticket], train: int, test: int, seed: int = SEED) -> Task:
    """Draws both sides, each with the labels in the shares that they have in all."""
    from sklearn.model_selection import train_test_split

    def drawn(among: list[Ticket], count: int) -> tuple[list[Ticket], list[Ticket]]:
        labels = [ticket.label for ticket in among]
        # A handful, as in a trial run, cannot hold every label.
        stratify = labels if count >= len(set(labels)) else None
        taken, left = train_test_split(among, train_size=count, random_state=seed, stratify=stratify)
        return taken, left

    asked, others = drawn(tickets, test)
    learned, rest = drawn(others, train)
    return Task(tuple(learned), tuple(asked), tuple(rest))


def canned_answers(tickets: list[Ticket]) -> dict[str, str]:
    """For each label the answer whose mean token F1 with the label's other answers is highest."""
    by_label: dict[str, list[str]] = {}
    for ticket in tickets:
        by_label.setdefault(ticket.label, []).append(ticket.answer)
    return {label: medoid(answers) for label, answers in by_label.items()}


def medoid(answers: list[str]) -> str:
    """The answer that shares most with the others, by mean token F1."""
    bags = [Counter(normalise(answer).split()) for answer in answers]
    sizes = [bag.total() for bag in bags]

    def shared(one: int) -> float:
        return sum(
            2 * (bags[one] & bags[other]).total() / max(1, sizes[one] + sizes[other]) for other in range(len(bags))
        )

    return answers[max(range(len(answers)), key=shared)]


def triage_json(ticket: Ticket) -> str:
    """The JSON that a ticket should get, by its category and the rule for its intent."""
    rule = TRIAGE[ticket.label]
    value = {
        "category": ticket.category,
        "priority": rule.priority,
        "summary": f"Customer wants to {rule.wish}",
        "suggested_action": rule.action,
    }
    return json.dumps(value, ensure_ascii=False)


def examples(tickets: tuple[Ticket, ...], answers: list[str], question: str = "{}") -> list[Example]:
    """Tickets as examples to learn from; `question` is the form in which the message is put."""
    return [
        Example(number, question.format(ticket.text), answer, topic=ticket.label)
        for number, (ticket, answer) in enumerate(zip(tickets, answers, strict=True))
    ]


def hardest_wrong(train: tuple[Ticket, ...], vectors: NDArray[np.float32]) -> list[str]:
    """For each ticket the wrong label that is nearest in meaning: by the mean vector of each label's texts.

    Args:
        vectors: of the tickets' texts, shape (tickets, width), each of length 1.
    """
    labels = sorted({ticket.label for ticket in train})
    own = np.array([labels.index(ticket.label) for ticket in train])
    centres = np.stack([vectors[own == number].mean(axis=0) for number in range(len(labels))])
    near = vectors @ (centres / np.linalg.norm(centres, axis=1, keepdims=True)).T
    near[np.arange(len(train)), own] = -np.inf
    return [labels[number] for number in near.argmax(axis=1)]
