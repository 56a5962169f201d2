"""The tagger: the layers compute what the package's do, windows and batches change nothing, names are found."""

import subprocess
import sys
from itertools import pairwise

import pytest

from engine.data import minilm
from engine.data.privacy import Finding, Scrubber, tag, tagger
from engine.errors import ModelUnavailable


def test_torch_waits_until_there_is_something_to_tag() -> None:
    code = (
        "import sys; from engine.data.privacy import scrub, tag; scrub('Ann, a@b.co', ['Ann']); tag(['', '...']);"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_layers_compute_what_the_packages_do() -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import BertModel

    from engine.data.privacy.encoder import embed_tokens, run_layer

    weights = load_file(minilm.folder() / "model.safetensors")
    ids = torch.tensor([[minilm.CLS, 2026, 2171, 2003, 4698, minilm.SEP], [minilm.CLS, 7592, minilm.SEP, 0, 0, 0]])
    mask = ids != minilm.PAD
    with torch.inference_mode():
        hidden = embed_tokens(ids, weights)
        for number in range(tagger.LAYERS):
            hidden = run_layer(hidden, mask[:, None, None, :], weights, number)
        reference = BertModel.from_pretrained(minilm.folder(), local_files_only=True).eval()
        expected = reference(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    torch.testing.assert_close(hidden[mask], expected[mask], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi, this is Anna Lindqvist, my parcel is late.", [("PERSON", "Anna Lindqvist")]),
        ("Please ask Gregor to call me back", [("PERSON", "Gregor")]),
        ("my name is peter novak and i lost my card", [("PERSON", "peter novak")]),
        ("We are flying to Lisbon next week", [("PLACE", "Lisbon")]),
        ("Send it to 14 Rose Street, Leeds, please.", [("ADDRESS", "14 Rose Street, Leeds")]),
    ],
)
def test_names_and_places_are_found(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(finding.type, finding.text) for finding in tag([text])[0]] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Where is my order? I want a refund.",
        "Click on Settings, then choose Reset Password.",
        "Dear {{Customer Name}}, [PERSON_1] will call you at [PHONE].",
        "Do you deliver to Portugal or the UK?",
        "Flights from France, Spain",
        "I paid with PayPal on Monday and Visa in May.",
        "",
        "...",
    ],
)
def test_what_is_nobody_stays(text: str) -> None:
    assert tag([text]) == [[]]


def test_batches_and_windows_change_nothing() -> None:
    filler = "The parcel has not come and nobody answers the mails that we send every morning. " * 30
    long = f"{filler}My name is Anna Lindqvist. {filler}"
    texts = [long, "Hi Gregor,", "", "We live in Lisbon now."]
    together = tag(texts)

    found = [finding.text for finding in together[0]]
    assert found == ["Anna Lindqvist"]
    assert together[0][0].start == long.index("Anna")
    assert [[finding.text for finding in tag([text])[0]] for text in texts] == [
        [finding.text for finding in findings] for findings in together
    ]


def test_every_token_of_a_long_text_is_in_a_window() -> None:
    for tokens in (0, 1, 127, 128, 129, 224, 225, 1000):
        starts = list(tagger._window_starts(tokens))
        assert starts[0] == 0
        assert starts[-1] + tagger.WINDOW >= tokens
        assert all(second - first == tagger.STRIDE for first, second in pairwise(starts))


def test_a_known_name_comes_before_what_is_tagged() -> None:
    text = "Anna Lindqvist met Gregor in Lisbon"
    clean, _ = Scrubber(["Gregor Maier"]).scrub(text, tag([text])[0])
    assert clean == "[PERSON_2] met [PERSON_1] in [PLACE]"


def test_a_missing_model_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tagger, "WEIGHTS", tagger.WEIGHTS.with_name("nowhere.safetensors"))
    tagger._load.cache_clear()
    try:
        with pytest.raises(ModelUnavailable, match="finds names is missing"):
            tag(["Ann"])
    finally:
        tagger._load.cache_clear()


def test_a_finding_joins_words_and_ends_at_a_line() -> None:
    text = "Ann Lee\nBo Ray, 5 Elm St\nLeeds, UK; Li"
    words = [("PERSON", 0, 3), ("PERSON", 4, 7), ("PERSON", 8, 10), ("PERSON", 11, 14), ("ADDRESS", 16, 17)]
    words += [("ADDRESS", 18, 21), ("ADDRESS", 22, 24), ("PLACE", 25, 30), ("PLACE", 32, 34), ("PERSON", 36, 38)]
    joined = list(tagger._join(text, [(*word, 1.0) for word in words]))
    assert [(finding.type, finding.text) for finding in joined] == [
        ("PERSON", "Ann Lee"),
        ("PERSON", "Bo Ray"),
        ("ADDRESS", "5 Elm St\nLeeds, UK"),
        ("PERSON", "Li"),
    ]
    assert joined[0] == Finding("PERSON", 0, 7, "Ann Lee", 1.0)
