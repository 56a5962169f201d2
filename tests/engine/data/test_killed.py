"""A process killed (kill -9) at a random moment of an import, an edit, a freeze or another change loses nothing.

The same steps are taken in a second workspace that nobody kills. After each kill the first one opens, and is exactly
what the second is after the last acknowledged step, or after the one that was being taken: never something between.
"""

import multiprocessing
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.data import changes
from engine.data.sources import list_sources
from engine.data.versions import list_versions, read_split
from engine.workspace import Workspace, open_workspace
from tests.engine.data import script

if sys.platform == "win32":
    pytest.skip("kill -9 is a signal of Unix: run these on Linux or macOS", allow_module_level=True)

# Forked from a server that has imported everything, so that a round costs no start of Python.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.engine.data.script"])

AIMED_AT = ("import", "edit", "freeze", "edit", "import", "freeze", "change of many", "cleaning", "undo")
# Each moment of a step is as likely, and so are those right after it.
LONGER = 1.2


class Killer:
    """Starts the work, kills it at a random moment of a step of some kind, and knows how long each kind takes."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        self.seconds = dict.fromkeys(script.KINDS, 0.05)
        self.chance = random.Random()

    def round(self, start: int, aim: str) -> tuple[int, int]:
        """The steps that were acknowledged when it was killed, and how many had begun."""
        listen, say = processes.Pipe(duplex=False)
        process = processes.Process(target=script.work, args=(self.root, say, start, self.folder))
        process.start()
        say.close()
        said: list[tuple[str, int]] = []
        began = 0.0
        while not (said and said[-1][0] == "begun" and script.kind(said[-1][1]) == aim):
            said.append(listen.recv())
            if said[-1][0] == "done":
                self.seconds[script.kind(said[-1][1])] = time.monotonic() - began
            began = time.monotonic()
        time.sleep(self.chance.random() * LONGER * self.seconds[aim])
        process.kill()
        process.join()
        try:
            while True:
                said.append(listen.recv())
        except EOFError:
            listen.close()
            process.close()
        counted = Counter(word for word, _ in said)
        return start + counted["done"], start + counted["begun"]


def state(workspace: Workspace) -> list[Any]:
    """Everything that a person would miss: examples with their history, sources and versions; no number, no time."""
    examples = workspace.database.rows("""
        SELECT instruction, output, topic, list_sort(tags) AS tags, status, sources.name AS source, made
        FROM examples LEFT JOIN sources ON sources.id = source_id
        LEFT JOIN (SELECT example_id, list((field, before, after, undone) ORDER BY id) AS made FROM edits GROUP BY ALL)
            AS edited ON example_id = examples.id
        ORDER BY examples.id""")
    sources = [(each.name, each.read, each.kept, each.rejected) for each in list_sources(workspace)]
    versions = [(each.name, sum(each.counts.values())) for each in list_versions(workspace)]
    return [examples, sources, versions]


def holds(workspace: Workspace) -> None:
    """Nothing is half there: sources have their examples, versions their files, all undoable changes their end."""
    kept = sum(each.kept for each in list_sources(workspace))
    assert workspace.database.value("SELECT count(*) FROM examples WHERE source_id IS NOT NULL") == kept
    for version in list_versions(workspace):
        rows = sum(len(read_split(version.path, split)) for split in ("train", "validation", "golden"))
        assert rows == sum(version.counts.values()), version.name
    loose = "SELECT count(*) FROM edits WHERE example_id NOT IN (SELECT id FROM examples)"
    assert workspace.database.value(loose) == 0


def kill(tmp_path: Path, rounds: int) -> Counter[str]:
    """Kills so many times; gives how often it struck which kind of step before that was acknowledged."""
    root, folder, other = (tmp_path / name for name in ("workspace", "files", "spared"))
    folder.mkdir()
    spared = open_workspace(other)
    first = open_workspace(root)
    # An import is the first step, so that there is something to edit.
    for workspace in (spared, first):
        script.take(workspace, 1, folder)
    first.close()
    killer, taken, struck = Killer(root, folder), 2, Counter[str]()
    for number in range(rounds):
        done, begun = killer.round(taken, AIMED_AT[number % len(AIMED_AT)])
        for step in range(taken, done):
            script.take(spared, step, folder)
        killed = open_workspace(root)
        found = state(killed)
        taken = done
        if begun > done:
            struck[script.kind(done)] += 1
            if found != state(spared):
                # It was on disk and only not said yet.
                script.take(spared, done, folder)
                taken = begun
        assert found == state(spared), (number, done, begun)
        holds(killed)
        killed.close()
    killed = open_workspace(root)
    while changes.undo(killed) is not None:
        pass
    untouched = "SELECT count(*) FROM examples WHERE output LIKE 'Within %' AND len(tags) = 0 AND status = 'active'"
    assert killed.database.value(untouched) == sum(each.kept for each in list_sources(killed))
    killed.close()
    spared.close()
    return struck


def test_killed_at_a_few_moments(tmp_path: Path) -> None:
    kill(tmp_path, 6)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_killed_at_a_hundred_moments(tmp_path: Path) -> None:
    struck = kill(tmp_path, 100)
    # The others came right after an acknowledgement, where nothing may be lost either.
    assert struck.total() >= 40, struck
    assert {"import", "edit", "freeze"} <= set(struck), struck
    print(f"struck within: {dict(struck)}")
