"""Questions that measure and are learned as well: what is measured with them tells memory, not skill."""

from collections.abc import Iterator, Sequence

from engine.data.duplicates import NEAR, normalise
from engine.data.examples import Example
from engine.training.checks.examples import evenly
from engine.training.checks.finding import Finding
from engine.words import so_many

# Near copies among so many learned and measuring questions are found in about a second (100,000 texts of 500 letters
# take 35); of more, so many are taken evenly. Exact copies are looked for among all.
LEARNED, MEASURING = 4_000, 1_000
# In a group of texts that are alike, a question is compared with so many of the learned ones.
IN_GROUP = 64
# Where a larger share of all is alike, as in texts made from a template, freezing divides them on purpose and says so
# in the version's notes (`engine.data.division`).
MOST_ALIKE = 0.25


def check_leaks(
    learned: Sequence[Example], golden: Sequence[str], validation: Sequence[str], before: Sequence[Example] = ()
) -> Iterator[Finding]:
    """Golden and validation questions that are, exactly or nearly, among those that are learned.

    Args:
        golden: all golden questions, those of the version and those picked by hand.
        before: what was learned in the run to go on from.
    """
    known = [example.instruction for example in (*learned, *before)]
    for kind, title, message, questions in (
        (
            "golden_learned",
            "{n} would be learned.",
            "An evaluation would tell how well it remembers them, and not how well it answers.",
            golden,
        ),
        (
            "validation_learned",
            "{n} would be learned.",
            "The validation loss would look better than it is, and early stopping would come too late.",
            validation,
        ),
    ):
        found = copies(known, questions)
        if not found:
            continue
        what = so_many(len(found), "golden question" if kind == "golden_learned" else "validation question")
        yield Finding(
            kind,
            "warns",
            title.format(n=what),
            f"{message} One is: “{questions[found[0]][:80]}”",
            "Begin afresh, or go on from a run that has not learned them."
            if before and not copies([example.instruction for example in learned], questions)
            else "Freeze another version: it leaves out what asks the same as a golden question, and keeps copies on "
            "one side.",
            examples=len(found),
        )


def copies(learned: Sequence[str], measuring: Sequence[str]) -> list[int]:
    """The places of the measuring questions that are the same as or near to a learned one."""
    known = {normalise(question) for question in learned}
    plain = [normalise(question) for question in measuring]
    exact = {place for place, question in enumerate(plain) if question and question in known}
    return sorted(exact | _near(sorted(known - {""}), plain, exact))


def _near(known: Sequence[str], plain: Sequence[str], exact: set[int]) -> set[int]:
    """The places of questions that are near a learned one; time grows with the number of questions, not its square."""
    # Its libraries take half a second to load.
    import numpy as np

    from engine.data.nearness import groups, members, plain_texts, similarities

    asked = evenly([place for place, question in enumerate(plain) if question and place not in exact], MEASURING)
    among = evenly(known, LEARNED)
    if not asked or not among:
        return set()
    texts = plain_texts([*among, *(plain[place] for place in asked)])
    found: set[int] = set()
    for group in members(groups(texts, NEAR)):
        ours, theirs = group[group < len(among)], group[group >= len(among)]
        if not len(ours) or not len(theirs) or len(group) > max(2, MOST_ALIKE * len(texts)):
            continue
        ours = ours[:: -(-len(ours) // IN_GROUP)]
        # A group is joined over any number of steps: only who is near by itself counts.
        left, right = np.repeat(theirs, len(ours)), np.tile(ours, len(theirs))
        near = similarities(texts, left, right) >= NEAR
        found |= {asked[place - len(among)] for place in left[near].tolist()}
    return found
