"""The layers of all-MiniLM-L6-v2, as functions over its weights: six layers of BERT, 384 wide, 12 heads.

Written out because the tagger runs the lower layers of the package and upper layers of our own, with a feature of our
own between them. Source: Devlin et al. 2019; the package's config.json. A test compares the result with transformers'.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch.nn import functional as nn

if TYPE_CHECKING:
    from torch import Tensor

HEADS = 12
EPSILON = 1e-12
# The longest text that has positions, in tokens.
LONGEST = 512


def embed_tokens(ids: "Tensor", weights: Mapping[str, "Tensor"]) -> "Tensor":
    """What the first layer reads: ids of shape (texts, tokens) to (texts, tokens, 384)."""
    hidden = weights["embeddings.word_embeddings.weight"][ids]
    hidden = hidden + weights["embeddings.position_embeddings.weight"][: ids.shape[1]]
    return _normalise(hidden + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings")


def run_layer(hidden: "Tensor", mask: "Tensor", weights: Mapping[str, "Tensor"], number: int) -> "Tensor":
    """One layer: (texts, tokens, 384) to the same.

    Args:
        hidden: what the layer below gave.
        mask: True where a token may be looked at, shape (texts, 1, 1, tokens).
        weights: by their names in the package.
        number: which layer, from 0.
    """
    name = f"encoder.layer.{number}"
    texts, tokens, width = hidden.shape
    query, key, value = (
        _linear(hidden, weights, f"{name}.attention.self.{part}")
        .view(texts, tokens, HEADS, width // HEADS)
        .transpose(1, 2)
        for part in ("query", "key", "value")
    )
    seen = nn.scaled_dot_product_attention(query, key, value, attn_mask=mask).transpose(1, 2).flatten(2)
    hidden = _normalise(
        hidden + _linear(seen, weights, f"{name}.attention.output.dense"), weights, f"{name}.attention.output"
    )
    inner = nn.gelu(_linear(hidden, weights, f"{name}.intermediate.dense"))
    return _normalise(hidden + _linear(inner, weights, f"{name}.output.dense"), weights, f"{name}.output")


def _linear(hidden: "Tensor", weights: Mapping[str, "Tensor"], name: str) -> "Tensor":
    return nn.linear(hidden, weights[f"{name}.weight"], weights[f"{name}.bias"])


def _normalise(hidden: "Tensor", weights: Mapping[str, "Tensor"], name: str) -> "Tensor":
    scale, shift = weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"]
    return nn.layer_norm(hidden, scale.shape, scale, shift, EPSILON)
