from pathlib import Path

import pytest

from engine.data.examples import Example, Turn
from engine.errors import InputRefused
from engine.models import catalogue
from engine.models.loading import load_tokenizer
from engine.training.methods.rows import IGNORED, make_rows
from tests.engine.models.tiny import TEMPLATE, make_tiny

END = 2


def example(question: str, answer: str, history: tuple[Turn, ...] = (), context: str = "") -> Example:
    return Example(1, question, answer, input=context, history=history)


def learned(tokenizer: object, labels: list[int]) -> str:
    return tokenizer.decode([label for label in labels if label != IGNORED])  # type: ignore[attr-defined]


@pytest.mark.parametrize("base", ["tiny", "starter"])
def test_the_loss_sees_the_answer_and_its_end_alone(base: str, tiny: Path) -> None:
    info = catalogue.resolve("starter" if base == "starter" else str(tiny))
    tokenizer = load_tokenizer(info)
    talk = example("Which lamp?", "The red lamp.", (Turn("user", "Hi"), Turn("assistant", "Hello")), "Lamps are red.")

    (row,) = make_rows([talk], tokenizer, [tokenizer.eos_token_id], 128).rows

    assert learned(tokenizer, row.labels) == f"The red lamp.{tokenizer.eos_token}"
    assert len(row.labels) == len(row.input_ids)
    before = tokenizer.decode(row.input_ids[: row.labels.count(IGNORED)])
    assert all(part in before for part in ("Hello", "Which lamp?", "Lamps are red."))


def test_a_row_begins_with_what_the_model_is_asked(tiny: Path) -> None:
    tokenizer = load_tokenizer(catalogue.resolve(str(tiny)))
    asked = tokenizer.apply_chat_template([{"role": "user", "content": "Where?"}], add_generation_prompt=True)

    (row,) = make_rows([example("Where?", "There.")], tokenizer, [END], 128).rows

    assert row.input_ids[: len(asked["input_ids"])] == asked["input_ids"]


def test_an_end_token_is_added_where_the_template_writes_none(tmp_path: Path) -> None:
    bare = TEMPLATE.replace("<|end|>", "{{ '' if message['role'] == 'assistant' else '<|end|>' }}")
    tokenizer = load_tokenizer(catalogue.resolve(str(make_tiny(tmp_path / "bare", template=bare))))

    (row,) = make_rows([example("Where?", "There.")], tokenizer, [END], 128).rows

    assert learned(tokenizer, row.labels) == "There.<|end|>"


def test_what_does_not_fit_is_counted(tiny: Path) -> None:
    tokenizer = load_tokenizer(catalogue.resolve(str(tiny)))
    old = (Turn("user", "an old question " * 5), Turn("assistant", "an old answer " * 5))

    rows = make_rows(
        [
            example("Where?", "There."),
            example("Where?", "There.", old),
            example("Where?", "There and there " * 20),
            example("Where? " * 100, "There."),
        ],
        tokenizer,
        [END],
        48,
    )

    assert (len(rows.rows), rows.shortened, rows.truncated, rows.left_out) == (3, 1, 1, 1)
    assert max(len(row.input_ids) for row in rows.rows) == 48
    assert rows.rows[1].input_ids == rows.rows[0].input_ids
    assert rows.rows[2].labels[-1] != END
    assert "1 lost their oldest turns" in rows.sentence


def test_nothing_left_to_learn_is_refused(tiny: Path) -> None:
    tokenizer = load_tokenizer(catalogue.resolve(str(tiny)))

    with pytest.raises(InputRefused, match="No example can be learned from"):
        make_rows([example("Where? " * 100, "There.")], tokenizer, [END], 48)
