"""The two-step graph of a cell: who reads whom in steps t and t+1, and the factor on every arrow. Nothing drawn here.

Nodes and arrows come from the recorded `step`, factors from SymPy: the immediate derivative of the node at an arrow's
tip with respect to the one at its tail. `back` says only what counts as a node (what it computes a derivative of), and
has no say in the factors; `tests/proofs/test_two_step.py` compares the sums over the arrows with it.

Here every variable is one number: one hidden unit, one example, one feature. The arrow's `kind` says what becomes of
the factor for matrices.
"""

import functools
import inspect
import textwrap
from collections.abc import Iterator
from typing import NamedTuple

import sympy

from lstm_core.cells import Cell
from lstm_core.record import Node, Recorded, record
from lstm_proofs.source import cited, tree


class Variable(NamedTuple):
    """A letter as in the code, "c", "i_bar" or "W_i", and its step: 0 is t, 1 is t+1; None if it has no step."""

    name: str
    step: int | None

    @property
    def symbol(self) -> sympy.Symbol:
        return sympy.Symbol(self.name if self.step is None else f"{self.name}[{self.step}]", real=True)


class Arrow(NamedTuple):
    """`tip` reads `tail`.

    factor: ∂⁺tip/∂tail in the symbols of variables. What comes back along the arrow is d(tip) times it
    kind:   "elementwise": d(tip) ⊙ factor;  "matrix": factor^T d(tip);  "weight": d(tip) factor^T;
            "bias": d(tip), summed over the examples;  "own": d(tip) ⊙ factor, summed;  "loss": the factor alone
    labels: the book's equations of the tip that its line of code cites: "lstm-c"
    """

    tail: Variable
    tip: Variable
    factor: sympy.Expr
    kind: str
    labels: tuple[str, ...]


LOSS = Variable("L", None)


class Graph(NamedTuple):
    """variables: the nodes of both steps, in the order of the calculation; arrows: in that of their tips.

    formulas: of each variable its own equation, in the symbols of those it reads
    """

    cell: Cell
    variables: tuple[Variable, ...]
    arrows: tuple[Arrow, ...]
    formulas: dict[Variable, sympy.Expr]

    def leaving(self, variable: Variable) -> list[Arrow]:
        return [arrow for arrow in self.arrows if arrow.tail == variable]

    def reads(self) -> set[tuple[str, str, int]]:
        """Tail, tip, and by how many steps the tip is later, of all arrows between variables that have a step."""
        steps = [arrow for arrow in self.arrows if None not in (arrow.tail.step, arrow.tip.step)]
        return {(a.tail.name, a.tip.name, a.tip.step - a.tail.step) for a in steps}  # type: ignore[operator]


@functools.cache
def two_steps(cell: Cell, own: bool = True) -> Graph:
    """The graph of steps t and t+1. own: whether the cell has its own parameters p."""
    steps = [_Step(cell, own, step) for step in (0, 1)]
    arrows = [arrow for step in steps for arrow in step.arrows]
    output = [Variable(cell.states[0], step) for step in (0, 1)]
    arrows += [Arrow(h, LOSS, sympy.Symbol(f"L by {h.symbol}", real=True), "loss", ()) for h in output]
    formulas = {v: formula for step in steps for v, formula in step.formulas.items()}
    while partial := _partial_sum(formulas, arrows):
        arrows = list(_by_way_of(partial, arrows))
        tip, formula = partial.tip, formulas.pop(partial.tail)
        formulas[tip] = formulas[tip].xreplace({partial.tail.symbol: formula})
    names = _bars(formulas, cell.states)
    symbols = {v.symbol: bar.symbol for v, bar in names.items()}
    formulas = {names.get(v, v): formula.xreplace(symbols) for v, formula in formulas.items()}
    arrows = [a._replace(tail=names.get(a.tail, a.tail), tip=names.get(a.tip, a.tip), factor=a.factor.xreplace(symbols))
              for a in arrows]  # fmt: skip
    return Graph(cell, tuple(formulas), tuple(arrows), formulas)


def _bars(formulas, states):
    """New names for pre-activations that a stage has handed on: that of the gate they make, with a bar."""
    made = {formula.free_symbols.pop(): v for v, formula in formulas.items()
            if len(formula.free_symbols) == 1 and formula.atoms(sympy.Function)}  # fmt: skip
    sums = [v for v, formula in formulas.items() if formula.is_Add and v.symbol in made and v.name not in states]
    return {v: Variable(f"{made[v.symbol].name}_bar", v.step) for v in sums}


def _partial_sum(formulas, arrows):
    """The one arrow, with factor 1, that leaves a variable which is only a part of the sum at its tip; or None.

    A cell of several stages has such variables: each stage adds its part of the pre-activation.
    """
    leaving = {}
    for arrow in arrows:
        leaving.setdefault(arrow.tail, []).append(arrow)
    parts = [v for v, formula in formulas.items() if formula.is_Add and not formula.atoms(sympy.Function)]
    alone = (leaving[v][0] for v in parts if len(leaving.get(v, ())) == 1 and leaving[v][0].factor == 1)
    return next((arrow for arrow in alone if arrow.tip in parts and not arrow.tail.name.endswith("_bar")), None)


