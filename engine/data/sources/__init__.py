"""Files that people bring, a module for each format, and the account of what became of every row."""

from engine.data.sources.detect import Detected, detect
from engine.data.sources.golden import import_golden, read_golden
from engine.data.sources.importing import SourceReport, import_file
from engine.data.sources.mapping import FIELDS
from engine.data.sources.rows import File, clean_name
from engine.data.sources.sample import SampleReport, import_sample
from engine.data.sources.store import (
    RejectedRow,
    Source,
    get_source,
    list_sources,
    rejected_rows,
    remove_source,
    write_rejected,
)
from engine.data.sources.uploads import discard, receive

__all__ = [
    "FIELDS",
    "Detected",
    "File",
    "RejectedRow",
    "SampleReport",
    "Source",
    "SourceReport",
    "clean_name",
    "detect",
    "discard",
    "get_source",
    "import_file",
    "import_golden",
    "import_sample",
    "list_sources",
    "read_golden",
    "receive",
    "rejected_rows",
    "remove_source",
    "write_rejected",
]
