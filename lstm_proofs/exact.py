"""Exact numbers only: what is proven is true of rational numbers, and a floating-point number has been rounded."""

from collections.abc import Sequence
from typing import Any, NoReturn

import sympy
from sympy.polys.domains.rationalfield import RationalField
from sympy.polys.polyerrors import CoercionFailed
from sympy.polys.rings import PolyElement, PolyRing


class _Rationals(RationalField):
    """The rational numbers. Into these SymPy's own turn a floating-point number, 0.1 into 1/10; here it is an error."""

    def from_RealField(self, number: Any, field: Any) -> NoReturn:
        raise ValueError(inexact("polynomial", float(number)))

    def from_sympy(self, number: Any) -> Any:
        if number.is_Float:
            raise CoercionFailed(inexact("polynomial", float(number)))
        return super().from_sympy(number)


def exact_ring(variables: Sequence[sympy.Symbol]) -> PolyRing:
    """The polynomials in these symbols, with rational coefficients; a floating-point number is refused.

    >>> x = exact_ring(sympy.symbols("x y")).gens[0]
    >>> x / 2
    1/2*x
    >>> 0.5 * x
    Traceback (most recent call last):
    ValueError: polynomial: expected rational numbers, got the float 0.5; write x / 2 for 0.5 * x
    """
    return sympy.ring(variables, _Rationals())[0]


def inexact(name: str, number: float) -> str:
    """What the errors say.

    >>> inexact("half", 0.5)
    'half: expected rational numbers, got the float 0.5; write x / 2 for 0.5 * x'
    """
    return f"{name}: expected rational numbers, got the float {number}; write x / 2 for 0.5 * x"


def check_exact(name: str, *expressions: Any) -> None:
    """ValueError if there is a floating-point number in an expression, or in a polynomial's coefficients.

    Look at both sides of an equation before you subtract them: SymPy says 0, and not 0.0, where such numbers cancel.

    >>> check_exact("half", sympy.Rational(1, 2))
    >>> check_exact("half", 0.5)
    Traceback (most recent call last):
    ValueError: half: expected rational numbers, got the float 0.5; write x / 2 for 0.5 * x
    """
    for expression in expressions:
        if isinstance(expression, PolyElement):
            if not expression.ring.domain.is_Exact:
                raise ValueError(f"{name}: expected rational numbers, got a polynomial over {expression.ring.domain}")
        elif floats := sympy.sympify(expression).atoms(sympy.Float):
            raise ValueError(inexact(name, float(min(floats, key=sympy.default_sort_key))))


def fractions(expression: Any) -> Any:
    """The expression with a fraction for each floating-point number, the simple one that SymPy reads in it.

    For settings that users give so, such as rates and weights of classes.

    >>> fractions(0.25 * sympy.Symbol("x"))
    x/4
    """
    if isinstance(expression, PolyElement):
        return expression
    read = lambda number: sympy.QQ.to_sympy(sympy.QQ.convert(number))
    expression = sympy.sympify(expression)
    return expression.xreplace({number: read(number) for number in expression.atoms(sympy.Float)})


def numerators(expression: sympy.Expr) -> list[sympy.Expr]:
    """Polynomials that are all zero only if the expression is: its numerator, or parts of it where it has square roots.

    √x is an indeterminate s with s² = x: what stands with s⁰, s², … and what stands with s, s³, … have to vanish apart,
    and in both s² is x. Of one root inside another the outer one comes first.

    >>> x = sympy.Symbol("x")
    >>> root = sympy.sqrt(1 + x)
    >>> numerators(1 / x - 1), numerators(root**3 - root - x * root)
    ([1 - x], [0, 0])
    """
    roots = [e for e in expression.atoms(sympy.Pow) if e.exp.is_Rational and e.exp.q == 2]
    if not roots:
        return [sympy.fraction(sympy.together(expression))[0]]
    under, s = max(roots, key=lambda e: (e.count_ops(), str(e))).base, sympy.Dummy()
    powers = {e: s ** (2 * e.exp) for e in expression.atoms(sympy.Pow) if e.base == under and e.exp.is_Rational}
    numerator, _ = sympy.fraction(sympy.together(expression.xreplace(powers)))
    terms = sympy.Poly(numerator, s).terms()
    parts = [sum(c * under ** (n // 2) for (n,), c in terms if n % 2 == odd) for odd in (0, 1)]
    return [e for part in parts for e in numerators(sympy.sympify(part))]
