"""Writes each cell's recorded `step` and `back` as JavaScript: tools/javascript.py prints it.

One more reading of `lstm_core.record`: operation by operation, nothing about a cell is written by hand. The book's
figures that act run on it (`figures/play`); `tools/play.py` puts it into the built book. A function works on planes, n
numbers each, and writes its results into planes that it is given:

    step(n, a, u, s, p, after, kept)      back(n, ds, kept, p, da, du, before, dp)
"""

import json
import re

from lstm_core.cells import Cell
from lstm_core.record import Node, Record, record
from lstm_core.variants import CELLS

# Words that a variable cannot be called: JavaScript's own, and those of the functions.
TAKEN = {"do", "if", "in", "of", "for", "let", "new", "var", "try", "this", "with", "const", "tanh", "exp", "sqrt",
         "n", "j", "a", "u", "s", "p", "after", "kept", "ds", "da", "du", "before", "dp"}  # fmt: skip

HEAD = """// What each cell of lstm_core computes: its step and its back, by tools/javascript.py.
"use strict";
{
  const {tanh, exp, sqrt} = Math;
  Object.assign(Play.cells ??= {}, {"""


class _Names:
    """The terms of one function: what a node is called in JavaScript, and the lines that give it its name."""

    def __init__(self, found: Record):
        self.names: dict[Node, str] = {}
        self.taken = {*TAKEN}
        inputs = [node for planes in found.inputs.values() for node in planes if isinstance(node, Node)]
        readers = {x for node in found.nodes if node.op not in ("input", "number") for x in node.args}
        returned = {x for planes in found.outputs.values() for x in planes if isinstance(x, Node)}
        self.planes = {node: self._new(node.names[0]) for node in inputs}
        self.names = {node: f"{name}[j]" for node, name in self.planes.items()}
        self.read = {node for node in inputs if node in readers | returned}
        self.lines = []
        for node in found.nodes:
            if node.op not in ("input", "number") and node.names:
                name = self._new(node.names[-1])
                self.lines.append(f"const {name} = {self.term(node, new=True)[0]};")
                self.names[node] = name

    def _new(self, name):
        name = re.sub(r"\W", "_", name)
        name = f"_{name}" if name[0].isdigit() else name
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def term(self, node, new=False):
        """The term for a node, and how tightly it holds together: an atom 3, a product 2, a sum 1.

        new: although the node has a name, the formula that gets it
        """
        if not isinstance(node, Node):
            return "0", 3  # the number, or `ZERO`
        if node in self.names and not new:
            return self.names[node], 3
        if node.op == "number":
            number = repr(node.args[0])
            return number, 3 if number[0] != "-" else 0
        parts = [self.term(x) for x in node.args]
        if len(parts) == 1:
            x = _held(*parts[0], 2.5 if node.op == "sigmoid" else 0)
            call = {"tanh": "tanh({})", "exp": "exp({})", "sqrt": "sqrt({})", "sigmoid": "(1 + tanh({} / 2)) / 2",
                    "positive": "({} > 0 ? 1 : 0)"}[node.op]  # fmt: skip
            return call.format(x), 2 if node.op == "sigmoid" else 3
        holds = 2 if node.op in "*/" else 1
        return f"{_held(*parts[0], holds)} {node.op} {_held(*parts[1], holds + 0.5)}", holds


def _held(text, holds, least):
    return text if holds >= least else f"({text})"


def function(found: Record, results: dict[str, str]) -> str:
    """One function. results: what it returns -> what JavaScript calls the planes that this is written into."""
    terms = _Names(found)
    heads = []
    for argument, nodes in found.inputs.items():
        wanted = [terms.planes[node] if node in terms.read else "" for node in nodes]
        if any(wanted):
            heads.append(f"[{', '.join(wanted).rstrip(', ')}] = {argument}")
    lines = [f"const {', '.join(heads)};"] if heads else []
    lines += ["for (let j = 0; j < n; j++) {", *(f"  {line}" for line in terms.lines)]
    for name, planes in results.items():
        nodes = found.outputs[name]
        lines += [f"  {planes}[{k}][j] = {terms.term(node)[0]};" for k, node in enumerate(nodes)]
    arguments = ", ".join(["n", *found.inputs, *results.values()])
    return "\n".join([f"({arguments}) {{", *(f"  {line}" for line in lines), "  }", "}"])


def cell_text(cell: Cell) -> str:
    """The cell as a JavaScript object."""
    stages = []
    for stage, recorded in zip(cell.stages, record(cell), strict=True):
        kept = recorded.step.outputs["kept"]
        dp = {"dp": "dp"} if cell.own and recorded.back.outputs["dp"] else {}
        step = function(recorded.step, {"s": "after", "kept": "kept"})
        back = function(recorded.back, {"da": "da", "du": "du", "ds": "before", **dp})
        lines = [f"inputs: {json.dumps(stage.inputs)}, recurs: {json.dumps(stage.recurs)},",
                 f"hands: {len(recorded.step.outputs['s'])}, takes: {len(recorded.step.inputs['s'])},",
                 f"keeps: {json.dumps(getattr(kept, '_fields', [str(k) for k in range(len(kept))]))},",
                 f"step{step},", f"back{back},"]  # fmt: skip
        stages.append("\n".join(["{", *(_in(line) for line in lines), "}"]))
    lines = [f"states: {json.dumps(cell.states)}, own: {json.dumps(cell.own)}, forget: {json.dumps(cell.forget)},",
             f"stages: [{', '.join(stages)}],"]  # fmt: skip
    return "\n".join(["{", *(_in(line) for line in lines), "}"])


def _in(text):
    return "\n".join(f"  {line}" for line in text.split("\n"))


def text(cells: dict[str, Cell] = CELLS) -> str:
    """A script with these cells: what the figures load."""
    entries = [_in(_in(f"{json.dumps(name)}: {cell_text(cell)},")) for name, cell in cells.items()]
    return "\n".join([HEAD, *entries, "  });", "}", ""])


if __name__ == "__main__":
    print(text())
