import json
import shutil
from pathlib import Path

import pytest

from engine.errors import ModelUnavailable
from engine.models import catalogue


def test_sizes_come_from_the_header_alone(tiny: Path) -> None:
    from transformers import AutoModelForCausalLM

    info = catalogue.resolve(str(tiny))

    assert info.parameters == AutoModelForCausalLM.from_pretrained(tiny).num_parameters()
    assert info.bytes == (tiny / "model.safetensors").stat().st_size
    assert (info.id, info.name, info.context) == (str(tiny), "tiny", 128)


def test_the_starter_is_in_the_box() -> None:
    info = catalogue.resolve("starter")

    assert info.id == catalogue.STARTER
    assert info.bytes < 30_000_000
    assert info.license == "apache-2.0" or info.license == "not stated"


def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(ModelUnavailable, match="/nowhere/model was not found"):
        catalogue.resolve("/nowhere/model")


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tiny: Path, tmp_path: Path, missing: str) -> None:
    folder = copy(tiny, tmp_path)
    (folder / missing).unlink()

    with pytest.raises(ModelUnavailable, match="safetensors" if "model" in missing else missing):
        catalogue.resolve(str(folder))


def test_a_model_that_does_not_write_is_refused(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))

    with pytest.raises(ModelUnavailable, match="not a model that chats"):
        catalogue.resolve(str(folder))


def test_damaged_weights_are_refused(tiny: Path, tmp_path: Path) -> None:
    folder = copy(tiny, tmp_path)
    (folder / "model.safetensors").write_bytes(b"\xff" * 100)

    with pytest.raises(ModelUnavailable, match="damaged"):
        catalogue.resolve(str(folder))
