"""Data: from the files people have to frozen versions that a run learns from.

sources/        a module per format; `detect` looks at a file, `import_file` takes it in with an account of every row
privacy/        finds and replaces personal data before anything is stored
review/         looks for personal data in the workspace, and what a person decides about it
vault.py        what the placeholders stood for, apart from everything that learns or leaves
examples.py     one example, and how it is put to a model
conversations.py  what importers give: a conversation, and its answers (replies.py takes quotes and footers off mails)
editor.py       the table of examples: search, paging, edits, trash
filters.py      which examples are looked at (histograms.py counts them); bulk.py and replacing.py change all of them
changes.py      every change as a batch with its undo (batches.py tells of them)
cleaning/       reviewable steps, and how good each example is
duplicates.py   when two texts are the same, or nearly (nearness.py among hundreds of thousands)
agreement.py    whether two answers say the same
repetition/     examples that repeat or contradict each other: found and settled
summary.py      is there enough to train on?
freezing.py     makes a version: a selection with its splits in a Parquet file (versions.py reads them)
division.py     what decides the splits (splits.py deals them out), and what was golden before
comparison.py   what differs between two versions, or a version and now
restoring.py    goes back to a version
exports.py      versions and examples as files for other tools (workbook_writer.py writes the Excel ones)
knowledge.py    passages of documents, for answers that rest on them
minilm.py       where the package keeps the small language model
"""
