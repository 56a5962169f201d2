"""The list of models that can be had: complete and sound, its figures those of libraries and of published tables."""

from pathlib import Path

import pytest

from engine.errors import StorageFailed
from engine.models import catalogue, offered

BY_ID = {offer.id: offer for offer in offered.offers()}


def test_the_list_covers_families_and_sizes() -> None:
    offers = offered.offers()

    assert len(offers) >= 12
    assert {offer.family for offer in offers} == {"Llama", "Mistral", "Gemma", "Qwen", "SmolLM"}
    assert 0.1e9 < offers[0].parameters < 0.2e9
    assert 12e9 < offers[-1].parameters < 15e9
    assert [offer.parameters for offer in offers] == sorted(offer.parameters for offer in offers)
    for offer in offers:
        assert catalogue.HUB_ID.fullmatch(offer.id)
        assert offer.qlora_bytes < offer.lora_bytes
        # What a model needs to train is more than its weights, which are in this sum.
        assert offer.lora_bytes > offer.bytes
    assert offered.find("Qwen/Qwen3-8B") == BY_ID["Qwen/Qwen3-8B"]
    assert offered.find("nobody/Nothing") is None


@pytest.mark.parametrize(
    ("model_id", "kind"),
    [
        ("HuggingFaceTB/SmolLM2-135M-Instruct", "llama"),
        ("google/gemma-3-270m-it", "gemma3_text"),
        ("Qwen/Qwen3-0.6B", "qwen3"),
        ("Qwen/Qwen2.5-1.5B-Instruct", "qwen2"),
        ("meta-llama/Llama-3.2-3B-Instruct", "llama"),
        ("HuggingFaceTB/SmolLM3-3B", "smollm3"),
        ("mistralai/Mistral-Nemo-Instruct-2407", "mistral"),
        ("google/gemma-2-9b-it", "gemma2"),
    ],
)
def test_a_model_of_this_shape_has_so_many_weights(model_id: str, kind: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    offer = BY_ID[model_id]
    config = AutoConfig.for_model(
        kind,
        num_hidden_layers=offer.layers,
        hidden_size=offer.width,
        intermediate_size=offer.inner,
        num_attention_heads=offer.heads,
        num_key_value_heads=offer.key_value_heads,
        head_dim=offer.head_width,
        vocab_size=offer.vocabulary,
        tie_word_embeddings=offer.tied,
        pad_token_id=0,
    )
    # Without memory: the shapes alone.
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)

    assert offer.parameters == pytest.approx(model.num_parameters(), rel=1e-3)


def test_the_figures_are_the_published_ones() -> None:
    # Cards on the hub, in billions.
    for model_id, billions in {
        "HuggingFaceTB/SmolLM2-135M-Instruct": 0.135,
        "meta-llama/Llama-3.2-1B-Instruct": 1.24,
        "google/gemma-2-2b-it": 2.61,
        "meta-llama/Llama-3.2-3B-Instruct": 3.21,
        "mistralai/Mistral-7B-Instruct-v0.3": 7.25,
        "meta-llama/Llama-3.1-8B-Instruct": 8.03,
        "google/gemma-2-9b-it": 9.24,
        "Qwen/Qwen3-14B": 14.8,
    }.items():
        assert BY_ID[model_id].parameters / 1e9 == pytest.approx(billions, rel=0.01)
    # What Unsloth prints for an adapter of rank 16 on all layers of this model.
    assert BY_ID["meta-llama/Llama-3.1-8B-Instruct"].adapter_parameters == 41_943_040


def test_memory_is_near_what_unsloth_publishes() -> None:
    """docs "Unsloth requirements": the least memory in GB by billions of weights, for QLoRA and LoRA."""
    published = {
        "meta-llama/Llama-3.2-3B-Instruct": (3.5, 8),
        "mistralai/Mistral-7B-Instruct-v0.3": (5, 19),
        "meta-llama/Llama-3.1-8B-Instruct": (6, 22),
        "google/gemma-2-9b-it": (6.5, 24),
        "Qwen/Qwen3-14B": (8.5, 33),
    }
    for model_id, (qlora, lora) in published.items():
        assert BY_ID[model_id].lora_bytes / 1e9 == pytest.approx(lora, rel=0.2)
        # Theirs is the very least, with parts of the model moved out of the GPU; ours is never below it.
        assert qlora <= BY_ID[model_id].qlora_bytes / 1e9 < 1.6 * qlora


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("gated = false", "gated = false\ncolour = 1"), "has colour, which is not known"),
        (("context = 8192\n", ""), "lacks context"),
        (("layers = 30", 'layers = "30"'), "has layers = '30'"),
        (("layers = 30", "layers = 0"), "has layers = 0"),
        (("layers = 30", "layers = true"), "has layers = True"),
        (("format = 1", "format = 2"), "reads format 1"),
        (("format = 1", "format ="), "The fault is"),
        (("google/gemma-3-270m-it", "HuggingFaceTB/SmolLM2-135M-Instruct"), "more than once"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    file = tmp_path / "models.toml"
    file.write_text(offered.OFFERED.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(StorageFailed) as caught:
        offered.offers(file)
    assert said in caught.value.message
