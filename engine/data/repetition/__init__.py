"""Examples that repeat or contradict each other: found, proposed what to keep, settled by a person.

searching.py   looks through all examples and writes the table `duplicates`
choosing.py    which of several copies is the best one, and why, in words
clusters.py    what the search found and is still so
settling.py    keep one, keep all, write another answer: each a batch with its undo
"""
