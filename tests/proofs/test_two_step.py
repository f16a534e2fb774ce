"""The two-step graph: what comes back along its arrows, added up, is what the shipped `back` and the scan give.

On symbols, exactly, for every cell, with its own parameters and without. The graph has its factors from `step` alone.
"""

import functools
import operator
import sys
from pathlib import Path

import numpy as np
import pytest
import sympy

from lstm_core import cells, scan
from lstm_core.record import played
from lstm_core.variants import CELLS

sys.path.insert(0, str(Path(__file__).parents[2] / "figures"))
from graph import LOSS, Variable, two_steps

ALL = [(cell, own) for cell in CELLS.values() for own in (True, False)[: 1 + bool(cell.own)]]
named = pytest.mark.parametrize("cell, own", ALL, ids=lambda value: getattr(value, "name", f"own={value}"))


class Ring:
    """Polynomials in the symbols of a graph. What a function such as tanh of it is, or 1 over it, is another symbol."""

    def __init__(self, graph):
        leaves = {s for a in graph.arrows for s in a.factor.free_symbols | {a.tail.symbol, a.tip.symbol}}
        names = {*map(str, leaves), *(f"w_{name}" for name in graph.cell.states)}
        names = [*sorted(names), *(f"f{k}" for k in range(99))]
        self.ring = sympy.ring([sympy.Symbol(name) for name in names], sympy.QQ)[0]
        self.symbols = {str(g): g for g in self.ring.gens}
        self.values, self.below = {}, {}

    def function(self, name, x):
        value = self.values.setdefault((name, str(x)), self.symbols[f"f{len(self.values)}"])
        self.below[value] = x
        return value

    def __call__(self, e):
        """A SymPy expression as a polynomial."""
        if e.is_Symbol:
            return self.symbols[str(e)]
        if e.is_Add or e.is_Mul:
            return functools.reduce(operator.add if e.is_Add else operator.mul, map(self, e.args))
        if e.is_Pow:
            base = self.function("sqrt", self(e.base)) if e.exp.q == 2 else self(e.base)
            return (base if e.exp > 0 else self.function("1 over", base)) ** abs(e.exp.p)
        if isinstance(e, sympy.exp) and e.args[0].as_coeff_Mul()[0] > 1:  # exp(2x) is exp(x)²
            times, x = e.args[0].as_coeff_Mul()
            return self(sympy.exp(x)) ** int(times)
        return self.ring(sympy.QQ(e.p, e.q)) if e.is_Rational else self.function(e.func.__name__, self(e.args[0]))

    def is_zero(self, e, formulas):
        """Whether a polynomial is 0 by these formulas of variables, once it is multiplied by all that divides in it."""
        for variable, formula in reversed(formulas.items()):
            e = e.compose(self(variable.symbol), self(formula))
        for (name, _), symbol in reversed(self.values.items()):
            if name == "1 over":
                k, below = self.ring.index(symbol), self.below[symbol]
                n = e.degree(symbol)
                parts = {}
                for powers, c in e.terms():
                    rest = (*powers[:k], 0, *powers[k + 1 :])
                    parts[powers[k]] = parts.get(powers[k], 0) + self.ring.from_dict({rest: c})
                e = sum((part * below ** (n - power) for power, part in parts.items()), self.ring(0))
        return e == 0

    def column(self, *names):
        return np.array([self.symbols[name] for name in names], dtype=object).reshape(-1, 1)

    def divided(self, x, y):
        """For `played`: x / y."""
        return x * np.array([[self.function("1 over", y.item())]], dtype=object)

    def applied(self, tanh, node, x):
        """For `played`: the value of a node that is tanh, σ or positive of x."""
        if node.op == "sigmoid":
            return np.array([[(1 + self.function("tanh", x.item() / 2)) / 2]], dtype=object)
        return np.array([[self.function(node.op, x.item())]], dtype=object)


def by_arrows(graph, ring):
    """The total derivative of every variable: the sum over the arrows that leave it. At the end, w_h and w_c arrive."""
    bars = {v.symbol: f for v, f in graph.formulas.items() if v.name.rstrip("'").endswith("_bar")}
    total = {LOSS: ring(sympy.Integer(1))}
    tails = [a.tail for a in graph.arrows if a.tail not in graph.formulas]  # parameters, inputs, the state before
    for v in [*reversed(graph.variables), *dict.fromkeys(tails)]:
        end = v.step == 1 and v.name in graph.cell.states
        total[v] = ring.symbols[f"w_{v.name}"] if end else ring(sympy.Integer(0))
        for arrow in graph.leaving(v):
            total[v] = total[v] + total[arrow.tip] * ring(arrow.factor.xreplace(bars))
    return total


