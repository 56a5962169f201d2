"""Personal data in texts: found, and replaced by placeholders.

findings.py     what a finding is
identifiers.py  mail, cards, IBANs, machines, secret links: shapes, proved by their own rules; gathers the next two
telephones.py   telephone numbers
references.py   social security, identity papers, orders, accounts
people.py       the known people of a conversation
tagger.py       people, addresses and places by a model of our own; encoder.py, layout.py, countries.py are its parts
rules.py        what a person decided for all texts: always, never, patterns of their own
scrubber.py     replaces findings by placeholders, the same for the same person throughout a conversation
"""

from engine.data.privacy.findings import Finding, Kind
from engine.data.privacy.identifiers import find
from engine.data.privacy.rules import NO_RULES, Rules
from engine.data.privacy.scrubber import PLACEHOLDER, Replaced, Scrubber, scrub
from engine.data.privacy.tagger import tag

__all__ = [
    "NO_RULES", "PLACEHOLDER", "Finding", "Kind", "Replaced", "Rules", "Scrubber", "find", "scrub", "tag",
]  # fmt: skip
