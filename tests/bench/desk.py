"""The data desk at scale: so many generated tickets imported, scrubbed and searched for repeats, timed and weighed.

python -m tests.bench.desk                   100,000 tickets, about 100 MB
python -m tests.bench.desk --rows 1000000    about 1 GB
"""

import argparse
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SEED = 20261
REPEATED, NEARLY = 0.08, 0.04
_OPENINGS = (
    "I ordered a {product} in {colour} on {day} and it has not arrived at my address yet.",
    "The {product} that was delivered on {day} has a scratch across its {part}.",
    "Since the update of {day} the {product} does not connect to the {part} any more.",
    "I was charged twice for the {product} in {colour}, once on {day} and once on the day after.",
    "My {product} came with the wrong {part}, although your page showed the {colour} one.",
    "Could you tell me whether the {product} can be sent to {city} before {day}?",
    "I would like to return the {colour} {product} because its {part} is too small for us.",
    "The voucher from {day} is refused when I put the {colour} {product} into the basket.",
    "After {number} hours the {part} of my {product} gets hot and it switches itself off.",
    "Please change the delivery of my {product} from {city} to the office in {other_city}.",
)
_DETAILS = (
    "The order number is {order} and the parcel was last seen in {city}.",
    "You can reach me at {email} or under {phone} in the evening.",
    "I already tried another {part}, a restart and the steps from page {number} of the manual.",
    "My colleague {name} wrote to you on {day} and never heard back.",
    "I paid with the card {card} and my bank shows the amount as booked.",
    "Please send the money back to {iban}, as the old account is closed.",
    "It worked for {number} weeks without any trouble in {city}.",
    "We need {number} of them for a workshop in {other_city} at the end of the month.",
    "The router shows the address {ip} when the {product} tries to connect.",
    "On the label stands {city}, but the parcel should have gone to {other_city}.",
    "I attached two pictures of the {part} and of the box it came in.",
    "If the {colour} one is sold out, {other_colour} would be fine as well.",
)
_GREETINGS = ("Hello {name},", "Dear {name},", "Hi {name},", "Good morning {name},", "Thanks for writing, {name}.")
_ANSWERS = (
    "I am sorry that the {product} gave you trouble, and I have opened the case {order} for it.",
    "The {product} left our store in {city} on {day} and should reach you within {number} working days.",
    "Please hold the button beside the {part} for {number} seconds until the light turns {colour}.",
    "We will send you a new {part} for the {product} free of charge to the address on your invoice.",
    "The second charge was a reservation, and your bank will release it after {number} days.",
    "You can send the {product} back within {number} days with the label from your account page.",
    "Our workshop in {other_city} looks at the {part} first and writes to you when it knows more.",
    "I changed the delivery to {other_city}, and the carrier confirms it with a message to {phone}.",
    "The {colour} {product} is back on {day}; I put one aside for you until then.",
    "For the voucher to work the basket has to hold {number} articles that are not reduced.",
    "An update of the {product} that mends this is planned for {day}, and it installs itself.",
    "The invoice with the corrected address in {city} is on its way to {email}.",
)
_CLOSINGS = (
    "Write to us again if the {part} still makes trouble after {day}.",
    "Kind regards from the team in {city}",
    "If anything is unclear, call {phone} between 9 and 17 o'clock.",
    "We hope that you enjoy the {product} for many years.",
)
_WORDS: dict[str, tuple[str, ...]] = {
    "product": (
        "kettle", "lamp", "rucksack", "printer", "headset", "keyboard", "blender", "tent", "scooter",
        "monitor", "speaker", "drill", "heater", "router", "camera", "mattress", "bicycle", "toaster",
        "vacuum", "projector", "tablet", "watch", "thermostat", "fridge", "dishwasher", "stroller",
    ),
    "part": (
        "lid", "cable", "zip", "drum", "microphone", "spacebar", "blade", "pole", "brake", "stand", "battery",
        "chuck", "fan", "antenna", "lens", "cover", "chain", "lever", "filter", "bulb", "charger", "strap",
        "sensor", "shelf", "hose", "wheel", "handle", "hinge", "display", "plug",
    ),
    "colour": ("black", "white", "red", "blue", "green", "grey", "yellow", "orange", "brown", "silver", "violet"),
    "city": (
        "Leeds", "Porto", "Graz", "Lyon", "Utrecht", "Malmö", "Bremen", "Turin", "Ghent", "Cork", "Basel", "Gdańsk",
        "Bilbao", "Tampere", "Aarhus", "Brno", "Split", "Patras", "Braga", "Linz",
    ),
    "name": (
        "Mara", "Oliver", "Sofia", "Jonas", "Aisha", "Pedro", "Ingrid", "Tomasz", "Chloe", "Rahul", "Elena", "Hugo",
        "Yuki", "Omar", "Greta", "Liam", "Nadia", "Felix", "Zoe", "Ivan",
    ),
}  # fmt: skip
_TOPICS = ("delivery", "returns", "payment", "repair", "connection", "voucher", "invoice", "stock", "account", "other")


