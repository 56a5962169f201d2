"""What the starter can do, measured on conversations that it was not trained on; the figures of the model card.

Prints them; with --write it also puts them into the manifest and the card:

    python assets/starter/measure.py --write
"""

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import card
import recall
import shipping
import shop
import torch
from corpus import Message, articles, attributes, checks, conversations, labels
from corpus.choices import Choice
from corpus.talks import read_among_others, read_in_vain, sorted_by_topic
from corpus.triage import triaged
from judging import english, fields, figures, looked_up, loops, refuses, says_missing, says_yes
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import load_tokenizer

HERE = Path(__file__).resolve().parent
SEED = 2026  # no training used it
FIRST = 16  # talks of each kind that the tests ask again
_AT_ONCE = 25
Task = Callable[[Random, Choice], list[Message]]
Right = Callable[[str, list[Message]], bool]


class Starter:
    """The model in a folder, answering greedily."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: PreTrainedTokenizerFast = load_tokenizer(folder)
        self.model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        self.model.eval()  # type: ignore[no-untyped-call]

    def answers(self, talks: list[list[Message]], tokens: int = 200) -> list[tuple[str, bool]]:
        """Answers to the last user message of each talk, and whether each ended by itself within so many tokens."""
        made: list[tuple[str, bool]] = []
        for start in range(0, len(talks), _AT_ONCE):
            made += self._answers(talks[start : start + _AT_ONCE], tokens)
        return made

    def _answers(self, talks: list[list[Message]], tokens: int) -> list[tuple[str, bool]]:
        prompts = [self.prompt(talk) for talk in talks]
        longest = max(map(len, prompts))
        ids = torch.full((len(prompts), longest), int(self.tokenizer.pad_token_id))
        for row, prompt in zip(ids, prompts, strict=True):
            row[longest - len(prompt) :] = torch.tensor(prompt)
        made = self.generate(ids, 1, tokens)[:, longest:].tolist()
        end = self.tokenizer.eos_token_id
        decode = self.tokenizer.backend_tokenizer.decode
        return [(decode(row, skip_special_tokens=True), end in row) for row in made]

    def prompt(self, messages: list[Message]) -> list[int]:
        """The tokens up to where the assistant begins."""
        text = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return list(self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)

    def generate(self, prompts: torch.Tensor, least: int, most: int) -> torch.Tensor:
        """The prompts, padded at their beginning, and from ``least`` to ``most`` tokens after each."""
        attended = (prompts != self.tokenizer.pad_token_id).long()
        made: torch.Tensor = self.model.generate(  # type: ignore[misc]
            prompts, attention_mask=attended, min_new_tokens=least, max_new_tokens=most
        )
        return made


def talks_of(build: Task, part: str, count: int) -> list[list[Message]]:
    """So many conversations of one kind that no training saw."""
    choice = conversations.CHOICES[part]
    return [build(Random(f"{SEED}/{build.__name__}/{part}/{index}"), choice) for index in range(count)]


class Asker:
    """Asks the starter so many talks of a kind and says what share of the answers is right."""

    def __init__(self, starter: Starter, count: int) -> None:
        self.starter, self.count = starter, count

    def said(self, talks: list[list[Message]]) -> list[tuple[str, list[Message]]]:
        """The starter's answer to the last question of each talk, beside the talk."""
        made = self.starter.answers([talk[:-1] for talk in talks])
        return [(text, talk) for (text, _), talk in zip(made, talks, strict=True)]

    def share(self, right: Right, build: Task, part: str, fits: Callable[[list[Message]], bool] | None = None) -> float:
        """Over the first talks of a kind, or the first of them that fit."""
        drawn = talks_of(build, part, self.count if fits is None else 5 * self.count)
        return share(right(text, talk) for text, talk in self.said([*filter(fits, drawn)][: self.count]))


def shares(starter: Starter, count: int) -> dict[str, float]:
    """What share of so many answers of each kind is right; the names are those of the manifest."""
    asker = Asker(starter, count)
    return {
        "repetitions_foreseen": repetitions(starter, count),
        **_looked_up(asker),
        **_missed(asker),
        **_refused(asker),
        **_named(asker),
        **_as_text(asker),
    }


