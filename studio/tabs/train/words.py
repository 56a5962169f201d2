"""The words of the Train screen that several of its parts say: recipes, states of a run."""

from engine.training.recipes.fields import help_texts
from engine.training.recipes.recipe import RECIPES

READY = help_texts("recipe")["ready"]
TITLES = {name: READY[name]["title"] for name in RECIPES}
STATES = {
    "waiting": ("Not started", ""),
    "queued": ("In the queue", ""),
    "starting": ("Starting", ""),
    "running": ("Learning", "td-good"),
    "stopping": ("Stopping", ""),
    "paused": ("Paused", ""),
    "done": ("Done", "td-good"),
    "stopped": ("Stopped", ""),
    "failed": ("Failed", "td-bad"),
}
