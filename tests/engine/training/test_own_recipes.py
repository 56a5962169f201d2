"""Own recipes: kept, listed, renamed, taken away and brought in, in real folders."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine import files
from engine.cli import main
from engine.errors import InputRefused, NotFound
from engine.training.recipes import own_recipes
from engine.training.recipes.recipe import RECIPES, Recipe
from engine.workspace import Workspace, open_workspace
from tests.engine.cli.test_terminal import tunedesk
from tests.engine.training.conftest import make_workspace

MINE = replace(RECIPES["careful"], rank=32, epochs=2.0)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Workspace]:
    opened = open_workspace(tmp_path / "shop")
    yield opened
    opened.close()


def names(workspace: Workspace) -> list[str]:
    return [each.name for each in own_recipes.choices(workspace)]


def test_a_recipe_is_kept_and_listed_beside_the_ready_ones(empty: Workspace) -> None:
    own = own_recipes.save(empty, "  Patient   answers ", MINE, " For long mails. ")

    assert (own.name, own.note) == ("Patient answers", "For long mails.")
    again = open_workspace(empty.root)
    assert own_recipes.shelf(again).recipes == [own]
    assert names(again) == ["quick", "balanced", "careful", "Patient answers"]
    assert own_recipes.recipe_named(again, "patient ANSWERS") == MINE
    assert own_recipes.recipe_named(again, "Quick try") == RECIPES["quick"]
    assert Recipe.load(empty.recipes / own.id / "recipe.json") == MINE


def test_an_unknown_name_is_refused_with_those_that_there_are(empty: Workspace) -> None:
    own_recipes.save(empty, "Mine", MINE)

    with pytest.raises(InputRefused, match="There are: quick, balanced, careful, Mine"):
        own_recipes.recipe_named(empty, "thorough")
    with pytest.raises(NotFound, match="cannot be changed or removed"):
        own_recipes.remove(empty, "quick")


@pytest.mark.parametrize("taken", ["mine", "MINE ", "balanced", "quick TRY", "", "   ", "x" * 61, "a\x00b"])
def test_a_name_that_cannot_be_used_is_refused(empty: Workspace, taken: str) -> None:
    own_recipes.save(empty, "Mine", MINE)

    with pytest.raises(InputRefused):
        own_recipes.save(empty, taken, MINE)
    with pytest.raises(InputRefused, match="note is too long"):
        own_recipes.save(empty, "Other", MINE, "x" * 2001)
    assert names(empty)[3:] == ["Mine"]


def test_names_are_no_paths_and_names_of_any_script_do_not_collide(empty: Workspace) -> None:
    for name in ("../../etc", "丁寧な返事", "早い返事"):
        own_recipes.save(empty, name, MINE)

    assert names(empty)[3:] == ["../../etc", "丁寧な返事", "早い返事"]
    assert sorted(path.name for path in empty.recipes.iterdir()) == ["etc-1", "unnamed-1", "unnamed-2"]


def test_it_is_renamed_noted_changed_and_removed(empty: Workspace) -> None:
    own = own_recipes.save(empty, "Mine", MINE, "First.")

    assert own_recipes.rename(empty, "Mine", "mine").name == "mine"
    assert own_recipes.rename(empty, "mine", "Ours").id == own.id
    assert own_recipes.set_note(empty, "Ours", "Second.").note == "Second."
    assert own_recipes.change(empty, "Ours", RECIPES["quick"]).recipe == RECIPES["quick"]
    assert [(each.name, each.note) for each in own_recipes.shelf(empty).recipes] == [("Ours", "Second.")]

    gone = own_recipes.remove(empty, "Ours")
    assert names(empty) == ["quick", "balanced", "careful"]
    assert own_recipes.save(empty, gone.name, gone.recipe, gone.note).recipe == RECIPES["quick"]


def test_the_last_deleted_one_is_brought_back(empty: Workspace) -> None:
    with pytest.raises(NotFound, match="no deleted recipe"):
        own_recipes.bring_back(empty)
    for name in ("First", "Second"):
        own_recipes.save(empty, name, MINE, "A note.")
        own_recipes.remove(empty, name)
    assert names(empty) == ["quick", "balanced", "careful"]
    own_recipes.save(empty, "Second", MINE)
    with pytest.raises(InputRefused, match="There is a recipe Second already"):
        own_recipes.bring_back(empty)
    own_recipes.rename(empty, "Second", "Third")

    back = own_recipes.bring_back(empty)

    assert (back.name, back.note, back.recipe) == ("Second", "A note.", MINE)
    assert names(empty)[3:] == ["Second", "Third"]
    assert own_recipes.last_removed(empty) is None


def test_it_leaves_as_a_file_and_comes_in_elsewhere(empty: Workspace, tmp_path: Path) -> None:
    own_recipes.save(empty, "Mine", MINE)
    (tmp_path / "out").mkdir()
    written = own_recipes.write_out(empty, "Mine", tmp_path / "out")
    other = open_workspace(tmp_path / "other")

    own = own_recipes.bring_in(other, tmp_path / "out", "Theirs", "From the other shop.")

    assert written == tmp_path / "out" / "recipe.json"
    assert own.recipe == MINE
    assert own_recipes.bring_in(other, written, "Twice").recipe == MINE


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("not json", "is not readable JSON"),
        ("[]", "a list or a single value"),
        ('{"format": 9}', "another Tunedesk"),
        ('{"format": 1, "temperature": 1}', "temperature"),
        ('{"format": 1, "rank": 0}', "rank must be 1 to 256, got 0"),
        ('{"format": 1, "name": "mine"}', "recipe must be quick or balanced or careful"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_and_leaves_nothing(empty: Workspace, content: str, message: str) -> None:
    (empty.root / "theirs.json").write_text(content)

    with pytest.raises(InputRefused, match=message):
        own_recipes.bring_in(empty, empty.root / "theirs.json", "Theirs")

    assert list(empty.recipes.iterdir()) == []


def test_a_damaged_recipe_is_told_and_hides_no_other(empty: Workspace) -> None:
    for name in ("Mine", "Broken", "Newer", "Bare"):
        own_recipes.save(empty, name, MINE)
    (empty.recipes / "broken-1" / "recipe.json").write_text('{"format": 1, "rank": 1000}')
    files.write_json(empty.recipes / "newer-1" / "own.json", {"format": 2})
    files.write_json(empty.recipes / "bare-1" / "own.json", {"format": 1})
    # Saving was cut off before its end: it never was a recipe.
    shutil.copytree(empty.recipes / "mine-1", empty.recipes / "half-1", ignore=shutil.ignore_patterns("own.json"))

    found = own_recipes.shelf(empty)

    assert [own.name for own in found.recipes] == ["Mine"]
    assert ["bare-1" in found.unreadable[0], "rank must be 1 to 256" in found.unreadable[1]] == [True, True]
    assert "another Tunedesk" in found.unreadable[2]
    assert own_recipes.recipe_named(empty, "balanced") == RECIPES["balanced"]


# --- In the terminal ------------------------------------------------------------------------------------------------


def verb(capsys: pytest.CaptureFixture[str], root: Path, *words: object) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `tunedesk recipes`."""
    code = main(["recipes", *map(str, words), "--workspace", str(root)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_terminal_lists_what_each_recipe_will_do(
    tmp_path: Path, tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = make_workspace(tmp_path)
    own_recipes.save(opened, "Mine", MINE, "For long mails.")
    opened.close()

    code, out, _ = verb(capsys, opened.root, "--base", tiny, "--json")
    by_name = {each["recipe"]: each for each in json.loads(out)["recipes"]}

    assert code == 0
    assert list(by_name) == ["quick", "balanced", "careful", "Mine"]
    # 32 examples are 4 steps of 8, so the most epochs are taken.
    assert by_name["balanced"]["does"].startswith(
        "Will see each of 32 examples 12 times because they are few, 48 steps, at a learning rate of 4.0e-03"
    )
    assert "2 times, 4 steps" in by_name["Mine"]["does"]
    assert by_name["Mine"]["changes"] == [
        {"field": "epochs", "usual": None, "mine": 2.0},
        {"field": "rank", "usual": 16, "mine": 32},
    ]

    code, out, _ = verb(capsys, opened.root, "--base", tiny)
    assert "Mine (yours)\n  For long mails.\n  Changed from careful: Epochs 2 (usually automatic" in out


def test_the_terminal_shows_every_setting_and_keeps_a_changed_recipe(
    empty: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = verb(capsys, empty.root, "careful", "--set", "rank=32")
    assert code == 0
    assert "* Rank: 32 (usually 16)\n    rank, 1 to 256. Size of the adapter." in out
    assert "  Epochs: automatic, by the number of examples\n    epochs, 0.01 to 100." in out
    assert "tunedesk freeze NAME" in out

    assert verb(capsys, empty.root, "careful", "--set", "rank=32", "--save-as", "Mine", "--note", "Mails.")[0] == 0
    assert verb(capsys, empty.root, "mine", "--set", "alpha=64", "--save-as", "Mine")[0] == 0
    assert verb(capsys, empty.root, "Mine", "--rename", "Ours")[0] == 0
    assert verb(capsys, empty.root, "Ours", "--out", empty.root / "ours.json")[0] == 0
    assert verb(capsys, empty.root, "--from", empty.root / "ours.json", "--save-as", "Theirs")[0] == 0
    assert verb(capsys, empty.root, "Ours", "--remove")[0] == 0
    (own,) = own_recipes.shelf(empty).recipes
    assert (own.name, own.recipe) == ("Theirs", replace(RECIPES["careful"], rank=32, alpha=64))


def test_recipes_are_listed_while_the_studio_holds_the_database(empty: Workspace) -> None:
    own_recipes.save(empty, "Mine", MINE)
    assert empty.database.value("SELECT count(*) FROM versions") == 0

    told = tunedesk("recipes", workspace=empty.root).stdout

    assert "Mine (yours)" in told
    assert told.count("This workspace is already open.") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("thorough",), "There are: quick, balanced, careful."),
        (("quick", "--set", "rank=0"), "rank must be 1 to 256, got 0"),
        (("quick", "--rename", "Mine"), "no recipe of your own called quick"),
        (("quick", "--save-as", "quick"), "cannot be changed or removed"),
        (("quick", "--remove"), "no recipe of your own called quick"),
        (("quick", "--remove", "--save-as", "Mine"), "exclude each other"),
        (("--save-as", "Mine"), "Which recipe?"),
        (("--from", "nowhere.json"), "--save-as NAME"),
        (("--from", "nowhere.json", "--save-as", "Mine"), "nowhere.json is missing"),
    ],
)
def test_the_terminal_refuses_with_the_way_out(
    empty: Workspace, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str
) -> None:
    code, _, err = verb(capsys, empty.root, *words)

    assert code == 1
    assert message in err


def test_training_takes_a_recipe_by_name_and_refuses_an_unknown_one(
    empty: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    own_recipes.save(empty, "Mine", MINE)

    assert main(["train", "--recipe", "thorough", "--workspace", str(empty.root)]) == 1
    assert "There are: quick, balanced, careful, Mine." in capsys.readouterr().err
    # Known, so that it is the missing version which is refused.
    assert main(["train", "--recipe", "mine", "--workspace", str(empty.root)]) == 1
    assert "version" in capsys.readouterr().err