def _looked_up(asker: Asker) -> dict[str, float]:
    """Answers that a passage holds. A first question is always about the kind of fact or thing that was drawn, later
    ones are about any: so talks with one question are asked."""

    def figures_asked(talk: list[Message]) -> bool:
        return one_question(talk) and bool(figures(talk[-1]["content"]))

    def values_asked(talk: list[Message]) -> bool:
        return one_question(talk) and talk[0]["role"] == "system" and bool(looked_up(talk, talk[-1]["content"]))

    def right_figures(text: str, talk: list[Message]) -> bool:
        return figures(text) == figures(talk[-1]["content"])

    def right_values(text: str, talk: list[Message]) -> bool:
        return looked_up(talk, text) == looked_up(talk, talk[-1]["content"])

    def right_article(text: str, talk: list[Message]) -> bool:
        return talk[-1]["content"].removeprefix(articles.LEAD) in text

    def right_entry(text: str, talk: list[Message]) -> bool:
        return text.strip() == talk[-1]["content"]

    def right_decision(text: str, talk: list[Message]) -> bool:
        return says_yes(text) is says_yes(talk[-1]["content"])

    facts, things, article = conversations.from_facts, attributes.about_things, articles.from_article
    return {
        "right_figures_known_facts": asker.share(right_figures, facts, "fresh", figures_asked),
        "right_figures_unseen_facts": asker.share(right_figures, facts, "unseen", figures_asked),
        "right_articles_known_situations": asker.share(right_article, article, "fresh"),
        "right_articles_unseen_situations": asker.share(right_article, article, "unseen"),
        "right_entries_known_matters": asker.share(right_entry, read_among_others, "fresh"),
        "right_entries_unseen_matters": asker.share(right_entry, read_among_others, "unseen"),
        "right_values_known_things": asker.share(right_values, things, "fresh", values_asked),
        "right_values_unseen_things": asker.share(right_values, things, "unseen", values_asked),
        "yes_or_no_right": asker.share(
            right_decision, checks.checked, "fresh", lambda talk: says_yes(talk[-1]["content"]) is not None
        ),
    }


