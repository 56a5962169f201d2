"""Measuring: the golden set, answers of several systems to it, scores with intervals, blind ratings, one sentence."""
