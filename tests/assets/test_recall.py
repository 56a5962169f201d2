"""Rows that teach to look back: whatever counts in them has to stand earlier in the row."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

STARTER = Path(__file__).resolve().parents[2] / "assets" / "starter"
sys.path.insert(0, str(STARTER))

import recall  # noqa: E402
import training  # noqa: E402

NEWLINE = 9


@pytest.fixture(scope="module")
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    return recall.Drawer(np.arange(10, 400), NEWLINE).rows(7, 3, 20, 512)


def test_what_counts_was_said_before_after_the_same_token(drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    for ids, weights in zip(*(part.tolist() for part in drawn), strict=True):
        followed: set[tuple[int, int]] = set()
        for before, token, weight in zip(ids, ids[1:], weights[1:], strict=False):
            assert not weight or (before, token) in followed
            followed.add((before, token))


def test_a_good_part_of_a_row_counts(drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    ids, weights = drawn
    assert ids.shape == weights.shape == (20, 512)
    assert 0.2 < float(weights.mean()) < 0.6
    assert set(weights.unique().tolist()) == {0.0, 1.0}
    assert int(ids.min()) >= NEWLINE


def test_the_same_step_gives_the_same_rows(drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    drawer = recall.Drawer(np.arange(10, 400), NEWLINE)
    assert torch.equal(drawer.rows(7, 3, 20, 512)[0], drawn[0])
    assert not torch.equal(drawer.rows(7, 4, 20, 512)[0], drawn[0])


def test_an_answers_rare_words_count_where_its_own_conversation_said_them() -> None:
    bos, worth = 1, torch.tensor([False] * 5 + [True] * 5)
    #                     | says 7, 2 and 8; answers 8, 2, 6, 7  | another: says 3, answers 8
    ids = torch.tensor([[1, 7, 2, 8, 8, 2, 6, 7, 1, 3, 8]])
    assistant = torch.tensor([[False] * 4 + [True] * 4 + [False] * 2 + [True]])
    marks = recall.copied(ids, assistant, bos, worth)
    assert marks.nonzero()[:, 1].tolist() == [4, 7], "2 is common, 6 was not said, and 8 was said in another talk"


def tiny(seed: int) -> LlamaForCausalLM:
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=4, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2,
            num_key_value_heads=2, tie_word_embeddings=True,
        )
    )  # fmt: skip


def test_weights_are_taken_over_token_by_token() -> None:
    """Layers as they are; an embedding goes to the id that its token has now, a new token keeps its own."""
    model, former = tiny(1), tiny(2)
    own = model.get_input_embeddings().weight[2].clone()
    known = training.take_over(model, {"a": 0, "c": 1, "new": 2, "b": 3}, former, ["a", "b", "c", "gone"])
    assert known == 3
    given, had = model.get_input_embeddings().weight, former.get_input_embeddings().weight
    for here, there in ((0, 0), (3, 1), (1, 2)):
        assert torch.equal(given[here], had[there])
    assert torch.equal(given[2], own)
    assert torch.equal(model.model.layers[0].mlp.up_proj.weight, former.model.layers[0].mlp.up_proj.weight)
    assert model.lm_head.weight is given
