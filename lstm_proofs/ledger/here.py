r"""`prove_here`: a cell of a chapter proves an equation of that chapter from its LaTeX, with values of its own.

The grammar is that of `latex`, with these letters: the names of the values, Greek ones too, \mathbf or not; "i_bar" is
\bar\imath, "dy" \mathrm d y, "\nabla L" what it looks like, "f''" and "\kappa_+" too. A subscript counts: y_k, W_{km},
h_{t-1}, or y_q where q is a value; "L_" is what L_k means where L alone is another value. An array counts from 1; a
mapping has what it has: {0: …, 1: …} for steps, or {"i": …} for gates, so that R_i is the input gate's. An index that
no sum counts with stands for each element of an array, or each number of a range, "t": range(1, 3); it may be read as a
number, as in a^t.

Then there are e^{…} and other powers, \log and \log_2 of a factor, \frac or \tfrac{a}{b}, \sqrt{…}, \Gamma(…),
\lvert … \rvert, \sigma and \tanh, \operatorname{Im}, the imaginary unit \mathrm i, [k = q], 1 where it is so, else 0,
\sum_{j=1}^{C}, and \frac{\partial^+ q_m}{\partial v}, the value called "+q/v"; without the plus it is "q/v". A value
that is a Lambda of SymPy is read with its argument, f(x + \varepsilon); O(\varepsilon^2) is anything with that factor.
⊙ is elementwise, \langle x, y \rangle the sum of all products of elements of arrays of one shape; \hat{\mathbf h} is
the value "h_hat", \delta h the value "δh".
"""

import functools
import itertools
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.polys.rings import PolyElement

from lstm_proofs.exact import check_exact
from lstm_proofs.proof import is_zero

from .book import NOTEBOOKS
from .latex import (
    ENDS,
    Diagonal,
    Elementwise,
    Exponential,
    Function,
    Number,
    Parser,
    Power,
    Product,
    Quotient,
    Sum,
    Transposed,
    Unproven,
    _product,
    sides,
    walk,
)
from .marks import marked

NAMED = {
    "sqrt": sympy.sqrt, "exp": sympy.exp, "Gamma": sympy.gamma, "Im": sympy.im, "abs": sympy.Abs, "tanh": sympy.tanh,
    "sigma": lambda x: (1 + sympy.tanh(x / 2)) / 2,
}  # fmt: skip


class Element(NamedTuple):
    """A value by its name, and which element of it: pairs of a letter or number and what is added; () for all of it."""

    name: str
    indices: tuple


class Count(NamedTuple):
    """An index, read as a number."""

    letter: str


class Applied(NamedTuple):
    """A function, one of `NAMED` or a value that is one, of an argument."""

    name: str
    argument: tuple


class Log(NamedTuple):
    argument: tuple
    base: int | None


class Raised(NamedTuple):
    base: tuple
    exponent: tuple


class Same(NamedTuple):
    """[a = b], of indices."""

    a: str
    b: str


class Inner(NamedTuple):
    """⟨x, y⟩"""

    x: tuple
    y: tuple


class Small(NamedTuple):
    """O(argument)."""

    argument: tuple


class Over(NamedTuple):
    """Σ over `variable` = first, …, final, of body."""

    variable: str
    first: tuple
    final: tuple
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


def prove_here(labels: str, values: Mapping[str, Any]) -> None:
    """Raise `Unproven` unless the marked equation `eq-label`, as it stands in the book, holds for `values`.

    labels: one, or several with blanks between them
    values: name -> a number, an expression, an array or a mapping of them, a SymPy Lambda, or the range of an index

    >>> from lstm_proofs.ledger import prove_here
    >>> prove_here("softmax-gradient", {"dy": np.array([0]), "\\\\pi": np.array([1]), "q": 1})
    >>> prove_here("softmax-gradient", {"dy": np.array([1]), "\\\\pi": np.array([1]), "q": 1})
    Traceback (most recent call last):
    lstm_proofs.ledger.latex.Unproven: eq-softmax-gradient: \\mathrm d y _ k is not \\pi _ k - [ k = q ]
    """
    for label in labels.split():
        try:
            _prove(on_page(label), {r"\mathrm i": sympy.I, **values})
        except Unproven as error:
            raise Unproven(str(error) if str(error).startswith("eq-") else f"eq-{label}: {error}") from None
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise Unproven(f"eq-{label}: does not make sense: {type(error).__name__}: {error}") from error


def _prove(latex, values):
    members = sides(latex, values, Reader)
    trees = [side.tree for side in members]
    free = _free(trees, values)
    for numbers in itertools.product(*free.values()):
        evaluation = Values(values, dict(zip(free, numbers)))
        first, *others = map(evaluation.value, trees)
        for side, other in zip(members[1:], others):
            if not _equal(first, other, evaluation.small):
                raise Unproven(f"{members[0].text} is not {side.text}")


