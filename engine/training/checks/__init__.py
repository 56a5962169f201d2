"""What `engine.training.checks.preflight` looks at, a module for each kind of thing.

finding     what a check tells, and the mend that a button applies
model       the base, its tokenizer and its chat template; the adapter that a run goes on from
examples    what the version holds: how many, how even, in which language; pairs and topics where a method needs them
tokens      the rows as the model will see them: labels, what does not fit
leaks       questions that measure and are learned as well
settings    the recipe: steps, epochs, learning rate
machine     GPU and disk

A check is a function that is given plain values and yields findings. Where it has a threshold, a comment says from
which page, paper or measurement it is; a finding without a mend is one that no setting cures.
"""
