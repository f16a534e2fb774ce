"""Proofs: the shipped code run on symbols, and compared with the derivative.

Rung 1, `prove_cell`: for arbitrary state, parameters and upstream gradient, `back` is the derivative of `step`.
Rung 2, `prove_scan`: for a cell that probes every product and index, `backward` is the derivative of `forward`.
Both are exact; nothing is sampled, and nothing is proven about a copy of the code.
"""

import time
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import sympy
from sympy.polys.rings import PolyElement

from . import scan
from .cells import Cell


class positive(sympy.Function):
    """The `positive` of `cells`, 1 where x > 0, else 0, on symbols; its derivative is 0.

    That is so for x ≠ 0 only: what is proven of a relu holds where its argument is not 0. At the kink there is no
    derivative, and the code takes 0.
    """

    def fdiff(self, argindex=1):
        return sympy.Integer(0)


class _Namespace:
    """NumPy for arrays of symbols: NumPy itself, with SymPy's functions where NumPy has no answer."""

    __name__ = "symbols"
    tanh, exp, log = (staticmethod(np.frompyfunc(f, 1, 1)) for f in (sympy.tanh, sympy.exp, sympy.log))

    @staticmethod
    def heaviside(x, _):
        return np.frompyfunc(positive, 1, 1)(x)

    @staticmethod
    def max(x, axis, keepdims):
        """Which symbol is the largest cannot be known: another symbol stands for it (see `prove_loss`)."""
        return symbols("max", *np.sum(x, axis=axis, keepdims=keepdims).shape)

    def __getattr__(self, name):
        return getattr(np, name)


namespace = _Namespace()


class Proof(NamedTuple):
    """One proven statement and the seconds it took."""

    statement: str
    seconds: float


class Disproof(AssertionError):
    """The code is not the derivative it claims to be; says of what."""


