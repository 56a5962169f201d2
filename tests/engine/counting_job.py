"""A job for the tests: counts to a number, slowly; stops, fails or crashes as its folder's `plan.json` says."""

import os
import time
from pathlib import Path
from typing import Any

from engine import files, jobs
from engine.errors import InputRefused


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    plan = files.read_json(folder / "plan.json")
    for step in range(1, plan["steps"] + 1):
        if plan.get("refuse_at") == step:
            raise InputRefused("The number is odd.", "Only even numbers count.", "Give an even number.")
        if plan.get("break_at") == step:
            raise ZeroDivisionError("by hand")
        if plan.get("ask_at") == step:
            bytearray(plan["bytes"])
        if plan.get("exit_at") == step:
            os._exit(0)
        request = report.stop_requested()
        if request:
            return {"state": "stopped", "counted": step - 1, "request": request}
        time.sleep(plan.get("seconds", 0.02))
        report.metric(step=step)
        report.update(step=step, steps=plan["steps"], message="counting", seconds_left=1.0)
    return {"counted": plan["steps"]}


if __name__ == "__main__":
    raise SystemExit(jobs.run(main))
