"""Draws two_step/*.svg: the two-step graph of each cell, and a frame of it for each total derivative.

Run from anywhere: python figures/two_step.py. Nodes, arrows and factors come from the cells (`graph`); here is only
where each node stands, which way an arrow bends, and what a frame lights.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from graph import LOSS, Variable, factor_tex, tex, two_steps
from palette import GREY, LINE, LIT, colour
from svg import HERE, Box, Curve, Page, outline

from lstm_core import cells, modern, variants
from lstm_core.cells import Cell

SIZE, SMALL = 24, 23  # of letters: in a box, on an arrow
WHITE = "#ffffff"


class Layout(NamedTuple):
    """places: name -> x in step t, x in step t+1, y
    bends:  (tail, tip, steps between them) -> where arrows that are not straight have their middle, for a tail of step
            t and for one of step t+1
    whole:  where other nodes stand in the whole graph: L, which is one there; x; and the parameters, all that one
            variable reads together, at x, y under its name. Empty: no whole graph is drawn
    sweeps: where the arrows from these parameters to step t have their middle
    """

    places: dict[str, tuple[float, float, float]]
    bends: dict[tuple[str, str, int], tuple[tuple[float, float] | None, ...]]
    whole: dict[str, tuple[float, ...]]
    sweeps: dict[str, tuple[float, float]]


class Picture(NamedTuple):
    """name: in words; cell, own: as in `graph.two_steps`; frames: what is lit, the last of which names the file."""

    name: str
    cell: Cell
    own: bool
    layout: Layout
    frames: tuple[tuple[str, ...], ...]


WIDTH, ROW, FALL = 742, 54, 120  # of the page; from parameter to parameter; from what reads them to the first
SKY, GATES, BARS, LAND = 30, 134, 238, 370

RNN_PLACES = {"h_bar": (60, 480, 126), "h": (280, 702, 126), "L": (280, 702, 26)}
RNN_LAYOUT = Layout(RNN_PLACES, {}, {"L": (491, 26), "x": (60, 226, 480, 226), "h_bar": (270, 232)}, {})

LSTM_LAYOUT = Layout({
    "c": (198, 604, SKY), "f": (34, 408, GATES), "i": (92, 482, GATES), "g": (150, 556, GATES), "o": (266, 664, GATES),
    "f_bar": (34, 408, BARS), "i_bar": (92, 482, BARS), "g_bar": (150, 556, BARS), "o_bar": (266, 664, BARS),
    "h": (334, 708, LAND), "L": (226, 600, LAND + 24), "x": (64, 520, LAND),
}, {
    ("f", "c", 0): ((52, 50), (418, 50)), ("x", "f_bar", 0): ((110, 318), None),
    ("i", "c", 0): ((110, 62), (496, 62)),
    ("o", "h", 0): ((330, 190), (718, 190)), ("h", "L", 0): (None, (590, 445)),
    ("c", "o_bar", 0): ((216, 170), (616, 170)),
    ("c", "h", 0): ((184, 330), (590, 330)),
    ("c", "f_bar", 1): ((322, 126), None), ("c", "i_bar", 1): ((350, 132), None),
    ("h", "g_bar", 1): ((468, 335), None), ("h", "o_bar", 1): ((610, 340), None),
}, {
    "L": (429, 412), "x": (217, 350, 576, 378),
    "f_bar": (390, 562), "i_bar": (452, 544), "g_bar": (514, 526), "o_bar": (586, 508),
}, {"f_bar": (50, 500), "i_bar": (110, 470), "g_bar": (138, 452), "o_bar": (250, 482)})  # fmt: skip

GRU_PLACES = {
    "r": (28, 404, GATES), "z": (240, 634, GATES), "n": (182, 568, SKY), "r_bar": (28, 404, BARS),
    "z_bar": (240, 634, BARS), "h": (316, 708, LAND), "L": (214, 600, LAND + 30), "x": (64, 540, LAND + 30),
}  # fmt: skip
GRU_BENDS = {
    ("z", "h", 0): ((306, 190), (706, 190)), ("n", "h", 0): ((172, 334), (560, 334)),
    ("x", "n_bar", 0): ((176, 250), None), ("h", "L", 0): ((500, 445), None),
    ("h", "z_bar", 1): ((540, 335), None), ("h", "q", 1): ((480, 310), None),
}  # fmt: skip
GRU_WHOLE = {
    "L": (690, 440), "x": (72, 300, 572, 402),
    "r_bar": (400, 548), "m": (462, 520), "n_bar": (524, 502), "z_bar": (600, 498),
}  # fmt: skip
GRU_SWEEPS = {"r_bar": (36, 500), "m": (106, 480), "n_bar": (150, 450), "z_bar": (222, 486)}
GRU_LAYOUT = Layout(GRU_PLACES | {"m": (100, 478, BARS), "n_bar": (140, 520, GATES)}, GRU_BENDS, GRU_WHOLE, GRU_SWEEPS)
GRU_BEFORE_LAYOUT = Layout(
    GRU_PLACES | {"q": (110, 492, GATES), "n_bar": (148, 532, BARS)},
    GRU_BENDS,
    GRU_WHOLE | {"r_bar": (420, 548), "n_bar": (514, 522)},
    GRU_SWEEPS,
)

# Of variants: where the LSTM has what they have not is a gap. Only FGR has more, nine arrows from gates to gates.
FRAMES_ONLY = Layout(LSTM_LAYOUT.places, LSTM_LAYOUT.bends | {("h", "g", 1): ((548, 330), None)}, {}, {})
FGR_LAYOUT = Layout({
    "o_bar": (60, 450, 110), "f_bar": (60, 450, 180), "i_bar": (60, 450, 250), "g_bar": (60, 450, 320),
    "o": (185, 575, 110), "f": (185, 575, 180), "i": (185, 575, 250), "g": (185, 575, 320),
    "c": (275, 665, SKY), "h": (290, 680, LAND + 5), "L": (160, 550, LAND + 15),
}, {
    ("c", "o_bar", 0): ((120, 30), (510, 30)), ("i", "c", 0): ((240, 180), (630, 180)),
    ("g", "c", 0): ((255, 200), (645, 200)), ("o", "h", 0): ((260, 200), (650, 200)),
    ("c", "h", 0): ((320, 200), (710, 200)),
}, {}, {})  # fmt: skip

# Of cells without R: what is made of the input, or of p alone, stands on the outside, what is handed on in the middle.
RGLRU_LAYOUT = Layout({
    "r": (34, 706, 110), "q": (196, 628, 110), "m": (270, 550, 66), "f": (270, 550, 154), "i": (270, 550, 236),
    "h": (356, 472, 154), "L": (356, 472, 30),
}, {("m", "h", 0): ((318, 104), None)}, {}, {})  # fmt: skip
LRU_LAYOUT = Layout({
    "f": (28, 708, 190), "m": (120, 632, 80), "v": (120, 632, 190), "w": (120, 632, 300),
    "c": (300, 500, SKY), "h": (300, 500, 350), "L": (170, 690, 400),
}, {
    ("h", "c", 1): ((372, 130), None), ("c", "h", 1): ((372, 250), None),
}, {}, {})  # fmt: skip

PICTURES = {
    "rnn": Picture("vanilla RNN", cells.RNN, True, RNN_LAYOUT, (("h",), ("h_bar",), ("W_h", "b_h", "R_h"))),
    "lstm": Picture("LSTM", cells.LSTM, False, LSTM_LAYOUT, (
        ("h",), ("o", "o_bar"), ("c",), ("i", "i_bar"), ("f", "f_bar"), ("g", "g_bar"), ("W_i", "b_i", "R_i"),
    )),
    "peephole": Picture("peephole LSTM", cells.LSTM, True, LSTM_LAYOUT, (
        ("h",), ("o", "o_bar"), ("c",), ("i", "i_bar"), ("p_o", "p_i"),
    )),
    "gru": Picture("GRU, reset after", cells.GRU, True, GRU_LAYOUT, (
        ("h",), ("z", "z_bar"), ("n", "n_bar"), ("m",), ("r", "r_bar"), ("W_z", "b_z", "R_z"), ("p_n", "R_n"),
    )),
    "gru-before": Picture("GRU, reset before", cells.GRU_BEFORE, True, GRU_BEFORE_LAYOUT, (
        ("h",), ("q",), ("r", "r_bar"), ("W_n", "b_n", "R_n"), ("z", "z_bar"), ("n", "n_bar"), ("W_r", "b_r", "R_r"),
    )),
    "variants-nig": Picture("NIG", variants.NIG, True, FRAMES_ONLY, (("g", "c"),)),
    "variants-nfg": Picture("NFG", variants.NFG, True, FRAMES_ONLY, (("c",),)),
    "variants-nog": Picture("NOG", variants.NOG, True, FRAMES_ONLY, (("c",),)),
    "variants-niaf": Picture("NIAF", variants.NIAF, True, FRAMES_ONLY, (("g",),)),
    "variants-noaf": Picture("NOAF", variants.NOAF, True, FRAMES_ONLY, (("o", "c"),)),
    "variants-cifg": Picture("CIFG", variants.CIFG, True, FRAMES_ONLY, (("i", "i_bar"),)),
    "variants-fgr": Picture("FGR", variants.FGR, True, FGR_LAYOUT, (("o",),)),
    "variants-rnn-relu": Picture("RNN with relu", variants.RNN_RELU, True, RNN_LAYOUT._replace(whole={}), (
        ("h", "h_bar"),
    )),
    "after-rglru": Picture("RG-LRU", modern.RGLRU, True, RGLRU_LAYOUT, (("f", "h"), ("r",))),
    "after-lru": Picture("LRU", modern.LRU, True, LRU_LAYOUT, (("h", "c"), ("v", "w"))),
}  # fmt: skip


def text_of(v: Variable) -> str:
    """What stands in the box of a variable. The loss has the letter L and, in a frame, a step."""
    return "L" if v.name == "L" else tex(v)


def box_of(v: Variable, x: float, y: float) -> Box:
    return Box(x, y, max(44, outline(text_of(v), SIZE)[1][2] + 10), 40)


class Drawing:
    """A frame: part of the graph of a cell on a page. lit: names of variables of step t, or of parameters.

    known: the arrows along which something comes back, if not all do: pairs of tail and tip
    """

    def __init__(self, picture: Picture, lit: tuple[str, ...], known: set | None = None):
        self.graph, self.layout, self.lit = two_steps(picture.cell, picture.own), picture.layout, lit
        self.known = {(a.tail, a.tip) for a in self.graph.arrows} if known is None else known
        self.parameters = lit[0][0] in "WRbp" and lit[0][1:2] == "_"
        top = self._top()
        self.boxes = {v: self._place(v, top) for v in self._shown()}
        rows: dict[float, int] = {}
        for v in [Variable(name, None) for name in lit] if self.parameters else []:
            read = [self.boxes[a.tip].x for a in self.graph.leaving(v)]
            x = (min(read) + max(read)) / 2
            self.boxes[v] = box_of(v, x, 30 + FALL + rows.get(x, 0) * ROW)
            rows[x] = rows.get(x, 0) + 1
        bottom = max(box.y + box.height / 2 for box in self.boxes.values())
        self.top, self.page = top, Page(WIDTH, bottom + 12)
        self.arrows = [a for a in self.graph.arrows if a.tail in self.boxes and self._tip(a) in self.boxes]

    def _tips(self):
        return {a.tip for a in self.graph.arrows if a.tail in [Variable(name, None) for name in self.lit]}

    def _shown(self):
        """All, but with parameters only the row of those that read them."""
        if self.parameters:
            rows = {self._y(v) for v in self._tips()}
            return [v for v in self.graph.variables if self._y(v) in rows]
        return [*self.graph.variables, *[Variable("L", 0)] * ("h" in self.lit)]

    def _y(self, v):
        return self.layout.places[v.name][2]

    def _top(self):
        return min(map(self._y, self._shown())) - 30

    def _place(self, v, top):
        *x, y = self.layout.places[v.name]
        return box_of(v, x[v.step], y - top)

    @staticmethod
    def _tip(arrow):
        return Variable("L", arrow.tail.step) if arrow.tip == LOSS else arrow.tip

    def _curve(self, arrow, shift):
        tail, tip = arrow.tail, self._tip(arrow)
        step = tail.step or 0
        bends = {} if tip.name == "L" else self.layout.bends  # the loss stands elsewhere in a frame
        via = bends.get((tail.name, tip.name, tip.step - step), (None, None))[step]
        (start, end) = (cut, _) = self.boxes[tail], self.boxes[tip]
        if tail.step is None:  # arrows leave a parameter on either side
            start = Box(start.x + (start.width / 2 - 4) * (1 if end.x > start.x else -1), start.y, 2, 2)
        return Curve(start, end, via and (via[0], via[1] - self.top), shift, cut)

    def frame(self) -> Page:
        """The lit variables, all that reads them and what comes back from there; the others dimmed."""
        lights = {Variable(name, None if self.parameters else 0) for name in self.lit}
        back = [a for a in self.arrows if a.tail in lights]
        tips = {self._tip(a) for a in back}
        for v, box in self.boxes.items():
            text = text_of(v)
            if v in lights:
                self.page.box(str(v.symbol), box, text, SIZE, LIT, WHITE, 2.5, LIT)
            elif v in tips:
                self.page.box(str(v.symbol), box, text, SIZE, colour(v.name), colour(v.name), 2.5)
            else:
                self.page.box(str(v.symbol), box, text, SIZE, LINE, GREY, 1.2)
        for a in self.arrows:
            if a not in back:
                self.page.arrow(self._curve(a, 0), LINE, 1.1)
        curves = {a: self._curve(a, 4).reversed() for a in back if (a.tail, a.tip) in self.known}
        for a in back:
            self.page.arrow(self._curve(a, -4), GREY, 2)
        for curve in curves.values():
            self.page.arrow(curve, LIT, 3.2, lit=True)
        for a, curve in curves.items():
            self.page.label(factor_tex(a), curve, SMALL, LIT)
        return self.page


class Whole:
    """The whole graph of a cell: all variables, the inputs, the loss, and the parameters that one variable reads."""

    def __init__(self, picture: Picture):
        self.graph, self.layout = two_steps(picture.cell, picture.own), picture.layout
        self.boxes: dict[Variable, Box] = {}
        for v in self.graph.variables:
            *x, y = self.layout.places[v.name]
            self.boxes[v] = box_of(v, x[v.step], y)
        for step in (0, 1):
            v = Variable("x", step)
            self.boxes[v] = box_of(v, *self.layout.whole["x"][2 * step : 2 * step + 2])
        self.boxes[LOSS] = box_of(LOSS, *self.layout.whole["L"])
        self.groups: dict[str, list[Variable]] = {}
        for a in self.graph.arrows:
            if a.tail.step is None and a.tip.step == 0:
                self.groups.setdefault(a.tip.name, []).append(a.tail)
        for name, group in self.groups.items():
            x, y = self.layout.whole[name]
            width = max(outline(tex(v), SIZE)[1][2] for v in group) + 14
            for v in group:
                self.boxes[v] = Box(x, y, width, 29 * len(group) + 8)
        self.page = Page(WIDTH, max(box.y + box.height / 2 for box in self.boxes.values()) + 12)

    def _curve(self, tail, tip, shift):
        (start, end) = (cut, _) = self.boxes[tail], self.boxes[tip]
        later = 0 if tip == LOSS else tip.step - (tail.step or 0)
        via = self.layout.bends.get((tail.name, tip.name, later), (None, None))[tail.step or 0]
        if tail.step is None:  # into the upper edge of a box, to the left if from step t
            side, top = (-1, 1)[tip.step], start.y - start.height / 2
            start = Box(start.x + side * start.width / 4, top + 4, 2, 2)
            via = self.layout.sweeps.get(tip.name) if tip.step == 0 else None
        return Curve(start, end, via, shift, cut)

    def draw(self) -> Page:
        members = {v: group[0] for group in self.groups.values() for v in group}
        arrows = [a for a in self.graph.arrows if a.tail in self.boxes]
        pairs = {(members.get(a.tail, a.tail), a.tip): None for a in arrows}
        curves = {}
        for tail, tip in pairs:
            self.page.arrow(self._curve(tail, tip, -3), GREY, 1.3)
            curves[tail, tip] = self._curve(tail, tip, 3).reversed()
            self.page.arrow(curves[tail, tip], LIT, 1.7, lit=True)
        for v, box in self.boxes.items():
            if v.step is not None or v == LOSS:
                self.page.box(str(v.symbol), box, text_of(v), SIZE, colour(v.name), colour(v.name))
        for name, group in self.groups.items():
            box, first = self.boxes[group[0]], group[0]
            self.page.box(str(first.symbol), box, "", SIZE, colour(name))
            for k, v in enumerate(group):
                self.page.text(tex(v), box.x, box.y + 29 * (k - (len(group) - 1) / 2), SIZE, colour(name))
        for a in arrows if len(pairs) < 12 else []:  # where there is room for the factors
            if a.tail.step is not None:
                self.page.label(factor_tex(a), curves[a.tail, a.tip], SMALL, LIT)
        return self.page


def plain(formula):
    """LaTeX as plain text, for readers who do not see the picture."""
    for sign, word in ((r"\odot", " times "), (r"\partial^+\!L/\partial", "the loss's own derivative by "),
                       (r"\,", " "), (r"^\top", " transposed"), (r"\mathbf{1}", "1"), ("^2", " squared"),
                       (r"\exp", "exp of"), (r"\tanh squared", "tanh squared of"), (r"\tanh", "tanh of"),
                       (r"\exp", "exp of")):  # fmt: skip
        formula = formula.replace(sign, word)
    formula = re.sub(r"\\bar\{\\mathbf\{(\w)\}\}", r"\1-bar", formula)
    formula = re.sub(r"\\mathbf\{(\w)\}", r"\1", formula).replace("{", "").replace("}", "")
    return re.sub(" +", " ", formula.replace("-", " - ").replace("t - 1", "t-1").replace(" - bar", "-bar")).strip()


def words(picture: Picture, lit: tuple[str, ...] = (), known: set | None = None) -> str:
    """What a picture shows: its alt text."""
    graph = two_steps(picture.cell, picture.own)
    if not lit:
        return (f"Steps t and t+1 of the {picture.name}: every variable, the inputs, the parameters and the loss, a "
                "grey arrow from each to each one that reads it, and beside it an orange arrow back. "
                "Every parameter has an arrow back from both steps.")  # fmt: skip
    back = [a for a in graph.arrows if a.tail in {Variable(n, s) for n in lit for s in (0, None)} and a.tip.step != -1]
    gone = [] if known is None else [a for a in back if (a.tail, a.tip) not in known]
    there = "; ".join(f"from {plain(tex(a.tip)) if a.tip != LOSS else 'L'} to {plain(tex(a.tail))}: "
                      f"{plain(factor_tex(a))}" for a in back if a not in gone)  # fmt: skip
    missing = ", ".join(plain(tex(a.tip)) for a in gone)
    return (f"Steps t and t+1 of the {picture.name}, all dimmed but {' and '.join(plain(tex(v)) for v in _lit(back))}. "
            f"Arrows back, each with its factor, {there}."
            + f" From {missing} nothing comes back." * bool(gone))  # fmt: skip


def _lit(arrows):
    return list(dict.fromkeys(a.tail for a in arrows))


class Drawn(NamedTuple):
    """A picture: its page, and in words."""

    page: Page
    alt: str


def drawn() -> Iterator[tuple[str, Drawn]]:
    """The name of each file, and what is drawn into it."""
    for name, picture in PICTURES.items():
        if picture.layout.whole:
            yield name, Drawn(Whole(picture).draw(), words(picture))
        for lit in picture.frames:
            yield f"{name}-{lit[-1].replace('_', '-')}", Drawn(Drawing(picture, lit).frame(), words(picture, lit))
    # The historic mistake: the forward pass of one cell, the backward pass of another.
    picture = PICTURES["peephole"]
    known = {(a.tail, a.tip) for a in two_steps(picture.cell, own=False).arrows}
    page = Drawing(picture, ("c",), known).frame()
    yield "peephole-omitted", Drawn(page, words(picture, ("c",), known))


if __name__ == "__main__":
    folder = HERE / "two_step"
    folder.mkdir(exist_ok=True)
    for name, (page, alt) in drawn():
        (folder / f"{name}.svg").write_text(page.svg(alt), encoding="utf-8")
        print(name, *page.faults(), sep="\n  ")
