"""Zendesk: its CSV export holds no messages, and says so nowhere."""

from collections.abc import Sequence

from engine.data.sources.mapping import plain_name
from engine.data.sources.rows import File
from engine.errors import InputRefused

# Columns that stand together in no other export.
_SIGNS = {"requester", "assignee", "group", "subject", "via", "ticket type", "requester id", "submitter"}
_MESSAGES = {"comments", "comment", "description", "body", "answer", "reply", "response"}


def refuse_without_comments(file: File, columns: Sequence[str]) -> None:
    """Refuses the CSV export of Zendesk, which lists tickets without what was said in them."""
    names = {plain_name(column) for column in columns}
    if len(names & _SIGNS) >= 5 and not names & _MESSAGES:
        raise InputRefused(
            f"{file.name} is Zendesk's CSV export, which holds no messages.",
            "It lists tickets with their dates and status, but neither questions nor answers.",
            "Export JSON in Zendesk's Admin Center (Account, Tools, Reports) instead.",
        )
