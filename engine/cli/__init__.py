"""The terminal: every verb of the loop, `tunedesk VERB ... [--workspace DIR] [--json]`.

With `--json` the result is one JSON document on standard output and nothing else; progress and messages go to standard
error. Exit code 0: done; 1: refused or failed, and the message says what to do; 2: wrong usage.

A module per group of verbs: `data` (import, examples, clean), `versions` (freeze, versions), `privacy` (scrub),
`duplicates`, `topics` (topics, balance), `models` (models, download), `recipes`, `estimate`, `training` (train, fit),
`history` (runs, again, reproduce), `cost`, `evaluation` (evaluate), `bots` (bots, ask, schema, export, serve), `house`
(studio, doctor, test, check). Verbs import the engine inside their functions, so that `tunedesk --help` and the
studio's start do not load model libraries.
"""

import sys
from pathlib import Path

# Unsloth installs a package called `studio` beside the libraries. Ours is the one in this checkout, from whatever
# folder and by whichever way the terminal was started.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import typer

from engine.cli import (
    bots,
    cost,
    data,
    duplicates,
    estimate,
    evaluation,
    history,
    house,
    models,
    privacy,
    recipes,
    topics,
    training,
    versions,
)
from engine.cli.output import print_error
from engine.errors import TunedeskError

app = typer.Typer(
    name="tunedesk",
    help="Fine-tune a language model for your customer support, on this machine.",
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
GROUPS = (
    *(house, data, versions, privacy, duplicates, topics, models, recipes, estimate, training, history, cost),
    *(evaluation, bots),
)
for group in GROUPS:
    for name, verb in group.VERBS.items():
        settings = {"allow_extra_args": True, "ignore_unknown_options": True} if name in house.PASS_ON else None
        app.command(name, context_settings=settings)(verb)


def main(arguments: list[str] | None = None) -> int:
    """Runs one verb and returns the exit code; with no verb, the studio opens."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or (words[0].startswith("-") and words[0] not in ("--help", "-h")):
        words = ["studio", *words]
    try:
        app(words)
    except TunedeskError as error:
        print_error(error, as_json="--json" in words)
        return 1
    except SystemExit as end:
        # typer ends the process itself: 0 after a verb, 2 after wrong usage, 130 after Ctrl-C.
        return int(end.code or 0)
    return 0
