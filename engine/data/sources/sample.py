"""The sample shop: tickets, golden questions and what is known of the business, loaded in one go."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from engine.data.progress import Progress
from engine.data.sources.golden import import_golden
from engine.data.sources.importing import SourceReport, import_file
from engine.data.sources.store import Source, list_sources
from engine.workspace import Workspace

FOLDER = Path(__file__).parents[3] / "assets" / "samples" / "fernhill"
BUSINESS = "business"
"""The key in the table `settings` under which the business stands: name, description, topics, voice, refusal."""


@dataclass(frozen=True)
class SampleReport:
    """What loading the sample did.

    Attributes:
        source: the account of the tickets.
        golden: golden questions that were added; all of the sample's on the first time.
        already: whether the tickets were here before.
    """

    source: SourceReport | Source
    golden: int
    already: bool

    @property
    def examples(self) -> int:
        """Examples that the tickets gave."""
        return self.source.kept if isinstance(self.source, Source) else self.source.imported


def import_sample(workspace: Workspace, *, progress: Progress | None = None) -> SampleReport:
    """Loads the sample shop. A second time adds nothing; what an interrupted first time lacks is made up for."""
    tickets = FOLDER / "tickets.csv"
    sha256 = hashlib.sha256(tickets.read_bytes()).hexdigest()
    before = next((source for source in list_sources(workspace) if source.sha256 == sha256), None)
    golden = import_golden(workspace, FOLDER / "golden.jsonl")
    business = tomllib.loads((FOLDER / "business.toml").read_text(encoding="utf-8"))
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT OR IGNORE INTO settings VALUES (?, ?)", [BUSINESS, json.dumps(business)])
    source = before or import_file(workspace, tickets, name="Sample shop tickets.csv", progress=progress)
    return SampleReport(source, golden, before is not None)
