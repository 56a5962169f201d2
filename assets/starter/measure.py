"""What the starter can do, measured on conversations that it was not trained on; the figures of the model card.

Prints them; with --write it also puts them into the manifest and the card:

    python assets/starter/measure.py --write
"""

import argparse
import json
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

import card
import shipping
import torch
from corpus import Message, conversations
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast
from vocabulary import load_tokenizer

HERE = Path(__file__).resolve().parent
SEED = 2026  # no training used it


class Starter:
    """The model in a folder, answering greedily."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: PreTrainedTokenizerFast = load_tokenizer(folder)
        self.model: LlamaForCausalLM = LlamaForCausalLM.from_pretrained(folder)
        self.model.eval()  # type: ignore[no-untyped-call]

    def answer(self, messages: list[Message], tokens: int = 200) -> tuple[str, bool]:
        """The answer to the last user message, and whether it ended by itself within so many tokens."""
        prompt = self.prompt(messages)
        made = self.generate(prompt, 1, tokens)[prompt.shape[1] :]
        text = self.tokenizer.backend_tokenizer.decode(made, skip_special_tokens=True)
        return text, made[-1] == self.tokenizer.eos_token_id

    def prompt(self, messages: list[Message]) -> torch.Tensor:
        """The tokens up to where the assistant begins, shape (1, tokens)."""
        text = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return torch.tensor([self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids])

    def generate(self, prompt: torch.Tensor, least: int, most: int) -> list[int]:
        """The prompt and from ``least`` to ``most`` tokens after it."""
        made = self.model.generate(  # type: ignore[misc]
            prompt, attention_mask=torch.ones_like(prompt), min_new_tokens=least, max_new_tokens=most
        )
        return list(made[0].tolist())


def figures(text: str) -> set[str]:
    """Numbers, prices, codes and addresses in a text: every word with a digit or an at sign."""
    return {word.strip(".,;:?!()") for word in text.split() if re.search(r"[\d@]", word)}


def loops(text: str) -> bool:
    """Whether more than four in ten sentences or lines repeat an earlier one."""
    sentences = [part.strip() for part in re.split(r"[.\n]", text) if len(part.strip()) > 12]
    return len(sentences) > 2 and len(set(sentences)) < 0.6 * len(sentences)


def _talks(
    build: Callable[[Random, conversations.Choice], list[Message]], part: str, count: int
) -> list[list[Message]]:
    choice = conversations.CHOICES[part]
    return [build(Random(f"{SEED}/{build.__name__}/{part}/{index}"), choice) for index in range(count)]


def from_passages(starter: Starter, part: str, count: int) -> float:
    """Share of answers with exactly the right figures, over questions whose answer has some."""
    talks = [talk for talk in _talks(conversations.from_facts, part, 3 * count) if figures(talk[-1]["content"])][:count]
    right = [figures(starter.answer(talk[:-1])[0]) == figures(talk[-1]["content"]) for talk in talks]
    return sum(right) / len(right)


def refused(starter: Starter, count: int) -> tuple[float, float]:
    """Share of off-topic messages that are refused, and of questions about a situation that are refused wrongly."""
    off = [starter.answer(talk[:-1])[0] for talk in _talks(conversations.off_topic, "fresh", count)]
    on = [starter.answer(talk[:-1])[0] for talk in _talks(conversations.single, "fresh", count)]
    refusal = re.compile(r"can't help|only answer|say anything about|outside what I can")
    rightly, wrongly = (sum(bool(refusal.search(text)) for text in texts) / count for texts in (off, on))
    return rightly, wrongly


def not_found(starter: Starter, count: int) -> float:
    """Share of questions whose answer is missing from the passage where the answer says so."""
    says = re.compile(r"don't have|not in the information|can't (answer|find)|no information")
    texts = [starter.answer(talk[:-1])[0] for talk in _talks(conversations.not_in_passage, "fresh", count)]
    return sum(bool(says.search(text)) for text in texts) / len(texts)


def ended_and_looped(starter: Starter, count: int) -> tuple[float, float]:
    """Shares of answers that end by themselves within 300 tokens, and that loop, over all kinds of conversation."""
    answers = [
        starter.answer(conversations.conversation(SEED, "fresh", index)[:-1], tokens=300) for index in range(count)
    ]
    return sum(ended for _, ended in answers) / count, sum(loops(text) for text, _ in answers) / count


def speed(starter: Starter) -> tuple[float, float]:
    """Generated tokens per second, and seconds to the first token of a short question; medians of five."""
    question: list[Message] = [{"role": "user", "content": "How do I change the delivery address of my order?"}]
    prompt = starter.prompt(question)

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
    parser.add_argument("--talks", type=int, default=200, help="conversations for each figure (default 200)")
    parser.add_argument("--write", action="store_true", help="put the figures into the manifest and the card")
    options = parser.parse_args()
    torch.set_num_threads(2)
    started = time.perf_counter()
    starter = Starter(options.model)
    loaded = time.perf_counter() - started
    tokens_per_second, first_token = speed(starter)
    off_topic, on_topic = refused(starter, options.talks)
    ended, looped = ended_and_looped(starter, options.talks)
    results: dict[str, float] = {
        "load_seconds": loaded,
        "tokens_per_second": tokens_per_second,
        "first_token_seconds": first_token,
        "right_figures_known_facts": from_passages(starter, "fresh", options.talks),
        "right_figures_unseen_facts": from_passages(starter, "unseen", options.talks),
        "says_not_in_passage": not_found(starter, options.talks),
        "off_topic_refused": off_topic,
        "on_topic_refused_wrongly": on_topic,
        "ended": ended,
        "looped": looped,
    }
    results = {name: round(value, 3) for name, value in results.items()}
    print(json.dumps(results, indent=2))
    if options.write:
        manifest = shipping.record(options.model, results)
        size = manifest["files"]["model.safetensors"]["bytes"]
        card.write(HERE / "README.md", card.figures(manifest["built"], results, size))


if __name__ == "__main__":
    main()
