"""What only a machine with an NVIDIA GPU can prove: `python launch.py test -m gpu`. PENDING.md keeps the account."""

import json
import subprocess
import sys
import time
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest

from engine import jobs
from engine.hardware import nvidia_gpus
from engine.training import fitting, runs
from tests.engine.training.conftest import SHORT, make_workspace
from tests.engine.training.test_fitting import large

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True, scope="module")
def _gpu() -> None:
    if not nvidia_gpus():
        pytest.skip("no NVIDIA GPU answers here: run `python launch.py test -m gpu` on a Linux machine that has one")


def tunedesk(workspace: Path, *arguments: str) -> dict[str, object]:
    command = [sys.executable, "-m", "engine.cli", *arguments, "--workspace", str(workspace), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.gpu
def test_gpu_set_is_installed_as_locked() -> None:
    different = {}
    for line in (ROOT / "assets" / "locks" / "gpu.txt").read_text().splitlines():
        package, version = line.split(" ;")[0].split("==")
        if ";" not in line and metadata.version(package).split("+")[0] != version:
            different[package] = (version, metadata.version(package))
    assert not different


@pytest.mark.gpu
@pytest.mark.parametrize("quantized", [False, True], ids=["lora", "qlora"])
def test_unsloth_loads_onto_the_gpu(quantized: bool) -> None:
    code = (
        "import sys\n"
        "from engine.models.loading import load_for_training\n"
        f"model, tokenizer = load_for_training('starter', context=256, quantized={quantized})\n"
        "sys.exit(0 if model.device.type == 'cuda' else f'the model is on {model.device}')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.gpu
def test_quick_training_and_an_answer(tmp_path: Path) -> None:
    rows = [
        {
            "instruction": f"Where is my order {n}?",
            "output": f"Order {n} left our warehouse and arrives within two days.",
        }
        for n in range(100, 160)
    ]
    tickets = tmp_path / "tickets.jsonl"
    tickets.write_text("\n".join(map(json.dumps, rows)))
    workspace = tmp_path / "workspace"
    tunedesk(workspace, "import", str(tickets))
    tunedesk(workspace, "freeze", "first")
    run = tunedesk(workspace, "train", "--recipe", "quick")
    assert run["state"] == "done"
    assert (Path(str(run["adapter"])) / "adapter_model.safetensors").exists()
    assert tunedesk(workspace, "ask", "Where is my order 123?", "--bot", str(run["bot"]))["answer"]


@pytest.mark.gpu
def test_the_gpus_counter_grows_as_it_works() -> None:
    import torch

    from engine.training.costs.energy import Nvml, gpu_counter

    counter = gpu_counter()
    assert isinstance(counter, Nvml)
    matrix = torch.rand(4096, 4096, device="cuda", dtype=torch.bfloat16)
    for _ in range(2000):
        matrix = (matrix @ matrix).clamp(0, 1)
    torch.cuda.synchronize()
    # 2,000 products of 137 billion operations keep any card busy for a quarter of a second at 50 watts or more.
    assert counter.joules() > 5


@pytest.mark.gpu
def test_out_of_its_memory_it_says_so_and_finds_what_fits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = nvidia_gpus()[0].memory
    # PyTorch's own limit, which the run and all tries inherit: 1.2 GB of the card for each process.
    monkeypatch.setenv("PYTORCH_CUDA_ALLOC_CONF", f"per_process_memory_fraction:{1.2e9 / card:.4f}")
    workspace = make_workspace(tmp_path)
    recipe = replace(SHORT, batch_size=64, context=256, epochs=4.0)
    run = runs.start(workspace, base=str(large(tmp_path / "large")), recipe=recipe)

    assert jobs.wait(run.folder, 240).out_of_memory, jobs.log_tail(run.folder)
    run = runs.get_run(workspace, run.id)
    assert run.status.error is not None
    assert "GPU" in run.status.error["message"]
    deadline = time.monotonic() + 1200
    while (offer := fitting.read(run)) is None or offer.state == "searching":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert offer.state == "found", offer
    assert jobs.wait(fitting.accept(workspace, run.id).folder, 240).state == "done"
    workspace.close()
