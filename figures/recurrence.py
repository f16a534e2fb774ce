"""Draws recurrence-light.svg and recurrence-dark.svg: one rule used again and again, folded and unrolled.

Run from anywhere: python figures/recurrence.py
"""

from typing import NamedTuple

from draw import Drawing


class Ink(NamedTuple):
    """The colours of one picture; to switch them, change them here."""

    text: str
    rule: str  # blue: what has weights
    state: str  # orange: what the picture is about


INKS = {"light": Ink("#595959", "#0067A3", "#B34700"), "dark": Ink("#BDBDBD", "#6DBDF0", "#F5A052")}
READ = [("0.3", True), ("0.7", False), ("-0.9", False), ("0.5", True)]  # numbers read out, and which are to be kept
INPUTS, RULES, OUTPUTS = 0.62, 1.75, 2.95  # heights of the rows


def folded(d, ink):
    """One step, its state going round."""
    x = d.word(1.15, INPUTS, r"$\mathbf{x}_t$", ink.text)
    rule = d.box(1.15, RULES, 1.0, 0.8, "rule", ink.rule)
    h = d.word(1.15, OUTPUTS, r"$\mathbf{h}_t$", ink.state)
    d.arrow(x.top(), rule.bottom(), color=ink.text)
    d.arrow(rule.top(), h.bottom(), color=ink.state)
    turn = (1.15, 2.45)
    d.fork(*turn, color=ink.state)
    d.arrow(turn, (0.28, 2.45), (0.28, RULES), rule.left(), color=ink.state)
    d.word(0.3, 1.42, r"$\mathbf{h}_{t-1}$", ink.state, size=14)


def unrolled(d, ink):
    """Four steps side by side, with what is read and what is to be said."""
    kept, before = None, d.word(2.45, RULES, r"$\mathbf{h}_0$", ink.state)
    for t, (number, is_marked) in enumerate(READ, start=1):
        kept, at = number if is_marked else kept, 2.1 + 1.4 * t
        rule = d.box(at, RULES, 0.86, 0.7, "rule", ink.rule, size=15)
        x = d.word(at, INPUTS, f"${number}$" + ("  keep!" if is_marked else ""), ink.text, size=14)
        said = d.word(at, OUTPUTS, f"${kept}$", ink.state, size=15)
        d.arrow(x.top(), rule.bottom(), color=ink.text)
        d.arrow(rule.top(), said.bottom(), color=ink.state)
        d.arrow(before.right(), rule.left(), color=ink.state)
        d.word(at + 0.7, RULES + 0.22, rf"$\mathbf{{h}}_{t}$", ink.state, size=13)
        before = rule
    d.arrow(before.right(), (before.x + 1.0, RULES), color=ink.state)
    d.word(5.6, 0.2, "what is read out", ink.text, size=12)
    d.word(5.6, 3.35, "what is to be said", ink.state, size=12)


for theme, ink in INKS.items():
    d = Drawing(f"recurrence-{theme}", 9, 3.6)
    folded(d, ink)
    unrolled(d, ink)
    d.save()
