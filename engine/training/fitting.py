"""What to change where a training ran out of memory: found by trying, not by guessing.

    python -m engine.training.fitting RUN_FOLDER/fitting        (started by the queue, or by `start`)

The same settings are tried first, since something else may have held the memory; then smaller batches that make the
same steps, activations computed again, 4 bits where a GPU allows them, shorter examples, in this order and one on the
other (`needs.changes`), until one takes steps. Each try is a probe in a process of its own, under the limits that the
run had, on batches of the longest examples alone. What is reckoned to need no less than what failed is not tried.

runs/<id>/fitting/  fitting.json   {format, same_settings: whether they are to be tried}
                    tried.jsonl    an `Attempt` a line
                    try-N/         what is left of a probe: recipe, status, log
                    status.json, log.txt, result.json: see `engine.jobs`; the change is under "mend", null for none
"""

import math
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from engine import files, hardware, jobs
from engine.errors import InputRefused, JobFailed
from engine.models import catalogue
from engine.training import queue, runs
from engine.training.checks.finding import Finding, mended
from engine.training.estimates import needs, probe
from engine.training.estimates.lengths import count_rows, lengths, longest
from engine.training.estimates.pace import Account
from engine.training.history import history
from engine.training.recipes.recipe import Recipe, batches, count_steps
from engine.training.runs import Run
from engine.words import so_large, so_many
from engine.workspace import Workspace

# Of two settings that are reckoned to need about the same, the second is no other try.
CLEARLY_LESS = 0.97
SAME_SETTINGS = "The same settings"


@dataclass(frozen=True)
class Attempt:
    """One try.

    Attributes:
        changes: of the recipe, `replace(recipe, **changes)`.
        words: the same for people.
        fits: whether it took steps.
        why: if not, for want of "memory", or what else was the matter.
        steps, peak_memory: that it took, and the bytes it held at most while it did.
    """

    changes: dict[str, Any]
    words: str
    fits: bool
    why: str = ""
    steps: int = 0
    peak_memory: int = 0


@dataclass(frozen=True)
class Offer:
    """What was found, or is being looked for.

    Attributes:
        state: "searching"; "found"; "nothing" where no change helped; "ended" where the search itself broke off.
        tried: in order.
        finding: what a screen shows and applies; `finding.mend` holds the changes of the recipe, none of them where
            the same settings fit now. None unless it is "found" or "nothing".
        status: of the search, with its message while it is under way.
    """

    state: Literal["searching", "found", "nothing", "ended"]
    tried: tuple[Attempt, ...]
    finding: Finding | None
    status: jobs.Status


def start(workspace: Workspace, run_id: str) -> Run:
    """Begins to look for settings under which a run fits, and returns at once; one search under way is left alone.

    Raises:
        NotFound: there is no such run.
        InputRefused: it did not fail, or another training is under way, beside which nothing can be tried.
    """
    run = runs.get_run(workspace, run_id)
    if run.status.state != "failed":
        raise InputRefused(f"{run.name} did not fail.", "There is nothing that it needs less memory for.")
    busy = queue.learning(workspace.runs)
    if busy is not None and busy != run.folder:
        raise InputRefused(
            "Nothing can be tried now.",
            "A training is under way, and there is no telling which of the two would lack the memory.",
            "Try when it has ended.",
        )
    queue.look_for_fit(run.folder)
    return run


def read(run: Run) -> Offer | None:
    """What was found for a run that failed; None where nobody looked, or where it went on since."""
    folder = run.folder / queue.FITTING
    status = jobs.read(folder)
    if run.status.state != "failed" or status.state == "waiting" or status.started_at < run.status.started_at:
        return None
    tried = tuple(Attempt(**line) for line in files.read_jsonl(folder / "tried.jsonl"))
    if status.alive:
        return Offer("searching", tried, None, status)
    if status.state != "done":
        return Offer("ended", tried, None, status)
    mend = jobs.result(folder)["mend"]
    return Offer("nothing" if mend is None else "found", tried, _finding(run, tried, mend), status)


def stop(run: Run) -> None:
    """Ends the search for a run; what was tried until then is kept."""
    jobs.stop(run.folder / queue.FITTING)


