"""What would spoil a training, found before its first step; each finding with its mend where there is one.

    for finding in preflight(workspace, "Version 3", "starter", recipe):
        print(finding.severity, finding.title, finding.remedy)
        recipe = mended(recipe, finding)

Everything is looked at with the base's own tokenizer and chat template on the version's own examples; no
weights and no torch are loaded. Time and memory are `engine.training.estimates.estimate`'s. The checks are beside
this module.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine import hardware
from engine.data import versions
from engine.data.examples import Example
from engine.data.versions import Version
from engine.errors import NotFound, StorageFailed, TunedeskError
from engine.hardware import Machine
from engine.models.catalogue import ModelInfo
from engine.models.tokens import ChatTokenizer
from engine.training import runs
from engine.training.checks import examples as data
from engine.training.checks import leaks, machine, model, settings, tokens
from engine.training.checks.finding import SEVERITIES, Finding, Severity, mended
from engine.training.estimates import needs
from engine.training.recipes.recipe import Method, Recipe
from engine.workspace import Workspace

__all__ = ["Finding", "Severity", "mended", "preflight", "refuse"]

# A mend proposes one of so many other versions, the newest; each has to be read.
OTHER_VERSIONS = 3


def preflight(
    workspace: Workspace,
    version: str | None,
    base: str,
    recipe: Recipe,
    begin: str | None = None,
    *,
    on: Machine | None = None,
) -> list[Finding]:
    """Looks for what would spoil a training, the gravest first.

    It takes a second or two, whatever the version's size, and less when it is asked again with other settings.

    Args:
        version: name of a frozen version; the newest when None.
        base: as in `runs.start`; the base of the run to go on from holds where there is one.
        begin: a run whose adapter it is to go on from.
        on: the machine it is to run on; this one when None.
    """
    found: list[Finding] = []
    frozen = _version(workspace, version, found)
    former = _former(workspace, begin, recipe, found) if begin else None
    info = model.find_base(former.base if former else base)
    present = on or hardware.machine(workspace.root)
    if frozen is not None:
        found += _about_data(workspace, frozen, recipe, former)
    if isinstance(info, Finding):
        found.append(info)
    else:
        if former is not None and former.adapter is not None:
            found += model.check_adapter(former.adapter, info, recipe, former.name)
        found += settings.check_rate(recipe, info.parameters)
        found += _about_rows(info, frozen, recipe)
        size = frozen.path.stat().st_size if frozen else 0
        found += machine.check_disk(needs.disk(info, recipe, size), present)
    found += [*machine.check_quantized(recipe, present), *machine.check_gpu(present)]
    return sorted(found, key=lambda finding: SEVERITIES.index(finding.severity))


def refuse(findings: Sequence[Finding]) -> None:
    """Refuses a training that cannot work.

    Raises:
        InputRefused: one of the findings stops it; the first of them.
    """
    for finding in findings:
        if finding.severity == "stops":
            raise finding.as_error()


def _version(workspace: Workspace, name: str | None, found: list[Finding]) -> Version | None:
    try:
        version = versions.get_version(workspace, name)
        versions.read_split(version.path, "golden")
    except (NotFound, StorageFailed) as error:
        found.append(Finding.of("no_version", error))
        return None
    return version


def _former(workspace: Workspace, begin: str, recipe: Recipe, found: list[Finding]) -> runs.Run | None:
    """The run to go on from, under the conditions of `runs.start`."""
    try:
        return runs.get_former(workspace, begin, recipe)
    except TunedeskError as error:
        found.append(replace(Finding.of("cannot_go_on", error), mend={"begin": None}))
        return None


def _about_data(workspace: Workspace, frozen: Version, recipe: Recipe, former: runs.Run | None) -> list[Finding]:
    picked = workspace.database.rows("SELECT question FROM golden_questions ORDER BY id")
    golden = tuple(str(row["question"]) for row in picked)
    found = _of_version(frozen.path, frozen.hash, recipe.method, golden, former.data if former else None)
    unseen = frozen.counts.get("validation", 0)
    return [
        *(_with_version(workspace, frozen, recipe, golden, finding) for finding in found),
        *settings.check_patience(recipe, unseen),
    ]


# Asked again whenever a setting changes; a version never does.
@lru_cache(maxsize=8)
def _of_version(
    path: Path, _hash: str, method: Method, golden: tuple[str, ...], before: Path | None
) -> tuple[Finding, ...]:
    """
    Args:
        golden: questions picked by hand, besides those of the version.
        before: the examples of the run to go on from.
    """
    train = versions.read_split(path, "train")
    return (
        *data.check_enough(method, train),
        *data.check_answers(method, train),
        *(_languages(path, _hash) if method != "classifier" else ()),
        *_leaks(path, _hash, golden, before),
    )


# These two take the longest, and are the same whatever is learned.
@lru_cache(maxsize=4)
def _languages(path: Path, _hash: str) -> tuple[Finding, ...]:
    return tuple(data.check_languages(versions.read_split(path, "train")))


@lru_cache(maxsize=4)
def _leaks(path: Path, _hash: str, golden: tuple[str, ...], before: Path | None) -> tuple[Finding, ...]:
    train, measuring, unseen = (versions.read_split(path, split) for split in ("train", "golden", "validation"))
    learned = versions.read_split(before, "train") if before else []
    asked = [*(each.instruction for each in measuring), *golden]
    return tuple(leaks.check_leaks(train, asked, [each.instruction for each in unseen], learned))


def _with_version(
    workspace: Workspace, frozen: Version, recipe: Recipe, golden: tuple[str, ...], finding: Finding
) -> Finding:
    """The finding with another version as its mend, where one of the newest has not the same fault."""
    if finding.kind not in ("nothing_to_learn", "no_pairs", "few_topics", "golden_learned"):
        return finding
    others = [each for each in versions.list_versions(workspace) if each.name != frozen.name]
    for other in others[:OTHER_VERSIONS]:
        try:
            again = _of_version(other.path, other.hash, recipe.method, golden, None)
        except StorageFailed:
            continue
        if not any(each.severity == "stops" or each.kind == finding.kind for each in again):
            remedy = f"Learn from version {other.name}, which has not this fault."
            return replace(finding, remedy=remedy, mend={"version": other.name})
    return finding


def _about_rows(info: ModelInfo, frozen: Version | None, recipe: Recipe) -> list[Finding]:
    """What tokenizer and template make of the examples, and how many steps come of it."""
    if frozen is None:
        return model.read_tokenizer(info)[1]
    touched = tuple(file.stat().st_mtime_ns for file in sorted(info.path.iterdir()) if file.suffix != ".safetensors")
    found, rows, in_all = _of_rows(info, touched, frozen.path, frozen.hash, recipe.method, recipe.context)
    return [*found, *(settings.check_steps(recipe, rows, in_all) if rows else ())]


class _Rows(NamedTuple):
    found: tuple[Finding, ...]
    rows: int
    tokens: int


@lru_cache(maxsize=8)
def _of_rows(info: ModelInfo, _touched: tuple[int, ...], path: Path, _hash: str, method: Method, context: int) -> _Rows:
    tokenizer, found, train = _opened(info, _touched, path, _hash, method != "classifier")
    if tokenizer is None or not train or any(finding.severity == "stops" for finding in found):
        return _Rows(found, 0, 0)
    measured = tokens.measure(train, tokenizer, info, method, context)
    return _Rows((*found, *measured.findings), measured.rows, measured.tokens)


# Apart from the above, so that another longest example needs no other tokenizer, and its rows are found again.
@lru_cache(maxsize=3)
def _opened(
    info: ModelInfo, _touched: tuple[int, ...], path: Path, _hash: str, answers: bool
) -> tuple[ChatTokenizer | None, tuple[Finding, ...], tuple[Example, ...]]:
    tokenizer, found = model.read_tokenizer(info)
    train = tuple(versions.read_split(path, "train"))
    if tokenizer is not None:
        found += model.check_template(info, tokenizer, train, answers=answers)
    return tokenizer, tuple(found), train
