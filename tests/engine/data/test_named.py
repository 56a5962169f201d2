"""What bits say of two questions, reading them says too."""

import random

import duckdb
import numpy as np
import pyarrow as pa

from engine.data.agreement import at_odds, facts, unmasked
from engine.data.duplicates import normalise
from engine.data.nearness import LETTERS, plain_texts
from engine.data.repetition.named import Named

# Numbers as people write them, and what looks like one.
SAID = """
    order|the|not|isn't|march|May|on Monday|5 days|five days|5|05|1,000|1000|1.000,50|1000.5|14.0|14|14th|24/7|12:30|12
    |$5|€5|(5)|5.|two|2|[ORDER_1]|1|A-17|17|²|１４|3-5|3|Rs. 5|5%|0|2.0.1|٣|order 5, 6|7.|1,00,000|100000|0.5|0,5
""".replace("\n", "").split("|")


def named(texts: list[str]) -> Named:
    plain = plain_texts(normalise(unmasked(text)) for text in texts)
    return Named.read(duckdb.connect(), pa.chunked_array([texts], pa.string()), plain)


def test_bits_never_say_of_a_pair_that_it_is_at_odds_where_it_is_not() -> None:
    draw = random.Random(1)
    texts = [" ".join(draw.choices(SAID, k=draw.randint(1, 6))) for _ in range(400)]
    left, right = (part.ravel() for part in np.meshgrid(np.arange(400), np.arange(400)))
    told = named(texts).at_odds(left, right)
    assert told.sum() > 10_000
    pairs = zip(left[told].tolist(), right[told].tolist(), strict=True)
    assert [(texts[a], texts[b]) for a, b in pairs if not at_odds(facts(texts[a]), facts(texts[b]))] == []


def test_what_stands_behind_the_cut_of_a_long_question_is_not_known() -> None:
    long = "really " * LETTERS
    told = named([f"{long} four on Monday in March", f"{long} 5 in June", "come with 4 in March"])
    assert not told.at_odds(np.array([0, 0]), np.array([1, 2])).any()


def test_bits_tell_other_days_and_other_numbers() -> None:
    texts = ["come on 4 March", "come on 4 June", "come on 12 March", "come on four March", "come on 4 March at 10"]
    told = named(texts).at_odds(np.zeros(5, int), np.arange(5))
    assert told.tolist() == [False, True, True, False, False]
