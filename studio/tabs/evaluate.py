"""Evaluate: the golden set, measure some systems on it, read the verdict and the worst answers, rate answers blind.

evaluate_rate.py   the blind rating        evaluate_parts.py   what all of it looks like
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from engine import jobs
from engine.data import sources, versions
from engine.errors import TunedeskError
from engine.evaluation import evaluations, golden
from engine.evaluation.planning import Plan, plan
from engine.evaluation.report import Order, side_by_side
from engine.training import runs
from engine.workspace import Workspace
from studio import notices
from studio.events import DRAWN, QUIET
from studio.tabs import evaluate_parts as parts
from studio.tabs import evaluate_rate

GOLDEN = "golden"
RUNS_OFFERED = 12
ANSWERS_SHOWN = 10
ORDERS: list[tuple[str, Order]] = [("Worst", "worst"), ("Best", "best"), ("Random", "random")]


@dataclass(frozen=True)
class EvaluateTab:
    """What other tabs may touch."""

    rated: gr.State
    """Counts up with every mark given or taken back."""
    changed: gr.State
    """Counts up when an evaluation was started or the golden set was changed."""
    load: Callable[..., Any]
    outputs: tuple[gr.State, ...]


# --- Golden set -----------------------------------------------------------------------------------------------------


@notices.shown
def add_question(
    workspace: Workspace, changed: int, question: str, answer: str, tags: list[str], must_say: str, must_not_say: str
) -> tuple[Any, ...]:
    golden.add(
        workspace,
        question,
        answer,
        tags=tags,
        must_say=must_say.splitlines(),
        must_not_say=must_not_say.splitlines(),
    )
    notices.say("The question is in the golden set.")
    return changed + 1, "", "", [], "", ""


@notices.shown
def import_questions(workspace: Workspace, changed: int, path: str) -> int:
    upload = sources.receive(workspace, Path(path))
    try:
        count = sources.import_golden(workspace, upload.path, name=upload.name)
    finally:
        sources.discard(upload)
    notices.say(f"{count:,} golden questions were added.")
    return changed + 1


def _take_out(workspace: Workspace) -> Callable[[int, gr.EventData], int]:
    def take_out(changed: int, event: gr.EventData) -> int:
        golden.remove(workspace, str(event.id))
        return changed + 1

    return notices.shown(take_out)


# --- What the page shows --------------------------------------------------------------------------------------------


@notices.shown
def draw(workspace: Workspace, source: str | None, systems: list[str], shown: str | None) -> tuple[Any, ...]:
    """Everything that does not depend on how the worst answers are sorted, from the workspace as it is now."""
    questions = golden.golden_questions(workspace)
    offered = _systems(workspace)
    known = [name for _, name in offered]
    # The base model and the newest run; a run that came after the ticks were made is what one wants to measure.
    unmeasured = set(known[1:2]) - _ever_asked(workspace)
    ticked = [name for name in known if name in systems or name in unmeasured]
    ticked = ticked or known[:2]
    asked = _sources(workspace)
    asked_values = [value for _, value in asked]
    source = source if source in asked_values else next(iter(asked_values), None)
    measured = _measured(workspace)
    ids = [value for _, value in measured]
    shown = shown if shown in ids else next(iter(ids), None)
    words, ready = _preview(workspace, source, ticked)
    return (
        parts.golden_account(golden.account(questions)),
        parts.golden_table(questions),
        gr.Radio(asked, value=source),
        gr.CheckboxGroup(offered, value=ticked),
        words,
        ready,
        gr.Dropdown(measured, value=shown, visible=len(measured) > 1),
        *draw_results(workspace, shown),
    )


@notices.shown
def draw_results(workspace: Workspace, shown: str | None) -> tuple[Any, ...]:
    """One evaluation: its results, whose answers may be sorted by, and whether there are any."""
    if shown is None:
        return parts.no_results(), gr.Radio([], value=None), gr.Column(visible=False)
    evaluation = evaluations.get_evaluation(workspace, shown)
    report = evaluations.report(workspace, shown)
    choices = [(parts.title(label), system) for system, label in report.labels.items() if report.systems[system]]
    return (
        parts.results(report, evaluation),
        gr.Radio(choices, value=choices[-1][1]),
        gr.Column(visible=True),
    )


@notices.shown
def draw_answers(workspace: Workspace, shown: str | None, system: str | None, order: Order) -> str:
    if shown is None or system is None:
        return ""
    evaluation = evaluations.get_evaluation(workspace, shown)
    found = evaluations.answers(workspace, shown)
    sides = side_by_side(evaluation.questions, found, system, order, limit=ANSWERS_SHOWN, seed=time.monotonic_ns())
    return parts.sides(sides, evaluation.labels)


def preview(workspace: Workspace, source: str | None, systems: list[str]) -> tuple[str, Any]:
    """What measuring would do, and whether it can be done."""
    return _preview(workspace, source, systems)


def _preview(workspace: Workspace, source: str | None, systems: list[str]) -> tuple[str, Any]:
    if _running(workspace):
        return "", gr.Button(interactive=False)
    try:
        planned = _plan(workspace, source, systems)
    except TunedeskError as error:
        # Stands where the plan would: nothing was pressed yet, so it is no failure.
        return parts.refusal(error), gr.Button(interactive=False)
    return parts.plan_words(planned), gr.Button(interactive=True)


def _plan(workspace: Workspace, source: str | None, systems: list[str]) -> Plan:
    return plan(workspace, _in_order(systems), questions=source)


def _in_order(systems: list[str]) -> list[str]:
    """The base model first: the others are measured against it."""
    return sorted(systems, key=lambda system: system != "base")


def _measured(workspace: Workspace) -> list[tuple[str, str]]:
    """Measurements that have answers, as (words, id), the newest first."""
    return [
        (parts.measurement(evaluation), evaluation.id)
        for evaluation in evaluations.list_evaluations(workspace)
        if evaluations.collect(workspace, evaluation.id)
    ]


def _ever_asked(workspace: Workspace) -> set[str]:
    """Every system that some evaluation has asked."""
    return {system.name for evaluation in evaluations.list_evaluations(workspace) for system in evaluation.systems}


def _systems(workspace: Workspace) -> list[tuple[str, str]]:
    """What can be ticked, as (words, name): the base model and the newest runs that made something that answers."""
    trained = [run for run in runs.list_runs(workspace) if run.answers][:RUNS_OFFERED]
    return [("Base model", "base"), *((run.name, run.id) for run in trained)]


def _sources(workspace: Workspace) -> list[tuple[str, str]]:
    """Where questions can come from, as (words, value)."""
    questions = golden.golden_questions(workspace)
    hand_picked = [(f"Golden set ({len(questions):,})", GOLDEN)] if questions else []
    frozen = [
        (f"Golden split of {version.name} ({version.counts['golden']:,})", f"version:{version.name}")
        for version in versions.list_versions(workspace)[:3]
        if version.counts["golden"]
    ]
    return hand_picked + frozen


# --- Measuring ------------------------------------------------------------------------------------------------------


@notices.shown
def measure(workspace: Workspace, source: str | None, systems: list[str], changed: int) -> int:
    evaluations.start(workspace, _in_order(systems), questions=source)
    return changed + 1


@notices.shown
def stop(workspace: Workspace) -> None:
    for identity in _running(workspace):
        evaluations.stop(workspace, identity)


@notices.shown
def resume(workspace: Workspace, changed: int) -> int:
    newest = _newest(workspace)
    if newest is not None:
        evaluations.resume(workspace, newest)
    return changed + 1


def _running(workspace: Workspace) -> list[str]:
    return [identity for identity, status in evaluations.statuses(workspace).items() if status.alive]


def _newest(workspace: Workspace) -> str | None:
    return next((evaluation.id for evaluation in evaluations.list_evaluations(workspace)), None)


def signs(workspace: Workspace) -> dict[str, Any]:
    """What a page is drawn again for when it changes: where every evaluation stands."""
    return {
        identity: (status.state, status.step, status.message, round(status.seconds_left or 0))
        for identity, status in evaluations.statuses(workspace).items()
    }


@notices.shown
def pulse(workspace: Workspace, seen: dict[str, Any], changed: int) -> tuple[Any, ...]:
    """When a sign changed: the running evaluation's progress; once one has ended, a redraw of everything."""
    now = signs(workspace)
    if now == seen:
        return (gr.skip(),) * 6
    ended = [identity for identity, each in now.items() if each[0] in jobs.ENDED and seen.get(identity) != each]
    newest = _newest(workspace)
    if newest is None:
        return now, "", gr.Button(visible=False), gr.Button(visible=False), gr.skip(), gr.skip()
    evaluation = evaluations.get_evaluation(workspace, newest)
    status = evaluation.status
    html = ""
    if status.alive:
        html = parts.under_way(evaluation)
    elif status.state == "failed":
        html = parts.failed(evaluation, jobs.log_tail(evaluation.folder))
    resumable = status.state in ("failed", "stopped")
    return (
        now,
        html,
        gr.Button(visible=status.alive, interactive=status.state != "stopping"),
        gr.Button(visible=resumable),
        _showing_newest(workspace) if ended else gr.skip(),
        changed + 1 if ended else gr.skip(),
    )


