"""Which marks count, and which examples are golden conversations, as conditions over the columns of `examples`."""

GOOD = 0.8
"""From this mark on, an example can be golden."""

UNSOLVED = "The conversation was not solved."
BADLY_RATED = "The customer rated it badly."
HALF_RATED = "The customer rated it neither well nor badly."

STALE = "judged_at IS NULL"
"""The condition that an example has no mark that counts: it was never judged, or a text of it changed since."""

_SPOILED = ", ".join(f"'{reason}'" for reason in (UNSOLVED, BADLY_RATED, HALF_RATED))
GOLDEN = (
    f"(examples.status = 'active' AND quality >= {GOOD} AND NOT {STALE} "
    f"AND NOT list_has_any(quality_reasons, [{_SPOILED}]) AND reopened = 0)"
)
"""The condition of a golden conversation: a good mark that counts, solved as far as is known, never opened again, rated
well or not at all."""
