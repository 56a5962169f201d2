"""What must be found in labelled texts of others, a little below what was measured (tests/bench/privacy.py)."""

import pytest

from tests.bench import privacy

needs_labelled = pytest.mark.skipif(
    not privacy.LABELLED.exists(),
    reason="presidio_research/generated_large.json is not beside the checkout (../shared/data)",
)
needs_messages = pytest.mark.skipif(
    not privacy.MESSAGES.exists(), reason="banking77/train.csv is not beside the checkout (../shared/data)"
)


@needs_labelled
def test_structured_identifiers_are_found() -> None:
    samples = privacy.labelled_texts()
    scores = privacy.score(samples, privacy.findings_in([sample.text for sample in samples], names=False))
    identifiers = ("e-mail", "phone", "card", "IBAN", "SSN", "IP", "identity papers")
    assert {name: scores[name].recall for name in identifiers if scores[name].recall < 0.98} == {}
    assert {name: scores[name].precision for name in identifiers if scores[name].precision < 0.98} == {}


@needs_messages
def test_messages_without_personal_data_stay_as_they_are() -> None:
    texts = privacy.messages()
    hits = [finding for findings in privacy.findings_in(texts, names=False) for finding in findings]
    assert len(hits) / len(texts) < 0.001


@needs_labelled
def test_names_addresses_and_places_are_found() -> None:
    # Every eighth text: the tagger reads them in seconds.
    samples = privacy.labelled_texts()[::8]
    scores = privacy.score(samples, privacy.findings_in([sample.text for sample in samples]))
    assert scores["names"].f2 >= 0.93
    assert scores["addresses and places"].f2 >= 0.88


@needs_messages
def test_the_tagger_leaves_ordinary_messages_alone() -> None:
    texts = privacy.messages()[::10]
    hits = [finding for findings in privacy.findings_in(texts) for finding in findings]
    # 0.42% of all messages were measured; a tenth of them varies around it.
    assert len(hits) / len(texts) < 0.008
