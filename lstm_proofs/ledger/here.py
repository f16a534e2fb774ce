r"""`prove_here`: a cell of a chapter proves an equation of that chapter from its LaTeX, with values of its own.

The grammar is that of `latex`, with these letters: the names of the values, Greek ones too, \mathbf or not. A subscript
counts elements, from 1: y_k, W_{km}, h_{t-1}, or y_q where q is a value; of a value that is a mapping it is a key. Then
there are e^{…}, \log of a factor, \frac{a}{b}, [k = q], 1 where it is so and else 0, \sum_{j=1}^{C}, and
\frac{\partial^+ q_m}{\partial v}, the value called "+q/v"; without the plus it is "q/v". ⊙ is elementwise,
\langle x, y \rangle the sum of all products of elements of arrays of one shape; \hat{\mathbf h} is the value "h_hat",
\delta h the value "δh". An index that no sum counts with stands for each of its values.
"""

import functools
import itertools
import operator
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.polys.rings import PolyElement

from lstm_proofs.proof import is_zero

from .book import NOTEBOOKS
from .latex import (
    ENDS,
    Elementwise,
    Exponential,
    Number,
    Parser,
    Power,
    Product,
    Quotient,
    Sum,
    Transposed,
    Unproven,
    sides,
    walk,
)
from .marks import marked


class Element(NamedTuple):
    """A value by its name, and what says which element of it, "k", "2" or "t-1"; () for all of it."""

    name: str
    indices: tuple


class Log(NamedTuple):
    argument: tuple


class Same(NamedTuple):
    """[a = b], of indices."""

    a: str
    b: str


class Inner(NamedTuple):
    """⟨x, y⟩"""

    x: tuple
    y: tuple


class Over(NamedTuple):
    """Σ over `variable` = 1, …, final, of body."""

    variable: str
    final: str
    body: tuple


def on_page(label: str) -> str:
    """The LaTeX of the marked equation that bears this label, as it stands in the book.

    >>> from lstm_proofs.ledger import on_page
    >>> on_page("softmax-gradient")
    '\\\\mathrm d y_k = \\\\pi_k - [k = q].'
    """
    there = [path for path in NOTEBOOKS if f":label: eq-{label}\\n" in path.read_text(encoding="utf-8")]
    found = [equation.latex for equation in marked(there) if equation.label == label]
    if len(found) != 1:
        raise Unproven(f"eq-{label}: expected one equation with this label and a mark, found {len(found)}")
    return found[0]


