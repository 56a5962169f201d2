from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from engine import files
from engine.errors import InputRefused, ModelUnavailable
from engine.models import catalogue
from engine.models.generation import Decoding, Generated, generate_batch, stream
from engine.models.loading import Loaded, load_for_inference, load_tokenizer
from tests.engine.models.tiny import make_tiny

SHORT = Decoding(max_new_tokens=12)


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> Loaded:
    return load_for_inference(str(tiny))


def ask(*contents: str) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[i % 2], "content": content} for i, content in enumerate(contents)]


def reference(loaded: Loaded, messages: list[dict[str, str]], tokens: int) -> str:
    """What transformers' own generate writes."""
    inputs = loaded.tokenizer.apply_chat_template(
        messages, add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    written = loaded.model.generate(
        **inputs, max_new_tokens=tokens, do_sample=False, eos_token_id=list(loaded.stop_ids)
    )
    text = str(loaded.tokenizer.decode(written[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    # The tiny model may end in the middle of a character, which we leave away.
    return text.strip().rstrip("\ufffd").rstrip()


QUESTIONS = ["Where is my order?", "refund", "Can I return the lamp? " * 3, "a"]


def test_greedy_answers_are_those_of_transformers(loaded: Loaded) -> None:
    for question in QUESTIONS:
        assert "".join(stream(loaded, ask(question), SHORT)) == reference(loaded, ask(question), 12)


def test_a_batch_answers_like_one_by_one_and_keeps_the_order(loaded: Loaded) -> None:
    alone = ["".join(stream(loaded, ask(question), SHORT)) for question in QUESTIONS]
    progress: list[tuple[int, int]] = []

    together = generate_batch(
        loaded,
        [ask(question) for question in QUESTIONS],
        SHORT,
        batch_size=3,
        on_progress=lambda n, of: progress.append((n, of)),
    )

    assert [answer.text for answer in together] == alone
    assert len(set(alone)) > 1
    assert progress == [(3, 4), (4, 4)]
    assert all(0 < answer.tokens <= 12 and answer.seconds > 0 for answer in together)


def test_the_answer_ends_at_the_end_token(loaded: Loaded) -> None:
    import torch

    ending = load_for_inference(str(loaded.model.config._name_or_path))
    with torch.no_grad():
        # Every state now points at the end token most.
        ending.model.get_output_embeddings().weight[ending.stop_ids[0]] = 0.0
        ending.model.lm_head = torch.nn.Linear(32, ending.model.config.vocab_size)
        ending.model.lm_head.bias[ending.stop_ids[0]] = 1e6

    assert list(stream(ending, ask("hi"), SHORT)) == []
    assert generate_batch(ending, [ask("hi")], SHORT) == [Generated("", 0, 0.0)]


def test_stop_ends_an_answer(loaded: Loaded) -> None:
    asked = 0

    def after_three() -> bool:
        nonlocal asked
        asked += 1
        return asked > 3

    stopped = "".join(stream(loaded, ask("Where is my order?"), SHORT, stop=after_three))
    whole = "".join(stream(loaded, ask("Where is my order?"), SHORT))

    assert whole.startswith(stopped)
    assert len(stopped) < len(whole)


def test_stop_between_batches_leaves_the_rest_empty(loaded: Loaded) -> None:
    answers: Iterator[bool] = iter([False, True])

    got = generate_batch(loaded, [ask("a"), ask("b b")], SHORT, batch_size=1, stop=lambda: next(answers))

    assert [bool(answer.tokens) for answer in got] == [True, False]


def test_a_long_talk_loses_its_oldest_turns(loaded: Loaded) -> None:
    old = ask("old question " * 20, "old answer", "Where is my order?")

    assert "".join(stream(loaded, old, SHORT)) == "".join(stream(loaded, ask("Where is my order?"), SHORT))


def test_a_question_longer_than_the_context_is_refused(loaded: Loaded) -> None:
    endless = ask("word " * 500)

    with pytest.raises(InputRefused, match="too long"):
        list(stream(loaded, endless, SHORT))
    assert generate_batch(loaded, [endless, ask("a")], SHORT)[0] == Generated("", 0, 0.0)


def test_sampling_follows_its_seed(loaded: Loaded) -> None:
    def draw(seed: int) -> str:
        return "".join(
            stream(loaded, ask("refund"), Decoding(max_new_tokens=20, temperature=1.5, top_p=0.9, seed=seed))
        )

    assert draw(1) == draw(1)
    assert len({draw(seed) for seed in range(5)}) > 1


def test_a_repetition_penalty_says_fewer_words_twice(loaded: Loaded) -> None:
    def distinct(penalty: float) -> int:
        text = "".join(stream(loaded, ask("refund"), Decoding(max_new_tokens=30, repetition_penalty=penalty)))
        return len(set(loaded.tokenizer.encode(text)))

    assert distinct(2.0) > distinct(1.0)


@pytest.mark.parametrize(
    ("setting", "value"), [("max_new_tokens", 0), ("temperature", -1.0), ("top_p", 0.0), ("repetition_penalty", 3.0)]
)
def test_impossible_decoding_is_refused(setting: str, value: float) -> None:
    with pytest.raises(InputRefused, match=f"got {value}"):
        Decoding(**{setting: value})


def test_a_missing_pad_token_is_mended(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "no-pad", pad=False)

    assert load_tokenizer(catalogue.resolve(str(folder))).pad_token == "<pad>"
    answers = generate_batch(load_for_inference(str(folder)), [ask("a"), ask("a longer question")], SHORT)
    assert all(answer.tokens for answer in answers)


def test_a_missing_chat_template_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no chat template"):
        load_for_inference(str(make_tiny(tmp_path / "bare", template=None)))


def test_something_else_is_not_taken_for_an_adapter(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="not an adapter"):
        load_for_inference(str(tiny), tmp_path)


def test_code_in_a_models_folder_is_never_run_nor_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ran = make_tiny(tmp_path / "with-code"), tmp_path / "ran"
    config = files.read_json(folder / "config.json")
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    files.write_json(folder / "config.json", {**config, "model_type": "own", "auto_map": own})
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')")
    asked: list[str] = []
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or "y")
    with pytest.raises(ModelUnavailable, match="could not be loaded"):
        load_for_inference(str(folder))
    assert not asked
    assert not ran.exists()


def test_weights_of_an_older_format_are_not_opened(tmp_path: Path) -> None:
    folder = make_tiny(tmp_path / "older")
    (folder / "model.safetensors").rename(folder / "other.safetensors")
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(ModelUnavailable, match="could not be loaded"):
        load_for_inference(str(folder))
