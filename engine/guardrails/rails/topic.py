"""Turns away what is not the business's: messages far from every question that the bot was trained on.

Greetings, thanks and the wish to talk to a person pass. A short follow-up ("and to Canada?") or a short reply to the
bot's own question is judged together with the customer's turn before it, because alone it is about nothing; one that
alone is plainly about something else ("and who won the match?") is not. English only, as the embedding is.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.guardrails.context import Context, Message
from engine.guardrails.policy import Policy
from engine.guardrails.topic_index import Neighbour, Placed
from engine.guardrails.verdict import Verdict

NAME = "topic"

_COURTESY = re.compile(
    r"\b(hi|hiya|hello|hey|howdy|greetings|dear|good|morning|afternoon|evening|night|day|have|a|nice|lovely|great|one|you|too|"
    r"how|are|doing|today|there|all|everyone|team|sir|madam|"
    r"thanks?|thank|thx|cheers|ta|much|appreciated|very|so|many|lot|again|for|your|the|help|helping|that|thats|is|was|helpful|"
    r"that's|it|it's|this|perfect|brilliant|excellent|awesome|wonderful|fine|okay|ok|alright|got|understood|sure|"
    r"bye|goodbye|see|later|take|care|please|sorry|yes|yeah|yep|no|nope|not|right|now|anything|else|nothing|i|i'm|im|am|"
    r"appreciate)\b"
)
# One of these makes it a courtesy; "is that all for you" alone does not.
_COURTEOUS = re.compile(
    r"\b(hi|hiya|hello|hey|howdy|greetings|good (morning|afternoon|evening|day|night)|thanks?|thx|cheers|appreciated?|"
    r"perfect|brilliant|excellent|awesome|wonderful|great|okay|ok|alright|bye|goodbye|see you|take care|sorry|yes|"
    r"yeah|yep|no|nope|got it|understood|sure|please)\b"
)
_FOLLOW_UP = re.compile(
    r"^(and|or|but|so|also|then|what about|how about|what if|why|when|where|which one|who|how (much|long|many|soon|"
    r"often)|ok(ay)?|yes|yeah|no|still)\b|"
    r"\b(it|its|that|this|those|these|them|they|there|one|ones|same|other|another|instead|either|too)\b"
)
_PERSON = re.compile(
    r"\b(talk|speak|chat|connect|transfer|pass|put|reach|want|need|get|give)\b.{0,30}\b(human|person|people|agent|someone|"
    r"somebody|representative|operator|manager|supervisor|colleague|employee)\b|"
    r"\bare you (a |an )?(real|human|person|bot|robot|machine)\b"
)
FOLLOW_UP_WORDS = 8
REPLY_WORDS = 15
THANKS_WORDS = 12


def judge(policy: Policy, context: Context, message: str) -> Verdict:
    """Allows or refuses a customer's message.

    The evidence: the text that was judged, its score, the threshold, and the nearest of the bot's questions and of
    everyday messages about other things, with their cosine similarities; `follow_up` where it was judged with the turn
    before it.
    """
    if not policy.topic.on or context.topics is None:
        return Verdict(NAME, "allow", "This bot is not limited to topics.")
    if is_courtesy(message):
        return Verdict(NAME, "allow", "It is a greeting, a thank-you or a plain yes or no.")
    if _PERSON.search(message.lower()) and len(message.split()) <= REPLY_WORDS:
        return Verdict(NAME, "allow", "It asks for a person, or whether this is one.")
    alone = context.topics.place(message)
    if alone.score >= policy.topic.threshold or alone.plainly_elsewhere:
        return _verdict(policy, alone, message)
    if is_friendly_remark(message):
        return Verdict(
            NAME, "allow", "It is a friendly remark with thanks or a greeting.", _evidence(policy, alone, message)
        )
    together = judged_text(message, context.history)
    if together == message:
        return _verdict(policy, alone, message)
    verdict = _verdict(policy, context.topics.place(together), together)
    return replace(verdict, evidence={**verdict.evidence, "follow_up": True})


def is_friendly_remark(message: str) -> bool:
    """Whether a message thanks or greets in a few words of its own ("Thanks, that was quick") and asks nothing."""
    text = message.lower()
    return "?" not in text and len(text.split()) <= THANKS_WORDS and bool(_COURTEOUS.search(text))


def is_courtesy(message: str) -> bool:
    """Whether a message is nothing but a greeting, thanks, a goodbye or a plain yes or no."""
    text = message.lower().replace("\u2019", "'").strip()
    return bool(_COURTEOUS.search(text)) and not re.sub(r"[\W_]+", "", _COURTESY.sub("", text))


def judged_text(message: str, history: Sequence[Message]) -> str:
    """The message, with the customer's turn before it where it cannot stand alone."""
    before = [turn["content"] for turn in history if turn["role"] == "user"]
    if not before:
        return message
    words = len(message.split())
    replies = history[-1]["role"] == "assistant" and "?" in history[-1]["content"] and words <= REPLY_WORDS
    follows = words <= FOLLOW_UP_WORDS and (words <= 2 or _FOLLOW_UP.search(message.lower()) is not None)
    return f"{before[-1]} {message}" if replies or follows else message


def _verdict(policy: Policy, placed: Placed, text: str) -> Verdict:
    evidence = _evidence(policy, placed, text)
    score, threshold = f"{placed.score:.2f}", f"{policy.topic.threshold:.2f}"
    if placed.score >= policy.topic.threshold:
        reason = f"It is close to the questions the bot was trained on: it scores {score}, and {threshold} is enough."
        return Verdict(NAME, "allow", reason, evidence)
    reason = f"It is too far from the questions the bot was trained on: it scores {score}, and {threshold} is needed."
    return Verdict(NAME, "refuse", reason, evidence)


def _evidence(policy: Policy, placed: Placed, text: str) -> dict[str, Any]:
    return {
        "judged": text,
        "score": round(placed.score, 3),
        "threshold": round(policy.topic.threshold, 3),
        "nearest": [_fact(each) for each in placed.own],
        "elsewhere": [_fact(each) for each in placed.elsewhere],
    }


def _fact(neighbour: Neighbour) -> dict[str, str | float]:
    return {"question": neighbour.text, "similarity": round(neighbour.similarity, 3)}
