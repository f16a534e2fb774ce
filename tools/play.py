"""Puts the figures that act into the built book: their scripts, what these are given, and only on the pages that ask.

A figure acts where its picture has the class: `:figclass: play-explorer`. Its script is `figures/play/explorer.js`; the
picture stays for print, and for readers without scripts. What is computed from the package is written here while Sphinx
builds: the cells as JavaScript, the two-step graphs, the weights of the digits' network, the sources for the proofs.
"""

import inspect
import json
import re
import shutil
import sys
from pathlib import Path

import sympy
from docutils import nodes

import lstm_proofs
from lstm_core import cells
from lstm_core.record import record
from lstm_proofs import exact

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "figures" / "play"
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "figures")]

import javascript  # noqa: E402

# The scripts that each figure asks for, in order; after play.js, before its own.
FIGURES = {
    "explorer": ["cells.js", "scan.js"],
    "backward": ["scan.js", "graph-peephole.js"],
    "parity": ["cell-lstm.js", "scan.js"],
    "digit": ["cell-lstm.js", "scan.js"],
    "prove": ["sources.js"],
}
GRAPHS = ("rnn", "lstm", "peephole", "gru", "gru-before")


def setup(app):
    app.connect("builder-inited", _write)
    app.connect("html-page-context", _load)
    return {"parallel_read_safe": True}


def _write(app):
    if app.builder.format == "html":
        write(Path(app.outdir) / "_static" / "play")


def _load(app, name, template, context, doctree):
    """The scripts of a page: those of the figures on it."""
    found = [] if doctree is None else doctree.findall(nodes.figure)
    words = {word for figure in found for word in figure["classes"]}
    asked = [name for name in FIGURES if f"play-{name}" in words]
    scripts = [script for name in asked for script in (*FIGURES[name], f"{name}.js")]
    for script in dict.fromkeys(["play.js", *scripts] if asked else []):
        app.add_js_file(f"play/{script}", loading_method="defer")
    if asked:
        app.add_css_file("play/play.css")


def write(folder):
    """All scripts, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*SOURCE.glob("*.js"), *SOURCE.glob("*.css"), *SOURCE.glob("*.mjs")]:
        shutil.copy(path, folder)
    written = {"cells.js": javascript.text(), "cell-lstm.js": javascript.text({"lstm": cells.LSTM})}
    written |= {"digit-weights.js": _weights(), "sources.js": _sources()}
    written |= {f"graph-{name}.js": graph_text(name) for name in GRAPHS}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


def _weights():
    stored = json.dumps(json.loads((SOURCE / "digit.json").read_text(encoding="utf-8")))
    return f"// The weights of the network that reads digits: figures/play/digit.py.\nPlay.digit = {stored};\n"


# ---- the two-step graphs ---------------------------------------------------------------------------------------------


def graph_text(name):
    """A cell and its two-step graph: boxes, arrows, formulas and factors, as in `figures/two_step`.

    Of a variable: its box, letters, formula (v) => number, v the values by name. Of an arrow: tail, tip, factor (v) =>
    number, what comes back along it in LaTeX, and its curve, of the arrow back and of the arrow itself.
    """
    from graph import LOSS, Variable, factor_tex, tex
    from palette import GATES
    from two_step import PICTURES, Whole

    picture = PICTURES[name]
    whole = Whole(picture)
    graph, members = whole.graph, {v: group[0] for group in whole.groups.values() for v in group}
    parameters = [v for group in whole.groups.values() for v in group]
    arrows = [a for a in graph.arrows if a.tail in whole.boxes and a.tip in whole.boxes]

    def variable(v):
        letter, _, rest = v.name.partition("_")
        box = whole.boxes[v]
        gate = letter if rest in ("", "bar") else rest
        found = {"name": v.name, "step": v.step, "d": tex(v, d=True), "place": [*map(_short, box)],
                 "gate": gate if gate in GATES else ""}  # fmt: skip
        formula = graph.formulas.get(v)
        return json.dumps(found)[:-1] + (f', "formula": (v) => {_code(formula)}' if formula is not None else "") + "}"

    def arrow(a):
        tail = members.get(a.tail, a.tail)
        curve = whole._curve(tail, a.tip, -3), whole._curve(tail, a.tip, 3).reversed()
        d = r"\mathrm{d}L" if a.tip == LOSS else tex(a.tip, d=True)
        factor = factor_tex(a)
        texts = {"matrix": f"{factor}\\,{d}", "weight": f"{d}\\,{factor}", "loss": factor}
        found = {"tail": _id(a.tail), "tip": _id(a.tip), "kind": a.kind,
                 "tex": texts.get(a.kind, d if factor == r"\mathbf{1}" else f"{d}{factor}"),
                 "curves": [[_short(x) for point in c.ends for x in point] for c in curve]}  # fmt: skip
        factor = f"v.slope[{a.tail.step}]" if a.kind == "loss" else _code(a.factor)
        return json.dumps(found)[:-1] + f', "factor": (v) => {factor}' + "}"

    shown = [*graph.variables, *(Variable("x", step) for step in (0, 1)), *parameters, LOSS]
    lines = [javascript.text({picture.cell.name: picture.cell}),
             f"// The two-step graph of the cell, written by tools/play.py. {picture.name}.",
             f"(Play.graphs ??= {{}})[{json.dumps(name)}] = {{",
             f"  name: {json.dumps(picture.name)}, cell: {json.dumps(picture.cell.name)},",
             f"  own: {json.dumps(picture.own)},",
             f"  width: {whole.page.width}, height: {_short(whole.page.height)},",
             f"  order: {json.dumps([_id(v) for v in graph.variables])},",
             f"  parameters: {json.dumps([_id(v) for v in parameters])},",
             "  variables: {", *(f"    {json.dumps(_id(v))}: {variable(v)}," for v in shown), "  },",
             "  arrows: [", *(f"    {arrow(a)}," for a in arrows), "  ],", "};", ""]  # fmt: skip
    return "\n".join(lines)


def _id(v):
    """A variable's name in JavaScript: c of step t is "c@0", of step t+1 "c@1"."""
    return v.name if v.step is None else f"{v.name}@{v.step}"


