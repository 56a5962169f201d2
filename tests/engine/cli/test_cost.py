"""What the terminal says of a run's cost and of a training's, on a run's folder and without training."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine import cli, files
from engine.training.recipes.recipe import RECIPES
from engine.workspace import open_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with twenty examples, frozen, and a run on the starter that has ended."""
    opened = open_workspace(tmp_path / "workspace")
    rows = [[str(n), f"Where is order {n}?", f"Order {n} is on its way."] for n in range(20)]
    with opened.database.transaction() as cursor:
        cursor.executemany(
            "INSERT INTO examples (conversation, instruction, output, scanned_at) VALUES (?, ?, ?, now()::TIMESTAMP)",
            rows,
        )
    opened.close()
    assert cli.main(["freeze", "first", "--workspace", str(opened.root)]) == 0
    run = opened.runs / "one"
    run.mkdir()
    (run / "data.parquet").write_bytes(next(opened.versions.glob("*.parquet")).read_bytes())
    files.write_json(run / "recipe.json", RECIPES["quick"].to_json())
    energy = {"kwh": 0.5, "measured": False, "part": "processor"}
    result = {"state": "done", "seconds": 60.0, "energy": energy, "tokens": 10**6, "steps": 300}
    files.write_json(run / "result.json", result)
    about = {"name": "one", "version": "first", "version_hash": "0", "base": "starter", "created_at": 1.0}
    files.write_json(run / "run.json", {"format": 1, **about})
    return opened.root


def said(capsys: pytest.CaptureFixture[str], folder: Path, *words: str) -> dict[str, Any]:
    capsys.readouterr()
    assert cli.main([*words, "--json", "--workspace", str(folder)]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_a_run_costs_what_the_person_pays(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    without = said(capsys, folder, "cost")
    assert (without["run"], without["kwh"], without["measured"], without["counted"]) == ("one", 0.5, False, "processor")
    assert without["money"] is None
    assert len(without["rented"]) >= 6

    assert said(capsys, folder, "cost", "one", "--price", "0.4", "--currency", "EUR")["money"] == pytest.approx(0.2)
    assert said(capsys, folder, "cost")["power_price"] == {"per_kwh": 0.4, "currency": "EUR"}
    assert said(capsys, folder, "cost", "--price", "0")["money"] is None


def test_what_a_run_took_is_known_without_its_base_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = folder / "runs" / "one" / "run.json"
    files.write_json(manifest, {**files.read_json(manifest), "base": "/home/somebody/models/large"})

    told = said(capsys, folder, "cost", "one")

    assert (told["kwh"], told["rented"]) == (0.5, [])


def test_a_price_needs_its_currency(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cost", "--price", "0.4", "--workspace", str(folder)]) == 1
    assert "no currency" in capsys.readouterr().err
    assert cli.main(["cost", "--currency", "EUR", "--workspace", str(folder)]) == 1


def test_the_list_of_gpus_is_copied_to_be_edited(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = said(capsys, folder, "cost", "--own-list")["price_list"]

    assert listed["own"]
    assert Path(listed["path"]) == folder / "gpu_prices.toml"


def test_a_training_is_estimated_without_starting_it(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = said(capsys, folder, "estimate", "--recipe", "quick", "--set", "epochs=1")

    assert expected["examples"] == 16
    assert expected["basis"] == "nothing"
    assert expected["fits"] == "fits"
    assert expected["cost"]["kwh_low"] > 0
    assert expected["rented"][0]["fits"]
    assert cli.main(["estimate", "--workspace", str(folder)]) == 0
    assert "--measure makes a few real steps" in capsys.readouterr().out
