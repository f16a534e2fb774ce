"""A page of boxes, curved arrows and labels, written as a small SVG. Letters are outlines, so it needs no font.

A label finds its own place on its arrow or beside it: where it covers no box, no other label and no lit arrow.
`Page.faults` lists what is covered all the same, and which arrow passes through a box; the tests ask for it.
"""

import functools
import html
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from palette import INK

HERE = Path(__file__).parent
FONT = FontProperties(family="DejaVu Sans")
HALO = 3.0  # white around a label, in units


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float

    def covers(self, points, margin=0.0):
        """How many of the points (n, 2) lie in it."""
        dx, dy = np.abs(points - (self.x, self.y)).T
        return int(((dx < self.width / 2 + margin) & (dy < self.height / 2 + margin)).sum())

    def meets(self, other, margin=0.0):
        return (abs(self.x - other.x) < (self.width + other.width) / 2 + margin
                and abs(self.y - other.y) < (self.height + other.height) / 2 + margin)  # fmt: skip

    def within(self, width, height):
        return (self.width / 2 <= self.x <= width - self.width / 2
                and self.height / 2 <= self.y <= height - self.height / 2)  # fmt: skip


@functools.cache
def outline(tex, size):
    """The outlines of a formula as SVG's path data, and its box: left, top, width, height; the baseline is y = 0."""
    path = TextPath((0, 0), f"${tex}$", size=size, prop=FONT)
    extents = path.get_extents()
    data, start, last = [], np.zeros(2), np.zeros(2)  # start of the contour, end of what is drawn of it
    letters = {1: "m", 2: "l", 3: "q", 4: "c"}
    for vertices, code in path.iter_segments(curves=True, simplify=False):
        points = np.round(10 * np.asarray(vertices, float).reshape(-1, 2) * (1, -1))
        if code == 79:
            data.append("z")
            last = start
            continue
        data.append(letters[code] + " ".join(f"{x:.0f} {y:.0f}" for x, y in points - last))
        last = points[-1]
        start = last if code == 1 else start
    return "".join(data).replace(" -", "-"), (extents.x0, -extents.y1, extents.width, extents.height)


class Curve:
    """A quadratic curve from box to box, cut off at their edges.

    via:   where it bends, if it is not straight
    shift: how far it is moved sideways
    cut:   the box at whose edge it begins, if that is not `start`
    """

    def __init__(self, start: Box, end: Box, via=None, shift=0.0, cut=None, gap=2.0):
        a, b = np.array(start[:2], float), np.array(end[:2], float)
        c = (a + b) / 2 if via is None else np.array(via, float)
        tangents = [c - a if np.hypot(*(c - a)) > 1 else b - a, b - a, b - c if np.hypot(*(b - c)) > 1 else b - a]
        normals = [np.array((t[1], -t[0])) / np.hypot(*t) for t in tangents]
        a, c, b = (p + shift * n for p, n in zip((a, c, b), normals))
        s = np.linspace(0, 1, 401)[:, None]
        points = (1 - s) ** 2 * a + 2 * s * (1 - s) * c + s**2 * b
        inside = [np.array([box.covers(p[None], gap) for p in points]) for box in (cut or start, end)]
        first = max(np.flatnonzero(inside[0]), default=-1) + 1
        last = min(np.flatnonzero(inside[1]), default=len(s)) - 1
        self.points = points[first : last + 1]
        s0, s1 = s[first, 0], s[last, 0]
        self.ends = self.points[0], (1 - s0) * ((1 - s1) * a + s1 * c) + s0 * ((1 - s1) * c + s1 * b), self.points[-1]

    def reversed(self):
        other = object.__new__(Curve)
        other.points, other.ends = self.points[::-1], self.ends[::-1]
        return other


