import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import ModelUnavailable
from engine.models import catalogue
from engine.models.loading import load_tokenizer
from engine.models.tokens import count_tokens
from tests.engine.models.tiny import TEMPLATE, make_tiny

TALKS = [
    [{"role": "user", "content": "Where is my order?"}, {"role": "assistant", "content": "On its way. Schöne Grüße"}],
    [{"role": "system", "content": "Short."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": ""}],
]


@pytest.mark.parametrize("base", ["tiny", "starter"])
def test_counts_are_those_of_the_training_tokenizer(base: str, tiny: Path) -> None:
    info = catalogue.resolve("starter" if base == "starter" else str(tiny))
    tokenizer = load_tokenizer(info)

    expected = [len(tokenizer.apply_chat_template(talk, tokenize=True)["input_ids"]) for talk in TALKS]

    assert count_tokens(info.path, TALKS) == expected


def test_the_generation_tag_is_understood(tmp_path: Path) -> None:
    tagged = TEMPLATE.replace(
        "{{ message['content'] }}", "{%- generation -%}{{ message['content'] }}{%- endgeneration -%}"
    )
    folder = make_tiny(tmp_path / "tagged", template=tagged)

    assert count_tokens(folder, TALKS[:1]) == count_tokens(make_tiny(tmp_path / "plain"), TALKS[:1])


def test_no_template_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="no chat template"):
        count_tokens(make_tiny(tmp_path / "bare", template=None), TALKS)


def test_no_torch_is_loaded() -> None:
    code = (
        "import sys; from engine.models import catalogue, embeddings, generation, loading, tokens;"
        "from engine.training import runs, watch;"
        "from engine.training.estimates import estimate;"
        "from engine.training.recipes import recipe;"
        "tokens.count_tokens(catalogue.resolve('starter').path, [[{'role': 'user', 'content': 'hi'}]]);"
        "assert not {'torch', 'transformers'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
