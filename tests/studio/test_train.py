"""The Train screen: callbacks called as functions, its HTML, and a training driven through the page's own interface."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import pytest
from gradio_client import Client

from engine import hardware, jobs
from engine.training import outlook, runs, told
from engine.training.estimates import probe
from engine.training.estimates.estimate import estimate
from engine.training.recipes.filled import fill_in
from engine.training.recipes.recipe import CHANGEABLE, RECIPES, Recipe
from engine.workspace import Workspace, open_workspace
from studio.tabs import train
from studio.tabs.train import cards, checks_parts, own, plan, plan_parts, price, settings, settings_parts
from studio.tabs.train import run as shown
from tests.engine.models.tiny import make_tiny
from tests.engine.training.conftest import SHORT, make_workspace

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_tiny(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a version, to be copied: freezing takes longer than most of these tests."""
    made = make_workspace(tmp_path_factory.mktemp("frozen"))
    made.close()
    return made.root


@pytest.fixture
def workspace(frozen: Path, tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(Path(shutil.copytree(frozen, tmp_path / "workspace")))
    yield opened
    opened.close()


def form(recipe: Recipe, card: str = "") -> list[Any]:
    """What stands in the form: card, method, every setting."""
    return [card or recipe.name, recipe.method, *settings.values_of(recipe)]


def typed(recipe: Recipe, **changes: Any) -> list[Any]:
    """The same with something else in some fields, as text or as a value."""
    values = form(recipe)
    for name, value in changes.items():
        values[2 + CHANGEABLE.index(name)] = value
    return values


class Shown(NamedTuple):
    """What a look fills, with the notes by setting."""

    main: plan.Looked
    notes: dict[str, str]


def look(workspace: Workspace, base: str, values: list[Any], version: str | None = "first") -> Shown:
    told = plan.look(workspace, version, base, *values)
    count = len(plan.Looked._fields)
    return Shown(plan.Looked(*told[:count]), dict(zip(CHANGEABLE, told[count:], strict=True)))


def press(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_without_a_version_the_way_to_data_is_shown(tmp_path: Path) -> None:
    empty = open_workspace(tmp_path / "empty")
    _, *shown = plan.draw(empty, None, "starter", "quick", "sft")[:5]
    told = look(empty, "starter", form(RECIPES["quick"]), version=None).main
    empty.close()

    assert not any(each.visible for each in shown)
    assert 'data-tab="data"' in told.words
    assert not told.go.visible


def test_the_cards_have_their_times_and_the_plan_says_what_will_happen(workspace: Workspace, tiny: str) -> None:
    version, radio, *_ = plan.draw(workspace, None, tiny, "balanced", "sft")
    told = look(workspace, tiny, form(RECIPES["balanced"])).main

    assert version.value == "first"
    assert [name for _, name in radio.choices] == list(RECIPES)
    assert all(label.count("\n") == 2 and " here\n" in label for label, _ in radio.choices)
    assert "Will see each of 32 examples 12 times because they are few, 48 steps." in told.words
    for said in ("Fits this machine", "version first", "tokens", "kWh", "not measured", "rented GPU"):
        assert said in told.words
    assert 'data-measure="yes"' in told.words
    assert "All as in Balanced" in told.differs
    assert told.go.interactive
    assert told.why == ""
    assert not told.ticking.active


def test_few_examples_are_told_and_do_not_stop_it(workspace: Workspace, tiny: str) -> None:
    told = look(workspace, tiny, form(RECIPES["balanced"])).main

    assert "32 examples are few to learn from." in told.words
    assert 'class="td-warns"' in told.words
    assert "Nothing stands in the way" not in told.words


def test_a_changed_setting_is_marked_at_its_field(workspace: Workspace, tiny: str) -> None:
    told = look(workspace, tiny, typed(RECIPES["balanced"], rank=64, learning_rate="0.001"))

    assert "Rank 64 <small>(usually 16)</small>" in told.main.differs
    assert told.main.reset.visible
    assert "changed" in told.notes["rank"]
    assert 'data-reset="rank"' in told.notes["rank"]
    assert "usually automatic, by the size of the model" in told.notes["learning_rate"]
    assert "data-reset" not in told.notes["alpha"]
    assert "usually 32" in told.notes["alpha"]


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("rank", 0, "Rank must be 1 to 256, got 0."),
        ("rank", 1.5, "Rank must be a whole number, got 1.5."),
        ("rank", None, "Rank must be 1 to 256, and is empty."),
        ("epochs", "three", "Epochs must be a number, got three."),
        ("learning_rate", "nan", "Learning rate must be 1e-07 to 0.1, got NaN."),
    ],
)
def test_a_value_that_cannot_be_is_told_at_its_field(
    workspace: Workspace, tiny: str, name: str, value: Any, message: str
) -> None:
    told = look(workspace, tiny, typed(RECIPES["balanced"], **{name: value}))

    assert message in told.notes[name]
    assert message in told.main.words
    assert f'data-back="{name}"' in told.main.words
    assert message in told.main.why
    assert not told.main.go.interactive


