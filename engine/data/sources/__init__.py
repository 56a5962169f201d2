"""Files that people bring, a module for each format, and the account of what became of every row."""

from engine.data.sources.detect import Detected, detect
from engine.data.sources.importing import SourceReport, clean_name, import_file
from engine.data.sources.mapping import FIELDS
from engine.data.sources.store import RejectedRow, Source, get_source, list_sources, rejected_rows, remove_source

__all__ = [
    "FIELDS",
    "Detected",
    "RejectedRow",
    "Source",
    "SourceReport",
    "clean_name",
    "detect",
    "get_source",
    "import_file",
    "list_sources",
    "rejected_rows",
    "remove_source",
]
