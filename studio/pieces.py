"""Small pieces of HTML that several screens draw alike: a bar, a button. What they are given is plain text."""

from html import escape


def bar(share: float | None, said: str = "") -> str:
    """A bar filled to this share, 0 to 1; one that wanders where nobody knows how far it is.

    Args:
        said: what it is of, for a screen reader; the percentage where nothing is said.
    """
    if share is None:
        label = escape(said or "Under way")
        return f'<span class="td-progress td-unknown" role="progressbar" aria-label="{label}"><i></i></span>'
    percent = f"{100 * share:.1f}"
    return (
        f'<span class="td-progress" role="progressbar" aria-valuenow="{percent}" '
        f'aria-label="{escape(said or f"{percent}% done")}"><i style="width:{percent}%"></i></span>'
    )


def button(words: str, /, *, css: str = "td-button", label: str = "", **data: str) -> str:
    """A button whose data tell the script of its part what it is for: `button("Pause", does="pause", run=run.id)`.

    Args:
        label: what a screen reader says in place of the words, where these need what stands around them.
        data: empty ones are left out.
    """
    told = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items() if value)
    named = f' aria-label="{escape(label)}"' if label else ""
    return f'<button type="button" class="{css}"{told}{named}>{escape(words)}</button>'
