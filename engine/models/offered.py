"""Which base models can be had: the list in `assets/models.toml`, which a person may edit, and what each needs.

Sizes and memory are worked out from a model's shape. What training needs at least, for one ticket of 512 tokens at a
time, with adapters of rank 16 on all layers and gradient checkpointing, is the sum of

    the weights     2 bytes each for LoRA; for QLoRA the layers' matrices take 4.127 bits (4-bit NormalFloat with double
                    quantization, Dettmers et al. 2023, section 3) and the rest 2 bytes
    the adapter     16 bytes for each of its weights: value, gradient and two moments of AdamW in 32 bits
                    (Rajbhandari et al. 2020, section 3.1); their number by Hu et al. 2021, section 4.1
    activations     2 bytes x tokens x width for each layer, and of one layer all that its backward pass reads, counted
                    as in Korthikanti et al. 2022, sections 4.1 and 5, for a gated layer with flash attention
    the scores      of every word of the vocabulary for each token, in 32 bits, and their gradient (same, section 4.3)
    the libraries   1.1 GB, as measured with torch, transformers, trl and unsloth loaded

Longer examples and larger batches need more: what a certain recipe needs on this machine says `training.estimate`.
"""

import tomllib
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from engine.errors import StorageFailed
from engine.models import catalogue

OFFERED = Path(__file__).resolve().parents[2] / "assets" / "models.toml"
FORMAT = 1
TOKENS = 512
RANK = 16
BITS_OF_A_QUANTIZED_WEIGHT = 4.127
BYTES_PER_TRAINED = 16
LIBRARIES = 1_100_000_000


@dataclass(frozen=True)
class Offer:
    """A base model that can be downloaded, or one that is here (`of`). `context` is in tokens; the shape is that of its
    config.json. What is not known of one that is on no list is empty."""

    id: str
    name: str
    family: str
    license: str
    gated: bool
    context: int
    languages: str
    good_for: str
    layers: int
    width: int
    inner: int
    heads: int
    key_value_heads: int
    head_width: int
    vocabulary: int
    tied: bool
    note: str = ""

    @property
    def page(self) -> str:
        """Where its card and its licence are, and where access to a gated one is asked for."""
        return f"https://huggingface.co/{self.id}"

    @property
    def parameters(self) -> int:
        """All its weights, to within one in a thousand: norms and biases are not counted."""
        return self._matrices * self.layers + self.vocabulary * self.width * (1 if self.tied else 2)

    @property
    def bytes(self) -> int:
        """What the download takes on the disk, at 2 bytes for each weight."""
        return 2 * self.parameters

    @property
    def lora_bytes(self) -> int:
        """Memory that training with LoRA needs at least (see the module's text)."""
        return round(2 * self.parameters + self._beside_the_weights)

    @property
    def qlora_bytes(self) -> int:
        """Memory of an NVIDIA GPU that training with QLoRA needs at least (see the module's text)."""
        quantized = self._matrices * self.layers
        weights = quantized * BITS_OF_A_QUANTIZED_WEIGHT / 8 + 2 * (self.parameters - quantized)
        return round(weights + self._beside_the_weights)

    @property
    def multiplied(self) -> int:
        """Weights that each token is multiplied with: those of the layers and of the head."""
        return self._matrices * self.layers + self.vocabulary * self.width

    @property
    def adapter_parameters(self) -> int:
        """Weights of an adapter of rank 16 on all layers: for each matrix, rank times the sum of its sides."""
        sides = 2 * (self.width + self._queries) + 2 * (self.width + self._keys) + 3 * (self.width + self.inner)
        return RANK * sides * self.layers

    @property
    def _beside_the_weights(self) -> int:
        """Adapter, activations, scores and libraries."""
        activations = TOKENS * (2 * self.width * self.layers + self._read_by_backward_pass)
        scores = TOKENS * self.vocabulary * 8
        return BYTES_PER_TRAINED * self.adapter_parameters + activations + scores + LIBRARIES

    @property
    def _queries(self) -> int:
        return self.heads * self.head_width

    @property
    def _keys(self) -> int:
        return self.key_value_heads * self.head_width

    @property
    def _matrices(self) -> int:
        """Weights of one layer: queries and output, keys and values, and the three matrices around the gate."""
        return self.width * (2 * self._queries + 2 * self._keys + 3 * self.inner)

    @property
    def _read_by_backward_pass(self) -> int:
        """Bytes per token that one layer keeps: inputs of both norms, of attention, of its output and of the gate, with
        queries, keys and values, and the four results of inner width around the gate; 2 bytes each."""
        return 2 * (2 * self.width + 2 * self.width + 2 * self._queries + 2 * self._keys + 4 * self.inner)


