"""Boxes, operators and arrows for the pictures of the cells. A drawing is measured in inches.

Where a picture has named gates (lstm, peephole) each has its colour of `palette`. In the others blue is a matrix
product (the scan), pink a gate, green what else is elementwise (the cell). Orange is what the picture is about, grey
the rest. Boxes are not filled: lines end at edges, and a line that passes beneath another is interrupted.
"""

from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Circle, FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path as Curve
from palette import BLUE, GREEN, GREY, PINK
from palette import LIT as ORANGE

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PINK", "SIZE", "Drawing", "Node"]
HERE = Path(__file__).parent
SIZE = 17  # of letters, in points


class Node(NamedTuple):
    """Something that arrows begin and end at. The four methods give points on its edge, `shift` along it."""

    x: float
    y: float
    width: float
    height: float
    round: bool = False

    def _reach(self, half, shift):
        return np.sqrt(half**2 - shift**2) if self.round else half

    def left(self, shift=0.0):
        return self.x - self._reach(self.width / 2, shift), self.y + shift

    def right(self, shift=0.0):
        return self.x + self._reach(self.width / 2, shift), self.y + shift

    def top(self, shift=0.0):
        return self.x + shift, self.y + self._reach(self.height / 2, shift)

    def bottom(self, shift=0.0):
        return self.x + shift, self.y - self._reach(self.height / 2, shift)


class Drawing:
    def __init__(self, name, width, height):
        plt.style.use(HERE / "book.mplstyle")
        plt.rcParams.update({"svg.hashsalt": name, "figure.constrained_layout.use": False})
        self.name, self.figure = name, plt.figure(figsize=(width, height))
        self.page = self.figure.add_axes((0, 0, 1, 1))
        self.page.set(xlim=(0, width), ylim=(0, height))
        self.page.axis("off")

    def word(self, x, y, text, color=GREY, size=SIZE, width=0.5, height=0.36, **style):
        """Text; as a node it has a margin of the given width and height."""
        style = {"ha": "center", "va": "center", "color": color, "size": size} | style
        self.page.text(x, y, text, **style)
        return Node(x, y, width, height)

    def box(self, x, y, width, height, text="", color=GREY, size=SIZE, lw=1.8):
        """A box with rounded corners about (x, y)."""
        r = 0.08
        corner, extent = (x - width / 2 + r, y - height / 2 + r), (width - 2 * r, height - 2 * r)
        for look in ({"facecolor": color, "alpha": 0.08, "lw": 0}, {"facecolor": "none", "edgecolor": color, "lw": lw}):
            self.page.add_patch(FancyBboxPatch(corner, *extent, boxstyle=f"round,pad={r},rounding_size={r}", **look))
        self.word(x, y, text, color, size)
        return Node(x, y, width, height)

    def ring(self, x, y, radius, text="", color=GREY, size=SIZE, lw=1.8):
        """A circle with text in it."""
        self.page.add_patch(Circle((x, y), radius, facecolor=color, alpha=0.08, lw=0))
        self.page.add_patch(Circle((x, y), radius, facecolor="none", edgecolor=color, lw=lw))
        self.word(x, y, text, color, size)
        return Node(x, y, 2 * radius, 2 * radius, round=True)

    def plus(self, x, y, color=GREEN, radius=0.16, lw=1.8):
        """The operator + in a circle."""
        arm = 0.55 * radius
        self.page.plot((x - arm, x + arm), (y, y), color=color, lw=lw, solid_capstyle="butt")
        self.page.plot((x, x), (y - arm, y + arm), color=color, lw=lw, solid_capstyle="butt")
        return self.ring(x, y, radius, color=color, lw=lw)

    def times(self, x, y, color=GREEN, radius=0.16, lw=1.8):
        """The operator of the elementwise product, a dot in a circle."""
        self.page.add_patch(Circle((x, y), 0.28 * radius, color=color, lw=0))
        return self.ring(x, y, radius, color=color, lw=lw)

    def fork(self, x, y, color=GREY, radius=0.055):
        """The dot where a line branches."""
        self.page.add_patch(Circle((x, y), radius, color=color, lw=0))
        return x, y

    def arrow(self, *points, color=GREY, lw=1.8, head=True, dashed=False, corner=0.14):
        """A line through the points, its corners rounded, with a head at its end."""
        points = [np.array(point, float) for point in points]
        if head:
            along = points[-1] - points[-2]
            along /= np.hypot(*along)
            across = np.array((-along[1], along[0]))
            length, half = 0.07 + 0.035 * lw, 0.03 + 0.018 * lw
            tip, base = points[-1], points[-1] - length * along
            self.page.add_patch(Polygon([tip, base + half * across, base - half * across], color=color, lw=0))
            points[-1] = tip - 0.9 * length * along
        steps = [(Curve.MOVETO, points[0])]
        for before, bend, after in zip(points, points[1:], points[2:]):
            for end in (before, after):
                short = min(corner, np.hypot(*(end - bend)) / 2)
                steps.append((Curve.LINETO, bend + short * (end - bend) / np.hypot(*(end - bend))))
            steps[-1:] = [(Curve.CURVE3, bend), (Curve.CURVE3, steps[-1][1])]
        steps.append((Curve.LINETO, points[-1]))
        codes, vertices = zip(*steps)
        style = {"facecolor": "none", "edgecolor": color, "lw": lw, "capstyle": "butt"}
        style["linestyle"] = (0, (2.6, 1.3)) if dashed else "solid"
        self.page.add_patch(PathPatch(Curve(vertices, codes), **style))

    def save(self):
        self.figure.savefig(HERE / f"{self.name}.svg", metadata={"Date": None, "Creator": None})
