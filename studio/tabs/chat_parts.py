"""What the Chat tab shows, as HTML: the talk, why an answer is as it is, the policy in plain words, things to try."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from engine.guardrails.policy import Policy
from engine.guardrails.verdict import Verdict
from engine.serving.bots import Bot
from engine.serving.clients import Waiting
from engine.serving.conversation import Done, Event, Piece
from studio.pieces import bar

PRESSED = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("[data-ask]");
  if (button) trigger("ask", { text: button.dataset.ask });
});
"""
RAILS = {"topic": "Topic"}
DECIDED = {
    "allow": ("passed", "td-good"),
    "rewrite": ("changed", "td-warn"),
    "refuse": ("stopped", "td-bad"),
    "handover": ("handed over", "td-warn"),
}
OFF_TOPIC = ("What will the weather be like tomorrow?", "Write me a poem about the sea.")
ON_TOPIC = ("Where is my order?", "How do I return something?")


@dataclass
class Answer:
    """What one bot said to one message, so far."""

    text: str = ""
    waiting: str = ""
    verdicts: list[Verdict] = field(default_factory=list)
    done: Done | None = None

    def take(self, event: Event | Waiting) -> None:
        """Adds what the bot's server told."""
        match event:
            case Waiting():
                self.waiting = event.message
            case Verdict():
                self.verdicts.append(event)
            case Piece():
                self.text += event.text
            case Done():
                self.done, self.text = event, event.text


@dataclass
class Round:
    """A message and the answers to it, by bot id."""

    question: str
    answers: dict[str, Answer]


def talk(rounds: Sequence[Round], names: dict[str, str]) -> str:
    """The talk: messages, and under each the answers, side by side where there are two."""
    if not rounds:
        return (
            '<div class="td-empty"><h3>Ask what your customers ask</h3>'
            "<p>Under every answer, Why shows what the guardrails decided and on what evidence.</p></div>"
        )
    drawn = "".join(_round(number, each, names) for number, each in enumerate(rounds))
    return f'<div class="td-talk" aria-live="polite">{drawn}</div>'


def _round(number: int, turn: Round, names: dict[str, str]) -> str:
    columns = "".join(
        _answer(names.get(bot, bot), answer, len(turn.answers) > 1, fold=f"why-{number}-{bot}")
        for bot, answer in turn.answers.items()
    )
    return (
        f'<div class="td-bubble td-customer">{escape(turn.question)}</div>'
        f'<div class="td-answers" data-columns="{len(turn.answers)}">{columns}</div>'
    )


def _answer(name: str, answer: Answer, named: bool, fold: str) -> str:
    title = f"<h4>{escape(name)}</h4>" if named else ""
    if not answer.text:
        words = escape(answer.waiting or "Thinking")
        said = "No answer." if answer.done else f"{words}{bar(None) if answer.waiting else ''}"
        return f'<section>{title}<div class="td-bubble td-pending">{said}</div></section>'
    return f'<section>{title}<div class="td-bubble">{escape(answer.text)}</div>{_why(answer, fold)}</section>'


def _why(answer: Answer, fold: str) -> str:
    """The rails as a list that can be opened, once the answer is whole. `fold` keeps it open when it is drawn again."""
    if answer.done is None:
        return ""
    refused = answer.done.finish == "refused"
    rails = "".join(_verdict(verdict) for verdict in answer.verdicts)
    cut = "<p>The answer was cut off at its longest length.</p>" if answer.done.finish == "length" else ""
    times = (
        f'<p class="td-quiet">First word after {answer.done.first_seconds:.2f} s, all of it after '
        f"{answer.done.seconds:.2f} s.</p>"
    )
    title = "Why was this refused?" if refused else "Why?"
    head = f'<details class="td-why" data-fold="{escape(fold)}"><summary>{title}</summary>'
    return f"{head}<ul>{rails}</ul>{cut}{times}</details>"


def _verdict(verdict: Verdict) -> str:
    word, css = DECIDED[verdict.action]
    took = f"{1000 * verdict.seconds:.0f} ms" if verdict.seconds >= 0.001 else "under 1 ms"
    return (
        f'<li><p><b>{RAILS.get(verdict.rail, verdict.rail)}</b> <span class="td-chip {css}">{word}</span> '
        f'<span class="td-quiet">{took}</span></p><p>{escape(verdict.reason)}</p>{_evidence(verdict.evidence)}</li>'
    )


def _evidence(evidence: dict[str, Any]) -> str:
    if not evidence:
        return ""
    judged = f"<p>Judged with the message before it: “{escape(evidence['judged'])}”</p>"
    return (
        (judged if evidence.get("follow_up") else "")
        + _nearest("Nearest questions it was trained on", evidence["nearest"])
        + _nearest("Nearest messages about other things", evidence["elsewhere"])
        + '<p class="td-quiet">Alike on a scale from 0 to 1. The score is the mean of the first three less half the '
        "mean of the second three.</p>"
    )


def _nearest(title: str, found: Sequence[dict[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td>{escape(str(each["question"]))}</td><td class="td-figure">{each["similarity"]:.2f}</td></tr>'
        for each in found
    )
    head = f"<thead><tr><th>{title}</th><th>Alike</th></tr></thead>"
    return f'<table class="td-table td-evidence">{head}<tbody>{rows}</tbody></table>'


def policy(bot: Bot, rules: Policy) -> str:
    """What the bot talks about and how sure its topic rail is, in plain words."""
    if not rules.topic.on:
        reason = (
            "It was not trained, so nobody knows what its topics are."
            if not bot.trained
            else "The topic rail is off in its policy, or it has too few questions to be limited by."
        )
        return f'<div class="td-card"><h3>Guardrails</h3><p><b>Talks about anything.</b> {reason}</p></div>'
    topics = escape(", ".join(rules.topic.topics)) or "what its training questions are about"
    measured = rules.topic.measured
    return (
        '<div class="td-card"><h3>Guardrails</h3>'
        f"<p><b>Talks only about:</b> {topics}.</p>"
        f"<p><b>To anything else it says:</b> {escape(rules.refusal)}</p>"
        f"<p>Wrongly refuses <b>{measured.refused} of {measured.questions}</b> of its own questions; turns away "
        f"<b>{measured.caught} of {measured.off_topic}</b> everyday messages about other things. Both were counted "
        "with each message left out of what it was compared with.</p></div>"
    )


def to_try(questions: Sequence[str]) -> str:
    """Messages to try, as buttons: some the bot should answer, some it should turn away."""
    return (
        f'<div class="td-try"><p class="td-quiet">Should be answered</p>{_asks(questions or ON_TOPIC)}'
        f'<p class="td-quiet">Should be turned away by a trained bot</p>{_asks(OFF_TOPIC)}</div>'
    )


def _asks(questions: Sequence[str]) -> str:
    return "".join(
        f'<button type="button" class="td-ask" data-ask="{escape(each)}">{escape(each)}</button>' for each in questions
    )


def making(name: str, message: str) -> str:
    """A bot that is being made from a run."""
    return (
        f'<div class="td-card"><p><b>The bot of {escape(name)} is being made.</b> {escape(message or "Starting")}</p>'
        f"{bar(None, 'Making the bot')}</div>"
    )
