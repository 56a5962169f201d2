"""What a form says about a field, taken from the dataclass that the field belongs to.

A form is a dict keyed by the fields of its dataclass; label and hint are written once, in the field's metadata, and
read here for the screen and elsewhere for the documentation:

    rank = gr.Slider(1, 256, value=16, step=1, **forms.words(Recipe, "rank"))
"""

from dataclasses import Field, fields
from typing import Any


def field(owner: type, name: str) -> Field[Any]:
    """The field `name` of the dataclass `owner`; KeyError if it has none."""
    return {each.name: each for each in fields(owner)}[name]


def label(owner: type, name: str) -> str:
    """The field's label with its unit: "Longest example (tokens)"."""
    metadata = field(owner, name).metadata
    text: str = metadata.get("label", name.replace("_", " ").capitalize())
    return f"{text} ({metadata['unit']})" if metadata.get("unit") else text


def hint(owner: type, name: str) -> str:
    """The field's help in plain words; empty if it has none."""
    text: str = field(owner, name).metadata.get("help", "")
    return text


def words(owner: type, name: str) -> dict[str, str]:
    """Label and hint as a component takes them: `gr.Number(**words(Recipe, "rank"))`."""
    return {"label": label(owner, name), "info": hint(owner, name)}