def symbols(name, *shape):
    """Array of distinct real SymPy symbols, one for each element: `symbols("a", 4, 1, 1)`."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = sympy.Symbol("_".join([name, *map(str, index)]), real=True)
    return array


def is_zero(expression):
    """Whether a polynomial, or a rational expression in symbols and functions of them, is identically zero. Exact.

    No `simplify`: each distinct tanh(·), exp(·), … becomes an indeterminate (exp(2x) that of exp(x), squared), and the
    numerator a polynomial with rational coefficients. A zero polynomial proves the identity. (The reverse would need
    the functions to be independent; not being zero is reported as failure, which is on the safe side.)
    """
    if isinstance(expression, PolyElement):
        return not expression
    expression = sympy.sympify(expression)
    bases = defaultdict(sympy.Dummy)
    powers = {e: bases[e.args[0].primitive()[1]] ** e.args[0].primitive()[0] for e in expression.atoms(sympy.exp)}
    functions = sorted(expression.atoms(sympy.Function) - powers.keys(), key=sympy.default_sort_key)
    expression = expression.xreplace(powers | {f: sympy.Dummy(f"f{k}") for k, f in enumerate(functions)})
    numerator, _ = sympy.fraction(sympy.together(expression))
    generators = sorted(numerator.free_symbols, key=sympy.default_sort_key)
    if not generators:
        return numerator == 0
    return not sympy.ring(generators, sympy.QQ)[0].from_expr(numerator)


def _prove(statement, loss, variables, derivatives):
    """A `Proof` that ∂loss/∂v is the derivative given, for each v of an array of symbols; else `Disproof`."""
    start, derivatives = time.perf_counter(), np.asarray(derivatives)
    if derivatives.ndim == 0:  # a cell's plain 0
        derivatives = derivatives.reshape(variables.shape)
    if derivatives.shape != variables.shape:
        raise Disproof(f"{statement}: expected shape {variables.shape}, got {derivatives.shape}")
    for index, v in np.ndenumerate(variables):
        if not is_zero(loss.diff(v) - derivatives[index]):
            raise Disproof(f"{statement} does not hold for {v}")
    return Proof(statement, time.perf_counter() - start)


def prove_cell(cell):
    """Rung 1: `cell.back` is the derivative of `cell.step`, for all values of all variables.

    With symbols a, u (G), s, p and upstream w, proves ∂(Σ_k w_k s'_k)/∂v = dv for every v among a, u, s, p.
    The cell is elementwise, so one hidden unit and one example stand for any number of them. A cell of several stages
    is proven stage by stage.
    Returns a list of `Proof`; raises `Disproof` at the first variable that fails.
    """
    if cell.stages:
        return [proof for stage in cell.stages for proof in prove_cell(stage)]
    a, u = symbols("a", scan.inputs(cell), 1, 1), symbols("u", cell.gates, 1, 1)
    s, p = symbols("s", cell.states, 1, 1), symbols("p", cell.own, 1, 1)
    after, saved = cell.step(a, u, tuple(s), tuple(p), namespace.tanh)
    w = symbols("w", len(after), 1, 1)
    grads = cell.back(tuple(w), saved, tuple(p))
    loss = sum((w_k * s_k).item() for w_k, s_k in zip(w, after, strict=True))
    return [
        _prove(f"cell {cell.name}: ∂(Σ w·s')/∂{name}_{k} = d{name}_{k}", loss, v, dv)
        for name, variables, derivatives in zip("ausp", (a, u, s, p), grads, strict=True)
        for k, (v, dv) in enumerate(zip(variables, derivatives, strict=True))
    ]


def prove_layer(layer, T=2, B=2):
    """The backward pass of a `Layer` is the derivative of its forward pass, for arbitrary input, parameters, upstream.

    For layers without a state: `dense`, `last`. Returns a list of `Proof`; raises `Disproof`.
    """
    P = {name: symbols(name, *shape) for name, shape in layer.shapes.items()}
    x = symbols("x", T, layer.features or 2, B)
    y, _, cache = layer.forward(P, x, ())
    dy = symbols("dy", *y.shape)
    grads, dx, _ = layer.backward(P, cache, dy, ())
    loss, variables = (dy * y).sum(), {**P, "x": x}
    return [
        _prove(f"layer {layer.name}: ∂(Σ dy·y)/∂{v} = d{v}", loss, variables[v], dv)
        for v, dv in {**grads, "x": dx}.items()
    ]


def prove_loss(loss, target):
    """The derivative dy that a loss returns is the derivative of its value, for C = 3 arbitrary outputs a column.

    target: (T, B) labels, or None for a loss of values: then it is (T, 3, B) symbols, T = B = 2.
    If the loss takes a maximum over classes, that is one more symbol, and the value is proven not to depend on it.
    Returns a `Proof`; raises `Disproof`.
    """
    T, B = (2, 2) if target is None else target.shape
    y = symbols("y", T, 3, B)
    value, dy = loss(y, symbols("t", T, 3, B) if target is None else target)
    shifts = [v for v in value.free_symbols if v.name.startswith("max_")]
    _prove(f"loss {loss.__name__}: ∂loss/∂max = 0", value, np.array(shifts, object), np.zeros(len(shifts), int))
    return _prove(f"loss {loss.__name__}: ∂loss/∂y = dy", value, y, dy)


# ---- rung 2 -----------------------------------------------------------------------------------------------
# A polynomial cell that no product or index of the scan can hide from: two stages of unlike size, one gate without
# input, two states, two own parameters, every input used, and da different from du. It is linear in the state, so that
# the polynomials stay small.


def _probe_first_step(a, u, s, p, tanh):
    (a_0,) = a
    u_0, u_1 = u
    h, c = s
    p_0, p_1 = p
    return (a_0 * c + u_1, c + 2 * u_0 + p_0 * h, p_1 * h), (a_0, h, c)


def _probe_first_back(ds, saved, p):
    dq, dc, dr = ds
    a_0, h, c = saved
    p_0, p_1 = p
    return (dq * c,), (2 * dc, dq), (dc * p_0 + dr * p_1, dc + dq * a_0), (dc * h, dr * h)


def _probe_second_step(a, u, s, p, tanh):
    (a_1,), (u_2,) = a, u
    q, c, r = s
    p_0, _ = p
    return (u_2 + 3 * a_1 + p_0 * q + r, c), (q,)


def _probe_second_back(ds, saved, p):
    dh, dc = ds
    (q,) = saved
    p_0, _ = p
    return (3 * dh,), (dh,), (dh * p_0, dc, dh), (dh * q, 0 * dh)


_FIRST = Cell(gates=2, own=2, states=2, step=_probe_first_step, back=_probe_first_back, name="probe, first", inputs=1)
_SECOND = Cell(gates=1, own=2, states=3, step=_probe_second_step, back=_probe_second_back, name="probe, second")
PROBE = Cell(gates=3, own=2, states=2, step=None, back=None, name="probe", stages=(_FIRST, _SECOND), inputs=2)


def prove_scan(forward=scan.forward, backward=scan.backward, cell=PROBE, T=2, D=2, H=2, B=2, mask=None):
    """Rung 2: `backward` is the derivative of `forward`, exactly, for T steps of `cell`.

    Every element of W, R, b, p, x and of the initial state is its own symbol, and so is the upstream gradient of every
    h_t and of the final state: their weighted sum is the loss. For the polynomial `PROBE` the symbols are
    indeterminates of a sparse polynomial ring, which is fast; for another cell they are SymPy's. The mask is one of
    `scan.forward`, of booleans.
    Returns a list of `Proof`; raises `Disproof` at the first array that fails.
    """
    parameters = scan.parameter_shapes(cell, D, H)
    state = {f"s{k}": (H, B) for k in range(cell.states)}
    shapes = parameters | {"x": (T, D, B)} | state | {"dh": (T, H, B)} | {f"d{k}": s for k, s in state.items()}
    V = {name: symbols(name, *shape) for name, shape in shapes.items()}
    if cell is PROBE:
        ring = sympy.ring([v for array in V.values() for v in array.flat], sympy.QQ)[0]
        V = {name: np.frompyfunc(ring.from_expr, 1, 1)(array) for name, array in V.items()}

    P, dstate = {name: V[name] for name in parameters}, tuple(V[f"d{name}"] for name in state)
    masked = {} if mask is None else {"mask": mask}  # a scan of the reader's own may know no masks
    h, final, cache = forward(cell, P, V["x"], tuple(V[name] for name in state), **masked)
    loss = (V["dh"] * h).sum() + sum((d * s).sum() for d, s in zip(dstate, final, strict=True))
    grads, dx, dstate0 = backward(cell, P, cache, V["dh"], dstate)
    found = {**grads, "x": dx, **dict(zip(state, dstate0, strict=True))}
    statement = f"scan of {cell.name}, T={T}{'' if mask is None else ', masked'}: "
    return [_prove(f"{statement}∂loss/∂{v} = d{v}", loss, V[v], dv) for v, dv in found.items()]
