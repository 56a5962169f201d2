"""All that is to be said before a training starts, in one look: what it will do, what it takes and costs, what would
spoil it. Nothing here is reckoned: it asks `checks`, `recipes`, `estimates` and `costs`, and says what of them holds
when one of the others cannot.
"""

from typing import NamedTuple

from engine.errors import InputRefused, TunedeskError
from engine.models import catalogue
from engine.models.catalogue import ModelInfo
from engine.training.checks.preflight import Finding, preflight
from engine.training.costs import cost, rental
from engine.training.costs.cost import ExpectedCost, PowerPrice
from engine.training.costs.rental import Rental
from engine.training.estimates import probe
from engine.training.estimates.estimate import Estimate, estimate
from engine.training.estimates.probe import Probe
from engine.training.recipes.plan import Plan, plan
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace


class Rented(NamedTuple):
    """The same training on rented GPUs, the cheapest that fits first.

    Attributes:
        trouble: why there are none: the person's own price list cannot be read.
    """

    gpus: list[Rental]
    own_list: bool
    date: str
    trouble: str = ""


class Expected(NamedTuple):
    """What a training that can be reckoned will do and take."""

    plan: Plan
    estimate: Estimate
    model: ModelInfo
    cost: ExpectedCost | None
    rented: Rented
    probe: Probe | None


class Outlook(NamedTuple):
    """What is known of a training before it starts.

    Attributes:
        findings: what would spoil it, the gravest first.
        expected: None where a finding says why nothing can be reckoned.
        price: what the person pays for electricity; None until it was set.
    """

    recipe: Recipe
    findings: tuple[Finding, ...]
    expected: Expected | None
    price: PowerPrice | None

    @property
    def obstacle(self) -> str:
        """Why it cannot start, in a sentence; empty where it can."""
        for finding in self.findings:
            if finding.severity == "stops":
                return finding.title
        if self.expected and self.expected.estimate.fits == "too big":
            return "It needs more memory than this machine has."
        return ""

    @property
    def measuring(self) -> bool:
        """Whether a probe of it is under way."""
        return bool(self.expected and self.expected.probe and self.expected.probe.status.alive)

    def mend(self, kind: str) -> dict[str, object]:
        """What one press changes: settings, and "version", "base" or "method" where another is to be chosen.

        Args:
            kind: of a finding; or "fits", the change that makes it fit into memory.

        Raises:
            InputRefused: nothing of that kind is there any more.
        """
        if kind == "fits" and self.expected and self.expected.estimate.mend:
            return dict(self.expected.estimate.mend.changes)
        for finding in self.findings:
            if finding.kind == kind and finding.mend:
                return dict(finding.mend)
        raise InputRefused("This is mended already.", "The form was changed meanwhile.", "Look at the list again.")


def look(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Outlook:
    """Looks at a training that is about to start; some seconds for new examples or another model, then at once."""
    findings = preflight(workspace, version, base, recipe)
    price = cost.power_price(workspace)
    try:
        expected = _expected(workspace, version, base, recipe, price)
    except TunedeskError as error:
        if not any(finding.severity == "stops" for finding in findings):
            findings = [Finding.of("cannot_be_reckoned", error), *findings]
        expected = None
    return Outlook(recipe, tuple(findings), expected, price)


def _expected(
    workspace: Workspace, version: str | None, base: str, recipe: Recipe, price: PowerPrice | None
) -> Expected:
    found = estimate(workspace, version, base, recipe)
    model = catalogue.resolve(base)
    return Expected(
        plan(recipe, examples=found.examples, steps=found.steps, parameters=model.parameters),
        found,
        model,
        cost.expected(workspace, found, price),
        _rented(workspace, version, base, recipe),
        probe.find(workspace, version, base, recipe),
    )


def _rented(workspace: Workspace, version: str | None, base: str, recipe: Recipe) -> Rented:
    try:
        listed = rental.prices(workspace)
        return Rented(rental.rented_plan(workspace, version, base, recipe), listed.own, listed.date)
    except InputRefused as error:
        return Rented([], True, "", f"{error.title} {error.message}")
