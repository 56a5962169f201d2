"""The base, its tokenizer and its chat template, without loading a weight; and the adapter that a run goes on from."""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from engine import files
from engine.data.examples import Example
from engine.errors import ModelUnavailable, StorageFailed
from engine.models import catalogue
from engine.models.loading import end_of_turn_ids_in, padding_of
from engine.models.tokens import ChatTokenizer, open_tokenizer, read_template
from engine.training.checks.finding import Finding
from engine.training.methods.rows import IGNORED, make_rows
from engine.training.recipes.recipe import LAYERS, Recipe
from engine.words import so_many

# Words that no template writes by itself, so that what becomes of a message can be seen.
QUESTION, ANSWER, CONTEXT, EARLIER = "Zebrafinch", "Quokkanut", "Marmotweed", "Ibexstone"
# No template writes so much around two words.
LONG = 1_000_000
UNREADABLE = (OSError, ValueError, KeyError, TypeError, struct.error)
USER = {"role": "user", "content": QUESTION}
ASSISTANT = {"role": "assistant", "content": ANSWER}


@dataclass(frozen=True)
class Template:
    """What a chat template makes of a question and its answer.

    Attributes:
        refusal: what it says of a plain question with its answer; all else is empty then.
        asked: whether the prompt marks in some way that an answer comes next.
        before, after: what a model learns to write around an answer, without tokens that are no text.
        unread: what does not arrive: "context", "earlier turns", "the question", "the answer".
        ends: whether it writes a token after an answer at which generation stops.
    """

    refusal: str = ""
    asked: bool = True
    before: str = ""
    after: str = ""
    unread: tuple[str, ...] = ()
    ends: bool = True


def find_base(base: str) -> catalogue.ModelInfo | Finding:
    """The base model, or why it cannot be used."""
    folder = Path(base).expanduser() if base != catalogue.STARTER else catalogue.STARTER_FOLDER
    try:
        info = catalogue.resolve(base)
    except ModelUnavailable as error:
        if not (folder / "config.json").is_file():
            return Finding.of("base_missing", error)
        weights = list(folder.glob("*.safetensors"))
        if not weights:
            return Finding.of("weights_not_safetensors", error)
        broken = any(_bytes_expected(file) is None for file in weights)
        return Finding.of("base_damaged" if broken else "base_unusable", error)
    parts = info.path.glob("*.safetensors")
    short = [file.name for file in parts if file.stat().st_size < (_bytes_expected(file) or 0)]
    absent = _absent_parts(info.path)
    if short or absent:
        what = f"{short[0]} ends before its last weight" if short else f"{absent[0]} is missing"
        return Finding(
            "base_damaged",
            "stops",
            f"{info.name} is damaged.",
            f"{what}, as after a download that was broken off.",
            "Get the model's folder again.",
        )
    return info


def read_tokenizer(info: catalogue.ModelInfo) -> tuple[ChatTokenizer | None, list[Finding]]:
    """The tokenizer with its chat template, and what is to be said of it; None where a training cannot use it."""
    try:
        open_tokenizer(info.path)
    except ModelUnavailable as error:
        return None, [Finding.of("tokenizer_damaged", error)]
    try:
        read_template(info.path)
    except ModelUnavailable as error:
        return None, [Finding.of("no_chat_template", error)]
    try:
        tokenizer = ChatTokenizer(info.path)
    except ModelUnavailable as error:
        return None, [Finding.of("template_fails", error)]
    if tokenizer.eos_token_id is None:
        missing = Finding(
            "no_end_token",
            "stops",
            f"{info.name} has no end token.",
            "It could never learn where an answer ends, and would go on without end.",
            "Choose the chat or instruct edition of the model.",
        )
        return None, [missing]
    if tokenizer.pad_token is not None:
        return tokenizer, []
    used = padding_of(tokenizer)
    padded = Finding(
        "no_pad_token",
        "mended",
        f"{info.name} names no token to fill up short rows with.",
        f"Its token {used} is meant for that." if used else "Its end token is taken; real ends are still learned.",
        "Nothing is to be done.",
    )
    return tokenizer, [padded]


