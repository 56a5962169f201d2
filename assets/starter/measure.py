"""What the starter can do, measured on conversations that it was not trained on; the figures of the model card.

Prints them; with --write it also puts them into the manifest and the card:

    python assets/starter/measure.py --write
"""

import argparse
import json
import os
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import card
import recall
import shipping
import shop
import torch
from corpus import Message, articles, attributes, checks, conversations, grammar, labels, wording
from corpus.choices import ATTRIBUTES, Choice
from corpus.triage import triaged
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import load_tokenizer

HERE = Path(__file__).resolve().parent
SEED = 2026  # no training used it
FIRST = 16  # talks of each kind that the tests ask again
_AT_ONCE = 25
Task = Callable[[Random, Choice], list[Message]]


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


def figures(text: str) -> set[str]:
    """Numbers, prices, codes and addresses in a text: every word with a digit or an at sign."""
    return {word.strip(".,;:?!()") for word in text.split() if re.search(r"[\d@]", word)}


def words(text: str) -> set[str]:
    """The words of a text in lower case, numbers among them."""
    return set(re.findall(r"[\w@]+", text.lower()))


def looked_up(talk: list[Message], answer: str) -> set[str]:
    """The words of an answer that stand in the talk's passage and neither in its question nor around values."""
    system, question = (words(talk[at]["content"]) for at in (0, -2))
    return (words(answer) & system) - question - _words_around_values()


@lru_cache
def _words_around_values() -> frozenset[str]:
    lines = [line for block in ATTRIBUTES for key, line in block.lines if key in ("tell", "ask", "reply")]
    return frozenset(words(" ".join(lines)))


def loops(text: str) -> bool:
    """Whether more than three in ten of the runs of four words were said before."""
    said = re.findall(r"\w+", text.lower())
    runs = [tuple(said[at : at + 4]) for at in range(len(said) - 3)]
    return len(runs) > 4 and len(set(runs)) < 0.7 * len(runs)


def english(text: str) -> bool:
    """Whether nine in ten of the words stand in the texts that the corpus is written in."""
    said = re.findall(r"[a-z]+", text.lower())
    return sum(word in _known_words() for word in said) >= 0.9 * len(said)


@lru_cache
def _known_words() -> frozenset[str]:
    texts = (path.read_text(encoding="utf-8") for path in grammar.TEXT.glob("*.txt"))
    return frozenset(word for text in texts for word in re.findall(r"[a-z]+", text.lower()))


def refuses(text: str) -> bool:
    """Whether an answer declines because the message is not the business's, in one of the corpus's ways."""
    return _ways("off reply", "off reply plain").match(text.lower()) is not None


def says_missing(text: str) -> bool:
    """Whether an answer says that it does not know, in one of the corpus's ways."""
    return _ways("missing", "missing thing").match(text.lower()) is not None


@lru_cache
def _ways(*keys: str) -> re.Pattern[str]:
    """The first sentences of every phrase in these lists, with anything in the place of a slot."""
    lines = [line for key in keys for line in wording.PHRASES[key]]
    drawn = {grammar.choose(line, Random(draw)) for line in lines for draw in range(60)}
    first = {re.split(r"(?<=[.?:]) ", text)[0].lower() for text in drawn}
    return re.compile("|".join(re.sub(r"\\{\w+\\}", ".+?", re.escape(text)) for text in sorted(first)))


def talks_of(build: Task, part: str, count: int) -> list[list[Message]]:
    """So many conversations of one kind that no training saw."""
    choice = conversations.CHOICES[part]
    return [build(Random(f"{SEED}/{build.__name__}/{part}/{index}"), choice) for index in range(count)]


def shares(starter: Starter, count: int) -> dict[str, float]:
    """What share of so many answers of each kind is right; the names are those of the manifest."""

    def said(talks: list[list[Message]], tokens: int = 200) -> list[tuple[str, list[Message]]]:
        made = starter.answers([talk[:-1] for talk in talks], tokens)
        return [(text, talk) for (text, _), talk in zip(made, talks, strict=True)]

    def share(right: Iterable[bool]) -> float:
        found = list(right)
        return sum(found) / len(found)

    def right(talk: list[Message]) -> set[str]:
        return looked_up(talk, talk[-1]["content"])

    def right_figures(part: str) -> float:
        talks = [talk for talk in talks_of(conversations.from_facts, part, 4 * count) if figures(talk[-1]["content"])]
        return share(figures(text) == figures(talk[-1]["content"]) for text, talk in said(talks[:count]))

    def right_values(part: str) -> float:
        talks = [talk for talk in talks_of(attributes.about_things, part, 2 * count) if right(talk)][:count]
        return share(looked_up(talk, text) == right(talk) for text, talk in said(talks))

    def right_labels(part: str) -> float:
        return share(text == talk[-1]["content"] for text, talk in said(talks_of(labels.named_from_list, part, count)))

    def right_articles(part: str) -> float:
        talks = talks_of(articles.from_article, part, count)
        return share(talk[-1]["content"].removeprefix(articles.LEAD) in text for text, talk in said(talks))

    missing = talks_of(conversations.not_in_passage, "fresh", count // 2)
    missing += [talk for talk in talks_of(attributes.missing_thing, "fresh", count) if len(talk) == 3][: count // 2]
    held = [
        talk for talk in talks_of(conversations.from_facts, "fresh", count) if not says_missing(talk[-1]["content"])
    ]
    triage = [(fields(text), fields(talk[-1]["content"])) for text, talk in said(talks_of(triaged, "fresh", count))]
    ended = starter.answers([conversations.conversation(SEED, "fresh", at)[:-1] for at in range(count)], 300)
    return {
        "repetitions_foreseen": repetitions(starter, count),
        "right_figures_known_facts": right_figures("fresh"),
        "right_figures_unseen_facts": right_figures("unseen"),
        "right_articles_known_situations": right_articles("fresh"),
        "right_articles_unseen_situations": right_articles("unseen"),
        "says_not_in_articles": share(
            says_missing(text) for text, _ in said(talks_of(articles.not_in_articles, "fresh", count))
        ),
        "right_values_known_things": right_values("fresh"),
        "right_values_unseen_things": right_values("unseen"),
        "yes_or_no_right": share(
            text.split(",")[0].split(" ")[0] == talk[-1]["content"].split(",")[0].split(" ")[0]
            for text, talk in said(talks_of(checks.checked, "fresh", count))
        ),
        "says_not_in_passage": share(says_missing(text) for text, _ in said(missing)),
        "says_so_wrongly": share(says_missing(text) for text, _ in said(held)),
        "off_topic_refused": share(
            refuses(text) for text, _ in said(talks_of(conversations.off_topic, "fresh", count))
        ),
        "on_topic_refused_wrongly": share(
            refuses(text) for text, _ in said(talks_of(conversations.single, "fresh", count))
        ),
        "json_valid": share(list(found) == list(wanted) for found, wanted in triage),
        "json_category_right": share(found.get("category") == wanted["category"] for found, wanted in triage),
        "label_right_known_situations": right_labels("fresh"),
        "label_right_unseen_situations": right_labels("unseen"),
        "english": share(english(text) for text, _ in ended),
        "ended": share(end for _, end in ended),
        "looped": share(loops(text) for text, _ in ended),
    }


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


def fields(text: str) -> dict[str, object]:
    """The JSON object that a text is; empty when it is none."""
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


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
