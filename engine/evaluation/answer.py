"""The job that asks: every system gets every question, answers go to `answers.jsonl` a line at a time.

    python -m engine.evaluation.answer EVALUATION_FOLDER

Needs `evaluation.json` in the folder and what that names in the workspace; never opens the database. Started again in
the same folder it asks only what has no answer yet. Scores are computed at the end into `scored.jsonl`.
"""

import gc
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from engine import files, jobs
from engine.errors import ModelUnavailable
from engine.evaluation import metrics
from engine.evaluation.golden import Question
from engine.evaluation.normalise import says
from engine.evaluation.systems import System
from engine.models.generation import Decoding

BATCH = 16
SERVER_TIMEOUT = 300.0

Said = tuple[str, int, float]
"""An answer's text, its length in tokens, the seconds it took."""


def main(folder: Path, report: jobs.Report) -> dict[str, Any]:
    """Asks, scores and returns the account: answers, seconds, tokens per second, whether it was stopped."""
    plan = files.read_json(folder / "evaluation.json")
    systems = [System(**saved) for saved in plan["systems"]]
    questions = [Question.from_dict(saved) for saved in plan["questions"]]
    decoding = Decoding(**plan["decoding"])
    asked = _Asking(folder, report, steps=len(systems) * len(questions))
    for system in systems:
        waiting = [question for question in questions if (system.name, question.id) not in asked.answered]
        if waiting and not report.stop_requested():
            report.update(step=len(asked.answered), steps=asked.steps, message=f"Loading {system.label}")
            asked.ask(system, waiting, decoding)
            # A model refers to itself in circles, and the next one needs its memory.
            gc.collect()
    report.update(step=len(asked.answered), steps=asked.steps, message="Scoring the answers", seconds_left=5.0)
    _score(folder, questions)
    complete = len(asked.answered) == asked.steps
    return {"state": "done" if complete else "stopped", "answers": len(asked.answered), **asked.speed()}


class _Asking:
    """The answers so far, on disk and in number, and how fast they come."""

    def __init__(self, folder: Path, report: jobs.Report, steps: int) -> None:
        self.path = folder / "answers.jsonl"
        self.root = folder.parent.parent
        self.report = report
        self.steps = steps
        self.new = self.tokens = 0
        self.seconds = 0.0
        kept = list(files.read_jsonl(self.path))
        # Written again, as a torn last line would swallow the first new one.
        files.write_text(self.path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in kept))
        self.answered = {(line["system"], line["id"]) for line in kept}

    def ask(self, system: System, questions: Sequence[Question], decoding: Decoding) -> None:
        """Puts the questions to one system, loaded once, until all are answered or a stop is requested."""
        answers = self._server(system, decoding) if system.url else self._model(system, decoding)
        # Questions of like length in one batch leave less padding to compute.
        ordered = sorted(questions, key=lambda question: -sum(len(turn["content"]) for turn in question.messages()))
        for start in range(0, len(ordered), BATCH):
            if self.report.stop_requested():
                return
            batch = ordered[start : start + BATCH]
            began = time.monotonic()
            said = answers([question.messages() for question in batch])
            if len(said) < len(batch):
                return
            self.seconds += time.monotonic() - began
            self._keep(system, batch, said, decoding)

    def _keep(self, system: System, batch: Sequence[Question], said: Sequence[Said], decoding: Decoding) -> None:
        for question, (text, tokens, seconds) in zip(batch, said, strict=True):
            cut = tokens >= decoding.max_new_tokens
            line = {"system": system.name, "id": question.id, "answer": text, "seconds": seconds, "cut": cut}
            files.append_jsonl(self.path, line)
            self.answered.add((system.name, question.id))
            self.tokens += tokens
        self.new += len(batch)
        left = (self.steps - len(self.answered)) * self.seconds / self.new
        self.report.update(step=len(self.answered), message=f"Asking {system.label}", seconds_left=left)

    def _model(self, system: System, decoding: Decoding) -> Callable[[list[list[dict[str, str]]]], list[Said]]:
        from engine.models.generation import generate_batch
        from engine.models.loading import load_for_inference

        loaded = load_for_inference(system.base, self.root / system.adapter if system.adapter else None)
        held = replace(decoding, schema=system.schema)

        def stop() -> bool:
            return self.report.stop_requested() is not None

        def answers(conversations: list[list[dict[str, str]]]) -> list[Said]:
            made = generate_batch(loaded, conversations, held, batch_size=BATCH, stop=stop)
            # Asked to stop in the middle, the last answers are cut short: better none than those.
            return [] if stop() else [(each.text, each.tokens, each.seconds) for each in made]

        return answers

    def _server(self, system: System, decoding: Decoding) -> Callable[[list[list[dict[str, str]]]], list[Said]]:
        # No proxy from the environment: what is asked stays on this machine.
        client = httpx.Client(base_url=system.url, timeout=SERVER_TIMEOUT, trust_env=False)
        model = _served(client, "GET", "/v1/models")["data"][0]["id"]

        def answer(messages: list[dict[str, str]]) -> Said:
            began = time.monotonic()
            body = {
                "model": model,
                "messages": messages,
                "max_tokens": decoding.max_new_tokens,
                "temperature": decoding.temperature,
            }
            made = _served(client, "POST", "/v1/chat/completions", body)
            text = made["choices"][0]["message"]["content"] or ""
            return text, (made.get("usage") or {}).get("completion_tokens", 0), time.monotonic() - began

        return lambda conversations: [answer(messages) for messages in conversations]

    def speed(self) -> dict[str, float]:
        """How fast the answers of this start came; zeros if all were there already."""
        per_second = self.tokens / self.seconds if self.seconds else 0.0
        return {"seconds": round(self.seconds, 2), "tokens_per_second": round(per_second, 1)}


def _served(client: httpx.Client, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    remedy = "Start it, look at its log, then resume the evaluation."
    try:
        response = client.request(method, path, json=body).raise_for_status()
        answer: dict[str, Any] = response.json()
    except (httpx.HTTPError, json.JSONDecodeError) as error:
        raise ModelUnavailable(f"The server at {client.base_url} did not answer.", str(error), remedy) from error
    return answer


def _score(folder: Path, questions: Sequence[Question]) -> None:
    """Scores every answer that is there: 0 to 1 per metric, only those metrics that the question can be measured by."""
    lines = list(files.read_jsonl(folder / "answers.jsonl"))
    by_id = {question.id: question for question in questions}
    measured = [line for line in lines if by_id[line["id"]].expected.strip()]
    for metric in metrics.METRICS:
        scores = metrics.score(
            metric, [line["answer"] for line in measured], [by_id[line["id"]].expected for line in measured]
        )
        for line, value in zip(measured, scores, strict=True):
            line.setdefault("scores", {})[metric] = value
    for line in lines:
        line.setdefault("scores", {}).update(_facts(by_id[line["id"]], line["answer"]))
    files.write_text(folder / "scored.jsonl", "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))


def _facts(question: Question, answer: str) -> Iterator[tuple[str, float]]:
    """The share of the facts that must be said and were, and of those that must not be said and were."""
    for name, facts in (("must_say", question.must_say), ("must_not_say", question.must_not_say)):
        if facts:
            yield name, sum(says(answer, fact) for fact in facts) / len(facts)


if __name__ == "__main__":
    raise SystemExit(jobs.run(main))
