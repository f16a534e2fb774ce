"""Symbols: arrays of SymPy's symbols, on which the same code runs as on arrays of numbers.

`array("a", 4, 1, 1)` makes one; `namespace` computes on it, as NumPy does on numbers.
"""

import numbers

import numpy as np

try:
    import sympy
except ImportError as error:
    raise ImportError('symbols: need SymPy: pip install "lstm-core[proofs]"') from error


class positive(sympy.Function):
    """The `positive` of `cells`, 1 where x > 0, else 0, on symbols; its derivative is 0.

    That is so for x ≠ 0 only: what is proven of a relu holds where its argument is not 0. At the kink there is no
    derivative, and the code takes 0.

    >>> from lstm_core import symbols
    >>> symbols.positive(symbols.array("x", 1)[0])
    positive(x_0)
    """

    is_real = is_nonnegative = True

    @classmethod
    def eval(cls, x: sympy.Expr) -> sympy.Expr | None:
        """The value where the sign of `x` is known; None, for SymPy, where it is not.

        >>> from lstm_core import symbols
        >>> symbols.positive(sympy.Integer(3)), symbols.positive(sympy.Integer(0))
        (1, 0)
        """
        if x.is_positive or x.is_nonpositive:
            return sympy.Integer(1 if x.is_positive else 0)
        return None

    def fdiff(self, argindex: int = 1) -> sympy.Expr:
        """The derivative, for SymPy's `diff`: 0. Only `argindex` 1 is there.

        >>> from lstm_core import symbols
        >>> x = symbols.array("x", 1)[0]
        >>> symbols.positive(x).diff(x)
        0
        """
        return sympy.Integer(0)


def array(name: str, *shape: int) -> np.ndarray:
    """Array of distinct real SymPy symbols, one for each element: `array("a", 4, 1, 1)`.

    >>> from lstm_core import symbols
    >>> symbols.array("a", 2, 1)
    array([[a_0_0],
           [a_1_0]], dtype=object)
    """
    if not isinstance(name, str):
        raise TypeError(f"name: expected a word, got {type(name).__name__}")
    for n in shape:
        if isinstance(n, bool | np.timedelta64) or not isinstance(n, numbers.Integral) or not 0 <= n < 2**31:
            found = n if isinstance(n, int) and abs(n) < 2**63 else type(n).__name__
            raise ValueError(f"shape: expected integers >= 0, got {found}")
    symbols = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        symbols[index] = sympy.Symbol("_".join([name, *map(str, index)]), real=True)
    return symbols


class _Namespace:
    """NumPy for arrays of symbols: NumPy itself, with SymPy's functions where NumPy has no answer."""

    __name__ = "symbols"
    tanh, exp, log, sqrt = (
        staticmethod(np.frompyfunc(f, 1, 1)) for f in (sympy.tanh, sympy.exp, sympy.log, sympy.sqrt)
    )
    log1p = staticmethod(np.frompyfunc(lambda x: sympy.log(1 + x), 1, 1))

    @staticmethod
    def heaviside(x, _):
        return np.frompyfunc(positive, 1, 1)(x)

    @staticmethod
    def max(x, axis, keepdims):
        """Which symbol is the largest cannot be known: another symbol stands for it (see `lstm_proofs.prove_loss`)."""
        return array("max", *np.sum(x, axis=axis, keepdims=keepdims).shape)

    def __getattr__(self, name):
        return getattr(np, name)


namespace = _Namespace()
