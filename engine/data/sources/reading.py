"""The process that reads a large file: `python -m engine.data.sources.reading FOLDER`, a job (`engine.jobs`).

It finds in its folder the file, `import.json`, what is in the workspace already and the person's rules, and leaves what
`staging` makes of them there. It never opens the database.
"""

import time
from pathlib import Path
from typing import Any

from engine import files, jobs
from engine.data.privacy import Rules
from engine.data.sources.detect import AGENT, Detected, detect
from engine.data.sources.mapping import FIELDS
from engine.data.sources.repeats import Known, Repeats
from engine.data.sources.staging import stage

STEPS = 1000
# What is left is told from what was done, and not before that is enough to go by.
SHARE_TO_GO_BY, SECONDS_TO_GO_BY = 0.01, 3.0


class Stopped(Exception):
    """The person asked to stop."""


def fields(detected: Detected) -> tuple[str, ...]:
    """What a person may choose of a file: the columns of a table, who answers in a chat."""
    if detected.has_columns:
        return FIELDS
    return (AGENT,) if detected.may_say_who_answers else ()


def hand_over(folder: Path, known: Known, rules: Rules) -> None:
    """Writes into the folder what the process would have to ask the database."""
    known.save(folder / "known.npz")
    files.write_json(folder / "rules.json", rules.to_json())


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Reads the file and says how far it is; stopped, it gives that."""
    wanted = files.read_json(folder / "import.json")
    rules = Rules.from_json(files.read_json(folder / "rules.json"))
    began = time.monotonic()

    def tell(share: float, words: str) -> None:
        if report.stop_requested():
            raise Stopped
        passed = time.monotonic() - began
        known_pace = share >= SHARE_TO_GO_BY and passed >= SECONDS_TO_GO_BY
        left = passed * (1 - share) / share if known_pace else None
        report.update(step=round(STEPS * share), steps=STEPS, message=words, seconds_left=left)

    detected = detect(folder / wanted["file"], name=wanted["name"], mapping=wanted["mapping"])
    try:
        staged = stage(detected, Repeats(Known.load(folder / "known.npz")), folder, tell, rules)
    except Stopped:
        return {"state": "stopped"}
    staged.save_account()
    return {"read": staged.read}


if __name__ == "__main__":
    raise SystemExit(jobs.run(main))