def _missed(asker: Asker) -> dict[str, float]:
    """Whether it says that a passage does not hold the answer, and only then."""

    def says(text: str, talk: list[Message]) -> bool:
        return says_missing(text)

    half = Asker(asker.starter, max(1, asker.count // 2))
    return {
        "says_not_in_articles": asker.share(says, articles.not_in_articles, "fresh"),
        "says_not_in_passage": share(
            (
                half.share(says, conversations.not_in_passage, "fresh"),
                half.share(says, attributes.missing_thing, "fresh", one_question),
            )
        ),
        "says_not_in_entries": asker.share(says, read_in_vain, "fresh"),
        "says_so_wrongly": asker.share(
            says, conversations.from_facts, "fresh", lambda talk: not says_missing(talk[-1]["content"])
        ),
    }


def _refused(asker: Asker) -> dict[str, float]:
    """Whether it declines what is none of the business's, and only that."""

    def declines(text: str, talk: list[Message]) -> bool:
        return refuses(text)

    return {
        "off_topic_refused": asker.share(declines, conversations.off_topic, "fresh"),
        "on_topic_refused_wrongly": asker.share(declines, conversations.single, "fresh"),
    }


def _named(asker: Asker) -> dict[str, float]:
    """Topics picked from a list, and the JSON of a ticket."""

    def right_label(text: str, talk: list[Message]) -> bool:
        return text == talk[-1]["content"]

    triage = [
        (fields(text), fields(talk[-1]["content"]))
        for text, talk in asker.said(talks_of(triaged, "fresh", asker.count))
    ]
    return {
        "json_valid": share(list(found) == list(wanted) for found, wanted in triage),
        "json_category_right": share(found.get("category") == wanted["category"] for found, wanted in triage),
        "label_right_known_situations": asker.share(right_label, labels.named_from_list, "fresh"),
        "label_right_unseen_situations": asker.share(right_label, labels.named_from_list, "unseen"),
        "label_right_known_matters": asker.share(right_label, sorted_by_topic, "fresh"),
        "label_right_unseen_matters": asker.share(right_label, sorted_by_topic, "unseen"),
    }


def _as_text(asker: Asker) -> dict[str, float]:
    """Language, length and repetition of answers to conversations of every kind."""
    questions = [conversations.conversation(SEED, "fresh", at)[:-1] for at in range(asker.count)]
    ended = asker.starter.answers(questions, 300)
    return {
        "english": share(english(text) for text, _ in ended),
        "ended": share(end for _, end in ended),
        "looped": share(loops(text) for text, _ in ended),
    }


def one_question(talk: list[Message]) -> bool:
    """Whether a customer wrote once in a talk."""
    return sum(message["role"] == "user" for message in talk) == 1


def share(right: Iterable[float]) -> float:
    """The mean: of truths, the share that is true."""
    found = list(right)
    return sum(found) / len(found)


def repetitions(starter: Starter, count: int) -> float:
    """The share of repeated random tokens that come out as most likely, in so many rows of 256 (see `recall`)."""
    ids, weights = recall.drawer(starter.tokenizer).rows(SEED, 0, count, 256)
    with torch.no_grad():
        likely = starter.model(ids).logits[:, :-1].argmax(-1)
    return float((likely == ids[:, 1:])[weights[:, 1:] > 0].float().mean())


def shop_shares(starter: Starter) -> dict[str, float]:
    """Shares on the golden questions of the sample business, with the right help sections at hand."""
    about, off = shop.questions()
    made = starter.answers([talk for talk, _ in about], 300)
    facts = [
        fact.lower() in text.lower() for (text, _), (_, wanted) in zip(made, about, strict=True) for fact in wanted
    ]
    refused = [refuses(text) for text, _ in starter.answers(off)]
    return {
        "shop_facts_said": sum(facts) / len(facts),
        "shop_off_topic_refused": sum(refused) / len(refused),
        "shop_english": sum(english(text) for text, _ in made) / len(made),
        "shop_ended": sum(end for _, end in made) / len(made),
        "shop_looped": sum(loops(text) for text, _ in made) / len(made),
    }


def speed(starter: Starter) -> tuple[float, float]:
    """Generated tokens per second, and seconds to the first token of a short question; medians of five."""
    question: list[Message] = [{"role": "user", "content": "How do I change the delivery address of my order?"}]
    prompt = torch.tensor([starter.prompt(question)])

    def seconds(tokens: int) -> float:
        started = time.perf_counter()
        starter.generate(prompt, tokens, tokens)
        return time.perf_counter() - started

    seconds(4)
    first = sorted(seconds(1) for _ in range(5))[2]
    whole = sorted(seconds(65) for _ in range(5))[2]
    return 64 / (whole - first), first


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the starter model.")
    parser.add_argument("--model", type=Path, default=HERE / "model")
    parser.add_argument("--talks", type=int, default=100, help="conversations for each figure (default 100)")
    parser.add_argument("--write", action="store_true", help="put the figures into the manifest and the card")
    options = parser.parse_args()
    torch.set_num_threads(2)
    started = time.perf_counter()
    starter = Starter(options.model)
    loaded = time.perf_counter() - started
    tokens_per_second, first_token = speed(starter)
    results: dict[str, float] = {
        "load_seconds": loaded,
        "tokens_per_second": tokens_per_second,
        "first_token_seconds": first_token,
        "talks": options.talks,
        **shares(starter, options.talks),
        **shop_shares(starter),
    }
    results = {name: round(value, 3) for name, value in results.items()}
    print(json.dumps(results, indent=2))
    if options.write:
        first = shares(starter, FIRST) | shop_shares(starter)
        manifest = shipping.record(options.model, results, first)
        size = manifest["files"]["model.safetensors"]["bytes"]
        card.write(HERE / "README.md", card.figures(manifest["built"], results, size))


if __name__ == "__main__":
    main()
