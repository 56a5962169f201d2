"""Colours can be read in both modes, and the look asks the internet for nothing."""

import re

import pytest

from studio import theme

CSS = (theme.ASSETS / "theme" / "page.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--td-([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r"^:root.*?\{(.*?)^\}", CSS, re.S | re.M)[:2]
)
GROUNDS = ("paper", "wash", "card")
TEXTS = ("ink", "soft", "faint", "accent", "warn", "bad")
PAIRS = [
    *((text, ground, 4.5) for text in TEXTS for ground in GROUNDS),
    ("on-accent", "accent", 4.5),
    ("on-accent", "accent-strong", 4.5),
    ("accent", "accent-wash", 4.5),
    ("ink", "accent-wash", 4.5),
    ("warn", "warn-wash", 4.5),
    ("bad", "bad-wash", 4.5),
    *(("edge", ground, 3.0) for ground in GROUNDS),
]


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize(("front", "ground", "least"), PAIRS)
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_contrast(mode: str, front: str, ground: str, least: float) -> None:
    colours = LIGHT if mode == "light" else DARK
    lighter, darker = sorted((luminance(colours[front]), luminance(colours[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= least


def test_each_colour_has_a_dark_twin() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_nothing_in_the_look_has_an_address() -> None:
    worn = theme.theme()
    assert worn._stylesheets == []
    for text in (worn._get_theme_css(), theme.head()):
        assert not re.findall(r"""url\((?!["']?data:)|@import|src=|href=""", text)


def test_every_file_of_the_stylesheet_is_worn() -> None:
    assert sorted(theme.STYLES) == sorted(path.stem for path in (theme.ASSETS / "theme").glob("*.css"))
