"""What the words of helpdesks say of how a conversation ended: solved or not, well or badly rated."""

from engine.data.duplicates import normalise

_UNSOLVED = {
    "new", "open", "pending", "hold", "on hold", "reopened", "re opened", "unsolved", "unresolved", "not solved",
    "not resolved", "in progress", "waiting", "waiting on customer", "waiting on agent", "awaiting reply",
    "active", "snoozed", "escalated", "abandoned", "draft",
}  # fmt: skip
_SPAM = {"spam", "junk", "suspended"}
_DELETED = {"deleted", "trash", "trashed"}
_BAD = {
    "bad", "very bad", "poor", "very poor", "negative", "unsatisfied", "dissatisfied", "very dissatisfied",
    "very unsatisfied", "unhappy", "thumbs down", "terrible", "awful", "not helpful", "unhelpful", "not good",
}  # fmt: skip
# Marks up to this share of the best one are bad: 1 and 2 of 5, up to 4 of 10.
_BAD_SHARE = 0.4


def unwanted(status: str, score: str, best_score: float | None) -> str:
    """Why a conversation of this status and mark is no model to learn from; empty if it may be one."""
    state = normalise(status)
    if state in _SPAM:
        return "Marked as spam"
    if state in _DELETED:
        return "Marked as deleted"
    if state in _UNSOLVED:
        return f"Not solved (status: {state})"
    return f"Badly rated (rating: {score})" if _badly_rated(score, best_score) else ""


def _badly_rated(score: str, best_score: float | None) -> bool:
    if score.replace(".", "", 1).isdecimal() and best_score:
        # 1 on a scale of 0 and 1 is the best, 1 on a scale of 5 the worst.
        return float(score) <= best_score * _BAD_SHARE
    return normalise(score) in _BAD