def by_back(graph, own, ring):
    """The same by `scan.backward`, for two steps, one unit, one feature and one example.

    Each variable of the graph is cut off from what it was computed from: a symbol stands for its value.
    """
    cell, todo = graph.cell, [v for v in graph.variables if not v.name.rstrip("'").endswith("_bar")]

    def see(stage, record, node, value):
        if node.op == "input" or "a" not in record.inputs:
            return value
        n = next((n for n, v in enumerate(todo) if v.name.rstrip("'") in node.names and v.step == todo[0].step), None)
        if n is None:
            return value
        variable = todo[n]
        del todo[: n + 1]
        return ring.column(str(variable.symbol))

    x = np.stack([ring.column(f"x[{step}]") for step in (0, 1)])
    start = tuple(ring.column(f"{name}[-1]") if f"{name}[-1]" in ring.symbols else 0 * x[0] for name in cell.states)
    rows = {"W": cell.inputs, "R": cell.recurs, "b": cell.inputs}
    P = {M: ring.column(*(f"{M}_{k}" for k in gates)) for M, gates in rows.items() if gates}
    if cell.own and own:
        P["p"] = np.stack([ring.column(f"p_{k}") for k in cell.own])
    cut = played(cell, see, ring.applied, bool(cell.own and own), ring.divided)
    _, _, cache = scan.forward(cut, P, x, start)
    assert not todo  # every variable was met
    dh = np.stack([ring.column(f"L by h[{step}]") for step in (0, 1)])
    grads, dx, before = scan.backward(cut, P, cache, dh, tuple(ring.column(f"w_{name}") for name in cell.states))
    total = {Variable("x", step): dx[step].item() for step in (0, 1)}
    total |= {Variable(name, -1): d.item() for name, d in zip(cell.states, before, strict=True)}
    rows = {"W": cell.inputs, "R": cell.recurs, "b": cell.inputs, "p": cell.own}
    return total | {Variable(f"{M}_{k}", None): grads[M][n].item() for M in P for n, k in enumerate(rows[M])}


def differences(graph, own):
    """The variables at which the two do not agree."""
    ring = Ring(graph)
    arrows, back = by_arrows(graph, ring), by_back(graph, own, ring)
    assert set(arrows) - set(graph.variables) - {LOSS} <= set(back)  # nothing is read that has no derivative
    of_p = {}  # variables that read parameters only: the back computes them once more, from p
    for v, formula in graph.formulas.items():
        if all(a.tail.step is None or a.tail in of_p for a in graph.arrows if a.tip == v):
            of_p[v] = formula
    return {v.name for v, d in back.items() if not ring.is_zero(ring.ring(arrows.get(v, 0)) - d, of_p)}


@named
def test_sums_over_arrows_are_what_back_gives(cell, own):
    assert differences(two_steps(cell, own), own) == set()


@named
def test_parameters_collect_an_arrow_from_every_step(cell, own):
    graph = two_steps(cell, own)
    into = {}
    for arrow in graph.arrows:
        if arrow.tail.step is None:
            into.setdefault(arrow.tail.name, []).append((arrow.tip.name, arrow.tip.step))
    letters = {"W": cell.inputs, "R": cell.recurs, "b": cell.inputs, "p": cell.own if own else ()}
    assert set(into) == {f"{M}_{k}" for M, gates in letters.items() for k in gates}
    for tips in into.values():
        assert sorted(step for _, step in tips) == sorted([0, 1] * (len(tips) // 2)) and tips


def test_a_wrong_back_disagrees():
    def blind(ds, kept, p):  # the peepholes' terms left out of dc, the historic bug
        da, du, (dh, dc), dp = cells.lstm_back(ds, kept, p)
        return da, du, (dh, dc - p[0] * da[0] - p[2] * da[2]), dp

    wrong = differences(two_steps(cells.LSTM.altered(back=blind)), True)
    assert "c" in wrong and {"R_i", "W_f", "x", "h"} <= wrong


def test_a_changed_cell_changes_its_graph():
    peephole = ("c", "o_bar", 0)
    early = ("c", "o_bar", 1)

    def lstm_step(a, u, s, p, tanh):  # the output gate sees the old memory, as the other two
        au_i, au_o, au_f, au_g = a + u
        _, c_prev = s
        p_i, p_o, p_f = p
        i = cells.sigmoid(au_i + p_i * c_prev, tanh)
        f = cells.sigmoid(au_f + p_f * c_prev, tanh)
        g = tanh(au_g)
        c = f * c_prev + i * g
        o = cells.sigmoid(au_o + p_o * c_prev, tanh)
        tanh_c = tanh(c)
        return (o * tanh_c, c), cells.LSTMKept(i, o, f, g, c_prev, c, tanh_c)

    shipped, changed = two_steps(cells.LSTM).reads(), two_steps(cells.LSTM.altered(step=lstm_step)).reads()
    assert shipped - changed == {peephole} and changed - shipped == {early}
    without = two_steps(cells.LSTM, own=False).reads()
    assert shipped - without == {peephole, ("c", "i_bar", 1), ("c", "f_bar", 1)} and not without - shipped
