"""How often replies.py agrees with published cases of reply trimming: `python -m tests.bench.replies`.

The cases are those of Discourse's email_reply_trimmer (58 mails, 13 languages) and of Mailgun's talon (mails of
eleven programs, HTML replies of nine, signatures), which lie beside the checkout; nothing of them is in it. A case
agrees when the texts are the same but for white space. Discourse takes quotes, marked signatures and footers off and
leaves greetings; talon states each step by itself, and so each is measured by itself.
"""

import email
import email.policy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from engine.data.replies import without_closing, without_quotes, without_signature
from engine.data.texts import html_text

CORPORA = Path(__file__).parents[2].parent / "shared" / "data" / "email_corpora"


class Case(NamedTuple):
    """One mail and what should be left of it."""

    corpus: str
    name: str
    got: str
    expected: str

    @property
    def agrees(self) -> bool:
        return self.got.split() == self.expected.split()


def trimmed(text: str) -> str:
    """A mail's body without quotes, marked signatures and footers."""
    return without_signature(without_quotes(text))


def cases(trim: Callable[[str], str] = trimmed, quotes: Callable[[str], str] = without_quotes) -> Iterator[Case]:
    """Every published case with what our functions, or others, make of it."""
    yield from _discourse(trim)
    yield from _talon_programs(quotes)
    yield from _talon_pages(quotes)
    yield from _talon_signatures()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _discourse(trim: Callable[[str], str]) -> Iterator[Case]:
    folder = CORPORA / "email_reply_trimmer"
    for path in sorted((folder / "emails").glob("*.txt")):
        yield Case("email_reply_trimmer", path.stem, trim(_read(path)), _read(folder / "trimmed" / path.name))


def _talon_programs(quotes: Callable[[str], str]) -> Iterator[Case]:
    """Mails of eleven programs; the reply is "Hello" unless a file beside says otherwise."""
    folder = CORPORA / "talon" / "standard_replies"
    for path in sorted(folder.glob("*.eml")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        body = message.get_body(("plain",))
        stated = folder / f"{path.stem}_reply_text"
        expected = _read(stated) if stated.exists() else "Hello"
        yield Case("talon, programs", path.stem, quotes(body.get_content() if body else ""), expected)


def _talon_pages(quotes: Callable[[str], str]) -> Iterator[Case]:
    """HTML replies of nine programs, all with one text, and two that stand alone."""
    stated = {"OLK_SRC_BODY_SECTION": "Reply", "reply-separated-by-hr": "Hi there Bob"}
    for path in sorted((CORPORA / "talon").glob("**/*.html")):
        expected = stated.get(path.stem, "Hi. I am fine. Thanks, Alex")
        yield Case("talon, HTML", path.stem, quotes(html_text(_read(path))), expected)


def _talon_signatures() -> Iterator[Case]:
    """Mails with a signature that has no mark; the file beside states it, empty for none."""
    for path in sorted((CORPORA / "talon" / "signature" / "emails" / "stripped").glob("*_body")):
        stem = path.name.removesuffix("_body")
        text, sender = _read(path).strip(), _read(path.with_name(f"{stem}_sender")).strip()
        signature = _read(path.with_name(f"{stem}_signature")).strip()
        expected = text.removesuffix(signature)
        yield Case("talon, signatures", stem, without_closing(without_signature(text), sender), expected)


def main() -> None:
    """Prints the share of agreement per corpus, and the cases that differ."""
    found = list(cases())
    for corpus in dict.fromkeys(case.corpus for case in found):
        of_it = [case for case in found if case.corpus == corpus]
        right = sum(case.agrees for case in of_it)
        differ = ", ".join(case.name for case in of_it if not case.agrees)
        print(f"{corpus:20} {right:3} of {len(of_it):3}  {right / len(of_it):6.1%}  {differ}")
    right = sum(case.agrees for case in found)
    print(f"{'all':20} {right:3} of {len(found):3}  {right / len(found):6.1%}")


if __name__ == "__main__":
    main()