def _equal(a, b, small):
    if np.shape(a) != np.shape(b):
        raise Unproven(f"the shapes differ: {np.shape(a)} and {np.shape(b)}")
    check_exact("value", *np.ravel(a), *np.ravel(b))
    return all(_vanishes(e, small) for e in np.ravel(np.asarray(a - b, dtype=object)))


def _vanishes(e, small):
    """Whether an expression is zero, apart from what O(…) stands for. small: symbol -> what its O holds"""
    if isinstance(e, PolyElement):
        return is_zero(e)
    e = sympy.sympify(e)
    if here := e.free_symbols & small.keys():
        letters = {v for order in small.values() for v in order.free_symbols}
        degrees = lambda term: [term.as_powers_dict().get(v, 0) for v in letters]
        terms = sympy.Add.make_args(sympy.expand(e.subs(dict.fromkeys(here, 0))))
        orders = [small[symbol] for symbol in here]
        return all(term == 0 or any(min(degrees(term / order)) >= 0 for order in orders) for term in terms)
    if e.has(sympy.I):
        return all(map(is_zero, sympy.expand(e).as_real_imag()))
    e = sympy.expand_log(e)
    if e.has(sympy.exp):
        e = e.replace(sympy.tanh, lambda x: 1 - 2 / (sympy.exp(2 * x) + 1))
    return is_zero(e)


def _free(trees, values):
    """The indices that no sum counts with -> their values: a range of `values`, or as many as the array has."""
    nodes = [node for tree in trees for node in walk(tree)]
    bound = {node.variable for node in nodes if isinstance(node, Over)}
    found: dict[str, range] = {}
    for node in nodes:
        within = values.get(node.name) if isinstance(node, Element) else None
        for index, shift in node.indices if isinstance(node, Element) else ():
            keyed = isinstance(within, Mapping)
            if isinstance(values.get(index), range):
                found[index] = values[index]
            elif not (index.isdigit() or index in bound or index in values or (keyed and index in within)):
                extent = range(0) if keyed or shift else range(1, 1 + len(within))
                if not extent or found.setdefault(index, extent) != extent:
                    raise Unproven(f"what does {index} count? say it with a range, or let its arrays be equally long")
            within = next(iter(within.values())) if keyed else within[0]
    for node in nodes:
        if isinstance(node, Count) and node.letter not in bound | found.keys():
            raise Unproven(f"unknown symbol {node.letter}")
    return found


class Reader(Parser):
    """As `Parser`, of named values; `kind` are these."""

    def product(self):
        factors = [self.factor()]
        while self.peek() not in (*ENDS, r"\rvert", r"\rangle"):
            if self.peek() == "/":
                self.take()
                factors = [Quotient(_product(factors), self.factor())]
            else:
                if self.peek() == r"\cdot":
                    self.take()
                factors.append(self.factor())
        return _product(factors)

    def factor(self):
        token = self.peek()
        if token == r"\langle":
            self.take()
            inner = Inner(self.expression(), (self.take(","), self.expression())[1])
            self.take(r"\rangle")
            return inner
        if token == r"\log":
            self.take()
            base = int("".join((self.take("_"), self.group())[1])) if self.peek() == "_" else None
            return Log(self.factor(), base)
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
        if token == "O" and self.peek(1) == "(":
            self.take()
            return Small(self.bracket())
        if token == r"\sigma" and token in self.kind:
            return self.powers(self.letter())
        if token in (r"\tfrac", r"\sqrt", r"\Gamma", r"\lvert"):
            return self.powers(self.fraction() if token == r"\tfrac" else self.applied())
        return super().factor()

    def applied(self):
        token = self.take()
        if token == r"\lvert":
            tree = Applied("abs", self.expression())
            self.take(r"\rvert")
            return tree
        return Applied(token[1:], self.inside(self.group()).all() if token == r"\sqrt" else self.bracket())

    def diagonal(self):
        self.take(r"\operatorname")
        word = "".join(self.group())
        if word not in ("diag", "Im"):
            raise Unproven(f"an operator {word}")
        return Diagonal(self.bracket()) if word == "diag" else Applied(word, self.factor())

    def raised(self, tree, power):
        return Raised(tree, self.inside(power).all())

    def over(self):
        self.take(r"\sum"), self.take("_")
        variable, equals, *first = self.group()
        self.take("^")
        final = self.group()
        if equals != "=":
            raise Unproven("a sum without an index")
        body = self.product()
        if self.peek() == r"\odot":
            raise Unproven("how far does a sum reach? write parentheses")
        return Over(variable, self.inside(first).all(), self.inside(final).all(), body)

    def fraction(self):
        self.take()
        above, below = self.group(), self.group()
        if above[0] != r"\partial":
            return Quotient(self.inside(above).all(), self.inside(below).all())
        plus = "+" if above[1:3] == ["^", "+"] else ""
        y, x = self.inside(above[3:] if plus else above[1:]).named(), self.inside(below[1:]).named()
        return Element(f"{plus}{y.name}/{x.name}", y.indices + x.indices)

    def letter(self):
        found = self.named()
        if isinstance(self.kind.get(found.name), sympy.Lambda):
            return Applied(found.name, self.bracket())
        if isinstance(self.kind.get(found.name), range):
            return Count(found.name)
        if found.name not in self.kind:
            if found.indices or len(found.name) > 1 or not found.name.isalpha():
                raise Unproven(f"unknown symbol {found.name}")
            return Count(found.name)
        return found

    def named(self):
        token = self.take()
        if token == r"\mathrm":
            (upright,) = self.group()
            if upright not in ("d", "i"):
                raise Unproven(f"an upright letter that is not d: {upright}")
            if upright == "i":
                return Element(r"\mathrm i", ())
            name, indices = self.named()
            return Element(f"d{name}", indices)
        if token == r"\delta":
            name, indices = self.named()
            return Element(f"δ{name}", indices)
        if token == r"\hat":
            token = f"{self.inside(self.group()).named().name}_hat"
        if token == r"\nabla":
            name, indices = self.named()
            return Element(rf"\nabla {name}", indices)
        if token == r"\bar":
            token = f"{self.inside(self.group()).named().name}_bar"
        if token in (r"\mathbf", r"\boldsymbol"):
            (token,) = self.group()
        token = {r"\imath": "i"}.get(token, token)
        if self.peek() == "^" and self.peek(1) == "{" and self.peek(2) == "(":  # f^{(5)}
            self.take()
            token += "'" * int(self.group()[1])
        while self.peek() == "'":
            token += self.take()
        if self.peek() != "_":
            return Element(token, ())
        self.take()
        group = self.group()
        if (whole := f"{token}_{''.join(group)}") in self.kind:
            return Element(whole, ())
        token += "_" * (f"{token}_" in self.kind)
        indices: list = []
        for before, part in itertools.pairwise(["", *group]):
            if before in ("+", "-"):
                indices[-1] = (indices[-1][0], int(before + part))
            elif part not in ("+", "-", ","):
                indices.append((part, 0))
        return Element(token, tuple(indices))