def _by_way_of(partial, arrows):
    """The arrows without `partial`; those into its tail lead to its tip."""
    for arrow in arrows:
        if arrow.tip == partial.tail:
            yield arrow._replace(tip=partial.tip, labels=arrow.labels or partial.labels)
        elif arrow != partial:
            yield arrow


class _Step:
    """The nodes and arrows of one step."""

    def __init__(self, cell, own, step):
        self.step, self.own = step, own
        self.formulas, self.arrows, self.taken = {}, [], []
        handed_in = [Variable(name, step - 1) for name in cell.states]
        for stage, recorded in zip(cell.stages, record(cell, own), strict=True):
            handed_in = self._stage(cell, stage, recorded, handed_in, last=stage is cell.stages[-1])

    def _stage(self, cell, stage, recorded: Recorded, handed_in, last):
        """Add a stage's nodes and arrows; what it hands on, variables."""
        forward, inputs, outputs = recorded.step, recorded.step.inputs, recorded.step.outputs
        self.record, self.labels = forward, _labels(forward.function)
        self.found = dict(zip(inputs["s"], handed_in, strict=True))  # nodes that are variables
        self.found |= {p: Variable(f"p_{k}", None) for p, k in zip(inputs["p"], cell.own) if isinstance(p, Node)}
        self.products = {a: ("W", "x", k) for a, k in zip(inputs["a"], stage.inputs, strict=True)}
        self.products |= {u: ("R", handed_in[0], k) for u, k in zip(inputs["u"], stage.recurs, strict=True)}
        given = {*self.found, *self.products}
        derived = {name[1:] for node in recorded.back.nodes for name in node.names if name[0] == "d"}

        squashed = {*stage.gates, *(name.removesuffix("_bar") for name in derived if name.endswith("_bar"))}

        for node in [node for node in forward.nodes if node not in given]:
            gate = next((name for name in node.names if name in squashed), None)
            if gate and node.op in ("sigmoid", "tanh") and node.args[0] not in given:
                bar = node.args[0]  # the pre-activation, which the code may have left without a name
                bar.names.append(f"{gate}_bar")
                self.labels.setdefault(f"{gate}_bar", self.labels.get(gate, ()))
                self.found[bar] = self._new(f"{gate}_bar")
            name = gate or next((name for name in node.names if name in derived), None)
            if name:
                self.found[node] = self._new(name)
        if last:  # what a cell of one state returns is h, whatever it calls it
            new = zip(outputs["s"], cell.states, strict=True)
            self.found |= {node: Variable(name, self.step) for node, name in new if node not in given}
        for node in [node for node in forward.nodes if node in self.found and node not in given]:
            self.formulas[self.found[node]] = self._translated(forward.expression(node))
            self.arrows += self._arrows_into(node)
        return [self.found[node] for node in outputs["s"]]

    def _new(self, name):
        """A variable of this step; where two stages have one of the same name, the later one gets a prime."""
        while Variable(name, self.step) in self.taken:
            name += "'"
        self.taken.append(Variable(name, self.step))
        return self.taken[-1]

    def _arrows_into(self, node) -> Iterator[Arrow]:
        tip, factors = self.found[node], {}
        for tail, kind, factor in self._immediate(node):
            factors[tail] = kind, factors.get(tail, (kind, 0))[1] + factor
        labels = next((self.labels[name] for name in reversed(node.names) if name in self.labels), ())
        for tail, (kind, factor) in factors.items():
            yield Arrow(tail, tip, self._by_value(node, factor), kind, labels)

    def _immediate(self, node):
        """Tail, kind and factor of each way from a variable to `node` on which no other variable lies."""
        for argument in self.record.arguments(node):
            factor = self._translated(self.record.partial(node, argument))
            if argument in self.found:
                kind = "own" if self.found[argument].step is None else "elementwise"
                yield self.found[argument], kind, factor
            elif argument in self.products:
                for tail, kind, inner in self._product(argument):
                    yield tail, kind, factor * inner
            else:
                for tail, kind, inner in self._immediate(argument):
                    yield tail, kind, factor * inner

    def _product(self, node):
        """a = W x + b and u = R q, the scan's part: q is the first array that the stage is handed."""
        matrix, read, gate = self.products[node]
        weight, read = Variable(f"{matrix}_{gate}", None), Variable("x", self.step) if read == "x" else read
        product = weight.symbol * read.symbol
        yield read, "matrix", sympy.diff(product, read.symbol)
        yield weight, "weight", sympy.diff(product, weight.symbol)
        if matrix == "W":
            yield Variable(f"b_{gate}", None), "bias", sympy.Integer(1)

    def _translated(self, expression):
        """The expression in the symbols of variables: what has no variable of its own is written out."""
        symbols = {self.record.symbol(node): node for node in self.record.nodes if node.names}
        return expression.xreplace({s: self._value(symbols[s]) for s in expression.free_symbols})

    def _value(self, node):
        if node in self.found:
            return self.found[node].symbol
        if node in self.products:
            return sum(tail.symbol * factor for tail, kind, factor in self._product(node) if kind != "weight")
        return self._translated(self.record.expression(node))

    def _by_value(self, node, factor):
        """A slope by the value, σ' = σ(1 - σ), tanh' = 1 - tanh², exp' = exp, √' = 1/(2√): what the cell keeps."""
        if node.op == "sigmoid":
            s = self.found[node].symbol
            half = sympy.tanh(self._value(node.args[0]) / 2)
            return sympy.factor(sympy.expand(factor.subs(half, 2 * s - 1)))
        if node.op == "tanh":
            return factor.subs(sympy.tanh(self._value(node.args[0])), self.found[node].symbol)
        if node.op in ("exp", "sqrt"):
            return factor.subs(getattr(sympy, node.op)(self._value(node.args[0])), self.found[node].symbol)
        if node.divides:  # (y' - (y / z) z') / z
            above, below, z = *map(self._value, node.args), sympy.Dummy()
            of_y, of_z = (sympy.expand(factor.xreplace({below: z})).coeff(z, -k) for k in (1, 2))
            return (of_y + sympy.cancel(of_z / above) * self.found[node].symbol) / below
        return factor


