"""Draws recurrence.svg: one rule used again and again, folded and unrolled.

Run from anywhere: python figures/recurrence.py
"""

from typing import NamedTuple

from draw import Drawing
from palette import BLUE, INK, LIT


class Ink(NamedTuple):
    """The colours of one picture; from the palette of the book."""

    text: str
    rule: str  # blue: what has weights
    state: str  # orange: what the picture is about


COLOURS = Ink(INK, BLUE, LIT)
READ = [("0.3", True), ("0.7", False), ("0.5", True)]  # numbers read out, and which are to be kept
WORDS, INPUTS, RULES, OUTPUTS = 0.55, 0.85, 1.95, 3.12  # heights of the rows


def folded(d, ink):
    """One step, its state going round."""
    x = d.word(1.05, INPUTS, r"$\mathbf{x}_t$", ink.text)
    rule = d.box(1.05, RULES, 0.8, 0.7, "rule", ink.rule)
    h = d.word(1.05, OUTPUTS, r"$\mathbf{h}_t$", ink.state)
    d.arrow(x.top(), rule.bottom(), color=ink.text)
    d.arrow(rule.top(), h.bottom(), color=ink.state)
    turn = (1.05, 2.62)
    d.fork(*turn, color=ink.state)
    d.arrow(turn, (0.26, 2.62), (0.26, RULES), rule.left(), color=ink.state)
    d.word(0.32, 1.64, r"$\mathbf{h}_{t-1}$", ink.state)


def unrolled(d, ink):
    """Three steps side by side, with what is read and what is to be said."""
    kept, before = None, d.word(2.1, RULES, r"$\mathbf{h}_0$", ink.state)
    for t, (number, is_marked) in enumerate(READ, start=1):
        kept, at = number if is_marked else kept, 1.72 + 1.3 * t
        rule = d.box(at, RULES, 0.74, 0.7, "rule", ink.rule)
        x = d.word(at, INPUTS, f"${number}$", ink.text)
        if is_marked:
            d.word(at, WORDS, "keep!", ink.text, size=15)
        said = d.word(at, OUTPUTS, f"${kept}$", ink.state)
        d.arrow(x.top(), rule.bottom(), color=ink.text)
        d.arrow(rule.top(), said.bottom(), color=ink.state)
        d.arrow(before.right(), rule.left(), color=ink.state)
        d.word(at + 0.64, RULES + 0.26, rf"$\mathbf{{h}}_{t}$", ink.state, size=15)
        before = rule
    d.arrow(before.right(), (before.x + 0.9, RULES), color=ink.state)
    d.word(4.32, 0.2, "what is read out", ink.text, size=14)
    d.word(4.32, 3.52, "what is to be said", ink.state, size=14)


d = Drawing("recurrence", 6.55, 3.75)
folded(d, COLOURS)
unrolled(d, COLOURS)
d.save()