def _showing_newest(workspace: Workspace) -> Any:
    """What has just been measured is what one wants to see."""
    measured = _measured(workspace)
    return gr.Dropdown(measured, value=next((value for _, value in measured), None), visible=len(measured) > 1)


# --- The tab --------------------------------------------------------------------------------------------------------


def build(workspace: Workspace, mark: gr.HTML) -> EvaluateTab:
    """Lays out the screen and wires its own events; `mark` changes with the `signs`."""
    changed, seen, refresh = gr.State(0), gr.State({}), gr.State(0.0)
    with gr.Tabs(elem_classes="td-inner"):
        with gr.Tab("Measure", id="evaluate-measure-tab"):
            account = gr.HTML(elem_id="evaluate-golden")
            with gr.Accordion("Look through the golden set, add to it", open=False, elem_id="evaluate-golden-fold"):
                table, form = _golden_form()
            with gr.Column(elem_id="evaluate-plan", elem_classes="td-card"):
                with gr.Row():
                    systems = gr.CheckboxGroup(_systems(workspace), label="Who answers", elem_id="evaluate-systems")
                    source = gr.Radio(_sources(workspace), label="Questions", elem_id="evaluate-questions")
                words = gr.HTML(elem_id="evaluate-words")
                go = gr.Button("Measure", variant="primary", elem_id="evaluate-measure", interactive=False)
            progress = gr.HTML(elem_id="evaluate-progress")
            with gr.Row():
                halt = gr.Button("Stop and keep", visible=False, elem_id="evaluate-stop", scale=0)
                again = gr.Button("Go on where it ended", visible=False, elem_id="evaluate-resume", scale=0)
            shown = gr.Dropdown([], label="Which measurement", visible=False, elem_id="evaluate-which")
            found = gr.HTML(parts.no_results(), elem_id="evaluate-results")
            with gr.Column(visible=False, elem_id="evaluate-answers") as answers_area:
                gr.HTML("<h3>Answers side by side</h3>")
                with gr.Row():
                    order = gr.Radio(ORDERS, value="worst", label="Show", elem_id="evaluate-order")
                    sorted_by = gr.Radio([], label="Judged by the answers of", elem_id="evaluate-sorted-by")
                answers = gr.HTML(elem_id="evaluate-sides")
        with gr.Tab("Rate blind", id="evaluate-rate-tab", elem_id="evaluate-rate-tab"):
            rating = evaluate_rate.build(workspace, shown)

    results = [found, sorted_by, answers_area]
    redraw: dict[str, Any] = {
        "fn": partial(draw, workspace),
        "inputs": [source, systems, shown],
        "outputs": [account, table, source, systems, words, go, shown, *results],
        **DRAWN,
    }
    side: dict[str, Any] = {
        "fn": partial(draw_answers, workspace),
        "inputs": [shown, sorted_by, order],
        "outputs": answers,
        **DRAWN,
    }
    for event in (changed.change, refresh.change):
        event(**redraw).then(**side).then(**rating.drawn)
    for choice in (source.input, systems.input):
        choice(partial(preview, workspace), [source, systems], [words, go], **DRAWN, trigger_mode="always_last")
    shown.input(partial(draw_results, workspace), shown, results, **DRAWN).then(**side).then(**rating.drawn)
    order.input(**side)
    sorted_by.input(**side)

    go.click(partial(measure, workspace), [source, systems, changed], changed, api_name="evaluate_measure")
    halt.click(partial(stop, workspace), None, None, api_name="evaluate_stop", show_progress="hidden")
    again.click(partial(resume, workspace), changed, changed, api_name="evaluate_resume", show_progress="hidden")
    pulsed = [seen, progress, halt, again, shown, changed]
    mark.change(partial(pulse, workspace), [seen, changed], pulsed, **QUIET)

    *fields, add, upload = form
    add.click(
        partial(add_question, workspace),
        [changed, *fields],
        [changed, *fields],
        api_name="evaluate_add_question",
        show_progress_on=fields[0],
    )
    upload.upload(
        partial(import_questions, workspace), [changed, upload], changed, api_name="evaluate_import_questions"
    )
    table.remove(_take_out(workspace), changed, changed, **QUIET).failure(**redraw)

    rating.rated.change(partial(draw_results, workspace), shown, results, **DRAWN)
    return EvaluateTab(rating.rated, changed, time.monotonic, (refresh,))


def _golden_form() -> tuple[gr.HTML, list[Any]]:
    """The table of golden questions; the fields of a new one (question, answer, tags, facts) and the two buttons."""
    table = gr.HTML(elem_id="evaluate-golden-table", js_on_load=parts.GOLDEN_PRESSED)
    with gr.Row():
        question = gr.Textbox(label="Question", lines=2, elem_id="evaluate-new-question")
        answer = gr.Textbox(label="The answer you would give", lines=2, elem_id="evaluate-new-answer")
    tags = gr.CheckboxGroup(list(golden.MINIMUMS), label="What kind of question", elem_id="evaluate-new-tags")
    with gr.Row():
        must_say = gr.Textbox(
            label="Must say",
            info="One fact a line, as short as it can be: 30 days",
            lines=2,
            elem_id="evaluate-must-say",
        )
        must_not_say = gr.Textbox(label="Must not say", info="One a line", lines=2, elem_id="evaluate-must-not-say")
    with gr.Row():
        add = gr.Button("Add question", elem_id="evaluate-add")
        upload = gr.UploadButton("Add from a JSON-lines file", file_types=[".jsonl"], elem_id="evaluate-import")
    return table, [question, answer, tags, must_say, must_not_say, add, upload]