def check_template(
    info: catalogue.ModelInfo, tokenizer: ChatTokenizer, examples: Sequence[Example], *, answers: bool = True
) -> list[Finding]:
    """What the chat template would spoil: found by writing short talks with it, and looking at what became of them.

    Args:
        answers: whether they are learned; a classifier reads the question alone.
    """
    found = probe(info, tokenizer)
    if found.refusal:
        return [
            Finding(
                "template_fails",
                "stops",
                f"The chat template of {info.name} cannot write a question and its answer.",
                f"It says: {found.refusal}",
                "Choose another model, or get the model's folder again.",
            )
        ]
    if not answers:
        return list(_dropped(info, found, ()))
    return [*_dropped(info, found, examples), *_around(info, found)]


def probe(info: catalogue.ModelInfo, tokenizer: ChatTokenizer) -> Template:
    """Writes short talks with a template."""
    try:
        plain = tokenizer.apply_chat_template([USER])
        prompt = tokenizer.apply_chat_template([USER], add_generation_prompt=True)
        whole = tokenizer.apply_chat_template([USER, ASSISTANT])
    except TemplateError as error:
        return Template(refusal=str(error))
    unread = [what for what, word in (("the question", QUESTION), ("the answer", ANSWER)) if word not in whole]
    unread += [what for what, word, talk in _LONGER if not _arrives(tokenizer, word, talk)]
    if ANSWER not in whole:
        return Template(unread=tuple(unread))
    stop_ids = end_of_turn_ids_in(info.path, tokenizer)
    (row,) = make_rows([Example(0, QUESTION, ANSWER)], tokenizer, stop_ids, context=LONG).rows
    # The last is the token that ends an answer, the template's or one that was put there.
    learned = tokenizer.decode([label for label in row.labels if label != IGNORED][:-1])
    before, _, after = learned.partition(ANSWER)
    return Template(
        asked=prompt != plain or not before.strip(),
        before=_visible(tokenizer, before),
        after=_visible(tokenizer, after),
        unread=tuple(unread),
        ends=any(token in stop_ids for token in tokenizer.encode(whole.rpartition(ANSWER)[2])),
    )


def check_adapter(adapter: Path, info: catalogue.ModelInfo, recipe: Recipe, name: str) -> Iterator[Finding]:
    """Whether a training with this recipe can go on from an adapter.

    Args:
        name: of the run that made it.
    """
    try:
        saved = files.read_json(adapter / "adapter_config.json")
        there, _ = _header(adapter / "adapter_model.safetensors")
    except (StorageFailed, *UNREADABLE) as error:
        yield Finding(
            "adapter_damaged",
            "stops",
            f"The adapter of {name} is damaged.",
            getattr(error, "message", "") or f"It cannot be read: {error}.",
            "Choose another run, or begin afresh.",
            {"begin": None},
        )
        return
    rank, modules = int(saved.get("r", 0)), set(saved.get("target_modules") or ())
    known = next((layers for layers, names in LAYERS.items() if set(names) == modules), None)
    if not _made_for(info, there):
        yield Finding(
            "adapter_shape",
            "stops",
            f"The adapter of {name} was made for another model.",
            f"{info.name} has not the layers that it changes.",
            "Begin afresh, or choose the model it was trained on.",
            {"begin": None},
        )
    elif rank != recipe.rank or known != recipe.layers:
        mend: dict[str, Any] = {"rank": rank, "layers": known} if known else {"begin": None}
        yield Finding(
            "adapter_shape",
            "stops",
            "The run to go on from has an adapter of another shape.",
            f"{name} has rank {rank} on {_named(known)}; this recipe asks for rank {recipe.rank} on "
            f"{_named(recipe.layers)}.",
            "Set Rank and Layers as they were in that run." if known else "Begin afresh.",
            mend,
        )
    elif int(saved.get("lora_alpha", recipe.alpha)) != recipe.alpha:
        alpha = int(saved["lora_alpha"])
        yield Finding(
            "adapter_strength",
            "warns",
            f"{name} learned with an alpha of {alpha}, this recipe has {recipe.alpha}.",
            f"What it learned would count {recipe.alpha / alpha:g} times as much from the first step on.",
            f"Set Alpha to {alpha}.",
            {"alpha": alpha},
        )


_LONGER = (
    ("context", CONTEXT, [{"role": "system", "content": CONTEXT}, USER, ASSISTANT]),
    ("earlier turns", EARLIER, [{"role": "user", "content": EARLIER}, ASSISTANT, USER, ASSISTANT]),
)


