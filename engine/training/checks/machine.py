"""The machine: a GPU where one is needed, that is not busy with something else, and room for checkpoints."""

from collections.abc import Iterator

from engine.hardware import GIB, Machine
from engine.training.checks.finding import Finding
from engine.training.recipes.recipe import Recipe

# The context of a process that computes on a card and does nothing takes about half a gigabyte, a desktop on a small
# card as much. A tenth of the card or a gigabyte, whichever is more, is what somebody else computes with.
BUSY_SHARE, BUSY_BYTES = 0.1, GIB


def check_quantized(recipe: Recipe, machine: Machine) -> Iterator[Finding]:
    """Four bits where they cannot be had."""
    if not recipe.quantized:
        return
    if recipe.method == "classifier":
        yield Finding(
            "quantized_classifier",
            "stops",
            "A classifier cannot be trained on a 4-bit base.",
            "Its head needs the exact states of the base model.",
            "Switch off the 4-bit base.",
            {"quantized": False},
        )
    elif not machine.gpus:
        yield Finding(
            "quantized_without_gpu",
            "stops",
            "4-bit training needs an NVIDIA GPU.",
            "This machine has none that can be used.",
            "Switch off the 4-bit base, or train on a machine with a GPU.",
            {"quantized": False},
        )


def check_gpu(machine: Machine) -> Iterator[Finding]:
    """A GPU whose memory another process holds."""
    for gpu in machine.gpus[:1]:
        if gpu.used > max(BUSY_BYTES, BUSY_SHARE * gpu.memory):
            yield Finding(
                "gpu_busy",
                "warns",
                f"The GPU ({gpu.name}) is busy.",
                f"Other processes hold {gpu.used / GIB:.0f} of its {gpu.memory / GIB:.0f} GB: the training would be "
                "slow, or run out of memory.",
                "Wait for them, or end them: nvidia-smi lists them.",
            )


def check_disk(needed: int, machine: Machine) -> Iterator[Finding]:
    """Room for the checkpoints and the result."""
    if needed > machine.disk_free:
        yield Finding(
            "disk_full",
            "stops",
            "There is too little room on the disk.",
            f"Checkpoints and result take up to {needed / GIB:.1f} GB, {machine.disk_free / GIB:.1f} GB are free.",
            "Free some space, or delete runs that are no longer needed. An adapter of a lower rank takes less.",
        )