def offers(file: Path = OFFERED) -> tuple[Offer, ...]:
    """The models on offer, in the order of their file, which is from small to large as it comes.

    Raises:
        StorageFailed: the file cannot be read, or names or lacks something; says which model and what.
    """
    try:
        touched = file.stat().st_mtime_ns
    except OSError as error:
        raise _unreadable(file, f"The fault is: {error}.") from error
    return _read(file, touched)


# Asked for at every look at a model; a person may edit the file meanwhile.
@lru_cache(maxsize=2)
def _read(file: Path, _touched: int) -> tuple[Offer, ...]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _unreadable(file, f"The fault is: {error}.") from error
    if content.get("format") != FORMAT:
        raise _unreadable(file, f"Its format is {content.get('format')}; this Tunedesk reads format {FORMAT}.")
    found = tuple(_offer(file, number, table) for number, table in enumerate(content.get("model", []), start=1))
    twice = {offer.id for offer in found if sum(offer.id == other.id for other in found) > 1}
    if twice:
        raise _unreadable(file, f"It lists {min(twice)} more than once.")
    return found


def find(model_id: str) -> Offer | None:
    """The offer of this id; None where the list has none, which forbids nothing: any id of the hub may be fetched."""
    return next((offer for offer in offers() if offer.id == model_id), None)


def name_of(model_id: str) -> str:
    """What people call a model: its name on the list, else its id."""
    offer = find(model_id)
    return offer.name if offer else model_id


def of(info: catalogue.ModelInfo) -> Offer:
    """What is known of a model that is on this machine: what the list says, else what its folder does."""
    listed = find(info.id)
    if listed is not None:
        return listed
    shape = catalogue.shape(info)
    starter = info.id == catalogue.STARTER
    bare = Offer(
        id=info.id,
        name=info.name,
        family="",
        license=info.license,
        gated=False,
        context=info.context,
        languages="English" if starter else "",
        good_for="Trying everything out, and set answers to common questions. No general assistant." if starter else "",
        layers=shape["layers"],
        width=shape["width"],
        inner=shape["inner"],
        heads=shape["heads"],
        key_value_heads=shape["key_value_heads"],
        head_width=shape["head_width"],
        vocabulary=shape["vocabulary"],
        tied=False,
    )
    # Told apart by the number of weights: a second table of words is a table more.
    return replace(bare, tied=info.parameters < bare.parameters - shape["vocabulary"] * shape["width"] // 2)


def _offer(file: Path, number: int, table: dict[str, Any]) -> Offer:
    name = f"Model {number} ({table.get('id', 'without id')})"
    known = {field.name: field for field in fields(Offer)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise _unreadable(file, f"{name} has {unknown[0]}, which is not known.")
    missing = sorted(set(known) - set(table) - {"note"})
    if missing:
        raise _unreadable(file, f"{name} lacks {missing[0]}.")
    for key, value in table.items():
        # type() and not isinstance(): true is no number here.
        if type(value) is not known[key].type or (type(value) is int and value < 1):
            raise _unreadable(file, f"{name} has {key} = {value!r}.")
    return Offer(**table)


def _unreadable(file: Path, what: str) -> StorageFailed:
    return StorageFailed(
        f"The list of models, {file.name}, cannot be read.",
        what,
        f"Mend it in a text editor; it is {file}.",
    )
