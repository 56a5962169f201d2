"""How customers write and how answers are put together: moods, typing errors, pronouns, lists of steps."""

import re
from random import Random

from corpus.grammar import capital, read_lists
from corpus.world import Setting

Message = dict[str, str]
PHRASES = read_lists("phrases.txt") | read_lists("instructions.txt")
MOODS = ("plain", "plain", "plain", "polite", "polite", "story", "hurried", "angry", "worried")
_AGENT = ("opening", "closing", "intro", "missing", "off reply", "warm", "formal", "confirm", "house")
_BEGIN = re.compile(r"(?:^|(?<=[.!?]\s))[a-z]")
_PRIVATE = 0xE000  # letters of nobody's alphabet, which stand for values while a text is garbled
_MUST_SHOW = ("angry", "worried", "pleased")
_SWAPS = {
    "i": "you",
    "i'm": "you're",
    "i've": "you've",
    "i'd": "you'd",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
}
_OTHERS = {
    "i": "they",
    "i'm": "they're",
    "i've": "they've",
    "i'd": "they'd",
    "i'll": "they'll",
    "me": "them",
    "my": "their",
    "mine": "theirs",
    "myself": "themselves",
    "am": "are",
    "your": "the company's",
    "you": "the company",
}
_COMPANY = {"you": "us", "your": "our", "yours": "ours", "yourself": "ourselves"}
_TOLD_BACK = _SWAPS | _COMPANY
_SUBJECT = r"(?i)\b(if|when|how|where|what|which|why|who|whether|methods|data|that)( data| payment methods)? you\b"
_SHORT_FORMS = {"you": "u", "please": "pls", "are": "r", "and": "n", "because": "cuz", "your": "ur", "thanks": "thx"}


def phrase(setting: Setting, *keys: str) -> str:
    """One phrase from the named list, with its slots filled for this setting.

    What the agent says has a capital wherever a sentence begins; customers write as they like.
    """
    key = " ".join(keys)
    words = setting.say(setting.rng.choice(PHRASES[key]))
    by_agent = key.startswith(_AGENT) or key.endswith("reply")
    return _BEGIN.sub(lambda letter: letter[0].upper(), words) if by_agent else words


def introduced(setting: Setting, messages: list[Message]) -> list[Message]:
    """The messages, with the business named at the beginning if an answer names it and nothing else does.

    Without this a model learns to make up the business it works for.
    """
    business = setting.slot("business")
    told = " ".join(message["content"] for message in messages if message["role"] != "assistant")
    answers = " ".join(message["content"] for message in messages if message["role"] == "assistant")
    if business not in answers or business in told:
        return messages
    persona = f"You are the support assistant of {business}."
    if messages[0]["role"] == "system":
        return [{"role": "system", "content": f"{persona}\n\n{messages[0]['content']}"}, *messages[1:]]
    return [{"role": "system", "content": persona}, *messages]


def exchange(question: str, answer: str) -> list[Message]:
    """A customer's message and the answer to it."""
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


def in_house_style(setting: Setting, answer: str) -> str:
    """The answer between a greeting and a closing, as houses have them that begin or end every message alike.

    What comes first says nothing then about what is answered, and a model learns to look at the question again.
    """
    rng = setting.rng
    greeting = phrase(setting, "house greeting") if rng.random() < 0.8 else ""
    closing = phrase(setting, "house closing") if not greeting or rng.random() < 0.6 else ""
    parts = [part.replace("\\n", "\n").strip() for part in (greeting, answer, closing)]
    return rng.choice((" ", " ", "\n\n")).join(part for part in parts if part)


def second_person(text: str) -> str:
    """The customer's words as the agent says them back: ``my order`` becomes ``your order``, ``your shop`` ours."""
    text = re.sub(r"\bI was\b", "you were", re.sub(_SUBJECT, r"\1\2 we", text))
    return re.sub(r"[A-Za-z']+", lambda word: _TOLD_BACK.get(word[0].lower(), word[0]), text)