def test_every_setting_has_a_field_with_its_help_and_goes_back_by_itself(workspace: Workspace) -> None:
    with gr.Blocks():
        built = settings.build()
    back = settings.back(lambda _: RECIPES["careful"])

    assert len(built.fields) == len(built.notes) == len(CHANGEABLE)
    assert all(each.info.endswith(".") for each in built.fields)
    for name in CHANGEABLE:
        changed = [place for place, each in enumerate(back(press(field=name), "careful")) if each != gr.skip()]
        assert changed == [CHANGEABLE.index(name)]
    assert back(press(field="patience"), "careful")[CHANGEABLE.index("patience")] == 3
    assert all(each == gr.skip() for each in back(press(field="name"), "careful"))


def test_a_missing_model_keeps_the_button_shut_and_says_why(workspace: Workspace) -> None:
    told = look(workspace, "/no/such/model", form(RECIPES["quick"])).main

    assert "was not found" in told.words
    assert "was not found" in told.why
    assert not told.go.interactive


def test_a_method_without_what_it_needs_is_refused_with_a_reason_and_mended(workspace: Workspace, tiny: str) -> None:
    values = form(replace(RECIPES["balanced"], method="dpo"))
    told = look(workspace, tiny, values).main

    assert "There is nothing to prefer." in told.method_note
    assert 'data-mend="no_pairs">Learn the answers instead' in told.words
    assert not told.go.interactive
    with pytest.raises(gr.Error, match="nothing to prefer"):
        plan.start(workspace, "first", tiny, *values)
    assert runs.list_runs(workspace) == []

    version, base, method, *fields = plan._mend(workspace)(press(kind="no_pairs"), "first", tiny, *values)
    assert method == "sft"
    assert all(each == gr.skip() for each in (version, base, *fields))


def test_a_mend_changes_the_form(workspace: Workspace, tiny: str) -> None:
    values = typed(RECIPES["balanced"], learning_rate="0.09", batch_size=32)
    told = look(workspace, tiny, values).main
    assert 'data-mend="learning_rate_high">Use the automatic rate' in told.words

    _, _, method, *fields = plan._mend(workspace)(press(kind="learning_rate_high"), "first", tiny, *values)

    assert method == gr.skip()
    assert fields[CHANGEABLE.index("learning_rate")] == ""
    assert fields[CHANGEABLE.index("learning_rate_factor")] == 1.0
    assert fields[CHANGEABLE.index("batch_size")] == gr.skip()


def test_what_is_filled_in_is_looked_at_once(workspace: Workspace) -> None:
    with gr.Blocks() as app:
        built = plan.build(workspace)
    heard = {target for event in app.fns.values() for target, name in event.targets if name == "change"}
    by_hand = {target for event in app.fns.values() for target, name in event.targets if name == "input"}
    fields = built.form[4:]

    assert len(fields) == len(CHANGEABLE)
    assert not [each.label for each in fields if each._id in heard], "a field that is filled in is changed"
    assert all(each._id in by_hand or each.elem_classes == ["td-typed"] for each in fields)


