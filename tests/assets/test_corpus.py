"""The corpus of the model in the box: every kind of conversation is what it claims to be, and repeats exactly."""

import json
import re
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import numpy as np
import pytest

STARTER = Path(__file__).parents[2] / "assets" / "starter"
sys.path.insert(0, str(STARTER))

import blocks  # noqa: E402
import overlap  # noqa: E402
import report  # noqa: E402
from corpus import (  # noqa: E402
    Message,
    attributes,
    checks,
    choices,
    details,
    labels,
    summaries,
    support,
    talks,
    tones,
    triage,
    wording,
)
from corpus.conversations import CHOICES, HELD_OUT, SITUATIONS, TASKS, conversation, off_topic  # noqa: E402
from corpus.grammar import Block, choose, with_articles_right  # noqa: E402
from corpus.support import steps_of  # noqa: E402
from corpus.wording import second_person, third_person, typed  # noqa: E402
from corpus.world import setting  # noqa: E402
from vocabulary import load_tokenizer  # noqa: E402

Build = Callable[[Random, choices.Choice], list[Message]]
LEFT_OVER = r"(?<!\{)\{\w+\}(?!\})|\[(?!\d|(?i:[a-z]{2,7}_?\d?\]))|[\ue000-\uf8ff]"


def talks_of(build: Build, count: int, part: str = "train") -> list[list[Message]]:
    return [build(Random(f"{part}/{index}"), CHOICES[part]) for index in range(count)]


def told(talk: list[Message]) -> str:
    """What stands before the last answer."""
    return "\n".join(message["content"] for message in talk[:-1])


def test_corpus_is_the_same_for_a_seed_and_another_for_another() -> None:
    assert conversation(7, "train", 5) == conversation(7, "train", 5)
    talks = [json.dumps(conversation(seed, "train", index)) for seed in (7, 8) for index in range(300)]
    assert len(set(talks)) > 580


