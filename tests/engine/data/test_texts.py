"""HTML as plain text: what a person sees is there, what they do not see is not, and nothing breaks it."""

from time import perf_counter

import pytest

from engine.data.texts import html_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("no tags <here & there", "no tags"),
        ("<p>Hello</p><p>you &amp; me</p>", "Hello\n\nyou & me"),
        ("<div>one<br>two</div><div>three</div>", "one\ntwo\nthree"),
        ("a <b>bo</b>ld\n   word", "a bold word"),
        ("<ul><li>one<li><p>two</p><ul><li>in it</ul></ul>", "- one\n- two\n\n  - in it"),
        ("<ol><li>one</li><li></li><li>three</li></ol>end", "1. one\n3. three\n\nend"),
        ("<table><tr><td>Order</td><td>12</td></tr><tr><td>Paid<td>yes</table>", "Order 12\nPaid yes"),
        ("It left.<blockquote>Where<p>is it?</p></blockquote>Bye", "It left.\n\n> Where\n\n> is it?\n\nBye"),
        ("<pre>  a\n    b\n</pre>", "a\n    b"),
        ("<style>p{}</style><script>x()</script><title>t</title><!-- c -->seen<p style='display:none'>no</p>", "seen"),
        ('<a href="https://example.org/a">here</a> <a href="https://example.org/">example.org</a>',
         "here (https://example.org/a) example.org"),
        ('<a href="javascript:x()">run</a><img alt="logo"><img alt="😀">', "run😀"),
        ("<![if !supportLists]>a<![endif]>b<!--[if mso]>c<![endif]-->", "ab"),
        ('<?xml version="1.0" encoding="utf-16"?><html><body>café', "café"),
        ("<html><body>one</body></html><html><body>two</body></html>", "one two"),
        ("half \ud800 a pair, a\x00nul and a soft\u00adbreak", "half ? a pair, anul and a softbreak"),
    ],
)  # fmt: skip
def test_what_is_seen(html: str, text: str) -> None:
    assert html_text(html) == text


def test_parts_can_be_left_out() -> None:
    html = '<div>mine</div><div class="gmail_quote">theirs</div>after'
    assert html_text(html, lambda element: element.get("class") == "gmail_quote") == "mine\nafter"


@pytest.mark.parametrize(
    "html", ["<div>" * 20_000 + "text", "<b>" * 20_000 + "text", "text" + "<a <a " * 20_000, "<" * 50_000 + "p>text"]
)
def test_hostile_markup_is_read_quickly(html: str) -> None:
    began = perf_counter()
    assert "text" in html_text(html)
    assert perf_counter() - began < 20
