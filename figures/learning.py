"""Draws learning.svg: from the data to the loss, and the way back.

Run from anywhere: python figures/learning.py
"""

from typing import NamedTuple

from draw import Drawing
from palette import BLUE, GREEN, INK, LIT


class Ink(NamedTuple):
    """The colours of one picture; from the palette of the book."""

    text: str
    weights: str  # blue: a matrix product
    rest: str  # green: what is elementwise
    back: str  # orange: derivatives, on their way back


COLOURS = Ink(INK, BLUE, GREEN, LIT)
ROW, SIDE, SMALL = 1.75, 0.11, 15


def there_and_back(d, ink, start, end, color, derivative, at):
    """An arrow from one edge to another, and its way back beneath or beside it, with the derivative that it brings."""
    for side, points, style in ((SIDE, (start, end), {"color": color}), (-SIDE, (end, start), {"dashed": True})):
        d.arrow(*(point(side) for point in points), **{"color": ink.back} | style)
    if derivative:
        d.word(*at, derivative, ink.back, size=SMALL)


d = Drawing("learning", 6.7, 3.2)
x = d.word(0.22, ROW, r"$\mathbf{x}$", COLOURS.text, width=0.4)
affine = d.box(1.6, ROW, 1.3, 0.8, r"$W\mathbf{x}+\mathbf{b}$", COLOURS.weights, size=15)
W, b = d.word(1.25, 2.95, "$W$", COLOURS.weights), d.word(1.95, 2.95, r"$\mathbf{b}$", COLOURS.weights)
softmax = d.box(3.47, ROW, 1.1, 0.8, "softmax", COLOURS.rest, size=15)
log = d.box(5.28, ROW, 1.15, 0.8, r"$-\log\,\pi_q$", COLOURS.rest, size=15)
label = d.word(5.28, 0.35, "the true class $q$", COLOURS.text, size=15, height=0.34)
loss = d.word(6.5, ROW, "$L$", COLOURS.text, width=0.4)
there_and_back(d, COLOURS, x.right, affine.left, COLOURS.text, r"$\mathrm{d}\mathbf{x}$", (0.68, 1.36))
there_and_back(d, COLOURS, affine.right, softmax.left, COLOURS.weights, r"$\mathrm{d}\mathbf{y}$", (2.6, 1.36))
there_and_back(d, COLOURS, softmax.right, log.left, COLOURS.rest, r"$\mathrm{d}\pi$", (4.37, 1.36))
there_and_back(d, COLOURS, log.right, loss.left, COLOURS.rest, r"$\mathrm{d}L=1$", (6.24, 1.3))
d.word(2.6, 2.14, r"$\mathbf{y}$", COLOURS.weights, size=SMALL)
d.word(4.37, 2.14, r"$\pi$", COLOURS.rest, size=SMALL)
d.arrow(label.top(), log.bottom(), color=COLOURS.text)
for name, node, shift in ((r"$\mathrm{d}W$", W, -0.4), (r"$\mathrm{d}\mathbf{b}$", b, 0.4)):
    top = affine.top(node.x - affine.x)[1]
    d.arrow((node.x + SIDE, node.bottom()[1]), (node.x + SIDE, top), color=COLOURS.weights)
    d.arrow((node.x - SIDE, top), (node.x - SIDE, node.bottom()[1]), color=COLOURS.back, dashed=True)
    d.word(node.x + shift, 2.42, name, COLOURS.back, size=SMALL)
d.save()