def test_conversations_are_finished_text_with_roles_in_turn() -> None:
    for index in range(3000):
        talk = conversation(11, "train", index)
        roles = [message["role"] for message in talk if message["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2)
        assert all(message["content"].strip() for message in talk)
        text = "\n".join(message["content"] for message in talk)
        assert not re.search(LEFT_OVER, text), text
        assert "tansywell" not in text.lower()


@pytest.mark.parametrize("part", ["train", "fresh", "unseen"])
@pytest.mark.parametrize("build", TASKS, ids=lambda build: build.__name__)
def test_every_kind_can_be_made_of_every_part(build: Build, part: str) -> None:
    for talk in talks_of(build, 20, part):
        assert talk[-1]["role"] == "assistant"
        assert all(message["content"].strip() for message in talk)


def test_every_phrase_of_every_situation_can_be_said() -> None:
    for block in SITUATIONS:
        for seed in range(2):
            world = setting(Random(seed), choices.group_of(block, Random(seed)))
            texts = [world.say(part) for key, line in block.lines for part in line.split("=>") if key != "category"]
            assert all(text and not re.search(LEFT_OVER, text) for text in texts), block.name
            assert all(steps_of(block, world))


def test_every_situation_has_what_triage_says_about_it_and_a_name_of_its_own() -> None:
    names = [block.name for block in SITUATIONS]
    assert len(set(names)) == len(names)
    for block in SITUATIONS:
        assert block.one("priority") in triage.PRIORITIES
        assert block.one("action")
        assert re.fullmatch(r"[a-z0-9_]+", block.name)


def test_every_line_of_every_matter_can_be_said_and_answers_differ() -> None:
    names = [block.name for block in choices.TALKS]
    assert len(set(names)) == len(names)
    for block in choices.TALKS:
        counts = {key: len(block.all(key)) for key in ("ask", "answer", "steps", "pair", "more")}
        assert all(count >= least for count, least in zip(counts.values(), (9, 5, 1, 4, 3), strict=True)), block.name
        assert len({" ".join(text.split()[:4]) for text in block.all("answer")}) == counts["answer"], block.name
        assert all(line.count(" => ") == 1 for key in ("pair", "more") for line in block.all(key)), block.name
        assert all(line.count("=>") >= 4 for line in block.all("steps")), block.name
        assert talks.labels_of(block)
        world = setting(Random(block.name), None if (group := block.one("group")) == "any" else group)
        for key, line in block.lines:
            said = [world.say(part.replace("\\n", "\n")) for part in line.split("=>")]
            assert not any(re.search(LEFT_OVER, text) for text in said), (block.name, line)
            assert key == "steps" or all(said), (block.name, line)


# ---- what training never sees ----------------------------------------------------------------------------------------


def test_training_never_meets_what_is_held_out() -> None:
    for part in ("train", "fresh"):
        choice = CHOICES[part]
        blocks_of = (choice.situations, choice.neighbours, choice.facts, choice.fillers, choice.attributes)
        assert not {block.name for group in blocks_of for block in group} & HELD_OUT
    assert {block.name for block in CHOICES["unseen"].situations} <= HELD_OUT
    assert 0.02 < len(CHOICES["unseen"].situations) / len(SITUATIONS) < 0.07


def test_facts_and_labels_held_out_come_up_in_unseen_conversations_alone() -> None:
    parts = {
        part: "\n".join(m["content"] for index in range(2500) for m in conversation(3, part, index))
        for part in ("train", "unseen")
    }
    assert "Gift wrapping costs " in parts["unseen"]
    assert "Gift wrapping costs " not in parts["train"]
    held_out = [block.name for block in SITUATIONS if block.name in HELD_OUT and "_" in block.name]
    assert [name for name in held_out if re.search(rf"\b{name}\b", parts["train"])] == []
    assert any(name in parts["unseen"] for name in held_out)


def test_things_are_known_or_held_out_and_never_both() -> None:
    for block in choices.ATTRIBUTES:
        known, unseen = (set(attributes.things_of(block, held)) for held in (False, True))
        assert not known & unseen
        assert known or unseen
    assert any(attributes.things_of(block, True) for block in choices.ATTRIBUTES)


def test_nothing_of_the_sample_business_is_in_the_corpus() -> None:
    """What the model is measured on: the questions, help pages and tickets that the sample comes with."""
    sample = Path(__file__).parents[2] / "assets" / "samples" / "fernhill"
    talks = (message["content"] for index in range(1500) for message in conversation(12, "train", index))
    found = overlap.compare([*overlap.corpus_lines(), *talks], overlap.texts_in(sample))
    assert found.words > 1000
    assert found.whole_sentences(8) == []


def test_no_name_is_drawn_that_a_famous_company_has_and_no_domain_that_somebody_owns() -> None:
    for index in range(1500):
        world = setting(Random(index))
        assert world.slot("business").split()[0] not in {"Mint", "Delta", "Jet", "Horizon", "Sage", "Sky", "Bell"}
        for slot in ("site", "email", "mail"):
            assert world.slot(slot).endswith(".example")


# ---- which answer, and for whom --------------------------------------------------------------------------------------


def test_a_situation_goes_to_the_businesses_that_it_fits() -> None:
    def kinds(name: str) -> set[str]:
        block = next(block for block in SITUATIONS if block.name == name)
        return {setting(Random(seed), choices.group_of(block, Random(seed))).kind for seed in range(60)}

    assert kinds("card_stolen") == {"bank", "payment app"}
    assert kinds("mortgage") == {"bank"}
    assert kinds("bicycle_on_train") == {"train company"}
    assert kinds("pet_vaccination") == {"vet"}
    for block in SITUATIONS:
        assert kinds(block.name), block.name


def test_the_nearest_saying_is_taken_and_none_where_nothing_is_shared() -> None:
    lines = ["[block|unblock] my card", "order a new card", "change my PIN"]
    assert support.nearest("how do I unblock my card again", lines, Random(1)) == "unblock my card"
    assert support.nearest("the new card I ordered", lines, Random(1)) == "order a new card"
    assert support.nearest("what a day", lines, Random(1)) is None
    block = Block("a", frozenset(), (("say", "Ask us."), ("say", "[A lock|A key] is under the mat."), ("say", "Pay.")))
    for seed in range(10):
        world = setting(Random(seed))
        assert "mat" in support.said(block, world, "where is the key")
        assert support.said(block, world, "hello") == "Ask us."


def test_a_subject_is_refused_by_nobody_whose_business_it_is() -> None:
    for seed in range(1500):
        world = setting(Random(seed))
        subject = choices.foreign(world)
        assert not (world.kind == "garden shop" and subject.name == "gardening tips")
        assert not (world.kind == "car dealer" and subject.name == "car advice")
    tired = [talk for talk in talks_of(off_topic, 1500) if "burnt out" in talk[-2]["content"].lower()]
    assert tired
    assert all(re.search("doctor|helpline", talk[-1]["content"]) for talk in tired)


def test_who_asks_for_a_person_is_told_that_it_is_none() -> None:
    bot = next(build for build in TASKS if build.__name__ == "bot")
    for talk in talks_of(bot, 60):
        assert "virtual assistant" in talk[-1]["content"]


def test_sentences_of_the_agent_begin_with_a_capital() -> None:
    for seed in range(400):
        for key in ("closing", "opening", "off reply", "human reply"):
            world = setting(Random(seed))
            world.values.update(goal="go", noun="it", subject="jokes")
            assert not re.search(r"(^|[.!?] )[a-z]", wording.phrase(world, key))


# ---- labels and JSON -------------------------------------------------------------------------------------------------


def test_the_label_stands_in_the_list_once() -> None:
    for talk in talks_of(labels.named_from_list, 200):
        label = talk[-1]["content"]
        assert label in told(talk)
        assert "\n" not in label


def test_neighbours_are_other_situations_and_most_of_the_same_category() -> None:
    block = next(block for block in SITUATIONS if block.name == "late_delivery")
    category = {other.name for other in SITUATIONS if other.all("category") == block.all("category")}
    near = [name for seed in range(20) for name in labels.neighbours(block, CHOICES["train"], 5, Random(seed))]
    assert block.name not in near
    assert sum(name in category for name in near) > 0.4 * len(near)


def test_a_label_without_a_list_is_a_situation() -> None:
    names = {block.name for block in CHOICES["train"].situations} | {"off_topic"}
    assert {talk[-1]["content"] for talk in talks_of(labels.named_unaided, 200)} <= names


def test_triage_is_json_with_four_strings_in_their_order() -> None:
    for talk in talks_of(triage.triaged, 200):
        answer = talk[-1]["content"]
        fields = json.loads(answer)
        assert tuple(fields) == triage.CANONICAL
        assert all(isinstance(value, str) and value for value in fields.values())
        assert fields["priority"] in triage.PRIORITIES
        assert answer == json.dumps(fields, ensure_ascii=False)


def test_chosen_fields_are_those_asked_for_in_their_order_and_copied_from_the_message() -> None:
    copied = 0
    for talk in talks_of(triage.chosen_fields, 300):
        fields, message = json.loads(talk[-1]["content"]), told(talk)
        places = [message.index(key) for key in fields]
        assert set(fields) <= set(triage.FIELDS)
        assert all(place >= 0 for place in places)
        for key in ("order_number", "customer_name", "product"):
            if fields.get(key):
                assert fields[key] in message
                copied += 1
        assert isinstance(fields.get("needs_human", True), bool)
        assert fields.get("sentiment", "neutral") in ("positive", "neutral", "negative")
    assert copied > 20


# ---- passages and details --------------------------------------------------------------------------------------------


def test_the_value_of_a_thing_stands_in_the_passage_and_in_the_answer() -> None:
    for index in range(150):
        rng = Random(index)
        world, made = attributes._drawn(rng, CHOICES["train"])
        text = attributes.passage(made, world)
        assert len({(entry.block.name, entry.thing) for entry in made}) == len(made)
        for entry in made:
            assert entry.value in text
            assert entry.value in entry.say(world, "reply")


def test_what_was_read_among_others_stands_there_to_the_letter_and_what_is_missing_does_not() -> None:
    for talk in talks_of(talks.read_among_others, 200):
        assert talk[-1]["content"] in told(talk)
    for talk in talks_of(talks.sorted_by_topic, 200):
        assert talk[-1]["content"] in told(talk)
    answers = {talk[-1]["content"] for talk in talks_of(talks.read_in_vain, 200)}
    assert not any(answer in told(talk) for talk in talks_of(talks.read_in_vain, 200) for answer in answers)


def test_other_words_keep_the_figures() -> None:
    for talk in talks_of(talks.reworded, 200):
        message, other = talk[-2]["content"].partition("\n\n")[2], talk[-1]["content"]
        assert message != other
        assert set(re.findall(r"\d{3,}", other)) == set(re.findall(r"\d{3,}", message))


def test_the_style_of_a_house_stands_around_the_answer_and_leaves_it_whole() -> None:
    styled = [wording.in_house_style(setting(Random(seed)), "Turn the key.") for seed in range(200)]
    assert all("Turn the key." in text and text != "Turn the key." for text in styled)
    assert sum(text.startswith("Turn the key.") for text in styled) < 60
    assert not any("\\n" in text for text in styled)


def test_a_missing_thing_is_in_no_passage() -> None:
    world, made = attributes._drawn(Random(4), CHOICES["train"])
    assert made[0].thing not in attributes.passage(made[1:], world).lower()
    for talk in talks_of(attributes.missing_thing, 60):
        question, answer = talk[-2]["content"], talk[-1]["content"]
        if sum(message["role"] == "user" for message in talk) == 1:
            assert set(re.findall(r"\d+", answer)) <= set(re.findall(r"\d+", question)), answer


def test_yes_and_no_are_right() -> None:
    seen = set()
    for index in range(300):
        rng = Random(index)
        block = rng.choice(checks.CHECKS)
        values, holds = checks._drawn(block, setting(rng))
        kind = block.lines[0][0]
        if kind == "list":
            assert (values["q"] in re.split(", | and ", values["list"])) is holds
        elif kind == "range":
            assert (values["a"] <= values["q"] <= values["b"]) is holds
        else:
            limit, asked = int(values["n"]), int(values["q"])
            assert (asked <= limit if kind == "limit" else asked >= limit) is holds
        seen.add((kind, holds))
    assert len(seen) == 8


def test_details_are_copied_exactly() -> None:
    for talk in talks_of(details.extracted, 150):
        values = [line.partition(": ")[2] or line for line in talk[-1]["content"].split("\n")]
        assert all(value == "none" or value in told(talk) for value in values)
    numbers = [
        number
        for talk in talks_of(details.confirmed, 150)
        for number in re.findall(r"\b[A-Z]{2}-\d{4,6}\b|\S+@\S+\.\w+", talk[-1]["content"])
        if number in told(talk)
    ]
    assert len(numbers) > 30


# ---- tones and summaries ---------------------------------------------------------------------------------------------


def test_a_formal_answer_has_no_contractions_and_a_short_one_is_short() -> None:
    assert tones.uncontracted("I'm sure it's fine, we can't say; that's been sent") == (
        "I am sure it is fine, we cannot say; that has been sent"
    )
    assert tones.unapologetic("I'm sorry for that. Open the app.") == "Open the app."
    talks = talks_of(tones.in_tone, 300)
    formal = [talk[-1]["content"] for talk in talks if talk[-1]["content"].startswith("Dear ")]
    assert len(formal) > 10
    assert [answer for answer in formal if re.search(r"n't\b|'ll\b|'re\b|'ve\b|I'm", answer)] == []
    limits = [(talk[-1]["content"], limit) for talk in talks if (limit := re.search(r"(?i)(\d) sentence", told(talk)))]
    assert len(limits) > 10
    assert all(len(tones.sentences(answer)) <= int(limit[1]) for answer, limit in limits)


def test_a_summary_is_one_sentence_in_the_third_person() -> None:
    for talk in talks_of(summaries.summarised, 100):
        assert re.fullmatch(r"The customer (wants|asks) [^\n]+\.", talk[-1]["content"])


def test_persons_change() -> None:
    assert second_person("tell you that I am moving my account") == "tell us that you are moving your account"
    assert third_person("get my money because I was charged") == "get their money because they were charged"


# ---- the language of the corpus --------------------------------------------------------------------------------------


def test_every_alternative_is_chosen_sometime_and_spaces_are_mended() -> None:
    made = {choose("[a|b [c|]] , [|d].", Random(seed)) for seed in range(200)}
    assert made == {"a,.", "a, d.", "b,.", "b, d.", "b c,.", "b c, d."}
    assert with_articles_right("A apple is a egg. Plan A is a unit") == "An apple is an egg. Plan A is a unit"


def test_typing_leaves_values_alone() -> None:
    texts = {typed("My order AB-1234 is late and I wait.", Random(seed), ("AB-1234",)) for seed in range(300)}
    assert len(texts) > 50
    assert all("AB-1234" in text for text in texts)


def test_ranges_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """With threads for processes, so that ranges of a few conversations do."""
    monkeypatch.setattr(blocks, "_WORTH_PROCESSES", 1)
    monkeypatch.setattr(blocks, "_AT_ONCE", 5)
    monkeypatch.setattr(blocks, "ProcessPoolExecutor", ThreadPoolExecutor)
    tokenizer = load_tokenizer(STARTER / "model")
    one, two = (blocks.token_row(tokenizer, 7, "train", 4000, processes) for processes in (1, 2))
    assert len(one) >= 4000
    assert np.array_equal(one, two)


@pytest.mark.slow
def test_a_row_is_the_same_with_one_process_and_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_WORTH_PROCESSES", 1)
    tokenizer = load_tokenizer(STARTER / "model")
    one, two = (blocks.token_row(tokenizer, 7, "train", 1000, processes) for processes in (1, 2))
    assert np.array_equal(one, two)


# ---- the report ------------------------------------------------------------------------------------------------------


def test_shared_sentences_are_found_in_every_kind_of_file_and_by_their_length(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text\n1,"Hi! Open the app, and tap on your own card."\n', encoding="utf-8")
    (tmp_path / "b.jsonl").write_text('{"turns": [{"text": "Close it and start it once more."}]}\n', encoding="utf-8")
    (tmp_path / "c.json").write_text('["Nothing in this line is anywhere else at all"]', encoding="utf-8")
    ours = ["First: open the app and tap on your own card!\n2. Close it, and start it once more.", "So short."]
    found = overlap.compare(ours, overlap.texts_in(tmp_path))
    assert found.whole_sentences(8) == ["open the app and tap on your own card"]
    assert found.as_dict()["shared_sentences_by_words"] == {7: 1, 9: 1}
    assert found.runs == {"open the app and tap on your own", "the app and tap on your own card"}


def test_report_counts_and_ends_with_one_where_a_sentence_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    note = next(iter(SITUATIONS)).one("note")
    (texts / "note.txt").write_text(choose(note, Random(0)), encoding="utf-8")
    out = tmp_path / "report.json"
    monkeypatch.setattr(sys, "argv", ["report.py", "--talks", "50", "--against", str(texts), "--out", str(out)])
    assert report.main() == 1
    counts = json.loads(out.read_text(encoding="utf-8"))
    assert counts["inventory"]["situations"] == len(SITUATIONS)
    assert sum(task["share"] for task in counts["conversations"]["tasks"].values()) == pytest.approx(1, abs=0.01)
    monkeypatch.setattr(sys, "argv", ["report.py", "--talks", "5"])
    assert report.main() == 0
