"""The verbs of base models, as a person and another program would call them, against a stand-in for the hub."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.models import catalogue, download
from tests.engine.models.hub import Hub, Repository, standing_in
from tests.engine.test_jobs import until

CHECKOUT = Path(__file__).parents[3]
STARTER = "somebody/Starter-Instruct"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with standing_in(tmp_path, monkeypatch) as stand_in:
        stand_in.repositories[STARTER] = Repository(catalogue.STARTER_FOLDER)
        yield stand_in


def tunedesk(*words: object, expect: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.cli", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=280)
    assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def listed(tmp_path: Path) -> dict[str, Any]:
    return result("models", "--workspace", tmp_path / "shop")


def result(*words: object, expect: int = 0) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(tunedesk(*words, "--json", expect=expect).stdout)
    return document


def test_what_is_here_and_what_can_be_had(hub: Hub, tmp_path: Path) -> None:
    shutil.copytree(catalogue.STARTER_FOLDER, catalogue.folder_of("Qwen/Qwen3-0.6B"))

    told = listed(tmp_path)
    offered = told["offered"]
    assert len(offered) >= 12
    assert {"id", "license", "gated", "context", "languages", "bytes", "lora_bytes", "qlora_bytes"} <= set(offered[0])
    assert [model["id"] for model in told["here"]] == ["starter", "Qwen/Qwen3-0.6B"]
    assert [model["id"] for model in offered if model["downloaded"]] == ["Qwen/Qwen3-0.6B"]
    assert told["advice"]["base"] in {"starter", *(model["id"] for model in offered)}
    assert {model["fits"]["lora"] for model in offered} <= {"fits", "tight", "too big"}
    text = tunedesk("models", "--workspace", tmp_path / "shop").stdout
    # Not the same sentence: memory and speed were looked at twice.
    assert re.search(r"(Take|Stay with) [^\n]+\.$", text, re.MULTILINE)
    assert text.count("Qwen/Qwen3-0.6B:") == 1
    assert "meta-llama/Llama-3.1-8B-Instruct: 8.03 billion weights, 16.1 GB, llama3.1, gated, reads 131,072" in text


def test_a_download_stopped_by_ctrl_c_goes_on_with_the_same_command(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[STARTER].seconds_per_piece = 0.1
    process = subprocess.Popen(
        [sys.executable, "-m", "engine.cli", "download", STARTER, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=CHECKOUT,
        # Around a test Ctrl-C may be ignored, which children inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    until(lambda: any(each.status.step > 1_000_000 for each in download.list_downloads()), seconds=120)
    os.kill(process.pid, signal.SIGINT)
    out, told = process.communicate(timeout=60)

    assert process.returncode == 0, told
    stopped = json.loads(out)
    assert (stopped["state"], stopped["bytes"] > 1_000_000) == ("stopped", True)
    assert "Press Ctrl-C again to let it go on" in told
    (begun,) = listed(tmp_path)["downloads"]
    assert (begun["id"], begun["state"], begun["bytes"]) == (STARTER, "stopped", stopped["bytes"])
    hub.repositories[STARTER].seconds_per_piece = 0
    assert result("download", STARTER)["path"] == str(catalogue.folder_of(STARTER))
    # And asked again, it is simply there.
    assert result("download", STARTER)["state"] == "done"
    assert hub.asked_for("model.safetensors")[-1].begin > 1_000_000


def test_a_gated_model_and_one_that_is_not_here_are_refused_with_the_next_step(hub: Hub, tmp_path: Path) -> None:
    hub.repositories[STARTER].gated = True
    refused = result("download", STARTER, expect=1)["error"]
    assert "is gated" in refused["title"]
    assert "HF_TOKEN" in refused["remedy"]
    assert tunedesk("download", STARTER, "--discard").stdout.startswith("What had arrived")
    assert listed(tmp_path)["downloads"] == []


def test_a_model_is_deleted_once_it_was_said_what_goes(hub: Hub, tmp_path: Path) -> None:
    folder = catalogue.folder_of(STARTER)
    shutil.copytree(catalogue.STARTER_FOLDER, folder)
    named = ("models", STARTER, "--delete", "--workspace", tmp_path / "shop")

    told = result(*named)
    assert not told["deleted"]
    assert told["bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    assert folder.is_dir()
    assert "become free" in tunedesk(*named, "--apply").stdout
    assert not folder.exists()
    assert "no downloaded model" in result(*named, "--apply", expect=1)["error"]["title"]
    assert "A model is named" in result("models", STARTER, expect=1)["error"]["title"]
