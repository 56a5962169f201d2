"""Data: from the files people have to frozen versions that a run learns from.

sources/        a module per format; `detect` looks at a file, `import_file` takes it in with an account of every row
privacy/        finds and replaces personal data before anything is stored
editor.py       the table of examples: search, paging, edits, trash, undo and redo
vault.py        what the placeholders stood for, apart from everything that learns or leaves
minilm.py       where the package keeps the small language model
duplicates.py   when two texts are the same, or nearly (nearness.py among hundreds of thousands)
agreement.py    whether two answers say the same
repetition/     examples that repeat or contradict each other: found and settled
versions.py     freezes a selection with its splits into a Parquet file
division.py     what decides the splits (splits.py deals them out), and what was golden before
comparison.py   what differs between two versions, or a version and now
restoring.py    goes back to a version
exports.py      versions and examples as files for other tools (workbook_writer.py writes the Excel ones)
summary.py      is there enough to train on?
"""
