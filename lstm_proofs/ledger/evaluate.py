"""The trees of `latex` -> values: `Evaluation` in a run of the code, at one step; `number` of the numbers x and y.

A value is a plane (rows, examples), a matrix, a number, or a `Jacobian`.
"""

import functools
import math
import operator
from typing import NamedTuple

import numpy as np
import sympy

from .latex import Exponential, Function, Letter, Number, Power, Product, Quotient, Sum, Unproven


class Jacobian(NamedTuple):
    """A square matrix. A derivative that is diagonal may stand for the plane on its diagonal: elementwise."""

    matrix: np.ndarray
    elementwise: bool = False

    def plane(self):
        if not self.elementwise:
            raise Unproven("a matrix where a plane should be")
        if any(e for (i, j), e in np.ndenumerate(self.matrix) if i != j):
            raise Unproven("a derivative of one unit with respect to another is not zero: not an elementwise product")
        return np.diag(self.matrix).reshape(-1, 1)


class Evaluation:
    """Evaluates trees in a run, with `steps`: letter -> number of the step.

    graph: cut -> the `Graph` of this run. A method for each class of tree, named as it is
    """

    def __init__(self, run, graph, steps):
        self.run, self.graph, self.steps = run, graph, {"T": run.T, **steps}

    def value(self, tree):
        method = getattr(self, type(tree).__name__.lower(), None)
        if method is None:
            raise Unproven(f"of numbers only: {type(tree).__name__}")
        return method(*tree)

    def plane(self, tree):
        return plane(self.value(tree))

    def step(self, index):
        """The number of a step; None if there is no index."""
        if index is None:
            return None
        return self.steps.get(index.start, index.start) + index.shift

    def number(self, value):
        return value

    def sum(self, terms):
        values = [negative(self.value(term)) if sign == "-" else self.value(term) for sign, term in terms]
        return functools.reduce(self.added, values)

    def added(self, a, b):
        if np.shape(matrix(a)) == np.shape(matrix(b)) and (isinstance(a, Jacobian) or isinstance(b, Jacobian)):
            return Jacobian(matrix(a) + matrix(b), all(getattr(v, "elementwise", False) for v in (a, b)))
        return operator.add(*fitting(a, b, self.run.B))

    def elementwise(self, factors):
        multiplied = lambda a, b: operator.mul(*fitting(a, b, self.run.B))
        return functools.reduce(multiplied, map(self.value, factors))

    def product(self, factors):
        return functools.reduce(multiplied, map(self.value, factors))

    def power(self, base, exponent):
        value = self.plane(base)
        if not is_number(value) and value.shape[1] not in (1, self.run.B):
            raise Unproven("a power of a matrix")
        return value**exponent

    def quotient(self, above, below):
        above, below = fitting(self.value(above), self.value(below), self.run.B)
        if is_number(below):
            raise Unproven("a fraction with a number below")
        return self.run.symbols.divide(above, below)

    def transposed(self, base):
        value = self.value(base)
        return value._replace(matrix=value.matrix.T) if isinstance(value, Jacobian) else value.T

    def function(self, name, argument, derived, power):
        x, tanh = self.plane(argument), self.run.symbols.tanh
        if name in ("exp", "sqrt"):
            return getattr(self.run.symbols, name)(x) ** power
        t = tanh(x) if name == "tanh" else tanh(x / 2)
        if derived:
            value = (1 - t * t) if name == "tanh" else (1 - t * t) / 4
        else:  # the shipped sigmoid is proven by eq-sigmoid
            value = t if name == "tanh" else (1 + t) / 2
        return value**power

    def positive(self, argument):
        return self.run.symbols.positive(self.plane(argument))

    def many(self, name, variable, first, final, down, body):
        first, final = self.step(first), self.step(final)
        if final > first + 1 if down else first > final + 1:
            raise Unproven("a sum or product whose direction is not clear")
        numbers = range(first, final - 1, -1) if down else range(first, final + 1)
        values = [Evaluation(self.run, self.graph, {**self.steps, variable: k}).value(body) for k in numbers]
        if not values:  # nothing to add or multiply
            return 0 if name == "sum" else self.identity()
        return functools.reduce(self.added if name == "sum" else multiplied, values)

    def diagonal(self, column):
        value = self.plane(column)
        if is_number(value) or value.shape[1] != 1:
            raise Unproven("diag of what is no column")
        return Jacobian(np.diagflat(value))

    def stack(self, parts):
        return np.concatenate([self.plane(part) for part in parts])

    def identity(self):
        return Jacobian(np.eye(self.run.H, dtype=int))

    def letter(self, name, index):
        run, t = self.run, self.step(index)
        if name == "1":
            return np.ones((run.B, 1), int)
        if name == "I":
            return self.identity()
        if name == "J":
            if run.cell.name != "rnn":
                raise Unproven("J is the RNN's")
            return Jacobian(self.graph("nodes").partial(("h", t), ("h", t - 1)))
        arrays = run.grads if name.startswith("d") else run.P
        if t is None and name.removeprefix("d").partition("_")[0] in arrays:
            return run.rows(name.removeprefix("d"), arrays)
        return run.value(name, t) if t is not None else run.constant(name)

    def derivative(self, y, x, immediate):
        y, x = ((letter.name, self.step(letter.index)) for letter in (y, x))
        if immediate and x == y:
            raise Unproven("the immediate derivative of a variable by itself")
        if immediate and y[0] == "L":
            name = "+" + x[0]
            return self.run.values[name, x[1]] if (name, x[1]) in self.run.values else self.run.outside(name, x[1])
        found = self.graph("bars" if any("_bar" in name for name, _ in (x, y)) else "nodes")
        value = found.partial(y, x) if immediate else found.total(y, x)
        if y[0] == "L":
            return value.reshape(found.variables(x).shape)
        return Jacobian(value, elementwise=True)


