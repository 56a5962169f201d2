"""A form's words come from the dataclass it fills."""

from dataclasses import dataclass, field

import pytest

from studio import forms


@dataclass(frozen=True)
class Settings:
    rank: int = field(default=16, metadata={"label": "Rank", "help": "How much it may change."})
    context: int = field(default=512, metadata={"label": "Longest example", "unit": "tokens"})
    learning_rate: float = 0.1


def test_label_and_hint_come_from_the_field() -> None:
    assert forms.words(Settings, "rank") == {"label": "Rank", "info": "How much it may change."}
    assert forms.label(Settings, "context") == "Longest example (tokens)"
    assert forms.words(Settings, "learning_rate") == {"label": "Learning rate", "info": ""}


def test_an_unknown_field_is_a_mistake_in_the_form() -> None:
    with pytest.raises(KeyError):
        forms.words(Settings, "colour")
