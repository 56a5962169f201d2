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


def test_an_id_of_the_hub_that_is_not_here_says_how_to_get_it(models_folder: Path) -> None:
    with pytest.raises(ModelUnavailable) as caught:
        catalogue.resolve("Qwen/Qwen3-0.6B")
    assert caught.value.remedy == "Download it: tunedesk download Qwen/Qwen3-0.6B"


def test_a_downloaded_model_is_found_by_its_id_from_any_folder(
    models_folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "Qwen" / "Tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny, models_folder / "Qwen--Tiny")

    info = catalogue.resolve("Qwen/Tiny")
    assert (info.id, info.name, info.path) == ("Qwen/Tiny", "Qwen/Tiny", models_folder / "Qwen--Tiny")
    assert [model.id for model in catalogue.list_downloaded()] == ["Qwen/Tiny"]
    (models_folder / "Qwen--Tiny" / "config.json").unlink()
    assert catalogue.list_downloaded() == []


def test_a_folder_is_a_folder_even_where_it_reads_like_an_id(
    models_folder: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copytree(tiny, tmp_path / "mine" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert catalogue.resolve("mine/tiny").id == str(tmp_path / "mine" / "tiny")


@pytest.fixture
def models_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder of this test's own, empty."""
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "models"))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"