def tickets(rows: int) -> Iterator[dict[str, Any]]:
    """So many tickets, the same ones each time: every twelfth repeats an earlier one word for word or nearly."""
    chance = random.Random(SEED)
    earlier: list[tuple[str, str]] = []
    for number in range(rows):
        draw = chance.random()
        if earlier and draw < REPEATED + NEARLY:
            question, answer = earlier[chance.randrange(len(earlier))]
            if draw > REPEATED:
                question = question.replace(" the ", " that ", 1) + " Thanks in advance."
        else:
            question, answer = _question(chance), _answer(chance)
            if len(earlier) < 5_000:
                earlier.append((question, answer))
            else:
                earlier[chance.randrange(5_000)] = (question, answer)
        status = "open" if chance.random() < 0.03 else "solved"
        yield {
            "ticket_id": 1_000_000 + number,
            "created_at": f"2026-{number % 12 + 1:02}-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:00Z",
            "status": status,
            "satisfaction": chance.choice(("good", "good", "good", "", "", "bad")) if status == "solved" else "",
            "requester_email": _email(chance),
            "category": _TOPICS[number * 7 % len(_TOPICS)],
            "question": question,
            "answer": answer,
        }


def write_tickets(path: Path, rows: int) -> None:
    """The tickets as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for ticket in tickets(rows):
            file.write(json.dumps(ticket, ensure_ascii=False) + "\n")


def _question(chance: random.Random) -> str:
    sentences = [chance.choice(_OPENINGS), *chance.sample(_DETAILS, 4)]
    return " ".join(_filled(sentence, chance) for sentence in sentences)


def _answer(chance: random.Random) -> str:
    sentences = [chance.choice(_GREETINGS), *chance.sample(_ANSWERS, 4), chance.choice(_CLOSINGS)]
    return "\n".join(_filled(sentence, chance) for sentence in sentences)


def _filled(sentence: str, chance: random.Random) -> str:
    words = {name: chance.choice(choices) for name, choices in _WORDS.items()}
    return sentence.format(
        **words,
        other_city=chance.choice(_WORDS["city"]),
        other_colour=chance.choice(_WORDS["colour"]),
        day=f"{chance.randrange(1, 29)} {chance.choice(('March', 'April', 'May', 'June', 'July', 'August'))}",
        number=chance.randrange(2, 90),
        order=f"{chance.choice('ABCD')}-{chance.randrange(10**6, 10**7)}",
        email=_email(chance),
        phone=f"+44 20 7{chance.randrange(100, 1000)} {chance.randrange(1000, 10000)}",
        card=_card(chance),
        iban=_iban(chance),
        ip=".".join(str(chance.randrange(1, 255)) for _ in range(4)),
    )


def _email(chance: random.Random) -> str:
    return f"{chance.choice(_WORDS['name']).lower()}{chance.randrange(10**5)}@mail.example"


def _card(chance: random.Random) -> str:
    digits = [4, *(chance.randrange(10) for _ in range(14))]
    doubled = [digit * 2 - 9 * (digit > 4) if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    digits.append(-sum(doubled) % 10)
    return " ".join("".join(map(str, digits[start : start + 4])) for start in range(0, 16, 4))


def _iban(chance: random.Random) -> str:
    account = f"{chance.randrange(10**18):018}"
    return f"DE{98 - int(f'{account}131400') % 97:02}{account}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=100_000)
    write_tickets(Path("/tmp/helper-i/t.jsonl"), parser.parse_args().rows)
