"""What people read about recipes, and what a value may be: words from assets/help/recipe.toml, ranges from the code.

The words are in a text file so that whoever writes for people can change them without touching code; `help_texts` is
the one place that reads it. A range is said once, where the setting is declared (`about`), and both the form that
shows it and the check that refuses a value read it there.
"""

import json
import tomllib
from dataclasses import Field, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from engine.errors import InputRefused, StorageFailed

HELP = Path(__file__).parents[3] / "assets" / "help"
Kind = Literal["whole", "number", "switch", "choice"]
Value = float | int | bool | str | None
KINDS: dict[object, Kind] = {int: "whole", float: "number", float | None: "number", bool: "switch"}


@dataclass(frozen=True)
class Setting:
    """One setting as a form shows it.

    Attributes:
        kind: "whole" and "number" have a range, "choice" has choices, "switch" is on or off.
        automatic: what an empty value follows ("by the size of the model"); "" where it must not be empty.
    """

    name: str
    kind: Kind
    group: str
    label: str
    help: str
    unit: str = ""
    automatic: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def range(self) -> str:
        """What it may be, in words: "1 to 256", "cosine or linear or constant", "true or false"."""
        if self.minimum is not None:
            return f"{self.minimum:,} to {self.maximum:,}"
        return " or ".join(self.choices) if self.choices else "true or false"

    def check(self, value: object) -> None:
        """Refuses a value that the setting cannot have; the message says the range and the value.

        Raises:
            InputRefused: it has another type, or is out of range.
        """
        if value is None and self.automatic:
            return
        said = self.said
        if value is None:
            raise InputRefused(f"{said} must be {self.range}, and is empty.")
        got = value if isinstance(value, str) and self.choices else json.dumps(value, default=str)
        if self.kind == "whole" and (isinstance(value, bool) or not isinstance(value, int)):
            raise InputRefused(f"{said} must be a whole number, got {got}.")
        if not self._allows(value):
            raise InputRefused(f"{said} must be {self.range}, got {got}.")

    @property
    def said(self) -> str:
        """Its label inside a sentence."""
        return self.label[:1].lower() + self.label[1:]

    def _allows(self, value: object) -> bool:
        if self.kind == "switch":
            return isinstance(value, bool)
        if self.kind == "choice":
            return value in self.choices
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.minimum is not None and self.maximum is not None and self.minimum <= value <= self.maximum

    def read(self, text: str) -> Value:
        """The value from what was typed; its range is the recipe's to check.

        Raises:
            InputRefused: it is not of this setting's kind.
        """
        if self.automatic and text.lower() in ("", "auto", "automatic", "none"):
            return None
        if self.kind == "choice":
            return text
        if self.kind == "switch":
            if text.lower() not in ("true", "false"):
                raise InputRefused(f"{self.said} must be true or false, got {text}.")
            return text.lower() == "true"
        try:
            return int(text) if self.kind == "whole" else float(text)
        except ValueError as error:
            wanted = "a whole number" if self.kind == "whole" else "a number"
            raise InputRefused(f"{self.said} must be {wanted}, got {text}.") from error

    def say(self, value: Value) -> str:
        """A value as a person reads it: "automatic, by the size of the model", "on", "0.05", "1,024 tokens"."""
        if value is None:
            return f"automatic, {self.automatic}"
        if isinstance(value, bool):
            return "on" if value else "off"
        if isinstance(value, str):
            return value
        number = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        return f"{number} {self.unit}" if self.unit else number


def about(
    name: str,
    minimum: float | None = None,
    maximum: float | None = None,
    *,
    choices: tuple[str, ...] = (),
    words: str = "recipe",
) -> dict[str, Any]:
    """The metadata of a dataclass field: its words from the help file `words`, and what it may be.

    Raises:
        StorageFailed: the file says nothing about it, or cannot be read.
    """
    told = help_texts(words)["settings"].get(name, {})
    if not all(told.get(each) for each in ("group", "label", "help")):
        raise StorageFailed(
            f"The help text of {name} is missing.",
            f"{words}.toml needs a group, a label and a help under [settings.{name}].",
            f"Write it into {HELP / words}.toml.",
        )
    return {"unit": "", "automatic": "", **told, "minimum": minimum, "maximum": maximum, "choices": choices}


def setting(field: Field[Any]) -> Setting:
    """A dataclass field that was declared with `about`."""
    kind: Kind = "choice" if field.metadata["choices"] else KINDS[field.type]
    return Setting(name=field.name, kind=kind, **field.metadata)


@cache
def help_texts(name: str) -> dict[str, dict[str, dict[str, str]]]:
    """A help file of assets/help: section, entry, word.

    Raises:
        StorageFailed: it is not there or is not TOML; the message says in which line.
    """
    path = HELP / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StorageFailed(
            f"The help texts in {path.name} cannot be read.", f"{path}: {error}", "Correct the file, or get it again."
        ) from error
