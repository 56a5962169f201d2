"""What a check tells: a finding in plain words, how grave it is, and the mend where there is one."""

from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from engine.errors import InputRefused, TunedeskError
from engine.training.recipes.recipe import Recipe

Severity = Literal["stops", "warns", "mended"]
"""stops: the training would fail or learn nothing. warns: it would learn less or wrong. mended: Tunedesk sees to it by
itself, and it is said so that nobody wonders."""
SEVERITIES: tuple[Severity, ...] = ("stops", "warns", "mended")
_FIELDS = frozenset(each.name for each in fields(Recipe))


@dataclass(frozen=True)
class Finding:
    """Something that would spoil a training, or would have.

    Attributes:
        kind: which one it is; the same name for as long as there is Tunedesk.
        title, message, remedy: what is the matter, what it means, what to do; as in an error.
        mend: what one press changes: fields of the recipe with their new values, and "version", "base" or "begin" where
            one of these is to be another. Empty where a person has to do something else.
        examples: how many examples it is about; 0 where it is about none.
    """

    kind: str
    severity: Severity
    title: str
    message: str
    remedy: str
    mend: dict[str, Any] = field(default_factory=dict)
    examples: int = 0

    @classmethod
    def of(cls, kind: str, error: TunedeskError) -> "Finding":
        """An error that the training would end with."""
        return cls(kind, "stops", error.title, error.message, error.remedy)

    def as_error(self) -> InputRefused:
        """The same as an error, for what must not go on."""
        return InputRefused(self.title, self.message, self.remedy)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


def mended(recipe: Recipe, finding: Finding) -> Recipe:
    """The recipe after a finding's mend; the same one where the mend is about something else (`finding.mend`)."""
    return replace(recipe, **{name: value for name, value in finding.mend.items() if name in _FIELDS})
