"""What a rail may look at besides the text it judges."""

from dataclasses import dataclass

from engine.guardrails.topic_index import TopicIndex

Message = dict[str, str]
"""{"role": "system" | "user" | "assistant", "content": text}"""


@dataclass(frozen=True)
class Context:
    """The turns before the judged text, oldest first, and what the bot's folder holds for its rails."""

    history: tuple[Message, ...] = ()
    topics: TopicIndex | None = None
