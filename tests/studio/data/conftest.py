"""A workspace with tickets in it, some of which would be script on a careless page."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.data import sources
from engine.workspace import Workspace

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """Thirty good rows in two topics, one without an answer, one that would be script on a careless page."""
    rows: list[dict[str, Any]] = [
        {"ask": f"How do I return item {n}, please?", "reply": f"Within {n} days, by mail.", "topic": f"topic {n % 2}"}
        for n in range(29)
    ]
    rows += [
        {"ask": "Nobody there?", "reply": "", "topic": ""},
        {"ask": f"{HOSTILE}?", "reply": "No, sorry.", "topic": HOSTILE},
    ]
    path = tmp_path / f"tickets {HOSTILE[1:4]}.json"
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture
def filled(workspace: Workspace, tickets: Path) -> Workspace:
    sources.import_file(workspace, tickets, name=f"{HOSTILE}.json", mapping={"instruction": "ask", "output": "reply"})
    return workspace
