"""What one rail decided about one message or answer, why, and on what evidence."""

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Action = Literal["allow", "refuse", "rewrite", "handover"]


@dataclass(frozen=True)
class Verdict:
    """One decision.

    `reason` is a sentence for people. `evidence` is what the decision rests on, in plain JSON values, and differs from
    rail to rail. `seconds` is how long the rail took. `text` is what a "rewrite" puts in the place of what was judged.
    """

    rail: str
    action: Action
    reason: str
    evidence: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    text: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The verdict as it stands in a log line and in an answer of the server."""
        return asdict(self)
