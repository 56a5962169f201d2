"""What the examples are about: topics found and named, their balance told and mended.

Stands above the models, since finding topics compares meanings; the other rooms of data do without.

    vectors.py       questions as vectors, kept so that a second look costs nothing
    clusters.py      groups of like questions, and how many there are
    naming.py        a readable name for each group, from its own words
    labelling.py     topics for unlabelled questions, learned from labelled ones
    discover.py      all of it on a workspace, as one batch with its undo; renaming and merging
    balance.py       shares, in plain words, and the thin topics
    mend.py          cap and weighted sample
    off_topic.py     messages about other things with a polite refusal
    wording.py       one question in other words, by rules
    paraphrase.py    more examples for thin topics, and their review
"""