def accept(workspace: Workspace, run_id: str) -> Run:
    """Trains with what was found: goes on with the run where its own settings fit now, else begins it again.

    Raises:
        NotFound: there is no such run.
        InputRefused: nothing was found for it.
        ModelUnavailable: its base is not on this machine any more.
    """
    run = runs.get_run(workspace, run_id)
    offer = read(run)
    if offer is None or offer.state != "found" or offer.finding is None:
        raise InputRefused(
            f"There is nothing to take for {run.name}.", "No settings were found that fit.", "Let it look for some."
        )
    if not offer.finding.mend:
        return runs.resume(workspace, run.id)
    return history.again(workspace, run.id, mended(run.recipe, offer.finding), name=f"{run.name}, fitted")


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Tries what could fit the run that the folder belongs to.

    Raises:
        JobFailed: it was asked to stop, or the run fails for another reason than memory.
        ModelUnavailable: the base is not on this machine any more.
    """
    run = runs.read(folder.parent)
    recipe, info = run.recipe, catalogue.resolve(run.base)
    row = longest(run.data, 1, info, recipe)
    if not row:
        raise JobFailed("There is nothing to try with.", "The run has no examples that it learns from.")
    longest_row, least = min(row[0].tokens, recipe.context, info.context), math.inf
    for number, (changes, words) in enumerate(_candidates(folder, recipe, info, longest_row), 1):
        reckoned = _reckoned(info, replace(recipe, **changes), longest_row)
        if reckoned > least * CLEARLY_LESS:
            continue
        report.update(step=number, message=f"Trying: {words[0].lower()}{words[1:]}")
        attempt = _try(folder / f"try-{number}", run, info, changes, words, report)
        files.append_jsonl(folder / "tried.jsonl", asdict(attempt))
        if attempt.fits:
            return {"mend": changes}
        if not changes and attempt.why != "memory":
            raise JobFailed("It fails for another reason than memory.", attempt.why, "Mend that first.")
        least = min(least, reckoned)
    return {"mend": None}


def _candidates(
    folder: Path, recipe: Recipe, info: catalogue.ModelInfo, longest_row: int
) -> Iterator[tuple[dict[str, Any], str]]:
    if files.read_json(folder / "fitting.json")["same_settings"]:
        yield {}, SAME_SETTINGS
    yield from needs.changes(info, recipe, longest_row, gpu=bool(hardware.nvidia_gpus()))


def _reckoned(info: catalogue.ModelInfo, recipe: Recipe, longest_row: int) -> float:
    """Bytes for steps of the longest examples, to compare two recipes by."""
    gpu = bool(hardware.nvidia_gpus())
    needed = needs.memory(info, recipe, min(longest_row, recipe.context), steps=probe.MOST_STEPS, gpu=gpu)
    return needed.fixed + needed.batch


def _try(
    folder: Path, run: Run, info: catalogue.ModelInfo, changes: dict[str, Any], words: str, report: jobs.Report
) -> Attempt:
    """Lets a probe take steps with a changed recipe."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    recipe = replace(run.recipe, **changes)
    _write(folder, run, info, recipe)
    jobs.start(folder, probe.MODULE)
    status = jobs.wait(folder, on_status=partial(_hand_on, folder, report))
    for name in ("compiled", "trainer"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / "data.parquet").unlink(missing_ok=True)
    if report.stop_requested():
        raise JobFailed("The search was stopped.", "No settings were found that fit.", "Start it again when you like.")
    if status.state == "done":
        account = Account.from_json(jobs.result(folder)["pace"])
        return Attempt(changes, words, fits=True, steps=account.steps, peak_memory=account.peak_memory)
    error = status.error or {}
    why = "memory" if status.out_of_memory else " ".join(filter(None, (error.get("title"), error.get("message"))))
    return Attempt(changes, words, fits=False, why=why)


def _hand_on(folder: Path, report: jobs.Report, status: jobs.Status) -> None:
    if status.state == "running" and report.stop_requested():
        jobs.stop(folder)


def _write(folder: Path, run: Run, info: catalogue.ModelInfo, recipe: Recipe) -> None:
    """Everything that a probe needs: the recipe, and the longest examples so often that each batch is made of them."""
    split, data = batches(recipe, info.parameters), folder / "data.parquet"
    train = [each.id for each in longest(run.data, split.size, info, recipe)]
    held = [each.id for each in longest(run.data, probe.VALIDATION_ROWS, info, recipe, "validation")]
    times = math.ceil(probe.STEPS_A_ROUND * split.size * split.accumulation / len(train))
    whole = pq.read_table(run.data)
    chosen, unseen = (whole.filter(pc.is_in(whole["id"], pa.array(ids, pa.int64()))) for ids in (train, held))
    rows = pa.concat_tables([*[chosen] * times, unseen])
    # As a classifier needs them; which is which matters to nobody.
    topics = pa.array([f"topic {number % 2}" for number in range(rows.num_rows)])
    pq.write_table(rows.set_column(rows.schema.get_field_index("topic"), "topic", topics), data)
    context = min(recipe.context, info.context)
    real = lengths(count_rows(run.data, run.version_hash, info, recipe.method), context, recipe.method)
    steps = count_steps(recipe, real.rows, real.tokens)
    made = lengths(count_rows(data, str(data), info, recipe.method), context, recipe.method)
    tried = probe.long_enough(recipe, made, real.tokens * steps.total / steps.per_epoch)
    files.write_json(folder / "recipe.json", tried.to_json())
    files.write_json(folder / "probe.json", {"base": info.id, "machine": hardware.name()})


def _finding(run: Run, tried: tuple[Attempt, ...], mend: dict[str, Any] | None) -> Finding:
    """What a screen shows of a search that has ended."""
    error = run.status.error or {}
    failed = [each.words[0].lower() + each.words[1:] for each in tried if not each.fits]
    missed = f"Tried without success: {'; '.join(failed)}. " if failed else ""
    title, message = str(error.get("title", "")), str(error.get("message", ""))
    if mend is None:
        remedy = "Choose a smaller base model, or a machine with more memory."
        return Finding("out_of_memory", "stops", title, f"{message} {missed}".strip(), remedy)
    found = tried[-1]
    took = f"{so_many(found.steps, 'step')} with the longest examples took {so_large(found.peak_memory)}"
    if not mend:
        remedy = f"The same settings fit now: {took}. Something else may have held the memory; resume the run."
    else:
        remedy = f"This fits: {found.words[0].lower()}{found.words[1:]}; {took}."
    return Finding("out_of_memory", "stops", title, f"{message} {missed}".strip(), remedy, dict(mend))


if __name__ == "__main__":
    sys.exit(jobs.run(main))