def plane(value):
    return value.plane() if isinstance(value, Jacobian) else value


def matrix(value):
    return value.matrix if isinstance(value, Jacobian) else value


def negative(value):
    return value._replace(matrix=-value.matrix) if isinstance(value, Jacobian) else -value


def is_number(value):
    return not isinstance(value, (np.ndarray, Jacobian))


def fitting(a, b, B):
    """Two planes that may be added or multiplied elementwise: of one shape, or one is a number or a column."""
    a, b = plane(a), plane(b)
    for one, other in ((a, b), (b, a)):
        if is_number(one) and (is_number(other) or other.shape[1] in (1, B)):
            return a, b
        if not is_number(one) and not is_number(other) and one.shape == (len(other), 1) and other.shape[1] in (1, B):
            return a, b
    if np.shape(a) != np.shape(b):
        raise Unproven(f"the shapes differ: {np.shape(a)} and {np.shape(b)}")
    return a, b


def multiplied(a, b):
    A, B = matrix(a), matrix(b)
    product = A * B if is_number(A) or is_number(B) else A @ B
    jacobians = [v for v in (a, b) if isinstance(v, Jacobian)]
    square = isinstance(product, np.ndarray) and product.ndim == 2 and product.shape[0] == product.shape[1] > 1
    others = [v for v in (a, b) if not isinstance(v, Jacobian) and not is_number(v)]
    elementwise = not others and all(v.elementwise for v in jacobians)
    return Jacobian(product, elementwise) if jacobians and (square or not others) else product


def number(tree, sigmoid):
    """SymPy's expression for an identity's side, in the real numbers x and y. sigmoid: that of `cells`."""
    of = lambda tree: number(tree, sigmoid)
    match tree:
        case Letter(name):
            return sympy.Symbol(name, real=True)
        case Number(value):
            return sympy.Integer(value)
        case Sum(terms):
            return sum(-of(term) if sign == "-" else of(term) for sign, term in terms)
        case Product(factors):
            return math.prod(map(of, factors))
        case Quotient(above, below):
            return of(above) / of(below)
        case Power(base, exponent):
            return of(base) ** exponent
        case Exponential(exponent):
            return sympy.exp(of(exponent))
        case Function(name, argument, derived, power):
            t = sympy.tanh(of(argument) if name == "tanh" else of(argument) / 2)
            if derived:
                return ((1 - t * t) if name == "tanh" else (1 - t * t) / 4) ** power
            return (t if name == "tanh" else sigmoid(of(argument), sympy.tanh)) ** power
    raise Unproven(f"of numbers: {type(tree).__name__}")
