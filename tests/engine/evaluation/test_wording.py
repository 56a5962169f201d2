"""How much of an answer is in the words of another."""

import pytest

from engine.evaluation.wording import shared_words


def test_words_are_found_whatever_their_case_and_commas_and_the_rest_stays_as_it_was() -> None:
    shared = shared_words("Yes: your LAMP, is\nlate!", "Your lamp is on its way.")

    assert (shared.said, shared.words, shared.share) == (3, 6, 0.5)
    assert shared.parts == (("Yes: ", False), ("your LAMP, is", True), ("\nlate!", False))


def test_a_word_counts_as_often_as_both_have_it() -> None:
    assert shared_words("no no no", "No, no.").said == 2
    assert shared_words("no", "No, no.").said == 1


@pytest.mark.parametrize(("answer", "hoped"), [("", "Yes."), ("Yes.", ""), ("", ""), (" \n", "Yes.")])
def test_nothing_shares_nothing_and_no_letter_is_lost(answer: str, hoped: str) -> None:
    shared = shared_words(answer, hoped)
    assert shared.said == shared.share == 0
    assert "".join(text for text, _ in shared.parts) == answer
