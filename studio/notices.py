"""One form for everything the studio has to tell: what happened, what to do.

Decorate a callback with `shown` and engine errors become notices in the corner of the page, the outputs stay as they
were and events chained with `.success` do not run:

    @notices.shown
    def freeze(workspace: Workspace, name: str) -> str: ...

An exception that nobody foresaw is written to the studio's log with its traceback; the person is told that the fault
is Tunedesk's, that nothing saved is lost, and gets the details to hand on behind a fold.
"""

import functools
import inspect
import logging
import logging.handlers
import traceback
from collections.abc import Callable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, TypeVar, cast

import gradio as gr

from engine.errors import TunedeskError

Callback = TypeVar("Callback", bound=Callable[..., Any])

log = logging.getLogger("tunedesk.studio")


def shown(callback: Callback) -> Callback:
    """Turns the errors of a callback, generators included, into notices."""
    if inspect.isgeneratorfunction(callback):

        @functools.wraps(callback)
        def stream(*values: Any, **named: Any) -> Iterator[Any]:
            try:
                yield from callback(*values, **named)
            except Exception as error:  # one of the two doors between the engine and the page
                raise as_notice(error) from error

        return cast(Callback, stream)

    @functools.wraps(callback)
    def call(*values: Any, **named: Any) -> Any:
        try:
            return callback(*values, **named)
        except Exception as error:  # the other door
            raise as_notice(error) from error

    return cast(Callback, call)


def say(text: str) -> None:
    """A short notice that something worked. It goes by itself."""
    gr.Info(f'<p class="td-notice">{escape(text, quote=False)}</p>', duration=6, title="Done")


def as_notice(error: Exception) -> gr.Error:
    """The notice for `error`: its own words for a TunedeskError, an apology with details for anything else."""
    if isinstance(error, gr.Error):
        return error
    if isinstance(error, TunedeskError):
        return _notice(error.title, body(error.message, error.remedy))
    log.error("unexpected error in a callback", exc_info=error)
    kept = f" The details are in {log_file()}." if log_file() else ""
    message = f"This is a fault in Tunedesk, not in what you did. Nothing that was saved is lost.{kept}"
    details = "".join(traceback.format_exception(error))
    return _notice(
        "Something went wrong in Tunedesk itself",
        body(
            message, "Try it once more. If it happens again, copy the details and send them to your engineer.", details
        ),
    )


def body(message: str, remedy: str, details: str = "", fold: str = "") -> str:
    """The inside of a notice as HTML, everything escaped; `details` stay folded and can be copied.

    Args:
        fold: the name under which the page keeps the fold open when it is drawn again.
    """
    parts = [f"<p>{escape(message, quote=False)}</p>"] if message else []
    if remedy:
        parts.append(f'<p class="td-remedy">{escape(remedy, quote=False)}</p>')
    if details:
        kept = f' data-fold="{escape(fold)}"' if fold else ""
        parts.append(
            f'<details class="td-details"{kept}><summary>Details for your engineer</summary>'
            f"<pre>{escape(details, quote=False)}</pre>"
            '<button type="button" class="td-copy">Copy details</button></details>'
        )
    return f'<div class="td-notice">{"".join(parts)}</div>'


def card(title: str, message: str, remedy: str, details: str = "", *, fold: str = "") -> str:
    """The same notice standing on a page, for a run that failed: put it into a `gr.HTML`."""
    inside = f"<h4>{escape(title)}</h4>{body(message, remedy, details, fold)}"
    return f'<section class="td-notice-card" role="status">{inside}</section>'


def failure(error: Mapping[str, str] | None, details: str = "", *, fold: str = "") -> str:
    """The card of an error as a job wrote it down."""
    said = error or {}
    return card(said.get("title", ""), said.get("message", ""), said.get("remedy", ""), details, fold=fold)


def log_to(path: Path) -> None:
    """Keeps unexpected errors in `path`, a megabyte at a time and one generation back."""
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=1_000_000, backupCount=1, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for old in list(log.handlers):
        log.removeHandler(old)
        old.close()
    log.addHandler(handler)


def log_file() -> Path | None:
    """Where unexpected errors are kept; None before `log_to`."""
    files = [handler.baseFilename for handler in log.handlers if isinstance(handler, logging.FileHandler)]
    return Path(files[0]) if files else None


def _notice(title: str, html: str) -> gr.Error:
    # Gradio heads a notice with the name of its kind; the stylesheet hides that, and the title stands in the text.
    text = f'<h4 class="td-notice-title">{escape(title, quote=False)}</h4>{html}'
    return gr.Error(text, duration=None, title=title, print_exception=False)
