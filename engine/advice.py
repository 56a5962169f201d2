"""Whether fine-tuning is the right tool, from five questions that a person can answer without knowing the field.

Three tools are weighed: a prompt (instructions and a few examples given with every question), a knowledge base
(documents in which the bot looks things up) and fine-tuning (examples from which a model learns how to answer). The
rules are those of the field's usual advice: few examples belong in a prompt, facts that change belong in documents, and
voice, format and routine belong in the model.
"""

from dataclasses import dataclass
from typing import Literal

Tool = Literal["prompt", "knowledge", "tune", "both"]

QUESTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "examples": (
        "How many good answers to customers do you have on file?",
        {"handful": "A handful, fewer than 50", "some": "Some, 50 to 500", "many": "Many, 500 or more"},
    ),
    "wish": (
        "What should a bot get right above all?",
        {"facts": "Facts: prices, dates, terms", "voice": "Voice, format and routine", "both": "Both alike"},
    ),
    "change": (
        "How often do the facts in your answers change?",
        {"weekly": "Every week or so", "yearly": "A few times a year", "never": "Hardly ever"},
    ),
    "routine": (
        "How much of what customers ask is the same few things?",
        {"most": "Most of it", "half": "About half", "little": "Little, each case is its own"},
    ),
    "prompt": (
        "Does a chat model with good instructions already answer well enough?",
        {"yes": "Yes", "nearly": "Nearly", "no": "No", "untried": "Not tried yet"},
    ),
}
"""What is asked: question and possible answers, in the order of the screen; keys are the fields of `Situation`."""


@dataclass(frozen=True)
class Situation:
    """A person's answers, each one of the keys in `QUESTIONS`."""

    examples: str
    wish: str
    change: str
    routine: str
    prompt: str

    def __post_init__(self) -> None:
        for name, (_, allowed) in QUESTIONS.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")


@dataclass(frozen=True)
class Advice:
    """The tool to use, one sentence that says so, and the reasons in the order of their weight."""

    tool: Tool
    sentence: str
    reasons: tuple[str, ...]


SENTENCES: dict[Tool, str] = {
    "prompt": "Start with a good prompt; fine-tuning would not pay yet.",
    "knowledge": "Build a knowledge base first; fine-tuning does not teach facts well.",
    "tune": "Fine-tuning is the right tool for this.",
    "both": "Use both: fine-tune for how to answer, and look the facts up in a knowledge base.",
}


def advise(situation: Situation) -> Advice:
    """Weighs the answers. What rules fine-tuning out comes first, then where the facts should live."""
    tool = _tool(situation)
    return Advice(tool, SENTENCES[tool], tuple(_reasons(situation, tool)))


def _tool(situation: Situation) -> Tool:
    facts_move = situation.change == "weekly"
    if situation.prompt == "yes":
        return "prompt"
    if situation.wish == "facts":
        return "prompt" if situation.examples == "handful" and not facts_move else "knowledge"
    if situation.examples == "handful":
        return "knowledge" if facts_move else "prompt"
    if facts_move or situation.wish == "both":
        return "both"
    return "tune"


def _reasons(situation: Situation, tool: Tool) -> list[str]:
    reasons = []
    if situation.prompt == "yes":
        reasons.append("What works already needs no training. Come back when it costs too much, is too slow or drifts.")
    if situation.examples == "handful":
        reasons.append("A handful of examples fits into the prompt itself; a model learns a voice from about 500.")
    if situation.examples == "some":
        reasons.append("50 to 500 examples show what is possible. Expect a clear gain in voice and less in rare cases.")
    if situation.examples == "many" and tool in ("tune", "both"):
        reasons.append("500 to 2,000 good examples are what this usually takes, and you have them.")
    if situation.change == "weekly":
        reasons.append("Facts that change every week would be stale in the model; in a document you change a line.")
    if situation.wish == "facts" and tool == "knowledge":
        reasons.append("A model remembers facts only roughly; in a document they are read word for word.")
    if situation.wish in ("voice", "both") and tool in ("tune", "both"):
        reasons.append("Voice, format and routine are what a model learns well from examples.")
    if situation.routine == "most" and tool in ("tune", "both"):
        reasons.append("Much routine means that each kind of question is seen often enough to be learned.")
    if situation.routine == "little":
        reasons.append("When each case is its own, let a person decide, and let the bot draft or hand over.")
    if situation.prompt == "untried" and tool != "tune":
        reasons.append("An afternoon with a good prompt tells you what is really missing.")
    return reasons
