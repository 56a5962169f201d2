"""Answers that must be JSON: judged by `json` and `jsonschema` here, which know nothing of how they were written."""

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from engine.errors import InputRefused, ModelUnavailable
from engine.models.generation import Decoding, generate_batch, stream
from engine.models.loading import Loaded, load_for_inference
from engine.models.structured import ANY_OBJECT, PRIORITIES, check_schema, shortest, stand_in, triage_schema, validate
from tests.engine.models.tiny import make_tiny

TRIAGE = triage_schema()
HOT = Decoding(max_new_tokens=64, temperature=1.5, schema=TRIAGE)
SORRY = "I can only help with our bicycles."


@pytest.fixture(scope="module")
def starter() -> Loaded:
    return load_for_inference("starter")


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """A tiny model with room for long answers: its weights are drawn, so each token is as likely as the next."""
    return load_for_inference(str(make_tiny(tmp_path_factory.mktemp("babbler"), context=512)))


def ask(question: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}]


def questions(count: int) -> list[list[dict[str, str]]]:
    things = ("lamp", "order 4711", 'parcel "XL"', "{refund}", "Grüße, naïve café ☕")
    asked = ("Where is my {}?", "I want to send the {} back.", "The {} is broken!\nWhat now?", "{}", "Cancel {} ...")
    return [ask(asked[n % 5].format(things[n // 5 % 5]) + " Please" * (n // 25)) for n in range(count)]


def fits(schema: dict[str, Any], text: str) -> bool:
    return Draft202012Validator(schema).is_valid(json.loads(text))


def test_forty_wild_answers_are_all_json(starter: Loaded) -> None:
    answers = [answer.text for answer in generate_batch(starter, questions(40), HOT)]

    assert all(fits(TRIAGE, text) for text in answers)
    assert len(set(answers)) > 30
    assert all(list(json.loads(text)) == ["category", "priority", "summary", "suggested_action"] for text in answers)
    assert {json.loads(text)["priority"] for text in answers} <= set(PRIORITIES)


@pytest.mark.parametrize("longest", [130, 133, 140, 170, 200])
def test_no_answer_is_cut_before_its_json_ends(babbler: Loaded, longest: int) -> None:
    """The triage keys take the tiny model about 130 tokens, so that all of these end in a hurry."""
    decoding = Decoding(max_new_tokens=longest, temperature=2.0, schema=TRIAGE)
    answers = generate_batch(babbler, questions(6), decoding)

    assert all(fits(TRIAGE, answer.text) and answer.tokens <= longest for answer in answers)
    assert max(answer.tokens for answer in answers) > longest - 10


HARD = [
    ANY_OBJECT,
    {"type": "number"},
    {"type": "array", "items": {"type": "integer", "minimum": 1000}, "minItems": 3},
    {"type": "string", "pattern": "^[a-z]{3}-[0-9]{4}$"},
    {"enum": ["Grüße", 'say "no"', "a\\b"]},
    {"anyOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}}]},
    {
        "$defs": {
            "part": {"type": "object", "properties": {"parts": {"type": "array", "items": {"$ref": "#/$defs/part"}}}}
        },
        "$ref": "#/$defs/part",
    },
]


@pytest.mark.parametrize("schema", HARD, ids=str)
def test_other_shapes_end_in_time_too(babbler: Loaded, schema: dict[str, Any]) -> None:
    for longest in (24, 31):
        decoding = Decoding(max_new_tokens=longest, temperature=2.0, schema=schema)
        answers = generate_batch(babbler, questions(8), decoding)
        assert all(fits(schema, answer.text) and answer.tokens <= longest for answer in answers)


def test_categories_are_kept_to(starter: Loaded) -> None:
    schema = triage_schema(["billing", "délivery", "other"])
    answers = generate_batch(starter, questions(8), replace(HOT, schema=schema))

    assert {json.loads(answer.text)["category"] for answer in answers} <= {"billing", "délivery", "other"}


def test_pieces_join_to_what_a_batch_says(starter: Loaded) -> None:
    greedy = Decoding(max_new_tokens=96, schema=TRIAGE)
    asked = questions(8)

    pieces = [list(stream(starter, messages, greedy)) for messages in asked]
    together = generate_batch(starter, asked, greedy, batch_size=8)

    assert ["".join(each) for each in pieces] == [answer.text for answer in together]
    assert all(len(each) > 10 and fits(TRIAGE, "".join(each)) for each in pieces)
    assert len({answer.text for answer in together}) > 1


def test_too_few_tokens_are_refused_before_the_first(starter: Loaded) -> None:
    with pytest.raises(InputRefused, match="up to 20 tokens long, and its shortest form takes more"):
        next(stream(starter, ask("Hi"), Decoding(max_new_tokens=20, schema=TRIAGE)))


def test_a_tokenizer_without_all_letters_is_refused(starter: Loaded) -> None:
    from tokenizers import Tokenizer, decoders, models
    from transformers import PreTrainedTokenizerFast

    letters = Tokenizer(models.BPE({"h": 0, "i": 1, "<end>": 2}, []))
    letters.decoder = decoders.ByteLevel()
    poor = PreTrainedTokenizerFast(tokenizer_object=letters, eos_token="<end>")
    poor.chat_template = starter.tokenizer.chat_template
    with pytest.raises(ModelUnavailable, match="no token for some single letters"):
        next(stream(replace(starter, tokenizer=poor), ask("hi"), HOT))


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ([], "must be a JSON object, got list"),
        ({"type": "strin"}, "'strin' is not valid"),
        ({"type": "object", "properties": {"a": 1}}, r"\$.properties.a"),
        ({"not": {"type": "string"}}, "not"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"$ref": "http://127.0.0.1:9/elsewhere"}, "Resource"),
        ({"type": "string", "pattern": "(?=a)b"}, "look-ahead"),
        ({"enum": []}, "Unsatisfiable"),
        ({"type": "object", "minProperties": 3}, "enough properties"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}, "minItems": 1}}}, "No"),
        ({"const": "\ud800"}, "cannot be written"),
        ({"description": "x" * 100_000}, "100,000 bytes"),
    ],
)
def test_a_schema_that_cannot_be_promised_is_refused(schema: Any, told: str) -> None:
    with pytest.raises(InputRefused, match=told) as refused:
        check_schema(schema)
    assert refused.value.title == "The schema cannot be used."
    with pytest.raises(InputRefused):
        Decoding(schema=schema)


@pytest.mark.parametrize("schema", [TRIAGE, *HARD], ids=str)
def test_the_shortest_json_and_the_stand_in_fit(schema: dict[str, Any]) -> None:
    check_schema(schema)
    assert fits(schema, shortest(schema))
    assert fits(schema, stand_in(schema, SORRY))


def test_a_refusal_says_its_sentence() -> None:
    sorted_out = {"category": "other", "priority": "low", "summary": SORRY, "suggested_action": SORRY}
    assert json.loads(stand_in(TRIAGE, SORRY)) == sorted_out
    assert json.loads(stand_in(triage_schema(["billing", "other"]), SORRY)) == sorted_out
    assert json.loads(stand_in(triage_schema(["billing"]), SORRY))["category"] == "billing"
    assert json.loads(stand_in(ANY_OBJECT, SORRY)) == {"refusal": SORRY}


@pytest.mark.parametrize("text", ["", "{", "hello", '{"category": "a"}', "[" * 100_000, '{"priority": "soon"}'])
def test_other_texts_do_not_pass(text: str) -> None:
    with pytest.raises(InputRefused, match="not the JSON that was asked for"):
        validate(TRIAGE, text)