def _code(expression):
    """JavaScript for a formula in symbols of variables, "c[0]" or "W_i"."""
    names = {s: sympy.Symbol(f'v["{_key(str(s))}"]') for s in expression.free_symbols}
    return sympy.jscode(expression.xreplace(names))


def _key(symbol):
    name, _, step = symbol.partition("[")
    return f"{name}@{step[:-1]}" if step else name


def _short(x):
    return round(float(x), 1)


# ---- the proof -------------------------------------------------------------------------------------------------------


PROVEN = {"rnn": cells.RNN, "lstm": cells.LSTM, "gru": cells.GRU}
NAMES = {"rnn": "vanilla RNN", "lstm": "LSTM with peepholes", "gru": "GRU, reset after"}
IMPORTS = "from lstm_core.cells import sigmoid\nfrom lstm_proofs import is_zero\n"


def judge_text():
    """The program that proves in the page: `figures/play/prove.py`, with the shipped functions that it imports."""
    text = (SOURCE / "prove.py").read_text(encoding="utf-8")
    if IMPORTS not in text:
        raise ValueError(f"figures/play/prove.py: expected the lines {IMPORTS!r}")
    heads = "from collections import defaultdict\nfrom typing import Any\nfrom sympy.polys.rings import PolyElement\n"
    heads += "Tanh = Any\n\n\n"
    shipped = cells.sigmoid, exact.inexact, exact.check_exact, exact.numerators, lstm_proofs.is_zero
    return text.replace(IMPORTS, heads + "\n\n".join(map(inspect.getsource, shipped)))


def proven_cells():
    """Of each cell that is offered: its text, as it ships, and what `judge` has to know."""
    found = {}
    for name, cell in PROVEN.items():
        (stage,) = cell.stages
        kept = type(record(cell)[0].step.outputs["kept"])
        text = "\n\n".join(map(inspect.getsource, (stage.step, stage.back)))
        found[name] = {"name": NAMES[name], "text": re.sub(r"  # .*", "", text), "step": stage.step.__name__,
                       "back": stage.back.__name__, "inputs": stage.inputs, "recurs": stage.recurs,
                       "states": cell.states, "own": cell.own, "kept": [kept.__name__, kept._fields]}  # fmt: skip
    return found


def _sources():
    head = "// What is proven in the page, and the program that does it: written by tools/play.py."
    return f"{head}\nPlay.judge = {json.dumps(judge_text())};\nPlay.proven = {json.dumps(proven_cells())};\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]))
