"""What a proof is: an exact comparison of the derivative that the code gives with SymPy's."""

import itertools
import time
from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.polys.rings import PolyElement

from lstm_core.types import Array

from .exact import check_exact, fractions, numerators


class Proof(NamedTuple):
    """One proven statement and the seconds it took.

    >>> prove_cell(cells.RNN)[0].statement
    "cell rnn: ∂(Σ w·s')/∂a_0 = da_0"
    """

    statement: str
    seconds: float


class Disproof(AssertionError):
    """The code is not the derivative it claims to be; says of what.

    >>> issubclass(Disproof, AssertionError)
    True
    """


def is_zero(expression: Any) -> bool:
    """Whether a polynomial, or a rational expression in symbols and functions of them, is identically zero. Exact.

    No `simplify`: each distinct tanh(·), exp(·), … becomes an indeterminate, the numerator a polynomial with rational
    coefficients. (exp of a sum is a product: exp(2x - y) is that of exp(x), squared, over that of exp(y). A square root
    is an indeterminate whose square is what it is the root of; what lies under it has to be over 0.) A zero
    polynomial proves the identity. The reverse would need the functions to be independent; not being zero is reported
    as failure, which is on the safe side.

    ValueError if there is a floating-point number in it, which may have been rounded: nothing exact can be said of it.

    >>> import sympy
    >>> x, y = sympy.symbols("x y")
    >>> is_zero((x + 1) ** 2 - x**2 - 2 * x - 1), is_zero(sympy.tanh(x) - x)
    (True, False)
    >>> is_zero(sympy.exp(x - y / 2) ** 2 * sympy.exp(y) - sympy.exp(2 * x))
    True
    >>> is_zero(sympy.tanh(0.5 * x))
    Traceback (most recent call last):
    ValueError: expression: expected rational numbers, got the float 0.5; write x / 2 for 0.5 * x
    """
    check_exact("expression", expression)
    if isinstance(expression, PolyElement):
        return not expression
    expression = sympy.sympify(expression)
    sums = {e: sympy.Add.make_args(sympy.expand(e.args[0])) for e in expression.atoms(sympy.exp)}
    parts = {e: [term.as_coeff_Mul() for term in terms] for e, terms in sums.items()}
    below: dict[sympy.Expr, int] = defaultdict(lambda: 1)  # x -> n, if exp(x / n) is the indeterminate of x
    for n, x in itertools.chain(*parts.values()):
        below[x] = sympy.ilcm(below[x], sympy.denom(n))
    bases = {x: sympy.Dummy() for x in below}
    powers = {e: sympy.Mul(*(bases[x] ** (n * below[x]) for n, x in found)) for e, found in parts.items()}
    functions = sorted(expression.atoms(sympy.Function) - powers.keys(), key=sympy.default_sort_key)
    expression = expression.xreplace(powers | {f: sympy.Dummy(f"f{k}") for k, f in enumerate(functions)})
    left = [(e, sorted(e.free_symbols, key=sympy.default_sort_key)) for e in numerators(expression)]
    return all(not sympy.ring(v, sympy.QQ)[0].from_expr(e) if v else e == 0 for e, v in left)


def prove_derivatives(statement: str, loss: sympy.Expr, variables: Array, derivatives: Any) -> Proof:
    """A `Proof` that ∂loss/∂v is the derivative given, for each v of an array of symbols; else `Disproof`.

    A layer's settings may be floating-point numbers: a rate of 0.25 is taken for 1/4.

    >>> from lstm_core import symbols
    >>> x = symbols.array("x", 2)
    >>> prove_derivatives("d(x·x) = 2x", (x * x).sum(), x, 2 * x).statement
    'd(x·x) = 2x'
    """
    start, derivatives = time.perf_counter(), np.asarray(derivatives)
    if derivatives.ndim == 0:  # a cell's plain 0
        derivatives = derivatives.reshape(variables.shape)
    if derivatives.shape != variables.shape:
        raise Disproof(f"{statement}: expected shape {variables.shape}, got {derivatives.shape}")
    loss = fractions(loss)
    for index, v in np.ndenumerate(variables):
        if not is_zero(loss.diff(v) - fractions(derivatives[index])):
            raise Disproof(f"{statement} does not hold for {v}")
    return Proof(statement, time.perf_counter() - start)
