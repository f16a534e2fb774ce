"""Draws proof.svg: the two comparisons behind a printed derivative.

Run from anywhere: python figures/proof.py
"""

from typing import NamedTuple

from draw import Drawing
from palette import BLUE, GREEN, INK, LIT


class Ink(NamedTuple):
    """The colours of one picture; from the palette of the book."""

    text: str
    page: str  # blue: what is printed
    code: str  # green: the program, and what it says
    equal: str  # orange: what is compared


COLOURS = Ink(INK, BLUE, GREEN, LIT)
TOP, BOTTOM = 2.75, 0.75

d = Drawing("proof", 7.1, 3.5)
step = d.box(0.55, TOP, 0.95, 0.8, "step", COLOURS.code)
back = d.box(0.55, BOTTOM, 0.95, 0.8, "back", COLOURS.code)
forward = d.word(2.7, TOP, r"$\tanh(a+u)$", COLOURS.code, width=1.5)
derivative = d.word(5.7, TOP, r"$w\,(1-\tanh^2(a+u))$", COLOURS.text, width=2.6, height=0.5)
computed = d.word(2.7, BOTTOM, r"$w\,(1-h^2)$", COLOURS.code, width=1.4, height=0.5)
page = d.box(5.7, BOTTOM, 2.5, 0.8, r"$\mathrm{d}\mathbf{h}_t\odot(1-\mathbf{h}_t^2)$", COLOURS.page)
for start, end, words, y in (
    (step, forward, "symbols", TOP), (forward, derivative, "SymPy", TOP), (back, computed, "symbols", BOTTOM),
):  # fmt: skip
    d.arrow(start.right(), end.left(), color=COLOURS.text)
    d.word((start.right()[0] + end.left()[0]) / 2, y + 0.24, words, COLOURS.text, size=13)
d.word(5.7, 0.14, "the page", COLOURS.page, size=13)
d.word(0.7, 1.4, "the program", COLOURS.code, size=14)
for at, start, end in (((3.55, 1.83), (3.0, 1.05), (4.7, 2.45)), ((4.05, 0.98), (3.45, BOTTOM), (4.42, BOTTOM))):
    d.arrow(start, end, color=COLOURS.equal, dashed=True, head=False)
    d.word(at[0] - 0.1, at[1] + 0.02, "equal?", COLOURS.equal, size=14)
d.save()
