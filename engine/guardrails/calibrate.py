"""Finds a bot's threshold on its own questions, so that nobody has to know what a cosine is."""

from dataclasses import replace

import numpy as np

from engine.guardrails.policy import Measured, Policy
from engine.guardrails.topic_index import TopicIndex


def calibrate_topic(policy: Policy, index: TopicIndex | None) -> Policy:
    """The policy with the topic rail's threshold set for its stated share of wrong refusals.

    Each own question is scored without itself and its near copies; the threshold is the highest at which no more than
    the stated share of them would be refused. What it catches is counted on everyday messages about other things, each
    scored without itself. Without an index, for lack of questions, the rail is off.
    """
    if index is None:
        return replace(policy, topic=replace(policy.topic, on=False, measured=Measured()))
    own = np.sort(index.scores.own)
    threshold = round(float(own[int(policy.topic.wrong_refusals * len(own))]) - 0.00005, 4)
    measured = Measured(
        questions=len(own),
        refused=int((own < threshold).sum()),
        off_topic=len(index.elsewhere),
        caught=int((index.scores.elsewhere < threshold).sum()),
    )
    return replace(policy, topic=replace(policy.topic, on=True, threshold=threshold, measured=measured))
