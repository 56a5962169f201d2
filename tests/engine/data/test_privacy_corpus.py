"""The sentences that teach the tagger: each label fits, and none is another set's."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[3] / "assets" / "tagger"
LABELLED = Path(__file__).parents[4] / "shared" / "data" / "presidio_research" / "generated_large.json"
CORPUS = [
    line
    for path in sorted((FOLDER / "corpus").glob("*.txt"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line and not line.startswith("# ")
]


@pytest.fixture(scope="module")
def sentences() -> ModuleType:
    pytest.importorskip("faker", reason="faker makes the sentences: pip install tunedesk[dev]")
    spec = importlib.util.spec_from_file_location("tagger_sentences", FOLDER / "sentences.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_slot_can_be_filled(sentences: ModuleType) -> None:
    used = {slot for line in CORPUS for slot in re.findall(r"(?<!\{)\{([a-z_]+)\}(?!\})", line)}
    assert used
    assert [slot for slot in sorted(used) if not hasattr(sentences.Maker, f"_{slot}")] == []


def test_labels_stand_where_the_names_are(sentences: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two locales instead of all: each takes a moment to invent its people.
    monkeypatch.setattr(sentences, "LOCALES", {"en_GB": 2, "de_DE": 1})
    maker = sentences.Maker(5)
    examples = [maker.example() for _ in range(150)]
    spans = [(example.text[start:end], label) for example in examples for start, end, label in example.spans]

    assert {label for _, label in spans} == {"PERSON", "ADDRESS", "PLACE", "COMPANY"}
    assert [text for text, _ in spans if text != text.strip(" \n") or not text] == []
    assert len({example.text for example in examples}) > 140


def test_a_template_is_taught_or_kept_back(sentences: ModuleType) -> None:
    taught, kept_back = (set(sentences.templates("people", unseen)) for unseen in (False, True))
    assert kept_back
    assert not taught & kept_back


def test_no_sentence_is_that_of_a_labelled_set() -> None:
    if not LABELLED.exists():
        pytest.skip("presidio_research/generated_large.json is not beside the checkout (../shared/data)")
    theirs = {_bare(row["masked"]) for row in json.loads(LABELLED.read_text(encoding="utf-8"))}
    # A name over an address is nobody's sentence; one with words would be.
    said = {wording for line in CORPUS for wording in _wordings(line) if re.search(r"[a-wyz]{2}", _bare(wording))}
    assert [wording for wording in sorted(said) if _bare(wording) in theirs] == []


def _wordings(line: str) -> list[str]:
    """Every choice that a template leaves."""
    choice = re.search(r"\[([^\[\]]*\|[^\[\]]*)\]", line)
    if choice is None:
        return [line]
    return [
        wording
        for part in choice[1].split("|")
        for wording in _wordings(line[: choice.start()] + part + line[choice.end() :])
    ]


def _bare(template: str) -> str:
    """A template's words with every slot as X."""
    slots = re.sub(r"\{\{?[a-z_]+\}?\}", " X ", template.replace("\\n", " "))
    return " ".join(slots.lower().replace(",", " ").replace(".", " ").split())
