"""What the processes do that test_durability kills. Each says what is done, right after it is, through a pipe."""

from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from engine.data import editor
from engine.data.freezing import freeze
from engine.data.sources import import_file
from engine.workspace import open_workspace


def edits(root: Path, say: Connection, mark: str) -> None:
    workspace = open_workspace(root)
    for count in range(10_000):
        number = count % 20 + 1
        editor.edit_cell(workspace, number, "output", f"round {mark} edit {count}")
        say.send((number, count))


def imports(root: Path, say: Connection, path: str) -> None:
    tell: Callable[[float, str], object] = lambda share, _: say.send(share)  # noqa: E731
    import_file(open_workspace(root), Path(path), progress=tell)


def freezes(root: Path, say: Connection, _: str) -> None:
    workspace = open_workspace(root)
    while True:
        say.send(freeze(workspace).name)