def test_what_does_not_fit_is_shut_with_the_change_that_makes_it_fit(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = typed(RECIPES["balanced"], batch_size=256)
    recipe = replace(RECIPES["balanced"], batch_size=256)
    needed = estimate(workspace, "first", "starter", recipe).memory_bytes
    small = replace(hardware.machine(), memory_free=round(0.9 * needed), gpus=())
    monkeypatch.setattr(hardware, "machine", lambda *_: small)

    told = look(workspace, "starter", values).main

    assert "Too big" in told.words
    assert told.why == plan_parts.why("It needs more memory than this machine has.")
    assert not told.go.interactive
    assert 'data-mend="fits"' in told.words
    fields = plan._mend(workspace)(press(kind="fits"), "first", "starter", *values)[3:]
    mended = [old if new == gr.skip() else new for old, new in zip(values[2:], fields, strict=True)]
    assert "Too big" not in look(workspace, "starter", [*values[:2], *mended]).main.words


def test_a_recipe_fills_the_form_and_keeps_the_method(workspace: Workspace) -> None:
    method, *values = plan.choose(workspace, "careful", "dpo")

    assert method == "dpo"
    assert values[: len(CHANGEABLE)] == settings.values_of(RECIPES["careful"])


def test_a_run_fills_the_form_with_what_it_was_made_of(workspace: Workspace, tiny: str) -> None:
    recipe = replace(RECIPES["careful"], rank=8, method="full")

    version, base, card, method, *values = plan.fill(workspace, recipe, "first", tiny)

    assert (version, base, card, method) == ("first", tiny, "careful", "full")
    told = look(workspace, base, [card, method, *values])
    assert "Changed from Careful: Rank 8" in told.main.differs
    assert plan.fill(workspace, recipe, "deleted", tiny)[0] == gr.skip()


def test_an_own_recipe_is_saved_changed_renamed_deleted_and_brought_back(workspace: Workspace, tiny: str) -> None:
    card, method, *values = typed(RECIPES["careful"], rank=8)
    assert own.save(workspace, card, method, f"Our voice {HOSTILE}"[:60], values) in _cards(workspace, tiny)
    name = own.rename(workspace, f"Our voice {HOSTILE}"[:60], "Our voice")

    assert look(workspace, tiny, [name, method, *values]).main.differs == '<p class="td-quiet">All as in Our voice.</p>'
    changed = look(workspace, tiny, [name, *typed(RECIPES["careful"], rank=4)[1:]])
    assert changed.main.keep.visible
    assert "usually 8" in changed.notes["rank"]
    own.keep(workspace, name, method, typed(RECIPES["careful"], rank=4)[2:])
    assert plan.choose(workspace, name, "sft")[1 + CHANGEABLE.index("rank")] == 4

    assert own.delete(workspace, name) == "careful"
    assert name not in _cards(workspace, tiny)
    row, _, undo = cards.draw_own(workspace, "careful")
    assert not row.visible
    assert undo.visible
    assert own.bring_back(workspace) == name
    assert "Careful with Rank 4" in _cards(workspace, tiny)[name]
    assert not cards.draw_own(workspace, name)[2].visible


def test_a_recipe_that_is_gone_gives_way_to_a_ready_one(workspace: Workspace, tiny: str) -> None:
    assert cards.draw(workspace, "first", tiny, "Gone", "sft")[0].value == "balanced"


def _cards(workspace: Workspace, base: str) -> dict[str, str]:
    return {name: label for label, name in cards.draw(workspace, "first", base, "quick", "sft")[0].choices}


def test_money_is_said_once_there_is_a_price(workspace: Workspace, tiny: str) -> None:
    values = form(RECIPES["balanced"])
    assert "Say below what you pay" in look(workspace, tiny, values).main.words

    price.keep(workspace, "0,32", "EUR")

    assert " EUR" in look(workspace, tiny, values).main.words
    assert price.draw(workspace) == ("0.32", "EUR")
    with pytest.raises(gr.Error, match="no currency"):
        price.keep(workspace, "0.32", " ")
    with pytest.raises(gr.Error, match="This is no price"):
        price.keep(workspace, "cheap", "EUR")
    price.keep(workspace, "", "")
    assert price.draw(workspace) == ("", "")


def test_a_measurement_is_followed_until_the_time_is_measured(workspace: Workspace, tiny: str) -> None:
    values = typed(SHORT, batch_size=2)
    plan.measure(workspace, "first", tiny, *values)

    under_way = plan.follow(workspace, "first", tiny, *values)
    assert under_way[0] == gr.skip()
    told = plan.Looked(*under_way[1 : 1 + len(plan.Looked._fields)])
    assert told.ticking.active
    assert 'role="progressbar"' in told.words
    assert "data-measure" not in told.words
    found = probe.find(workspace, "first", tiny, replace(SHORT, batch_size=2))
    assert found is not None
    assert jobs.wait(found.folder, 240).state == "done", jobs.log_tail(found.folder)

    radio, *ended = plan.follow(workspace, "first", tiny, *values)
    told = plan.Looked(*ended[: len(plan.Looked._fields)])
    assert not told.ticking.active
    assert "as a short measurement here showed" in told.words
    assert "measured here" in told.words
    assert radio.value == "quick"


def test_names_of_people_are_escaped(workspace: Workspace, tiny: str) -> None:
    recipe = RECIPES["balanced"]
    out = outlook.look(workspace, "first", tiny, recipe)

    assert HOSTILE not in plan_parts.outlook(out, HOSTILE)
    assert HOSTILE not in settings_parts.differs(fill_in(recipe, {}), recipe, HOSTILE)
    assert HOSTILE not in checks_parts.mend_button("x", {"version": HOSTILE})


@pytest.mark.parametrize(
    ("mend", "words"),
    [
        ({"context": 512}, "Use 512 tokens"),
        ({"version": "March"}, "Use version March"),
        ({"batch_size": 2, "accumulation": 4}, "Use batches of 2 x 4"),
        ({"epochs": None}, "Leave Epochs empty"),
        ({"epochs": None, "token_budget": 0}, "Set Epochs to automatic and Token budget to 0 tokens"),
        ({"quantized": False}, "Switch off the 4-bit base"),
    ],
)
def test_a_mend_is_said_in_the_words_of_a_button(mend: dict[str, Any], words: str) -> None:
    assert checks_parts.words_of(mend) == words


@pytest.fixture
def page(workspace: Workspace) -> Iterator[Client]:
    with gr.Blocks() as app:
        tab = train.build(workspace, gr.HTML())
        app.load(tab.load, None, list(tab.outputs))
    _, address, _ = app.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False)
    yield Client(address, verbose=False)
    app.close()


def test_a_training_is_started_and_stopped_through_the_page(workspace: Workspace, tiny: str, page: Client) -> None:
    page.predict("first", tiny, *form(replace(SHORT, epochs=100.0)), api_name="/train_start")
    (run,) = runs.list_runs(workspace)
    deadline = time.monotonic() + 240
    while not told.curve(run).train:
        assert jobs.read(run.folder).alive, jobs.log_tail(run.folder)
        assert time.monotonic() < deadline
        time.sleep(0.2)

    page.predict(api_name="/train_discard")

    assert jobs.wait(run.folder, 240).state == "stopped"
    view = shown.draw(workspace, runs.list_runs(workspace), None, "")
    assert "thrown away" in view.told
    assert view.onward == ""


def test_a_wrong_setting_is_told_and_starts_nothing(workspace: Workspace, tiny: str, page: Client) -> None:
    values = typed(SHORT, rank=0)

    with pytest.raises(Exception, match="Rank must be 1 to 256, got 0"):
        page.predict("first", tiny, *values, api_name="/train_start")

    assert runs.list_runs(workspace) == []
