"""Derivatives on paper: SymPy's, of the shipped forward pass. `back` has no say in them."""

import functools
import operator

import numpy as np
import sympy

from lstm_core import symbols


class Graph:
    """The computation graph of the printed forward equations, and derivatives on it by SymPy. One example, B = 1.

    cut:   a run whose values are expressions in the variables that they are computed from
    plain: the run, at the same sizes, in whose symbols a derivative is wanted

    A variable is a pair of a name and a step; of a parameter, as "R" or "W_i", the step is None. ("L", None): the loss.
    """

    def __init__(self, cut, plain):
        self.cut, self.plain, self.T = cut, plain, cut.T
        pairs = [(atoms, plain.values[variable]) for variable, atoms in cut.atoms.items()]
        pairs += [(cut.P[name], plain.P[name]) for name in cut.P]
        self.plainly = {s: v for atoms, values in pairs for s, v in zip(atoms.flat, values.flat)}
        self.owner = {atom: variable for variable, atoms in cut.atoms.items() for atom in atoms.flat}
        self.partial, self.total = functools.cache(self._partial), functools.cache(self._total)

    def variables(self, variable):
        """The symbols of a variable."""
        name, t = variable
        return self.cut.rows(name, self.cut.P) if t is None else self.cut.atoms[variable]

    def _definition(self, variable):
        return np.array([[self.cut.loss]]) if variable[0] == "L" else self.cut.values[variable]

    def _partial(self, y, x):
        """∂⁺y/∂x, a matrix: of one printed equation, the other variables held fixed."""
        if self.T + 1 in (y[1], x[1]):  # of a step that there is not: arbitrary
            return np.diagflat(self.plain.outside(f"{y[0]} by {x[0]}", x[1]))
        value = np.array(
            [[sympy.diff(e, v) for v in self.variables(x).flat] for e in self._definition(y).flat], dtype=object
        )
        return np.frompyfunc(self._plain, 1, 1)(value)

    def _plain(self, e):
        """An expression in the symbols of the graph, as a polynomial of the plain run."""
        if e in self.plainly:
            return self.plainly[e]
        if isinstance(e, sympy.tanh):
            return self.plain.symbols.tanh(self._plain(e.args[0]))
        if isinstance(e, (sympy.exp, symbols.positive)):
            return getattr(self.plain.symbols, e.func.__name__)(self._plain(e.args[0]))
        if isinstance(e, (sympy.Add, sympy.Mul)):
            return functools.reduce(operator.add if e.is_Add else operator.mul, map(self._plain, e.args))
        if isinstance(e, sympy.Pow):
            base = self._plain(e.base)
            if e.exp.q == 2:
                base = self.plain.symbols.sqrt(base)
            return (base if e.exp > 0 else self.plain.symbols.divide(1, base)) ** abs(e.exp.p)
        return self.plain.symbols.ring.from_expr(e)

    def _total(self, y, x):
        """∂y/∂x, a matrix: by every path."""
        if self.T + 1 in (y[1], x[1]):
            return np.zeros((1, self.plain.H), int) if y[0] == "L" else self.partial(y, x)
        if y == x:
            return np.eye(self.variables(x).size, dtype=int)
        total = self.partial(y, x)
        met = {s for e in self._definition(y).flat for s in e.free_symbols if y[1] != 0}
        for v in sorted({self.owner[s] for s in met if s in self.owner} - {x}):
            total = total + self.partial(y, v) @ self.total(v, x)
        return total
