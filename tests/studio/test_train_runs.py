"""The Train screen below the plan: a run while it learns and after, the queue, the history, runs side by side."""

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest

from engine import files, jobs
from engine.errors import OutOfMemory
from engine.training import fitting, queue, restart, runs
from engine.training.costs import cost
from engine.training.costs.energy import Energy
from engine.training.history.reproduce import equality
from engine.training.watched import Finding
from engine.workspace import Workspace, open_workspace
from studio.tabs import train
from studio.tabs.train import compare, history, outcome_parts, run_parts, view
from studio.tabs.train import run as shown
from tests.engine.training.conftest import make_workspace
from tests.engine.training.made import WEIGHTS, made_evaluation, made_run

HOSTILE = "<img src=x onerror=alert(1)>"
SKIP = gr.skip()
# What every result of a job says besides what `made_run` writes.
ENDED = {
    "kept": True,
    "stopped_early": False,
    "epochs": 2.0,
    "examples": 32,
    "shortened": 0,
    "truncated": 0,
    "left_out": 0,
    "watcher": "",
}


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a version, made once: freezing it takes longer than what these tests look at."""
    made = make_workspace(tmp_path_factory.mktemp("frozen"))
    made.close()
    return made.root


@pytest.fixture
def workspace(frozen: Path, tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(shutil.copytree(frozen, tmp_path / "workspace"))
    yield opened
    opened.close()


def ended(workspace: Workspace, name: str, *, told: dict[str, Any] | None = None, **given: Any) -> runs.Run:
    """A run that has ended, with `told` in its result."""
    run = made_run(workspace, name, **given)
    result = jobs.result(run.folder) | ENDED | (told or {})
    files.write_json(run.folder / "result.json", result)
    return runs.read(run.folder)


def learning(workspace: Workspace, name: str = "Now", **given: Any) -> runs.Run:
    """A run that this process is making."""
    return made_run(workspace, name, state="running", **given)


def killed(workspace: Workspace, name: str) -> runs.Run:
    """A run whose process was ended by the system."""
    run = learning(workspace, name)
    files.write_json(run.folder / "exit.json", {"code": -9, "at": time.time()})
    (run.folder / "log.txt").write_text(f"the last line of the log {HOSTILE}\n")
    return runs.read(run.folder)


def waits(workspace: Workspace, name: str) -> runs.Run:
    """A run that waits for its turn."""
    run = learning(workspace, name)
    for written in ("job.json", "status.json", "metrics.jsonl"):
        (run.folder / written).unlink()
    queue.add(run.folder)
    return runs.read(run.folder)


def pressed(**data: str | list[str]) -> gr.EventData:
    return gr.EventData(None, data)


def sample(run: runs.Run, step: int, answer: str) -> None:
    line = {"step": step, "question": f"Where? {HOSTILE}", "expected": "Your lamp is on its way.", "answer": answer}
    files.append_jsonl(run.folder / "samples.jsonl", line)


def drawn_run(workspace: Workspace, selected: str | None, asked: str) -> shown.Drawn:
    return shown.draw(workspace, runs.list_runs(workspace), selected, asked)


def drawn_history(workspace: Workspace, selected: str | None, asked: str) -> str:
    return history.draw(workspace, runs.shelf(workspace), selected, asked)


def drawn_side_by_side(workspace: Workspace, ticked: list[str]) -> str:
    return compare.draw(workspace, runs.list_runs(workspace), ticked)


def test_a_run_under_way_says_how_far_it_is_and_when_it_is_done(workspace: Workspace) -> None:
    run = learning(workspace, steps=465)
    jobs.Report(run.folder).update(step=120, steps=465, message="Learning", seconds_left=720.0)
    run = runs.read(run.folder)
    done = time.strftime("%H:%M", time.localtime(run.status.updated_at + 720))

    drawn = drawn_run(workspace, run.id, "")

    assert f"Step 120 of 465, 12 minutes left, done at about {done}" in drawn.head
    assert 'aria-valuenow="25.8"' in drawn.head
    assert "goes on when you close this page" in drawn.head

    jobs.stop(run.folder)
    head = drawn_run(workspace, run.id, "").head
    assert "Step 120 of 465. It ends after this step." in head
    assert "goes on" not in head


def test_the_hour_has_its_day_where_that_is_another_one() -> None:
    noon = time.mktime((2026, 3, 2, 12, 0, 0, 0, 0, -1))
    assert run_parts._left(3600.0, noon, noon).endswith("done at about 13:00")
    assert run_parts._left(86_400.0, noon, noon).endswith("done at about 12:00 tomorrow")
    assert run_parts._left(3 * 86_400.0, noon, noon).endswith("done at about 12:00 on 05 Mar")


def test_each_way_to_end_it_says_what_it_means_and_discarding_names_what_goes(workspace: Workspace) -> None:
    run = learning(workspace)

    offered = drawn_run(workspace, run.id, "").does
    assert [words for words in ("All is saved", "best state so far is kept", "thrown away") if words in offered] == [
        "All is saved",
        "best state so far is kept",
        "thrown away",
    ]
    assert 'data-does="discard"' not in offered, "it is asked first"

    sure = drawn_run(workspace, run.id, view.asking(pressed(id=run.id, what="discard"))).does
    assert "What Now learned in 4 steps goes for good. Only its curve stays." in sure
    assert 'data-does="discard"' in sure
    assert 'data-does="unask"' in sure


@pytest.mark.parametrize(
    ("how", "asked"), [(runs.pause, "pause"), (runs.stop_and_keep, "keep"), (runs.stop_and_discard, "discard")]
)
def test_a_press_asks_the_run_that_is_shown(workspace: Workspace, how: Any, asked: str) -> None:
    run, _ = learning(workspace), ended(workspace, "Later")

    press = shown.meaning(workspace, partial(shown.stop, how))

    assert press(None, gr.EventData(None, None))[0] == "", "nothing is left to confirm"

    assert (run.folder / "stop").read_text() == asked


def test_a_press_means_the_run_whose_button_it_was(workspace: Workspace) -> None:
    """Which run is shown may have changed since the page was drawn."""
    over, now = killed(workspace, "Over"), learning(workspace)
    discard = shown.meaning(workspace, partial(shown.stop, runs.stop_and_discard))

    discard(None, pressed(id=over.id, what=""))

    assert not (now.folder / "stop").exists()
    with pytest.raises(gr.Error, match="no run"):
        discard(None, pressed(id="gone", what=""))
    assert not (now.folder / "stop").exists()


def test_the_small_charts_say_what_they_measure(workspace: Workspace) -> None:
    run = learning(workspace)
    files.append_jsonl(run.folder / "metrics.jsonl", {"step": 5, "loss": 0.4, "gradient_norm": 0.75})

    drawn = drawn_run(workspace, run.id, "").chart

    for name, value in (("Learning rate", "0.005"), ("Gradient norm", "0.75"), ("Tokens a second", "400")):
        assert f"<span>{name}</span><b>{value}</b>" in drawn
    assert "<span>Memory</span><b>1.0 GB</b>" in drawn
    assert "Best so far: step 4" in drawn


def test_the_newest_answer_stands_beside_the_first_with_the_hoped_for_words_marked(workspace: Workspace) -> None:
    run = learning(workspace)
    for step, answer in ((0, f"no {HOSTILE}"), (2, "Your lamp"), (4, "Your lamp is away")):
        sample(run, step, answer)

    drawn = drawn_run(workspace, run.id, "").samples

    assert "Of 6 words that are hoped for it now says 3, at first 0." in drawn
    assert "Now, step 4" in drawn
    assert "<mark>Your lamp is</mark> away" in drawn
    assert "Before it learned" in drawn
    assert re.findall(r"--share:([\d.]+)", drawn) == ["0.000", "0.333", "0.500"]
    assert HOSTILE not in drawn


def test_a_finished_run_says_in_words_what_came_out_and_what_it_cost(workspace: Workspace) -> None:
    taken = asdict(Energy(kwh=0.012, measured=False, part="processor"))
    run = ended(
        workspace,
        f"Shop {HOSTILE}",
        validation=((0, 3.5), (2, 1.5), (4, 0.9)),
        told={"energy": taken, "truncated": 1, "seconds": 65.0},
    )

    drawn = drawn_run(workspace, run.id, "")

    assert "Learned from 32 examples in 1 minute." in drawn.told
    assert "the loss fell from 3.50 to 0.90; the state of step 4 of 4 is kept" in drawn.told
    assert "1 example lost the end of the answer" in drawn.told
    assert "0.012 kWh, estimated from the processor time, the processor alone." in drawn.told
    assert "Evaluate it" in drawn.onward
    assert "Compare in Chat with the base model" in drawn.onward
    assert drawn.does == ""
    assert HOSTILE not in "".join(drawn)

    cost.set_power_price(workspace, cost.PowerPrice(50.0, "EUR"))
    assert "; 0.60 EUR." in drawn_run(workspace, run.id, "").told


def test_what_a_method_measures_besides_is_said_with_its_baseline(workspace: Workspace) -> None:
    run = ended(
        workspace,
        "Topics",
        measured={"macro_f1": 0.8},
        told={"measured_before": {"macro_f1": 0.1}, "baseline": {"macro_f1": 0.85}},
        method="classifier",
    )

    told = drawn_run(workspace, run.id, "").told

    assert "Macro F1: 0.80, before it learned 0.10. The simple baseline that it has to beat: 0.85." in told
    assert "it names the topic of a message" in told


def test_a_run_that_saw_a_part_says_so() -> None:
    assert outcome_parts._seen(2157, 0.145) == "313 of 2,157 examples"
    assert outcome_parts._seen(32, 2.0) == "32 examples"


@pytest.mark.parametrize(("change", "said"), [(0.0, "The same came out"), (1.0, "Something else came out")])
def test_a_repeated_run_says_whether_the_same_came_out(workspace: Workspace, change: float, said: str) -> None:
    first = ended(workspace, "First")
    weights = {name: np.asarray(value + change, dtype="f4") for name, value in WEIGHTS.items()}
    again = ended(workspace, "First again", weights=weights, told=None)
    files.write_json(again.folder / "run.json", {**files.read_json(again.folder / "run.json"), "reproduces": first.id})
    again = runs.read(again.folder)

    told = drawn_run(workspace, again.id, "").told

    assert said in told
    assert equality(workspace, again).sentence in told


def test_a_failed_run_says_what_to_do_with_the_button_that_does_it(workspace: Workspace) -> None:
    run = killed(workspace, "Broken")

    drawn = drawn_run(workspace, run.id, "")

    assert "memory" in drawn.told
    assert f'data-does="resume" data-run="{run.id}"' in drawn.told
    assert f'data-fold="log-{run.id}"' in drawn.told, "it stays open when it is drawn again"
    assert "the last line of the log" in drawn.told
    assert HOSTILE not in drawn.told
    assert drawn.onward == drawn.does == ""


FITS = fitting.Attempt({"batch_size": 2}, "Batches of 2", True, steps=6, peak_memory=10**9)
RAN_AWAY = Finding(
    "diverging", "The loss rose from 2 to 9.", "Take smaller steps.", {"learning_rate": 0.001, "epochs": None}, True, 3
)


def test_the_watcher_says_what_it_sees_where_and_offers_the_change(workspace: Workspace) -> None:
    run = learning(workspace)
    report = jobs.Report(run.folder)
    report.update(step=4, steps=8)
    report.metric(**RAN_AWAY.as_dict())

    drawn = drawn_run(workspace, run.id, "")
    assert "The loss rose from 2 to 9. Take smaller steps." in drawn.told
    assert "Start again with learning rate 0.001 and epochs automatic" in drawn.told
    assert "The watcher spoke: step 3" in drawn.chart
    wanted = view.wanting(lambda run_id: shown.offered(workspace, run_id))(pressed(id=run.id))
    assert (wanted["run"], wanted["changes"]) == (run.id, RAN_AWAY.mend)

    report.metric(step=4, kind="", sentence="")
    assert drawn_run(workspace, run.id, "").told == "", "all is well again"


def test_a_run_that_broke_off_offers_to_start_again_otherwise(workspace: Workspace) -> None:
    run = killed(workspace, "Broken")
    jobs.Report(run.folder).metric(**RAN_AWAY.as_dict())

    told = drawn_run(workspace, run.id, "").told

    assert 'data-does="mend"' in told
    assert "nothing starts yet" in told
    assert told.index('data-does="mend"') < told.index('data-does="resume"')


def test_a_run_that_ran_out_of_memory_leads_to_settings_that_fit(workspace: Workspace) -> None:
    run = learning(workspace)
    jobs.Report(run.folder).fail(OutOfMemory("It ran out of memory.", "It was not enough.", "Take less."))
    files.write_json(run.folder / "exit.json", {"code": 1, "at": time.time()})
    assert 'data-does="fit"' in drawn_run(workspace, run.id, "").told

    search = run.folder / queue.FITTING
    search.mkdir()
    files.write_json(search / "job.json", {"module": "m", "started_at": time.time(), "pid": 0, "created": 0.0})
    report = jobs.Report(search)
    before = shown.signs(runs.read(run.folder))
    report.update(message="Trying: batches of 2")
    tried = drawn_run(workspace, run.id, "").told
    assert "Trying: batches of 2" in tried
    assert 'data-does="resume"' not in tried, "it would take the memory that is tried with"
    assert shown.signs(runs.read(run.folder)) != before, "the page is drawn again"
    view.touching(lambda run_id: shown.give_up(workspace, run_id))(pressed(id=run.id))
    assert (search / "stop").read_text() == "keep"

    for attempt in (fitting.Attempt({}, "The same settings", False, "memory"), FITS):
        files.append_jsonl(search / "tried.jsonl", asdict(attempt))
    report.finish({"mend": FITS.changes})
    files.write_json(search / "exit.json", {"code": 0, "at": time.time()})
    found = drawn_run(workspace, run.id, "").told
    assert "This fits: batches of 2" in found
    assert "Train with what fits" in found

    report.finish({"mend": None})
    assert "Choose a smaller base model" in drawn_run(workspace, run.id, "").told


def test_a_run_that_began_again_by_itself_says_so(workspace: Workspace) -> None:
    run = learning(workspace)
    restart.begin(run.folder, RAN_AWAY, 0.3, 12.0)

    assert (
        "ran away at step 3 with a learning rate of 3.0e-01, so it began again" in drawn_run(workspace, run.id, "").told
    )


def test_a_run_that_never_started_can_go_on(workspace: Workspace) -> None:
    run = learning(workspace)
    (run.folder / "job.json").unlink()

    drawn = drawn_run(workspace, run.id, "")

    assert "does not wait for its turn" in drawn.head
    assert 'data-does="resume"' in drawn.does


def test_without_a_choice_the_run_that_learns_is_shown_before_a_newer_one_that_waits(workspace: Workspace) -> None:
    now = learning(workspace)
    waits(workspace, "Later")

    assert "<h2>Now</h2>" in drawn_run(workspace, None, "").head
    (now.folder / "exit.json").write_text('{"code": -9}')
    assert "<h2>Later</h2>" in drawn_run(workspace, "removed meanwhile", "").head


def test_the_queue_says_its_order_and_can_be_left_and_led(workspace: Workspace) -> None:
    now = learning(workspace)
    first, second, third = (waits(workspace, name) for name in ("First", HOSTILE, "Third"))
    drawn = drawn_run(workspace, None, "").waiting

    assert "3 trainings wait" in drawn
    assert [drawn.index(f'data-run="{run.id}"') for run in (now, first, second, third)] == sorted(
        drawn.index(f'data-run="{run.id}"') for run in (now, first, second, third)
    )
    assert HOSTILE not in drawn
    assert "3 trainings before it" in drawn_run(workspace, third.id, "").head

    view.touching(lambda run_id: shown.to_front(workspace, run_id))(pressed(id=third.id))
    assert queue.waiting(workspace.runs) == [third.folder, first.folder, second.folder]

    view.touching(lambda run_id: shown.leave(workspace, run_id))(pressed(id=first.id))
    assert queue.waiting(workspace.runs) == [third.folder, second.folder]
    assert runs.read(first.folder).status.state == "waiting"


def test_one_that_has_begun_meanwhile_is_not_stopped_by_leaving_the_queue(workspace: Workspace) -> None:
    run = learning(workspace)

    shown.leave(workspace, run.id)
    shown.to_front(workspace, run.id)

    assert not (run.folder / "stop").exists()
    assert queue.waiting(workspace.runs) == []


def test_the_history_has_every_run_with_its_loss_its_size_and_its_note(workspace: Workspace) -> None:
    run = ended(workspace, f"Shop {HOSTILE}")
    (run.folder / "note.txt").write_text(f"Best so far {HOSTILE}")
    learning(workspace)

    drawn = drawn_history(workspace, run.id, "")

    assert drawn.index(">Now</button>") < drawn.index("Shop"), "newest first"
    assert "<b>0.90</b> <small>validation loss</small>" in drawn
    assert "Best so far" in drawn
    assert re.search(r"Delete, \d+ [kM]B", drawn)
    assert drawn.count('data-does="ask"') == 1, "one that learns cannot be deleted"
    assert HOSTILE not in drawn


def test_a_folder_that_cannot_be_read_is_told_beside_the_others(workspace: Workspace) -> None:
    ended(workspace, "One")
    (workspace.runs / HOSTILE).mkdir()
    files.write_json(workspace.runs / HOSTILE / "run.json", {})

    drawn = drawn_history(workspace, None, "")

    assert ">One</button>" in drawn
    assert "was made by another Tunedesk" in drawn
    assert HOSTILE not in drawn


def test_the_loss_of_a_run_that_goes_on_is_read_anew(workspace: Workspace) -> None:
    run = killed(workspace, "One")
    before = drawn_history(workspace, None, "")
    jobs.Report(run.folder).metric(step=8, validation_loss=0.125)

    assert "<b>0.12</b>" not in before
    assert "<b>0.12</b> <small>validation loss</small>" in drawn_history(workspace, None, "")


def test_a_run_is_named_and_written_on_in_its_place(workspace: Workspace) -> None:
    run = ended(workspace, "One")
    press = history.presses(workspace)

    press["rename"](pressed(id=run.id, text="Best of March"))
    press["note"](pressed(id=run.id, text="Too polite."))

    assert (runs.read(run.folder).name, runs.read(run.folder).note) == ("Best of March", "Too polite.")
    with pytest.raises(gr.Error, match="cannot be a run"):
        press["rename"](pressed(id=run.id, text=""))


def test_deleting_is_confirmed_by_what_goes(workspace: Workspace) -> None:
    run = ended(workspace, "One")
    ended(workspace, "Two")

    asked = drawn_history(workspace, None, view.asking(pressed(id=run.id, what="delete")))
    assert re.search(r"One goes for good with its curve and what it made; \d+ [kM]B become free\.", asked)
    assert f'data-does="delete" data-run="{run.id}"' in asked

    history.delete(workspace, run.id)
    assert not run.folder.exists()
    assert "goes for good" not in drawn_history(workspace, None, f"delete/{run.id}")


def test_ticked_runs_are_laid_over_each_other_with_what_differs(workspace: Workspace) -> None:
    one, two = ended(workspace, f"One {HOSTILE}", rank=8), ended(workspace, "Two", rank=32, losses=(3.0, 1.0))
    gone = ended(workspace, "Gone")
    made_evaluation(workspace, {one.id: {"a": 0.25, "b": 0.75}, two.id: {"a": 1.0, "b": 1.0}})
    ids, _ = history.presses(workspace)["tick"](pressed(ids=[one.id, two.id, gone.id]))
    history.delete(workspace, gone.id)

    drawn = drawn_side_by_side(workspace, ids)

    assert "2 runs side by side" in drawn
    assert drawn.count("<polyline") == 8, "two lines each, and their ends"
    assert re.search(r'<th scope="row">Rank</th><td>32</td><td>8</td>', drawn)
    assert "Alpha" not in drawn, "only settings that differ"
    assert "<td>1.00 over 2 questions</td><td>0.50 over 2 questions</td>" in drawn
    assert HOSTILE not in drawn


def test_one_ticked_run_asks_for_another_and_none_says_nothing(workspace: Workspace) -> None:
    run = ended(workspace, "One")

    assert "Tick another one" in drawn_side_by_side(workspace, [run.id])
    assert drawn_side_by_side(workspace, []) == ""


def test_runs_of_different_length_lie_on_each_other_by_their_share(workspace: Workspace) -> None:
    short, long = ended(workspace, "Short", steps=4), ended(workspace, "Long", steps=8)

    assert "share of the run" in drawn_side_by_side(workspace, [short.id, long.id])
    assert "share of the run" not in drawn_side_by_side(workspace, [short.id, ended(workspace, "Same").id])


def test_the_pulse_is_still_while_nothing_changes_and_sends_what_did(workspace: Workspace) -> None:
    run = learning(workspace)

    seen, over, digests, *parts = train.pulse(workspace, {}, [], None, [], "")
    assert over == SKIP
    assert "<h2>Now</h2>" in parts[0]
    assert train.pulse(workspace, seen, digests, None, [], "") == (SKIP,) * (3 + train.PARTS)

    report = jobs.Report(run.folder)
    report.update(step=3, steps=4, message="Learning", seconds_left=60.0)
    report.metric(step=3, loss=0.5)
    names = (*shown.Drawn._fields, "compare", "history")
    later = dict(zip(names, train.pulse(workspace, seen, digests, None, [], "")[3:], strict=True))
    assert "Step 3 of 4" in later["head"]
    assert later["chart"] != SKIP
    still = ("told", "does", "onward", "samples", "waiting", "compare", "history")
    assert all(later[part] == SKIP for part in still), "none of it changed"


def test_the_page_stays_with_a_run_that_ended_while_the_next_one_learns(workspace: Workspace) -> None:
    run = learning(workspace)
    seen, _, digests, *_ = train.pulse(workspace, {}, [], None, [], "")
    files.write_json(run.folder / "exit.json", {"code": -9, "at": time.time()})
    learning(workspace, "Next")

    _, over, _, head, *_ = train.pulse(workspace, seen, digests, None, [], "")

    assert "<h2>Now</h2>" in head
    assert train.stay(over, None)[0] == run.id
    assert train.stay(over, "another")[0] == "another", "a person's choice stays"


def test_every_button_has_an_event(workspace: Workspace) -> None:
    """Gradio knows only the events that stand in quotes in the script of their part."""
    learning(workspace)
    waits(workspace, "Waiting")
    one, two = ended(workspace, "One"), killed(workspace, "Two")
    drawn = [*drawn_run(workspace, None, ""), *drawn_run(workspace, two.id, "")]
    drawn += [drawn_history(workspace, None, f"delete/{one.id}"), drawn_history(workspace, None, "")]
    used = set(re.findall(r'data-(?:does|form)="(\w+)"', "".join(drawn)))

    assert {"pause", "keep", "resume", "leave", "rename", "note", "again", "repeat", "delete"} <= used
    assert all(f"'{name}'" in view.PRESSED for name in used)
