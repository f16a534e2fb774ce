"""Figures: contrast on both themes, nothing covers what is to be read, and what is stored is what the scripts draw."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "figures"
SVGS = sorted(FIGURES.rglob("*.svg"))
CSS = (ROOT / "_static" / "custom.css").read_text(encoding="utf-8")

sys.path.insert(0, str(FIGURES))
import palette

PAGE = {"light": "#ffffff", "dark": "#14181e"}  # the theme's; a test asks it
TEXT, MARK = 4.5, 3.0  # WCAG 2, 1.4.3 and 1.4.11


# ---- colours as a browser sees them -------------------------------------------------------------------------------


def rgb(colour):
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def turned(colour, page):
    """A colour of a figure in the dark theme: invert(1), hue-rotate(180deg), and screened over the page."""
    r, g, b = (1 - x for x in rgb(colour))
    rotated = [
        -0.574 * r + 1.430 * g + 0.144 * b,
        0.426 * r + 0.430 * g + 0.144 * b,
        0.426 * r + 1.430 * g - 0.856 * b,
    ]
    return [1 - (1 - min(max(x, 0), 1)) * (1 - y) for x, y in zip(rotated, rgb(page))]


def luminance(colour):
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def contrasts(colour, ground="#ffffff"):
    """Of a colour on a ground, both of the light form: in the light and in the dark theme."""
    return contrast(rgb(colour), rgb(ground)), contrast(turned(colour, PAGE["dark"]), turned(ground, PAGE["dark"]))


def test_contrast_is_that_of_the_standard():
    assert contrast([0, 0, 0], [1, 1, 1]) == 21
    assert round(contrast(rgb("#767676"), [1, 1, 1]), 2) == 4.54  # the lightest grey that serves as text on white
    assert turned("#ffffff", "#000000") == [0, 0, 0]


def test_the_pages_are_as_dark_as_is_taken_here():
    theme = sorted((Path(sys.prefix) / "lib").rglob("pydata-sphinx-theme.css"))[0].read_text(encoding="utf-8")
    assert "--pst-color-background:" + PAGE["dark"] in theme
    rule = re.search(r'html\[data-theme="dark"\][^{]*img[^{]*\{[^}]*\}', CSS).group()
    assert "filter: invert(1) hue-rotate(180deg)" in rule and "mix-blend-mode: screen" in rule


# ---- what is drawn --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SVGS, ids=lambda path: path.stem)
def test_every_figure_is_legible_on_both_themes(path):
    """Letters 4.5:1, lines and marks 3:1, on white or on the box they stand in."""
    drawn = path.read_text(encoding="utf-8")
    assert len(drawn) <= 60_000
    assert not re.search(r"<(?:text|style|script|image)\b|@font|href=.http", drawn.replace("<style type=", ""))
    for colour in set(re.findall(r"#[0-9a-f]{6}", drawn.lower())) - {"#ffffff"}:
        assert min(contrasts(colour)) >= MARK, (colour, contrasts(colour))
    for colour in re.findall(r'class="text" fill="(#[0-9a-f]{6})"', drawn):
        if colour == "#ffffff":
            assert min(contrasts(colour, palette.LIT)) >= TEXT
        else:
            assert min(contrasts(colour)) >= TEXT, (colour, contrasts(colour))


def test_the_palette_serves_as_text():
    named = {name: value for name, value in vars(palette).items() if str(value).startswith("#")}
    for name, colour in named.items():
        assert min(contrasts(colour)) >= (MARK if name == "LINE" else TEXT), (name, contrasts(colour))


def test_the_style_has_no_other_colours():
    style = (FIGURES / "book.mplstyle").read_text(encoding="utf-8")
    code = "\n".join(line.split("# ")[0] for line in style.splitlines())
    allowed = {value[1:] for value in vars(palette).values() if str(value).startswith("#")}
    assert set(re.findall(r"\b[0-9a-f]{6}\b", code)) <= allowed


def test_a_pale_colour_is_found():
    assert min(contrasts("#cc79a7")) < TEXT and min(contrasts("#7a7a7a")) < TEXT and min(contrasts("#dddddd")) < MARK
