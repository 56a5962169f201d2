"""From the question to the report with real models, through kills, stops and servers."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine import files, jobs
from engine.data.versions import Version
from engine.errors import InputRefused, NotFound
from engine.evaluation import evaluations, golden
from engine.evaluation.planning import plan
from engine.workspace import Workspace

# Jobs import torch, which takes long while other work fills the cores.
PATIENCE = 240.0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def finish(workspace: Workspace, evaluation: str) -> jobs.Status:
    return jobs.wait(workspace.evaluations / evaluation, PATIENCE)


def said(workspace: Workspace, evaluation: str) -> list[dict[str, object]]:
    return list(files.read_jsonl(workspace.evaluations / evaluation / "answers.jsonl"))


def ask_many(path: Path, number: int) -> None:
    """Writes questions whose answers take a moment each, so that there is a middle to interrupt."""
    lines = [
        {"question": f"Question {n}?", "answer": "An answer of forty letters, no more at all"} for n in range(number)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def test_base_and_run_are_measured_on_the_same_questions(workspace: Workspace, run: str, questions: Path) -> None:
    started = evaluations.start(workspace, ["base", run], questions=questions)
    assert finish(workspace, started).state == "done", jobs.log_tail(workspace.evaluations / started)
    report = evaluations.report(workspace, started)
    assert list(report.systems) == ["base", run]
    assert {found.n for metrics in report.systems.values() for found in metrics.values()} <= {8, 5}
    for metrics in report.systems.values():
        assert set(metrics) == {"token_f1", "exact_match", "must_say", "must_not_say"}
        for found in metrics.values():
            assert 0 <= found.low <= found.value <= found.high <= 1
    assert {(each.a, each.b) for each in report.comparisons} == {(run, "base")}
    assert report.verdict.startswith("Too few questions to tell (8)")
    answers = evaluations.answers(workspace, started)
    assert len(answers) == 16
    both = [{each.question_id: each.answer for each in answers if each.system == system} for system in ("base", run)]
    assert both[0] != both[1], "the adapter must have been used"
    again = evaluations.report(workspace, started)
    assert again == report
    assert json.loads(json.dumps(report.as_dict()))["systems"][run]["token_f1"]["n"] == 8
    lines = list(evaluations.answer_lines(workspace, started))
    assert {"system", "question", "expected", "answer", "token_f1", "exact_match"} <= set(lines[0])
    assert "scores" not in lines[0]


def test_base_is_the_base_of_the_run_it_is_compared_with(workspace: Workspace, run: str, tiny_model: Path) -> None:
    found = plan(workspace, ["base", run], questions="version:first")
    assert [system.base for system in found.systems] == [str(tiny_model)] * 2
    assert [system.label for system in found.systems] == ["the base model", "Quick try 1"]


def test_a_run_is_found_by_its_name_too(workspace: Workspace, run: str) -> None:
    assert [system.name for system in plan(workspace, ["Quick try 1", run], questions="version:first").systems] == [run]


def test_a_killed_evaluation_goes_on_where_it_was(workspace: Workspace, run: str, questions: Path) -> None:
    ask_many(questions, 48)
    started = evaluations.start(workspace, ["base", run], questions=questions)
    until(lambda: len(said(workspace, started)) >= 16)
    jobs.kill(workspace.evaluations / started)
    until(lambda: not evaluations.status(workspace, started).alive)
    before = said(workspace, started)
    assert 16 <= len(before) < 96, "it was to be killed in the middle"
    assert evaluations.status(workspace, started).state == "failed"
    with pytest.raises(NotFound, match="no scores yet"):
        evaluations.report(workspace, started)
    # What a kill in the middle of a line leaves behind.
    with (workspace.evaluations / started / "answers.jsonl").open("a") as file:
        file.write('{"system": "base", "id": "line-')
    evaluations.resume(workspace, started)
    assert finish(workspace, started).state == "done", jobs.log_tail(workspace.evaluations / started)
    after = said(workspace, started)
    assert after[: len(before)] == before, "what was answered is not asked again"
    assert len({(line["system"], line["id"]) for line in after}) == len(after) == 96


def test_a_stopped_evaluation_keeps_and_scores_what_it_has(workspace: Workspace, run: str, questions: Path) -> None:
    ask_many(questions, 48)
    started = evaluations.start(workspace, ["base", run], questions=questions)
    until(lambda: len(said(workspace, started)) >= 16)
    evaluations.stop(workspace, started)
    assert finish(workspace, started).state == "stopped"
    report = evaluations.report(workspace, started)
    assert 16 <= report.systems["base"]["token_f1"].n < 96
    assert report.systems[run] == {}, "the second system was not asked"
    assert report.verdict.startswith("The base model: token F1")


def test_questions_that_training_saw_are_named_and_left_out(workspace: Workspace, run: str, questions: Path) -> None:
    trained = golden.versions.read_split(workspace.runs / run / "data.parquet", "train")[0]
    with questions.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"question": trained.instruction.upper() + " !", "answer": "x"}) + "\n")
    found = plan(workspace, [run], questions=questions)
    assert [leak.question.id for leak in found.leaks] == ["line-9"]
    assert "line-9" not in {question.id for question in found.questions}
    assert len(found.questions) == 8
    assert found.notes[0].startswith("1 of 9 questions is left out")
    assert trained.instruction[:20].upper() in found.notes[0]
    assert plan(workspace, ["base"], questions=questions).leaks == (), "the base model was trained on none of them"
    questions.write_text(json.dumps({"question": trained.instruction, "answer": "x"}) + "\n", encoding="utf-8")
    with pytest.raises(InputRefused, match="seen every one"):
        evaluations.start(workspace, ["base", run], questions=questions)
    assert list(workspace.evaluations.iterdir()) == []


def test_a_bot_whose_run_is_gone_is_measured_with_a_warning(workspace: Workspace, run: str, questions: Path) -> None:
    manifest = files.read_json(workspace.runs / run / "run.json")
    bot = {"name": "Bot", "base": manifest["base"], "run": run, "run_created_at": manifest["created_at"]}
    (workspace.bots / "bot-1").mkdir()
    files.write_json(workspace.bots / "bot-1" / "bot.json", bot)
    planned = plan(workspace, ["bot-1"], questions=questions)
    assert planned.systems[0].trained_on == f"runs/{run}/data.parquet"
    assert not any("removed" in note for note in planned.notes)
    # Another run got the id of the removed one.
    files.write_json(workspace.runs / run / "run.json", {**manifest, "created_at": manifest["created_at"] + 1})
    planned = plan(workspace, ["bot-1"], questions=questions)
    assert planned.systems[0].trained_on == ""
    assert any("The run that Bot comes from was removed" in note for note in planned.notes)


def test_a_bot_that_is_held_to_json_is_measured_so(workspace: Workspace, tiny_model: Path, questions: Path) -> None:
    schema = {"enum": ["yes", "no"]}
    bot = {"name": "Bot", "base": str(tiny_model), "decoding": {"schema": schema}}
    (workspace.bots / "bot-1").mkdir()
    files.write_json(workspace.bots / "bot-1" / "bot.json", bot)
    started = evaluations.start(workspace, ["base", "bot-1"], questions=questions)
    assert finish(workspace, started).state == "done", jobs.log_tail(workspace.evaluations / started)
    answers = {(line["system"], line["answer"]) for line in said(workspace, started)}
    assert {answer for system, answer in answers if system == "bot-1"} <= {'"yes"', '"no"'}
    assert not {answer for system, answer in answers if system == "base"} & {'"yes"', '"no"'}


def test_a_sample_is_drawn_with_its_seed_and_said(workspace: Workspace, questions: Path) -> None:
    few = plan(workspace, ["base"], questions=questions, limit=3, seed=5)
    assert len(few.questions) == 3
    assert few == plan(workspace, ["base"], questions=questions, limit=3, seed=5)
    assert few.questions != plan(workspace, ["base"], questions=questions, limit=3, seed=6).questions
    assert few.notes == ("3 of 8 questions are asked, drawn by chance (seed 5).",)


def test_without_a_golden_set_the_runs_own_golden_split_decides(
    workspace: Workspace, run: str, version: Version
) -> None:
    found = plan(workspace, ["base", run])
    assert len(found.questions) == version.counts["golden"]
    assert found.source == "the golden split of what the run learned from"
    golden.add(workspace, "May I pay in seashells?", "We take cards only.")
    assert [question.question for question in plan(workspace, ["base", run]).questions] == ["May I pay in seashells?"]


def test_the_longest_answer_follows_the_expected_ones(workspace: Workspace, run: str, questions: Path) -> None:
    lines = [{"question": f"Question {n}?", "answer": "b" * (100 if n else 400)} for n in range(100)]
    questions.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    # The tiny model's tokens are bytes; one answer in a hundred may be cut.
    assert plan(workspace, ["base", run], questions=questions).decoding.max_new_tokens == 150


@pytest.mark.parametrize(
    ("systems", "error", "words"),
    [
        ([], InputRefused, "No system"),
        (["nobody"], NotFound, "no run or bot called nobody"),
        (["http://example.com/v1"], InputRefused, "not on this machine"),
        (["https://127.0.0.1:8000"], InputRefused, "not on this machine"),
        (["http://127.0.0.1.example.com"], InputRefused, "not on this machine"),
        (["../../etc"], NotFound, "no run or bot"),
    ],
)
def test_systems_that_cannot_be_measured_are_refused(
    workspace: Workspace, questions: Path, systems: list[str], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        evaluations.start(workspace, systems, questions=questions)


class Server(BaseHTTPRequestHandler):
    """Somebody else's OpenAI-compatible server: answers every question with its number."""

    def do_GET(self) -> None:
        self._send({"data": [{"id": "other"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = body["messages"][-1]["content"].split()[-1].rstrip("?")
        assert body["model"] == "other"
        assert body["temperature"] == 0
        text = f"Parcel {number} arrives on day {number}."
        self._send({"choices": [{"message": {"content": text}}], "usage": {"completion_tokens": 9}})

    def _send(self, value: object) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_on_this_machine_is_measured_like_any_other(
    workspace: Workspace, address: str, questions: Path
) -> None:
    started = evaluations.start(workspace, [address], questions=questions)
    assert finish(workspace, started).state == "done", jobs.log_tail(workspace.evaluations / started)
    report = evaluations.report(workspace, started)
    assert report.systems[address]["token_f1"].value == 1.0
    assert report.systems[address]["must_say"].value == 1.0
    assert report.facts == {address: (5, 5)}
    assert report.verdict.endswith("Measure a second system to compare it with.")


def test_a_server_that_is_gone_is_named(workspace: Workspace, questions: Path) -> None:
    started = evaluations.start(workspace, ["http://127.0.0.1:9"], questions=questions)
    status = finish(workspace, started)
    assert status.state == "failed"
    assert status.error is not None
    assert status.error["title"] == "The server at http://127.0.0.1:9 did not answer."
