"""The Evaluate screen: callbacks called as functions, and a measurement driven through the page's own interface."""

import re
import time
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import Client

from engine import files, jobs
from engine.evaluation import evaluations, golden
from engine.evaluation.golden import Question
from engine.evaluation.ratings import Blind, Progress
from engine.evaluation.report import Answer, Side
from engine.training.recipes.recipe import RECIPES
from engine.workspace import Workspace
from studio.tabs import evaluate, evaluate_rate
from studio.tabs import evaluate_parts as parts

SYSTEMS = {"base": "the base model", "secret-run-7": "Quick try 7"}
HOSTILE = "<img src=x onerror=alert(1)>${value}{{value}}"


@pytest.fixture
def measured(workspace: Workspace) -> str:
    """An evaluation whose job has ended: two systems, 14 questions, one with hostile text."""
    folder = workspace.evaluations / files.new_id("evaluation", workspace.evaluations)
    questions = [
        Question(f"line-{n}", f"Question {n}? {HOSTILE if n == 3 else ''}", "It takes 5 days.", tags=("common",))
        for n in range(14)
    ]
    files.write_json(
        folder / "evaluation.json",
        {
            "format": 1,
            "name": "test",
            "source": "the golden set",
            "systems": [{"name": name, "label": label, "base": "starter"} for name, label in SYSTEMS.items()],
            "questions": [question.as_dict() for question in questions],
            "notes": ["1 of 15 questions is left out."],
            "decoding": {},
            "seed": 0,
            "blind": "00112233445566778899aabbccddeeff",
            "created_at": time.time(),
        },
    )
    lines = [
        {
            "system": system,
            "id": question.id,
            "answer": f"It takes {number} days. {HOSTILE}" if place else "No.",
            "seconds": 0.1,
            "scores": {"token_f1": 0.05 + 0.7 * place + 0.01 * number, "exact_match": 0.0},
        }
        for place, system in enumerate(SYSTEMS)
        for number, question in enumerate(questions)
    ]
    for line in lines:
        files.append_jsonl(folder / "scored.jsonl", line)
    files.write_json(folder / "result.json", {"state": "done", "answers": len(lines)})
    files.write_json(folder / "exit.json", {"code": 0})
    files.write_json(folder / "job.json", {"module": "x", "started_at": 0.0, "pid": 1, "created": 0.0})
    evaluations.collect(workspace, folder.name)
    return folder.name


def test_an_empty_workspace_teaches(workspace: Workspace) -> None:
    account, table, sources, systems, words, go, _, results, _, area = evaluate.draw(workspace, None, [], None)
    assert "No golden questions yet" in account
    assert table == ""
    assert sources.choices == []
    assert systems.choices == [("Base model", "base")]
    assert "There is no version yet" in words
    assert go.interactive is False
    assert "Nothing measured yet" in results
    assert area.visible is False
    assert "Nothing to rate yet" in evaluate_rate.draw_card(workspace, None, "me")


def test_the_account_of_the_golden_set_stands_first(workspace: Workspace) -> None:
    golden.add(workspace, f"Why? {HOSTILE}", "So.", tags=["edge case"], must_say=["so"])
    account, table, sources, *_ = evaluate.draw(workspace, None, [], None)
    assert "1 golden questions" not in account
    assert "<b>1</b> of at least 12 edge case" in account
    assert "0 of at least 12 tagged common" in account
    assert "<img" not in table
    assert "must say “so”" in table
    assert sources.value == "golden"


def finished_run(workspace: Workspace, run_id: str, created_at: float) -> None:
    """The folder of a run that has its adapter."""
    (workspace.runs / run_id / "adapter").mkdir(parents=True)
    manifest = {"name": run_id, "version": "First", "version_hash": "00", "base": "starter", "created_at": created_at}
    files.write_json(workspace.runs / run_id / "recipe.json", RECIPES["quick"].to_json())
    files.write_json(workspace.runs / run_id / "run.json", {"format": 1, **manifest})


