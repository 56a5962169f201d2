"""Counts tokens without loading torch: the model's own chat template and tokenizer, through jinja2 and `tokenizers`.

The studio's process estimates a training with it; the training itself tokenises with `transformers`, and a test holds
the two against each other.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.errors import ModelUnavailable

# `transformers` adds this tag to Jinja to mark answers; for counting, what is inside it is simply written.
GENERATION = re.compile(r"(\{%-?\s*)generation(\s*-?%\})")
END_GENERATION = re.compile(r"(\{%-?\s*)endgeneration(\s*-?%\})")


def count_tokens(model: Path, conversations: Sequence[Sequence[dict[str, str]]]) -> list[int]:
    """Tokens of each conversation as the model in this folder would read it.

    Raises:
        ModelUnavailable: the model has no chat template, or its template refuses such conversations.
    """
    special = _special_tokens(model)
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    source = END_GENERATION.sub(r"\1endif\2", GENERATION.sub(r"\1if true\2", _template(model)))
    try:
        template = environment.from_string(source)
        texts = [template.render(messages=list(messages), **special) for messages in conversations]
    except TemplateError as error:
        raise ModelUnavailable(
            f"The chat template of {model.name} cannot write these conversations.",
            f"It says: {error}",
            "Choose another model, or leave out earlier turns and context.",
        ) from error
    tokenizer = open_tokenizer(model)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return [len(encoding) for encoding in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def open_tokenizer(model: Path) -> Tokenizer:
    """The tokenizer in a model's folder, without torch.

    Raises:
        ModelUnavailable: its file is missing or damaged.
    """
    try:
        return Tokenizer.from_file(str(model / "tokenizer.json"))
    # The library raises nothing narrower.
    except Exception as error:
        raise ModelUnavailable(
            f"The tokenizer of {model.name} cannot be read.",
            f"The library said: {error}",
            "Get the model's folder again.",
        ) from error


def _template(model: Path) -> str:
    file = model / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = _tokenizer_config(model).get("chat_template")
    if isinstance(template, list):
        template = next((entry["template"] for entry in template if entry["name"] == "default"), None)
    if not template:
        raise ModelUnavailable(
            f"{model.name} has no chat template.",
            "Without it nobody knows how a question and an answer are told apart in its text.",
            "Choose the chat or instruct edition of the model.",
        )
    return str(template)


def _special_tokens(model: Path) -> dict[str, str]:
    """The tokens that templates refer to by name: bos_token, eos_token, pad_token, unk_token."""
    names = ("bos_token", "eos_token", "pad_token", "unk_token")
    values = {name: _tokenizer_config(model).get(name) for name in names}
    return {name: value["content"] if isinstance(value, dict) else value or "" for name, value in values.items()}


def _tokenizer_config(model: Path) -> dict[str, Any]:
    file = model / "tokenizer_config.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