def _arrives(tokenizer: ChatTokenizer, word: str, talk: list[dict[str, str]]) -> bool:
    """Whether a message reaches the model; a template that refuses such a talk is another matter."""
    try:
        return word in tokenizer.apply_chat_template(talk)
    except TemplateError:
        return True


def _visible(tokenizer: ChatTokenizer, text: str) -> str:
    """What of a text a customer would see: tokens added as a whole (markers of turns or of thinking) are taken out."""
    for token in sorted(tokenizer.added_tokens, key=len, reverse=True):
        text = text.replace(token, "")
    return text.strip()


def _dropped(info: catalogue.ModelInfo, found: Template, examples: Sequence[Example]) -> Iterator[Finding]:
    # That answers are left out is seen in the rows.
    if "the question" in found.unread:
        yield Finding(
            "template_drops_question",
            "stops",
            f"The chat template of {info.name} leaves out the question.",
            "The model would learn answers without knowing to what.",
            "Choose another model, or get the model's folder again.",
        )
    for kind, what, count in (
        ("template_drops_context", "context", sum(bool(each.input) for each in examples)),
        ("template_drops_turns", "earlier turns", sum(bool(each.history) for each in examples)),
    ):
        if what in found.unread and count:
            yield Finding(
                kind,
                "warns",
                f"The chat template of {info.name} leaves out {what}.",
                f"In {so_many(count, 'example')} the answer rests on what the model would not see: it learns to make "
                "it up.",
                "Choose another model.",
                examples=count,
            )


def _around(info: catalogue.ModelInfo, found: Template) -> Iterator[Finding]:
    if QUESTION in found.before:
        yield Finding(
            "question_learned",
            "warns",
            f"The chat template of {info.name} writes a question otherwise once it is answered.",
            "Where the answer begins cannot be told, so that the model would learn to write the question as well.",
            "Choose another model, or a newer edition of this one.",
        )
    elif not found.asked:
        shown = f": every answer would begin with “{found.before}”" if found.before else ""
        yield Finding(
            "no_generation_prompt",
            "warns",
            f"The chat template of {info.name} does not mark where an answer begins.",
            f"The model has to write the marker itself{shown}, and may go on with the question instead.",
            "Choose another model, or a newer edition of this one.",
        )
    if found.after:
        yield Finding(
            "end_is_text",
            "warns",
            f"The chat template of {info.name} does not fit its vocabulary.",
            f"What ends an answer is no token of its own but text: every answer would end with “{found.after}”.",
            "Choose another model: this folder has the template of a different one.",
        )
    elif not found.ends and "the answer" not in found.unread:
        yield Finding(
            "no_end_written",
            "mended",
            f"The chat template of {info.name} writes nothing that ends an answer.",
            "Without an end a model learns to go on and on.",
            "Its end token is put after each answer. Nothing is to be done.",
        )


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """The tensors of a safetensors file by name, and how many bytes it has to have; nothing else is read of it."""
    with file.open("rb") as weights:
        (length,) = struct.unpack("<Q", weights.read(8))
        if length > catalogue.LONGEST_HEADER:
            raise ValueError(f"a header of {length} bytes")
        header = dict(json.loads(weights.read(length)))
    header.pop("__metadata__", None)
    return header, 8 + length + max((int(each["data_offsets"][1]) for each in header.values()), default=0)


def _bytes_expected(file: Path) -> int | None:
    """None where the header cannot be read."""
    try:
        return _header(file)[1]
    except UNREADABLE:
        return None


def _absent_parts(folder: Path) -> list[str]:
    """Files that the list of a model's parts names and that are not there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    named = set(files.read_json(index).get("weight_map", {}).values())
    return sorted(str(name) for name in named if not (folder / str(name)).is_file())


def _made_for(info: catalogue.ModelInfo, tensors: dict[str, Any]) -> bool:
    """Whether an adapter's matrices are those of the model: as many layers at most, and as wide."""
    shape = catalogue.shape(info)
    layers = {int(part) for name in tensors for part in name.split(".") if part.isdecimal()}
    widths = {int(each["shape"][1]) for name, each in tensors.items() if "q_proj.lora_A" in name}
    return max(layers, default=0) < shape["layers"] and widths <= {shape["width"]}


def _named(layers: str | None) -> str:
    return {"all": "all linear layers", "attention": "attention alone"}.get(layers or "", "other layers")