def test_a_run_that_came_after_the_ticks_is_ticked_until_it_was_measured(workspace: Workspace, measured: str) -> None:
    finished_run(workspace, "secret-run-7", created_at=1.0)
    assert evaluate.draw(workspace, None, ["base"], measured)[3].value == ["base"]
    finished_run(workspace, "quick-try-8", created_at=2.0)
    assert evaluate.draw(workspace, None, ["base"], measured)[3].value == ["base", "quick-try-8"]


def test_results_lead_with_the_verdict(workspace: Workspace, measured: str) -> None:
    *_, which, results, sorted_by, area = evaluate.draw(workspace, None, [], None)
    assert which.value == measured
    plain = unescape(re.sub(r"<[^>]+>", " ", results))
    assert plain.index("Quick try 7’s answers are closer to yours") < plain.index("By the words")
    assert "1 of 15 questions is left out." in plain
    assert "14 questions from the golden set" in plain
    assert "No marks yet" in plain
    assert sorted_by.choices == [("Base model", "base"), ("Quick try 7", "secret-run-7")]
    assert sorted_by.value == "secret-run-7"
    assert area.visible is True


def test_answers_open_side_by_side_and_nothing_in_them_is_markup(workspace: Workspace, measured: str) -> None:
    html = evaluate.draw_answers(workspace, measured, "secret-run-7", "worst")
    assert html.index("Question 0?") < html.index("Question 1?") < html.index("Question 2?")
    assert html.count("<details") == evaluate.ANSWERS_SHOWN
    assert html.count(" open>") == 1
    assert "<img" not in html
    assert "Hoped for" in html
    best = evaluate.draw_answers(workspace, measured, "secret-run-7", "best")
    assert best.index("Question 13?") < best.index("Question 12?")


def test_words_that_differ_are_marked() -> None:
    assert parts.marked("It takes 7 days.", "It takes 5 days") == "It takes <mark>7</mark> days."
    assert parts.marked("a <b> c", "a c") == "a <mark>&lt;b&gt;</mark> c"
    assert parts.marked("", "anything") == ""


def test_facts_are_shown_as_said_or_missing() -> None:
    question = Question("q", "How long?", "", must_say=("5 days", "free"), must_not_say=("never",))
    answer = Answer("base", "q", "How long?", "", "Never in 5 days.", (), "", 0.1, {"must_say": 0.5})
    html = parts.sides([Side(question, {"base": answer})], {"base": "the base model"})
    assert "says “5 days”" in html
    assert "does not say “free”" in html
    assert "says “never”, which it must not" in html
    assert "Base model" in html


def test_the_blind_card_holds_nothing_that_tells_the_system(workspace: Workspace, measured: str) -> None:
    card = evaluate_rate.draw_card(workspace, measured, "ann")
    for word in ("base", "secret-run-7", "Quick try 7", "token_f1", "0.7", "score"):
        assert word not in card
    assert "0 of 28 answers marked" in card
    assert "<img" not in card


def test_marking_and_undoing(workspace: Workspace, measured: str) -> None:
    pressed = evaluate_rate.marks(workspace)

    def token() -> str:
        found = re.search(r'data-token="([^"]+)"', evaluate_rate.draw_card(workspace, measured, "me"))
        assert found is not None
        return found[1]

    first = token()
    assert pressed["mark"](0, gr.EventData(None, {"token": first, "mark": "4"})) == 1
    assert token() != first
    assert "1 of 28 answers marked" in evaluate_rate.draw_card(workspace, measured, " me ")
    assert pressed["back"](1, measured, "me") == 2
    assert token() == first
    for mark in (5, 3, 4):
        pressed["mark"](0, gr.EventData(None, {"token": token(), "mark": mark}))
    marks = [metrics.get("rating") for metrics in evaluations.report(workspace, measured).systems.values()]
    assert sum(mean.n for mean in marks if mean) == 3
    results = evaluate.draw_results(workspace, measured)[0]
    assert "No marks yet" not in results
    with pytest.raises(gr.Error):
        pressed["mark"](0, gr.EventData(None, {"token": "made/up/token", "mark": 3}))


