"""Errors and notices have one form."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import gradio as gr
import pytest

from engine.errors import InputRefused
from studio import notices


def refuse(name: str) -> str:
    raise InputRefused("That file is empty", f"{name} has no rows.", "Export it again with its header.")


def test_an_engine_error_becomes_a_notice_in_its_own_words() -> None:
    with pytest.raises(gr.Error) as caught:
        notices.shown(refuse)("tickets.csv")
    assert caught.value.title == "That file is empty"
    assert "tickets.csv has no rows." in caught.value.message
    assert "Export it again with its header." in caught.value.message
    assert not caught.value.print_exception


def test_a_name_in_a_notice_is_text_not_html() -> None:
    with pytest.raises(gr.Error) as caught:
        notices.shown(refuse)("<img src=x>")
    assert "<img" not in caught.value.message


def test_a_stream_keeps_what_it_said_before_it_failed() -> None:
    @notices.shown
    def talk() -> Iterator[str]:
        yield "Hello"
        raise InputRefused("The server stopped", "It ended.", "Start it again.")

    stream = talk()
    assert next(stream) == "Hello"
    with pytest.raises(gr.Error, match="It ended"):
        next(stream)


def test_an_unforeseen_error_is_logged_and_stays_folded(tmp_path: Path) -> None:
    log = tmp_path / "studio.log"
    notices.log_to(log)

    def divide(value: int) -> float:
        return 1 / value

    with pytest.raises(gr.Error) as caught:
        notices.shown(divide)(0)
    assert caught.value.title == "Something went wrong in Tunedesk itself"
    before_fold, _, fold = caught.value.message.partition("<details")
    assert str(log) in before_fold
    assert "Traceback" not in before_fold
    assert "Traceback" in fold
    assert "ZeroDivisionError" in log.read_text(encoding="utf-8")


def test_values_and_signature_pass_through() -> None:
    @notices.shown
    def add(first: int, second: int = 1) -> int:
        return first + second

    assert add(2) == 3
    assert partial(add, 2)(second=5) == 7
    assert add.__name__ == "add"


def test_a_card_carries_the_same_words() -> None:
    html = notices.card("The run failed", "Memory ran out.", "Choose a smaller batch.", "Traceback <x>")
    assert all(words in html for words in ("The run failed", "Choose a smaller batch.", "Traceback &lt;x&gt;"))