class Values:
    """Evaluates the trees of `Reader`.

    indices: letter -> the number it stands for
    small:   symbol -> what its O holds
    """

    def __init__(self, values, indices):
        self.values, self.indices = values, indices
        self.small: dict[sympy.Dummy, Any] = {}

    def number(self, index):
        return self.indices.get(index, int(index) if index.isdigit() else self.values.get(index, index))

    def element(self, name, indices):
        found = self.values[name]
        for index, shift in indices:
            if isinstance(found, Mapping):
                found = found[index if index in found else self.number(index) + shift]
            else:
                n = self.number(index) + shift
                if not 1 <= n <= len(found):
                    raise LookupError(f"no element {n} of {name}")
                found = found[n - 1]
        return found

    def at(self, index, number):
        """These values, an index standing for a number."""
        inner = Values(self.values, {**self.indices, index: number})
        inner.small = self.small
        return inner

    def value(self, tree):
        of = self.value
        match tree:
            case Element(name, indices):
                return self.element(name, indices)
            case Count(letter):
                return self.number(letter)
            case Number(value):
                return sympy.Integer(value)
            case Sum(terms):
                return sum(-of(term) if sign == "-" else of(term) for sign, term in terms)
            case Product(factors):
                return functools.reduce(_multiplied, map(of, factors))
            case Elementwise(factors):
                return functools.reduce(lambda a, b: a * b, map(of, factors))
            case Inner(x, y):
                x, y = of(x), of(y)
                if np.shape(x) != np.shape(y):
                    raise Unproven(f"an inner product of shapes {np.shape(x)} and {np.shape(y)}")
                return (x * y).sum()
            case Quotient(above, below):
                return of(above) / of(below)
            case Power(base, exponent):
                return of(base) ** exponent
            case Raised(base, exponent):
                return of(base) ** of(exponent)
            case Transposed(base):
                return np.transpose(of(base))
            case Diagonal(column):
                return np.diag(np.ravel(of(column)))
            case Exponential(exponent):
                return sympy.exp(of(exponent))
            case Function(name, argument, derived, power):
                z = sympy.Dummy()
                return (NAMED[name](z).diff(z) if derived else NAMED[name](z)).subs(z, of(argument)) ** power
            case Applied(name, argument):
                return self.values.get(name, NAMED.get(name))(of(argument))
            case Log(argument, base):
                return sympy.log(of(argument)) if base is None else sympy.log(of(argument), base)
            case Small(argument):
                symbol = sympy.Dummy()
                self.small[symbol] = of(argument)
                return symbol
            case Same(a, b):
                return int(self.number(a) == self.number(b))
            case Over(variable, first, final, body):
                counted = range(of(first), 1 + of(final))
                return sum(self.at(variable, k).value(body) for k in counted)
        raise Unproven(f"of named values: {type(tree).__name__}")


def _multiplied(a, b):
    return a @ b if np.ndim(a) and np.ndim(b) else a * b