def test_a_card_when_all_is_marked() -> None:
    html = parts.rate_card(None, Progress(28, 28), 1)
    assert "All answers are marked" in html
    assert "data-token" not in html
    assert "data-mark" in parts.rate_card(Blind("q?", "e", "a", "t"), Progress(0, 28), 1)


def test_the_pulse_redraws_only_when_something_changed(workspace: Workspace, measured: str) -> None:
    seen, progress, halt, again, shown, changed = evaluate.pulse(workspace, {}, 0)
    assert seen[measured][0] == "done"
    assert shown.value == measured
    assert (progress, halt.visible, again.visible, changed) == ("", False, False, 1)
    assert all(each == gr.skip() for each in evaluate.pulse(workspace, seen, 1))


def test_a_failed_measurement_says_why_and_can_go_on(workspace: Workspace, measured: str) -> None:
    folder = workspace.evaluations / measured
    (folder / "result.json").unlink()
    (folder / "log.txt").write_text(f"Traceback {HOSTILE}")
    files.write_json(folder / "exit.json", {"code": -9})
    _, progress, halt, again, _, _ = evaluate.pulse(workspace, {}, 0)
    assert "ended before it was finished" in progress
    assert "<img" not in progress
    assert (halt.visible, again.visible) == (False, True)


@pytest.fixture
def page(workspace: Workspace) -> Iterator[Client]:
    """The tab alone over one golden question, served, with a client that presses its buttons."""
    golden.add(workspace, "May I pay later?", "Yes, within 30 days.", tags=["common"])
    with gr.Blocks() as app:
        tab = evaluate.build(workspace, gr.HTML())
        app.load(tab.load, None, list(tab.outputs), api_visibility="private")
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield Client(address, verbose=False)
    app.close()


def test_a_question_is_added_and_measured_through_the_page(workspace: Workspace, page: Client, tmp_path: Path) -> None:
    shown = ["Where is my parcel?", "It arrives in 5 days.", ["common"], "5 days", ""]
    page.predict(*shown, api_name="/evaluate_add_question")
    _, added = golden.golden_questions(workspace)
    assert (added.question, added.tags, added.must_say) == ("Where is my parcel?", ("common",), ("5 days",))
    with pytest.raises(Exception, match="already"):
        page.predict(*shown, api_name="/evaluate_add_question")
    page.predict("golden", ["base"], api_name="/evaluate_measure")
    (started,) = evaluations.list_evaluations(workspace)
    assert [system.name for system in started.systems] == ["base"]
    status = jobs.wait(started.folder, 120)
    assert status.state == "done", jobs.log_tail(started.folder)
    *_, results, _, _ = evaluate.draw(workspace, None, [], None)
    assert "Base model" in results
    assert "2 questions from the golden set" in results


def test_every_event_is_named_or_private(page: Client) -> None:
    names = set(page.view_api(return_format="dict", print_info=False)["named_endpoints"])
    assert names == {
        "/evaluate_measure",
        "/evaluate_stop",
        "/evaluate_resume",
        "/evaluate_add_question",
        "/evaluate_import_questions",
    }


def test_an_imported_file_leaves_no_copy_behind(workspace: Workspace, tmp_path: Path) -> None:
    for name, line in (("good.jsonl", '{"question": "Where?", "answer": "Here."}'), ("bad.jsonl", "{oops")):
        dropped = tmp_path / name
        dropped.write_text(line)
        if name == "good.jsonl":
            assert evaluate.import_questions(workspace, 4, str(dropped)) == 5
        else:
            with pytest.raises(gr.Error, match=r"bad\.jsonl is not a golden set"):
                evaluate.import_questions(workspace, 4, str(dropped))
        assert not dropped.exists()
    assert not list(workspace.uploads.iterdir())
    assert len(golden.golden_questions(workspace)) == 1
