"""Runs the rails of a bot, before it answers and after.

A new rail is a module in `engine.guardrails.rails` with a `judge` and one line in `BEFORE` or `AFTER`. They run in the
order written. The first that refuses or hands over ends the round; a rewrite goes on with its text.
"""

import time
from collections.abc import Callable
from dataclasses import replace

from engine.guardrails.context import Context
from engine.guardrails.policy import Policy
from engine.guardrails.rails import topic
from engine.guardrails.verdict import Verdict

Rail = Callable[[Policy, Context, str], Verdict]

BEFORE: dict[str, Rail] = {"topic": topic.judge}
"""Rails over what the customer wrote."""

AFTER: dict[str, Rail] = {}
"""Rails over what the model answered. While there are none, answers stream word by word."""


def judge(rails: dict[str, Rail], policy: Policy, context: Context, text: str) -> list[Verdict]:
    """The verdicts of `rails` over `text`, in order, up to the first that ends the round."""
    verdicts: list[Verdict] = []
    for rail in rails.values():
        started = time.perf_counter()
        verdict = rail(policy, context, text)
        verdicts.append(replace(verdict, seconds=round(time.perf_counter() - started, 4)))
        if verdict.action in ("refuse", "handover"):
            break
        if verdict.action == "rewrite":
            text = verdict.text
    return verdicts
