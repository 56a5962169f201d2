"""Templates and tokens without loading torch: the model's own template and tokenizer, through jinja2 and `tokenizers`.

The studio's process estimates and checks a training with it; the training itself tokenises with `transformers`, and
tests hold the two against each other.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from jinja2 import Template, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

from engine.errors import ModelUnavailable

# `transformers` adds this tag to Jinja to mark answers; for counting, what is inside it is simply written.
GENERATION = re.compile(r"(\{%-?\s*)generation(\s*-?%\})")
END_GENERATION = re.compile(r"(\{%-?\s*)endgeneration(\s*-?%\})")


class ChatTokenizer:
    """A model's chat template and tokenizer without `transformers`, called as that library's tokenizer is.

    Attributes:
        pad_token, eos_token_id: None where the model's folder names none.
        all_special_ids: the tokens that are no text, by number.
        added_tokens: the tokens that were added to the vocabulary as a whole, as they are written.
    """

    def __init__(self, model: Path) -> None:
        """
        Raises:
            ModelUnavailable: the model has no chat template or no tokenizer that can be read.
        """
        self._model = model
        self._template = _compiled(model)
        self._special = _special_tokens(model)
        self._tokenizer = open_tokenizer(model)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        end = self._special["eos_token"]
        self.eos_token_id: Any = self._tokenizer.token_to_id(end) if end else None
        self.pad_token = self._special["pad_token"] or None
        added = self._tokenizer.get_added_tokens_decoder()
        self.added_tokens = tuple(token.content for token in added.values())
        self.all_special_ids = [number for number, token in added.items() if token.special]

    def get_vocab(self) -> dict[str, int]:
        """The number of each token."""
        return self._tokenizer.get_vocab()

    def apply_chat_template(
        self, conversation: Sequence[dict[str, str]], *, tokenize: bool = False, add_generation_prompt: bool = False
    ) -> str:
        """A conversation as the model reads it; always text, `tokenize` is there to be called as the library's is.

        Raises:
            TemplateError: the template refuses such a conversation.
        """
        return self._template.render(
            messages=list(conversation), add_generation_prompt=add_generation_prompt, **self._special
        )

    def encode(self, text: str, *, add_special_tokens: bool = False) -> list[int]:
        """The tokens of a text."""
        return list(self._tokenizer.encode(text, add_special_tokens=add_special_tokens).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of tokens, with those that are no text."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def count(self, conversations: Sequence[Sequence[dict[str, str]]]) -> list[int]:
        """Tokens of each conversation.

        Raises:
            ModelUnavailable: the template refuses such conversations.
        """
        try:
            texts = [self.apply_chat_template(conversation) for conversation in conversations]
        except TemplateError as error:
            raise ModelUnavailable(
                f"The chat template of {self._model.name} cannot write these conversations.",
                f"It says: {error}",
                "Choose another model, or leave out earlier turns and context.",
            ) from error
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def count_tokens(model: Path, conversations: Sequence[Sequence[dict[str, str]]]) -> list[int]:
    """Tokens of each conversation as the model in this folder would read it.

    Raises:
        ModelUnavailable: the model has no chat template, or its template refuses such conversations.
    """
    return ChatTokenizer(model).count(conversations)


def _compiled(model: Path) -> Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
    environment.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
    source = END_GENERATION.sub(r"\1endif\2", GENERATION.sub(r"\1if true\2", read_template(model)))
    try:
        return environment.from_string(source)
    except TemplateError as error:
        raise ModelUnavailable(
            f"The chat template of {model.name} is damaged.",
            f"It cannot be read: {error}",
            "Get the model's folder again.",
        ) from error


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


def read_template(model: Path) -> str:
    """The chat template in a model's folder.

    Raises:
        ModelUnavailable: there is none.
    """
    file = model / "chat_template.jinja"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    template = _json(model / "tokenizer_config.json").get("chat_template")
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
    # Older models name them in a file of their own.
    named = _json(model / "special_tokens_map.json") | _json(model / "tokenizer_config.json")
    values = {name: named.get(name) for name in names}
    return {name: value["content"] if isinstance(value, dict) else value or "" for name, value in values.items()}


def _json(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _refuse(message: str) -> NoReturn:
    raise TemplateError(message)
