"""The symbols of a run, as indeterminates of one polynomial ring, and the test whether a polynomial is zero.

What passes from one step to the next gets a symbol, and the symbol a definition, so that polynomials stay small. Such a
polynomial is zero if it is so once the definitions are put in. What is divided by gets a symbol for 1 over it; then a
polynomial is zero if it is so once it is multiplied by what stands below. The square of a root's symbol is what the
root is of.
"""

import itertools
import random

import numpy as np
import sympy

from lstm_proofs.exact import exact_ring

from .latex import Unproven

PRIME = 2**61 - 1


class Symbols:
    """A ring with an indeterminate for each symbol of `arrays`, and `spare` ones that stand for nothing yet.

    arrays: name -> the array, as elements of the ring
    """

    def __init__(self, arrays, spare):
        spare = sympy.symbols(f"new:{spare}", real=True)
        self.ring = exact_ring([v for array in arrays.values() for v in array.flat] + [*spare])
        self.arrays = {name: np.frompyfunc(self.ring.from_expr, 1, 1)(array) for name, array in arrays.items()}
        self.unused = iter(self.ring.gens[-len(spare) :])
        rng = random.Random(0)
        self.point = [rng.randrange(PRIME) for _ in self.ring.gens]
        self.defined = {}  # a symbol's number -> the polynomial that it stands for
        self.known = {}  # a function and its argument -> the value
        self.below = {}  # the number of a symbol that is 1 over a polynomial -> that polynomial
        self.squares = {}  # the number of a symbol that is a square root -> the polynomial that it is the root of
        self.unfit = set()  # the numbers of those roots of which `point` knows nothing
        self.closed = False  # whether the run is over: then no function has a new argument
        self._factors, self._behind = {}, {}  # what is remembered of polynomials, and of defined symbols

    def new(self):
        """A symbol that stands for anything."""
        for symbol in self.unused:
            return symbol
        raise Unproven("more symbols than the run has made")

    def fresh(self, shape):
        """An array of symbols that stand for anything."""
        return np.frompyfunc(lambda _: self.new(), 1, 1)(np.zeros(shape))

    def define(self, values):
        """An array of symbols that stand for `values`."""
        atoms = self.fresh(values.shape)
        self.defined |= {self.ring.index(atom): self.ring(v) for atom, v in zip(atoms.flat, values.flat)}
        return atoms

    def tanh(self, x, of_sigma=False):
        """tanh of an array: a symbol for each argument that was not met before.

        of_sigma: then it is 2 s - 1, and the symbol is s: σ(x) = (1 + tanh(x/2)) / 2 is s, and polynomials are shorter
        """

        def one(e):
            e = self.expanded(e)
            if ("tanh", -e) in self.known:
                return -self.known["tanh", -e]
            return self._value("tanh", e, "takes no tanh of", lambda s: 2 * s - 1 if of_sigma else s)

        return np.frompyfunc(one, 1, 1)(x)

    def exp(self, x):
        """exp of an array: a symbol for each argument that was not met before."""
        return np.frompyfunc(lambda e: self._value("exp", self.expanded(e), "takes no exp of"), 1, 1)(x)

    def sqrt(self, x):
        """The square root of an array: a symbol for each argument that was not met before."""

        def one(e):
            e = self.expanded(e)
            symbol = self._value("sqrt", e, "takes no square root of")
            k = self.ring.index(symbol)
            if k not in self.squares:
                self._fit(k, e)
                self.squares[k] = e
            return symbol

        return np.frompyfunc(one, 1, 1)(x)

    def _fit(self, k, e):
        """Let the numbers know that symbol k is a root of e: by a symbol that is added in e and asked for nowhere else.

        If there is none, they do not know it.
        """
        others = [*self.below.values(), *self.squares.values()]
        used = {j for polynomial in others for _, factors in self._factored(polynomial) for j in factors}
        for j in sorted({j for _, factors in self._factored(e) for j in factors} - used, reverse=True):
            parts = self._powers(e, j)
            if parts.keys() == {0, 1} and parts[1].is_ground:
                slope, rest = (self._number(parts[n], set(), {}) for n in (1, 0))
                self.point[j] = (self.point[k] ** 2 - rest) * pow(slope, -1, PRIME) % PRIME
                return
        self.unfit.add(k)

    def positive(self, x):
        """1 where x > 0, else 0, of an array: a symbol for each argument that was not met before."""
        one = lambda e: self._value("positive", self.expanded(e), "does not ask whether this is positive:")
        return np.frompyfunc(one, 1, 1)(x)

    def divide(self, x, y):
        """x / y of arrays."""
        return x * np.frompyfunc(self._reciprocal, 1, 1)(y)

    def _reciprocal(self, e):
        """1 / e, which nobody knows to be 0: a symbol for each e that was not met before."""
        e = self.expanded(e)
        symbol = self._value("1 over", e, "does not divide by")
        k = self.ring.index(symbol)
        if k not in self.below:
            self.below[k], self.point[k] = e, pow(self._number(e, set(), {}), -1, PRIME)
        return symbol

    def _value(self, function, e, refusal, written=lambda s: s):
        """A function's value at e, of which nothing else is used. written: what it is in a new symbol."""
        if (function, e) not in self.known:
            if self.closed:
                raise Unproven(f"the code {refusal} {str(e)[:200]}")
            self.known[function, e] = written(self.new())
        return self.known[function, e]

    def is_zero(self, e):
        """Whether a polynomial is zero once its symbols are replaced by their definitions.

        Numbers say no, and which definitions are needed at all; zero is only said when those are put in, and no term
        is left. If there is a root of which they know nothing, they do not say no.
        """
        e = self._rooted(self.ring(e))
        tied, known = self._definitions(e), {}
        zero = not self._number(e, tied, known)
        if not zero and self._has_unfit(e, tied):
            return not self._multiplied(self._rooted(self.expanded(e)))
        for k in sorted(tied) if zero else ():
            free = {j: value for j, value in known.items() if k not in self._behind.get(j, ())} | {k: self.point[k]}
            if not self._number(e, tied - {k}, free):
                tied.remove(k)
                known = free
        self._factors.pop(e)  # no other equation asks for it, and it is large
        return zero and not self._multiplied(self._rooted(self.expanded(e, tied)))

    def _multiplied(self, e):
        """The polynomial times what stands below, the latest first: a polynomial without any 1 over another."""
        for k in sorted(self.below, reverse=True):
            parts = self._powers(e, k)
            e = self._rooted(sum((part * self.below[k] ** (max(parts) - n) for n, part in parts.items()), self.ring(0)))
        return e

    def _has_unfit(self, e, tied):
        """Whether a polynomial, or a definition in `tied`, speaks of a root that the numbers do not know."""
        polynomials = [e, *(self.defined[k] for k in tied)]
        met = {k for polynomial in polynomials for _, factors in self._factored(polynomial) for k in factors}
        return bool(self.unfit and met & (self.unfit | self.below.keys()))

    def _rooted(self, e):
        """The polynomial with what a root is of in the place of its square, the latest root first."""
        for k in sorted(self.squares, reverse=True):
            if any(exponents[k] > 1 for exponents in e.monoms()):
                halves = {n: part * self.squares[k] ** (n // 2) for n, part in self._powers(e, k).items()}
                e = sum((part * self.ring.gens[k] ** (n % 2) for n, part in halves.items()), self.ring(0))
        return e

    def expanded(self, e, tied=None):
        """The polynomial with definitions put in, the latest first: a definition speaks of earlier symbols only."""
        for k in sorted(self._definitions(e) if tied is None else tied, reverse=True):
            e = self._replaced(e, k)
        return e

    def _replaced(self, e, k):
        """The polynomial with the definition of symbol k put in."""
        parts = self._powers(e, k)
        rest = parts.pop(0)  # apart, for a definition may be 0, and 0 ** 0 is refused
        return sum((part * self.defined[k] ** n for n, part in parts.items()), rest)

    def _powers(self, e, k):
        """The terms with each power of symbol k, without it: power -> polynomial."""
        parts = {0: {}}
        for exponents, c in e.terms():
            parts.setdefault(exponents[k], {})[(*exponents[:k], 0, *exponents[k + 1 :])] = c
        return {n: self.ring.from_dict(part) for n, part in parts.items()}

    def _definitions(self, e):
        """The numbers of the defined symbols that a polynomial speaks of, directly or by their definitions."""
        found = set()
        for k in {k for _, factors in self._factored(e) for k in factors if k in self.defined}:
            if k not in self._behind:
                self._behind[k] = {k} | self._definitions(self.defined[k])
            found |= self._behind[k]
        return found

    def _number(self, e, tied, known):
        """A polynomial's value at a random point modulo a prime; symbols in `tied` have their definition's value.

        known: the values of symbols so far; more are added
        """
        total = 0
        for value, factors in self._factored(e):
            for k in factors:
                if k not in known:
                    known[k] = self._number(self.defined[k], tied, known) if k in tied else self.point[k]
                value = value * known[k] % PRIME
            total += value
        return total % PRIME

    def _factored(self, e):
        """A polynomial as pairs of a coefficient modulo the prime and the numbers of its symbols; remembered."""
        if e not in self._factors:
            numbers = range(self.ring.ngens)
            self._factors[e] = [
                (int(c.numerator) * pow(int(c.denominator), -1, PRIME),
                 [k for k in itertools.compress(numbers, exponents) for _ in range(exponents[k])])
                for exponents, c in e.terms()
            ]  # fmt: skip
        return self._factors[e]