class Page:
    """Everything is drawn in the order: arrows, boxes, lit arrows, labels."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.below, self.above, self.boxes, self.lit, self.labels, self.quiet = [], [], {}, [], [], []

    def text(self, tex, x, y, size, colour):
        data, (left, top, width, height) = outline(tex, size)
        dx, dy = x - left - width / 2, y - top - height / 2
        self.above.append(f'<path class="text" fill="{colour}" transform="translate({dx:.1f} {dy:.1f}) scale(.1)" '
                          f'd="{data}"/>')  # fmt: skip

    def box(self, name, box, tex, size, stroke, colour=INK, line=1.5, fill="#ffffff"):
        """A box with rounded corners. Its letters are aligned by the same line, bar or not."""
        self.boxes[name] = box
        x, y = box.x - box.width / 2, box.y - box.height / 2
        self.above.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" rx="6" '
                          f'fill="{fill}" stroke="{stroke}" stroke-width="{line}"/>')  # fmt: skip
        if tex:
            self.text(tex, box.x, box.y, size, colour)

    def arrow(self, curve, colour, line=1.3, lit=False, dashed=False):
        """An arrow along the curve; a head at its end."""
        a, c, b = curve.ends
        back = curve.points[np.searchsorted(np.cumsum(np.hypot(*np.diff(curve.points[::-1], axis=0).T)), 5 + 3 * line)
                            * -1 - 2]  # fmt: skip
        along = (b - back) / np.hypot(*(b - back))
        across, half = np.array((-along[1], along[0])), 2 + 1.5 * line
        head = [b, back + half * across, back - half * across]
        dash = ' stroke-dasharray="6 5"' if dashed else ""
        end = b - (3 + line) * along
        drawn = (f'<path d="M{a[0]:.1f} {a[1]:.1f}Q{c[0]:.1f} {c[1]:.1f} {end[0]:.1f} {end[1]:.1f}" fill="none" '
                 f'stroke="{colour}" stroke-width="{line}"{dash}/>'
                 f'<path d="M{"L".join(f"{x:.1f} {y:.1f}" for x, y in head)}z" fill="{colour}"/>')  # fmt: skip
        (self.above if lit else self.below).append(drawn)
        (self.lit if lit else self.quiet).append(curve)

    def label(self, tex, curve, size, colour):
        """A label on a lit curve or beside it, where it covers least."""
        _, (_, _, width, height) = outline(tex, size)
        places = [(s, side, off) for s in PLACES for side, off in
                  ((0, 0), (1, 0), (-1, 0), (1, 8), (-1, 8), (1, 16), (-1, 16))]  # fmt: skip
        boxes = [self._beside(curve, width, height, *place) for place in places]
        costs = [self._cost(box, curve, place[1] == 0) + abs(place[0] - 0.5) + place[2] / 4
                 for box, place in zip(boxes, places)]  # fmt: skip
        box = boxes[int(np.argmin(costs))]
        x, y = box.x - box.width / 2 - HALO, box.y - box.height / 2 - HALO
        self.above.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{box.width + 2 * HALO:.1f}" '
                          f'height="{box.height + 2 * HALO:.1f}" rx="4" fill="#ffffff"/>')  # fmt: skip
        self.labels.append((tex, box, curve))
        self.text(tex, box.x, box.y, size, colour)

    @staticmethod
    def _beside(curve, width, height, s, side, off):
        n = min(int(s * len(curve.points)), len(curve.points) - 2)
        along = curve.points[n + 1] - curve.points[n - 1]
        normal = side * np.array((along[1], -along[0])) / np.hypot(*along)
        reach = abs(normal[0]) * width / 2 + abs(normal[1]) * height / 2 + 6 + off
        return Box(*(curve.points[n] + reach * normal), width + 2, height + 2)

    def _cost(self, box, curve, on_it):
        cost = 0 if box.within(self.width, self.height) else 1000
        cost += 300 * sum(box.meets(other, 3) for other in self.boxes.values())
        cost += 300 * sum(box.meets(other, 4) for _, other, _ in self.labels)
        others = [other for other in self.lit if other is not curve]
        cost += sum(100 for other in others if box.covers(other.points, HALO))
        cost += sum(40 for other in others if _distance(box, other) < 2 * _distance(box, curve) + 6)
        if on_it:  # enough of the arrow has to be left on either side
            hidden = np.flatnonzero([box.covers(p[None], HALO) for p in curve.points])
            lengths = np.cumsum(np.hypot(*np.diff(curve.points, axis=0).T))
            ends = lengths[hidden[0] - 1] if hidden[0] else 0, lengths[-1] - lengths[min(hidden[-1], len(lengths) - 1)]
            cost += 60 * (min(ends) < 22)
        return cost + 3 * sum(bool(box.covers(other.points, HALO)) for other in self.quiet)

    def faults(self):
        """What covers what, in words; [] if all can be read."""
        found = []
        for k, (tex, box, own) in enumerate(self.labels):
            found += [f"{tex} leaves the page"] * (not box.within(self.width, self.height))
            found += [f"{tex} covers {name}" for name, other in self.boxes.items() if box.meets(other)]
            found += [f"{tex} covers {other[0]}" for other in self.labels[:k] if box.meets(other[1])]
            others = [curve for curve in self.lit if curve is not own]
            found += [f"{tex} covers a lit arrow" for curve in others if box.covers(curve.points)]
        names = [*self.boxes]
        for k, name in enumerate(names):
            box = self.boxes[name]
            found += [f"{name} leaves the page"] * (not box.within(self.width, self.height))
            found += [f"{name} covers {other}" for other in names[:k] if box.meets(self.boxes[other])]
            found += [f"an arrow passes through {name}" for c in [*self.lit, *self.quiet] if box.covers(c.points, -1)]
        return found

    def svg(self, title):
        parts = "\n".join([*self.below, *self.above])
        size = f"{self.width:g} {self.height:g}"
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" width="{self.width:g}" '
                f'height="{self.height:g}" role="img"><title>{html.escape(title)}</title>\n'
                f'<rect width="100%" height="100%" fill="#ffffff"/>\n{parts}\n</svg>\n')  # fmt: skip


def _distance(box, curve):
    """From the middle half of a label to a curve."""
    dx, dy = np.abs(curve.points - (box.x, box.y)).T
    return float(np.hypot(np.maximum(dx - box.width / 2, 0), np.maximum(dy - box.height / 2, 0)).min())


PLACES = (0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74, 0.18, 0.82)