def prove_here(label: str, values: Mapping[str, Any]) -> None:
    """Raise `Unproven` unless the marked equation `eq-label`, as it stands in the book, holds for `values`.

    values: name -> a number, an expression, or an array of them. "dy" is \\mathrm d y or \\mathrm d\\mathbf y

    >>> from lstm_proofs.ledger import prove_here
    >>> prove_here("softmax-gradient", {"dy": np.array([0]), "\\\\pi": np.array([1]), "q": 1})
    >>> prove_here("softmax-gradient", {"dy": np.array([1]), "\\\\pi": np.array([1]), "q": 1})
    Traceback (most recent call last):
    lstm_proofs.ledger.latex.Unproven: eq-softmax-gradient: \\mathrm d y _ k is not \\pi _ k - [ k = q ]
    """
    try:
        members = sides(on_page(label), values, Reader)
        trees = [side.tree for side in members]
        free = _free(trees, values)
        for numbers in itertools.product(*free.values()):
            evaluation = Values(values, dict(zip(free, numbers)))
            first, *others = map(evaluation.value, trees)
            for side, other in zip(members[1:], others):
                if not _equal(first, other):
                    raise Unproven(f"{members[0].text} is not {side.text}")
    except Unproven as error:
        raise Unproven(str(error) if str(error).startswith("eq-") else f"eq-{label}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unproven(f"eq-{label}: does not make sense: {type(error).__name__}: {error}") from error


def _equal(a, b):
    if np.shape(a) != np.shape(b):
        raise Unproven(f"the shapes differ: {np.shape(a)} and {np.shape(b)}")
    return all(map(_is_zero, np.ravel(np.asarray(a - b, dtype=object))))


def _is_zero(e):
    return is_zero(e if isinstance(e, PolyElement) else sympy.expand_log(sympy.sympify(e)))


def _free(trees, values):
    """The indices that no sum counts with -> their values, as many as the axis has that they index."""
    nodes = [node for tree in trees for node in walk(tree)]
    bound = {node.variable for node in nodes if isinstance(node, Over)}
    found: dict[str, range] = {}
    for node in nodes:
        for axis, index in enumerate(node.indices if isinstance(node, Element) else ()):
            index = index.rstrip("+-0123456789") or index
            if not index.isdigit() and index not in bound and index not in values:
                extent = range(1, 1 + np.shape(values[node.name])[axis])
                if found.setdefault(index, extent) != extent:
                    raise Unproven(f"{index} counts to {found[index].stop - 1} and to {extent.stop - 1}")
    return found


class Reader(Parser):
    """As `Parser`, of named values; `kind` are these."""

    def product(self):
        factors = [self.factor()]
        while self.peek() not in (*ENDS, r"\rangle"):
            factors.append(self.factor())
        return factors[0] if len(factors) == 1 else Product(tuple(factors))

    def factor(self):
        token = self.peek()
        if token == r"\langle":
            self.take()
            inner = Inner(self.expression(), (self.take(","), self.expression())[1])
            self.take(r"\rangle")
            return inner
        if token == r"\log":
            self.take()
            return Log(self.factor())
        if token == r"\sum":
            return self.over()
        if token == "e" and self.peek(1) == "^":
            self.take(), self.take()
            return Exponential(self.inside(self.group()).all())
        if token == "[":
            self.take()
            same = Same(self.take(), (self.take("="), self.take())[1])
            self.take("]")
            return same
        return super().factor()

    def over(self):
        self.take(r"\sum"), self.take("_")
        variable, equals, first = self.group()
        self.take("^")
        (final,) = self.group()
        if (equals, first) != ("=", "1"):
            raise Unproven(f"a sum over {variable} that does not begin with 1")
        return Over(variable, final, self.product())

    def fraction(self):
        self.take(r"\frac")
        above, below = self.group(), self.group()
        if above[0] != r"\partial":
            return Quotient(self.inside(above).all(), self.inside(below).all())
        plus = "+" if above[1:3] == ["^", "+"] else ""
        y, x = self.inside(above[3:] if plus else above[1:]).named(), self.inside(below[1:]).named()
        return Element(f"{plus}{y.name}/{x.name}", y.indices + x.indices)

    def letter(self):
        found = self.named()
        if found.name not in self.kind:
            raise Unproven(f"unknown symbol {found.name}")
        return found

    def named(self):
        token = self.take()
        if token == r"\mathrm":
            if self.group() != ["d"]:
                raise Unproven("an upright letter that is not d")
            name, indices = self.named()
            return Element(f"d{name}", indices)
        if token == r"\delta":
            name, indices = self.named()
            return Element(f"δ{name}", indices)
        if token == r"\hat":
            token = f"{self.inside(self.group()).named().name}_hat"
        if token == r"\mathbf":
            (token,) = self.group()
        if self.peek() != "_":
            return Element(token, ())
        self.take()
        return Element(token, tuple(re.findall(r"(?:\d+|[^\W\d])(?:[+-]\d+)?", "".join(self.group()))))


class Values:
    """Evaluates the trees of `Reader`. indices: letter -> the number it stands for"""

    def __init__(self, values, indices):
        self.values, self.indices = values, indices

    def number(self, index):
        letter = index.rstrip("+-0123456789")
        start = {**self.values, **self.indices}[letter] if letter else 0
        return start + int(index[len(letter) :] or 0)

    def element(self, name, indices):
        array, numbers = self.values[name], [self.number(index) for index in indices]
        if not indices:
            return array
        if isinstance(array, Mapping):
            return array[numbers[0] if len(numbers) == 1 else tuple(numbers)]
        if any(number < 1 for number in numbers):
            raise IndexError(f"{name} has no element {numbers}")
        return array[tuple(number - 1 for number in numbers)]

    def value(self, tree):
        of = self.value
        match tree:
            case Element(name, indices):
                return self.element(name, indices)
            case Number(value):
                return value
            case Sum(terms):
                return sum(-of(term) if sign == "-" else of(term) for sign, term in terms)
            case Product(factors):
                return functools.reduce(_multiplied, map(of, factors))
            case Elementwise(factors):
                return functools.reduce(operator.mul, map(of, factors))
            case Inner(x, y):
                x, y = of(x), of(y)
                if np.shape(x) != np.shape(y):
                    raise Unproven(f"an inner product of shapes {np.shape(x)} and {np.shape(y)}")
                return (x * y).sum()
            case Quotient(above, below):
                return of(above) / of(below)
            case Power(base, exponent):
                return of(base) ** exponent
            case Transposed(base):
                return np.transpose(of(base))
            case Exponential(exponent):
                return sympy.exp(of(exponent))
            case Log(argument):
                return sympy.log(of(argument))
            case Same(a, b):
                return int(self.number(a) == self.number(b))
            case Over(variable, final, body):
                counted = range(1, 1 + self.number(final))
                return sum(Values(self.values, {**self.indices, variable: k}).value(body) for k in counted)
        raise Unproven(f"of named values: {type(tree).__name__}")


def _multiplied(a, b):
    return a @ b if np.ndim(a) and np.ndim(b) else a * b
