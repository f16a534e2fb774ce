"""Draws probe.svg: the two stages of the cell that the scan is proven with. Run from anywhere: python figures/probe.py

Arrows and their factors are read off the probe's steps, run on symbols; here is only where each variable stands.
"""

import sympy
from palette import BLUE, GREEN, INK, VIOLET
from svg import HERE, Box, Curve, Page, outline

from lstm_core import symbols
from lstm_proofs import PROBE

SIZE, SMALL = 24, 22
BEFORE, HANDED, AFTER = ("h", "c"), ("q", "c_1", "r"), ("h_t", "c_t")
PLACES = {
    "x": (48, 70), "h": (48, 190), "c": (48, 352),
    "a_0": (200, 70), "u_1": (200, 138), "u_0": (200, 206), "p_0": (200, 362), "p_1": (200, 436),
    "q": (420, 104), "c_1": (420, 262), "r": (420, 412),
    "u_2": (560, 82), "a_1": (684, 82), "p_0'": (560, 370),
    "h_t": (684, 212), "c_t": (684, 322),
}  # fmt: skip
TEX = {
    "x": r"\mathbf{x}_t", "h": r"\mathbf{h}_{t-1}", "c": r"\mathbf{c}_{t-1}", "c_1": r"\mathbf{c}",
    "h_t": r"\mathbf{h}_t", "c_t": r"\mathbf{c}_t", "p_0'": r"\mathbf{p}_0",
}  # fmt: skip
TITLE = "The probe: two stages, with every arrow from a variable to one that reads it, and its factor."
PRODUCTS = [("x", "a_0", "W"), ("h", "u_0", "R"), ("h", "u_1", "R"), ("q", "u_2", "R"), ("x", "a_1", "W")]
BENDS = {("x", "a_1"): (366, -26), ("h", "r"): (150, 330), ("c", "q"): (300, 270), ("h", "c_1"): (190, 262)}


def tex(name):
    letter, _, number = name.partition("_")
    return TEX.get(name, rf"\mathbf{{{letter}}}" + (f"_{number}" if number else ""))


def arrows():
    """(tail, tip, factor) of every elementwise arrow, stage by stage: ∂tip/∂tail, of the shipped steps."""
    first, second = PROBE.stages
    a_s, u_s = iter(sympy.symbols("a_:2")), iter(sympy.symbols("u_:3"))  # planes, counted through both stages
    for stage, states, tips, again in ((first, BEFORE, HANDED, ""), (second, HANDED, AFTER, "'")):
        a, u = [next(a_s) for _ in stage.inputs], [next(u_s) for _ in stage.recurs]
        s = [sympy.Symbol(name) for name in states]
        p = [sympy.Symbol(f"p_{k}{again}") for k in PROBE.own]
        after, _ = stage.step(a, u, s, p, symbols.namespace.tanh)
        for tip, value in zip(tips, after, strict=True):
            for tail in sorted(value.free_symbols, key=str):
                yield str(tail), tip, value.diff(tail)


def label(factor):
    return {"1": ""}.get(str(factor), str(factor) if factor.is_number else tex(str(factor)))


def drawn():
    page = Page(742, 504)
    boxes = {n: Box(*at, max(48, outline(tex(n), SIZE)[1][2] + 12), 42) for n, at in PLACES.items()}
    curves = {}
    lines = [(tail, tip, label(factor), GREEN) for tail, tip, factor in arrows()]
    lines += [(tail, tip, rf"\mathit{{{product}}}", BLUE) for tail, tip, product in PRODUCTS]
    for tail, tip, text, colour in lines:
        curves[tail, tip] = Curve(boxes[tail], boxes[tip], BENDS.get((tail, tip))), text, colour
        page.arrow(curves[tail, tip][0], colour, 2, lit=True)
    for name, box in boxes.items():
        colour = VIOLET if name[0] == "p" else BLUE if name[0] in "aux" else INK
        page.box(name, box, tex(name), SIZE, colour, colour, 1.8)
    for curve, text, colour in curves.values():
        if text:
            page.label(text, curve, SMALL, colour)
    for x, words in ((240, "first"), (590, "second")):
        page.text(rf"\mathrm{{{words}\ stage}}", x, 484, SMALL, INK)
    return page


if __name__ == "__main__":
    page = drawn()
    (HERE / "probe.svg").write_text(page.svg(TITLE), encoding="utf-8")
    print(*page.faults(), sep="\n")
