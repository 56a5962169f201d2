"""The data desk at scale: so many generated tickets imported, scrubbed and searched for repeats, timed and weighed.

python -m tests.bench.desk                        100,000 tickets, about 100 MB
python -m tests.bench.desk --tickets 1000000      about 1 GB; an hour where other work is done on the cores
python -m tests.bench.desk --beside PYTHON        2,000 of them with pandas and Presidio beside it, as a ratio; PYTHON
                                                  is an interpreter that has both (see `desk_presidio`)

The import is the studio's: a file that waits, a process that reads it, workers that look for personal data. Memory is
that of all processes together, twice a second: resident pages added up, which counts shared ones again and again, and
proportional ones (PSS). Processor time is told beside the time on the clock, as it says the same on a busy machine.
Writes tests/bench/results/desk.json.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from engine.data.repetition import searching
from engine.data.sources import import_queue, inbox, list_sources
from engine.workspace import open_workspace

RESULT = Path(__file__).parent / "results" / "desk.json"
TARGET_SECONDS, TARGET_BYTES = 600, 2 << 30
SECONDS_BETWEEN_LOOKS = 0.5
BESIDE = 2_000
LONGEST = 6 * 3600.0
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


def work(folder: Path) -> dict[str, Any]:
    """Imports `tickets.jsonl` of a folder as the studio does, and searches for repeats; what was found, and when."""
    workspace = open_workspace(folder / "w")
    workspace.database.value("SELECT 1")
    began = time.monotonic()
    waiting = inbox.drop(workspace, folder / "tickets.jsonl")
    import_queue.want(workspace, waiting)
    if not import_queue.wait(workspace, waiting.id, LONGEST):
        raise TimeoutError
    imported = time.monotonic()
    (source,) = list_sources(workspace)
    found = searching.search(workspace)
    ended = time.monotonic()
    kinds = workspace.database.rows(
        "SELECT kind, count(DISTINCT cluster) AS clusters, count(*) AS examples FROM duplicates GROUP BY kind"
    )
    # What the generator wrote of each kind, and a scrub must not leave.
    left = workspace.database.value(
        """SELECT count(*) FROM examples WHERE regexp_matches(instruction || output,
           '@mail\\.example|DE\\d{20}|\\b4\\d{3}( \\d{4}){3}\\b|\\+44 20 7\\d{3}')"""
    )
    workspace.close()
    size = (workspace.root / "tunedesk.duckdb").stat().st_size
    return {
        "read": source.read, "kept": source.kept, "reasons": source.reasons, "findings": source.findings,
        "examples_with_personal_data_left": left, "import_seconds": round(imported - began, 1),
        "duplicates_seconds": round(ended - imported, 1), "duplicates_examples": found.examples,
        "duplicates": {row["kind"]: {"clusters": row["clusters"], "examples": row["examples"]} for row in kinds},
        "database_bytes": size,
    }  # fmt: skip


def watched(command: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Runs a command; what it printed as JSON last, and its time and peak of memory with all that it started."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    root = psutil.Process(process.pid)
    peaks = {"resident": 0, "proportional": 0}
    processor: dict[tuple[int, float], float] = {}
    while process.poll() is None:
        resident = proportional = 0
        for each in [root, *_below(root)]:
            try:
                with each.oneshot():
                    times = each.cpu_times()
                    processor[each.pid, each.create_time()] = times.user + times.system
                    resident += each.memory_info().rss
                    proportional += getattr(each.memory_full_info(), "pss", 0)
            except psutil.Error:
                continue
        peaks = {
            "resident": max(peaks["resident"], resident),
            "proportional": max(peaks["proportional"], proportional),
        }
        time.sleep(SECONDS_BETWEEN_LOOKS)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    told = json.loads(process.stdout.read().strip().splitlines()[-1]) if process.stdout else {}
    cost = {
        "seconds": round(time.monotonic() - began, 1),
        "processor_seconds": round(sum(processor.values()), 1),
        "peak_resident_bytes": peaks["resident"],
        "peak_proportional_bytes": peaks["proportional"],
    }
    return told, cost


def _below(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.Error:
        return []


def beside(folder: Path, python: str, rows: int) -> dict[str, Any]:
    """The same tickets through Tunedesk and through pandas and Presidio; the ratio of their processor time.

    Presidio looks for the same structured identifiers and for no names, with an empty pipeline of spaCy, which is the
    quickest that it can be. Both set exact repeats aside; starting and loading are left out for both.
    """
    write_tickets(folder / "sample.jsonl", rows)
    told = {}
    for name, command in (
        ("presidio", [python, str(Path(__file__).with_name("desk_presidio.py")), str(folder / "sample.jsonl")]),
        ("tunedesk", [sys.executable, "-m", "tests.bench.desk", "--sift", str(folder / "sample.jsonl")]),
    ):
        told[name] = watched(command)[0]
    ratio = told["presidio"]["processor_seconds"] / told["tunedesk"]["processor_seconds"]
    return {"tickets": rows, **told, "times_as_quick": round(ratio, 1)}


def sift(path: Path) -> dict[str, Any]:
    """Reads and scrubs a sample in this process alone, without saving; what it cost."""
    from engine.data.sources import detect
    from engine.data.sources.repeats import Repeats, known
    from engine.data.sources.staging import stage

    with tempfile.TemporaryDirectory() as folder:
        workspace = open_workspace(Path(folder) / "w")
        before = known(workspace)
        began, processor = time.monotonic(), time.process_time()
        staged = stage(detect(path), Repeats(before), Path(folder))
        cost = {
            "seconds": round(time.monotonic() - began, 2),
            "processor_seconds": round(time.process_time() - processor, 2),
        }
        workspace.close()
    return {**cost, "kept": staged.kept, "findings": dict(staged.findings)}


def main() -> None:
    """Measures and writes the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--beside", metavar="PYTHON", help="an interpreter that has pandas and presidio-analyzer")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--sift", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work or asked.sift:
        print(json.dumps(work(asked.work) if asked.work else sift(asked.sift)))
        return
    # By number of tickets, so that a large run and a quick one stand beside each other.
    results = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        machine = {"cores": os.cpu_count(), "load_before": round(os.getloadavg()[0], 1)}
        if asked.beside:
            results["beside_presidio"] = {"machine": machine, **beside(Path(folder), asked.beside, BESIDE)}
        else:
            file = Path(folder) / "tickets.jsonl"
            write_tickets(file, asked.tickets)
            size = file.stat().st_size
            told, cost = watched([sys.executable, "-m", "tests.bench.desk", "--work", folder])
            results[f"{asked.tickets}_tickets"] = {
                "bytes": size, "machine": machine, "target_seconds": TARGET_SECONDS, "target_bytes": TARGET_BYTES,
                **cost, **told,
            }  # fmt: skip
    asked.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
