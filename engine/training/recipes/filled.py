"""A form that was filled in: the recipe that its fields make, or what is wrong with which of them.

A recipe refuses the first value that it cannot have; a form tells each at its own field, before anything is pressed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from engine.errors import InputRefused
from engine.training.recipes.fields import Setting
from engine.training.recipes.recipe import CHANGEABLE, Recipe, settings

KNOWN = {each.name: each for each in settings()}


class Filled(NamedTuple):
    """What came of a form.

    Attributes:
        recipe: with the values of all fields; None where one of them cannot be.
        wrong: what is wrong, by setting, in plain words.
        changed: the settings that are not as in the recipe that the form began as, those that are wrong included.
    """

    recipe: Recipe | None
    wrong: dict[str, str]
    changed: frozenset[str]


def fill_in(usual: Recipe, typed: Mapping[str, object]) -> Filled:
    """Reads a form.

    Args:
        usual: the recipe that the form began as, ready or own.
        typed: what stands in the fields, as text or as a value, by setting; those that are not in it stay as usual.
    """
    wrong: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, raw in typed.items():
        try:
            values[name] = _read(KNOWN[name], raw)
        except InputRefused as error:
            wrong[name] = f"{error.title[:1].upper()}{error.title[1:]}"
    changed = frozenset(
        name for name in CHANGEABLE if name in wrong or values.get(name, getattr(usual, name)) != getattr(usual, name)
    )
    return Filled(None if wrong else replace(usual, **values), wrong, changed)


def _read(setting: Setting, raw: object) -> object:
    """A field's value as the recipe has it."""
    value = raw
    if isinstance(raw, str) and setting.kind in ("whole", "number"):
        text = raw.strip()
        value = setting.read(text) if text else None
    # A page sends 16.0 where 16 was typed.
    if setting.kind == "whole" and isinstance(value, float) and value.is_integer():
        value = int(value)
    setting.check(value)
    return value
