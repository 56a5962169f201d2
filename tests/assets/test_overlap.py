"""The corpus is our own: none of its sentences stands in the real support data."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
sys.path.insert(0, str(ROOT / "assets" / "starter"))

import overlap  # noqa: E402
from corpus import conversation  # noqa: E402

TALKS = 3_000


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data is not at {DATA.name} beside the repository")
def test_no_sentence_is_shared_with_real_support_data() -> None:
    said = [message["content"] for index in range(TALKS) for message in conversation(7, "train", index)]
    found = overlap.compare([*overlap.corpus_lines(), *said], overlap.texts_in(DATA))
    assert found.texts > 100_000
    assert found.whole_sentences(overlap.LEAST_WORDS) == []