def _labels(function):
    """The equations that a function's lines cite: name that the line assigns -> labels."""
    comments, found = cited(textwrap.dedent(inspect.getsource(function))), {}
    for line in tree(function).body:
        for target in getattr(line, "targets", []):
            names = getattr(target, "elts", [target])
            labels = comments.get(line.lineno, ())
            if len(names) == 1:
                found[names[0].id] = labels
    return found


# ---- in print -------------------------------------------------------------------------------------------------------

STEPS = {-1: "t-1", 0: "t", 1: "t+1"}


def name_of(variable: Variable, d: bool = False) -> str:
    r"""In LaTeX, without its step: \bar{\mathbf{i}}; as a derivative with a d in front."""
    letter, _, rest = variable.name.partition("_")
    symbol = rf"\mathbf{{{letter}}}" if letter.islower() else letter
    if rest == "bar":
        symbol = rf"\bar{{{symbol}}}"
    elif "." in rest:  # a matrix between two gates
        symbol += f"_{{{rest.replace('.', '')}}}"
    elif rest and rest != "h":
        symbol += f"_{rest}"
    elif rest == "h":  # the only gate of the vanilla RNN: W, R and b have no index
        symbol = symbol if letter in "WRb" else f"{symbol}_h"
    return r"\mathrm{d}" * d + symbol


def tex(variable: Variable, d: bool = False) -> str:
    r"""In LaTeX: \mathbf{c}_{t+1}, W_i."""
    name = name_of(variable, d)
    return name if variable.step is None else f"{name}_{{{STEPS[variable.step]}}}"


def factor_tex(arrow: Arrow) -> str:
    """What is written on an arrow back: the factor, and the sign by which it multiplies d(tip)."""
    if arrow.kind == "loss":
        return rf"\partial^+\!L/\partial{tex(arrow.tail)}"
    text = _tex(arrow.factor, product=arrow.kind == "elementwise")
    if arrow.kind in ("matrix", "weight"):
        return rf"{text}^\top"
    return r"\mathbf{1}" if text == "1" else rf"\odot\,{text}"


def _tex(e, product=False):
    """A polynomial in symbols and tanh of symbols; in brackets if it is a sum and a factor of a product."""
    if e.is_Symbol:
        name, _, step = str(e).partition("[")
        return tex(Variable(name, int(step[:-1]) if step else None))
    if e.is_Integer:
        return str(e)
    if isinstance(e, sympy.tanh):
        return rf"\tanh {_tex(e.args[0])}"
    if isinstance(e, sympy.exp):
        return rf"\exp {_tex(e.args[0])}"
    if e.is_Function and e.func.__name__ == "positive":
        return f"[{_tex(e.args[0])}>0]"
    if e.is_Pow and e.exp == 2:
        base, _, index = _tex(e.base).partition(" ") if isinstance(e.base, sympy.tanh) else (_tex(e.base), "", "")
        return f"{base}^2 {index}".strip()
    if e.is_Mul:
        factors = sorted((f for f in e.args if f != -1), key=lambda f: (f.is_Add, str(f)))
        minus = -1 in e.args
        if minus and factors[-1].is_Add:  # -i (i - 1) is i (1 - i)
            factors[-1], minus = -factors[-1], False
        return "-" * minus + r"\odot".join(_tex(f, product=True) for f in factors)
    if e.is_Add:
        terms = sorted(e.args, key=lambda term: (term.could_extract_minus_sign(), str(term)))
        text = _tex(terms[0]) + "".join(_signed(term) for term in terms[1:])
        return f"({text})" if product else text
    raise ValueError(f"a factor that cannot be printed: {e}")


def _signed(term):
    return f"-{_tex(-term)}" if term.could_extract_minus_sign() else f"+{_tex(term)}"
