"""When two texts are the same, or nearly."""

from engine.data.duplicates import Lookup, normalise, pieces, similarity


def test_normalising_keeps_words_alone() -> None:
    assert normalise("  Where's   MY order?!\n") == normalise("where s my order")
    assert normalise("Ｃａｆé") == normalise("cafe\u0301".replace("e\u0301", "é"))
    assert normalise("...") == ""
    assert normalise("order 12") != normalise("order 13")


def test_similarity_is_jaccard_over_pieces() -> None:
    same = pieces("where is my order")
    assert similarity(same, same) == 1.0
    assert similarity(same, pieces("plants in winter")) == 0.0
    assert similarity(pieces(""), same) == 0.0


def test_lookup_finds_the_closest() -> None:
    lookup = Lookup(["Can I return a plant in winter?", "Where is my order number twelve today?"])
    exact = lookup.find("can i return a plant in winter")
    assert exact is not None
    assert (exact.place, exact.exact) == (0, True)
    near = lookup.find("Where is my order number twelve today now?")
    assert near is not None
    assert (near.place, near.exact) == (1, False)
    assert lookup.find("Do you sell gift cards?") is None
    assert Lookup([]).find("anything") is None