def third_person(text: str) -> str:
    """The customer's words as somebody else tells them: ``my order`` becomes ``their order``."""
    text = re.sub(r"\bI was\b", "they were", text)
    return re.sub(r"[A-Za-z']+", lambda word: _OTHERS.get(word[0].lower(), word[0]), text)


def as_question(text: str, rng: Random) -> str:
    """The text with a question mark where it asks something, sometimes left out as people do."""
    if text.endswith((".", "!", "?")):
        return text
    asks = re.match(
        r"(?i)(how|what|which|where|when|why|who|can|could|will|would|is|are|do|does|did|has|have|may|until)\b", text
    )
    if asks:
        return text + rng.choice(("?", "?", "?", ""))
    return text + rng.choice((".", ".", ""))


def names_company(text: str) -> bool:
    """Whether the customer's words speak of what the company does, which the third person cannot simply repeat."""
    return re.search(_SUBJECT, text) is not None


def in_mood(core: str, mood: str, setting: Setting) -> str:
    """The core message with what a customer in this mood writes before and after it."""
    rng = setting.rng
    message = as_question(core, rng)
    before = phrase(setting, "before", mood) if f"before {mood}" in PHRASES and rng.random() < 0.75 else ""
    after = phrase(setting, "after", mood) if f"after {mood}" in PHRASES and rng.random() < 0.45 else ""
    if mood in _MUST_SHOW and not before and not after:
        before = phrase(setting, "before", mood)
    gap = "\n\n" if mood == "polite" and rng.random() < 0.15 else " "
    if not before.endswith((",", ":", "but")):
        message = capital(message)
    return gap.join(part for part in (before, message, after) if part)


def typed(text: str, rng: Random, keep: tuple[str, ...] = ()) -> str:
    """The text as somebody types it: often as it is, sometimes in lower case, hurried or with slips.

    The values in ``keep``, such as an order number, are typed exactly.
    """
    for at, value in enumerate(keep):
        text = text.replace(value, chr(_PRIVATE + at))
    text = _noisy(text, rng)
    for at, value in enumerate(keep):
        text = text.replace(chr(_PRIVATE + at), value)
    return text


def _noisy(text: str, rng: Random) -> str:
    roll = rng.random()
    if roll < 0.4:
        return text
    if roll < 0.65:
        text = text.lower()
    elif roll < 0.67:
        text = text.upper()
    if rng.random() < 0.35:
        text = text.rstrip("?.") or text
    if rng.random() < 0.2:
        text = text.replace("'", "")
    if rng.random() < 0.12:
        text = re.sub(r"[a-z]+", lambda word: _SHORT_FORMS.get(word[0], word[0]), text)
    if rng.random() < 0.35:
        text = _with_slips(text, rng, 1 + len(text) // 60)
    return text


def _with_slips(text: str, rng: Random, count: int) -> str:
    for _ in range(count):
        letters = [at for at in range(1, len(text) - 1) if text[at].isalpha() and text[at + 1].isalpha()]
        if not letters:
            break
        at = rng.choice(letters)
        kind = rng.randrange(4)
        if kind == 0:
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        elif kind == 1:
            text = text[:at] + text[at + 1 :]
        elif kind == 2:
            text = text[:at] + text[at] + text[at:]
        else:
            text = text[:at] + rng.choice("aeioustrnl") + text[at + 1 :]
    return text


def listed(steps: list[str], rng: Random) -> str:
    """Steps as a numbered list, a bulleted list or one paragraph."""
    style = rng.random()
    if style < 0.62:
        return "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    if style < 0.72:
        return "\n".join(f"- {step}" for step in steps)
    if style < 0.8:
        return "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, 1))
    words = ["First,", "Then", "After that,", "Next,", "Now", "Then"]
    joined = []
    for number, step in enumerate(steps):
        last = number == len(steps) - 1 and number > 0
        word = "Finally," if last else words[min(number, 5)]
        joined.append(f"{word} {step[0].lower()}{step[1:]}" if step.split()[0] not in ("I", "I'm") else step)
    return " ".join(joined)
