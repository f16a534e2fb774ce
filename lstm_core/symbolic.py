"""Proofs: the shipped code run on symbols, and compared with the derivative.

Rung 1, `prove_cell`: for arbitrary state, parameters and upstream gradient, `back` is the derivative of `step`.
Rung 2, `prove_scan`: for a cell that probes every product and index, `backward` is the derivative of `forward`.
Both are exact; nothing is sampled, and nothing is proven about a copy of the code.
"""

import time
from typing import NamedTuple

import numpy as np
import sympy

from . import scan
from .cells import Cell


class _Namespace:
    """NumPy for arrays of symbols: NumPy itself, with SymPy's functions where NumPy has no answer."""

    __name__ = "symbols"
    tanh = staticmethod(np.frompyfunc(sympy.tanh, 1, 1))

    def __getattr__(self, name):
        return getattr(np, name)


namespace = _Namespace()


class Proof(NamedTuple):
    """One proven statement and the seconds it took."""

    statement: str
    seconds: float


class Disproof(AssertionError):
    """The code is not the derivative it claims to be; says of what, and what is left over."""


def symbols(name, *shape):
    """Array of distinct real SymPy symbols, one for each element: `symbols("a", 4, 1, 1)`."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = sympy.Symbol("_".join([name, *map(str, index)]), real=True)
    return array


def is_zero(expression):
    """Whether a rational expression in symbols and tanh(·) is identically zero. Exact, without `simplify`.

    Each distinct tanh(·) becomes an indeterminate, and the numerator a polynomial with rational coefficients. A zero
    polynomial proves the identity. (The reverse would need the tanhs to be independent; not being zero is reported
    as failure, which is on the safe side.)
    """
    tanhs = sorted(expression.atoms(sympy.tanh), key=sympy.default_sort_key)
    expression = expression.xreplace({f: sympy.Dummy(f"tanh{k}") for k, f in enumerate(tanhs)})
    numerator, _ = sympy.fraction(sympy.together(expression))
    generators = sorted(numerator.free_symbols, key=sympy.default_sort_key)
    if not generators:
        return numerator == 0
    return not sympy.ring(generators, sympy.QQ)[0].from_expr(numerator)


def prove_cell(cell):
    """Rung 1: `cell.back` is the derivative of `cell.step`, for all values of all variables.

    With symbols a, u (G), s, p and upstream w, checks ∂(Σ_k w_k s'_k)/∂v - back_v ≡ 0 for every v among a, u, s, p.
    The cell is elementwise, so one hidden unit and one example stand for any number of them.
    Returns a list of `Proof`; raises `Disproof` at the first variable that fails.
    """
    a, u = symbols("a", cell.gates, 1, 1), symbols("u", cell.gates, 1, 1)
    s, p = symbols("s", cell.states, 1, 1), symbols("p", cell.own, 1, 1)
    w = symbols("w", cell.states, 1, 1)
    after, saved = cell.step(a, u, tuple(s), tuple(p), namespace.tanh)
    grads = cell.back(tuple(w), saved, tuple(p))
    loss = sum((w_k * s_k).item() for w_k, s_k in zip(w, after, strict=True))

    proofs = []
    for name, variables, derivatives in zip("ausp", (a, u, s, p), grads, strict=True):
        for v, derivative in zip(variables, derivatives, strict=True):
            start, v = time.perf_counter(), v.item()
            rest = sympy.diff(loss, v) - sympy.sympify(np.asarray(derivative).item())
            if not is_zero(rest):
                raise Disproof(f"cell {cell.name}: d{name} is not the derivative with respect to {v}: off by {rest}")
            proofs.append(Proof(f"cell {cell.name}: ∂(Σ w·s')/∂{v.name} = d{name}", time.perf_counter() - start))
    return proofs


# ---- rung 2 -----------------------------------------------------------------------------------------------
# A polynomial cell that no product or index of the scan can hide from: two gates, two states, two own parameters,
# every input used, and da different from du. It is linear in the state, so that the polynomials stay small.


def _probe_step(a, u, s, p, tanh):
    a_0, a_1 = a
    u_0, u_1 = u
    h, c = s
    p_0, p_1 = p
    c_new = a_0 * c + u_0 + p_0 * h
    h_new = c_new + a_1 * u_1 + p_1 * c
    return (h_new, c_new), (a_0, a_1, u_1, h, c)


def _probe_back(ds, saved, p):
    dh, dc = ds
    a_0, a_1, u_1, h, c = saved
    p_0, p_1 = p
    dc = dc + dh
    return (dc * c, dh * u_1), (dc, dh * a_1), (dc * p_0, dc * a_0 + dh * p_1), (dc * h, dh * c)


PROBE = Cell(gates=2, own=2, states=2, step=_probe_step, back=_probe_back, name="probe")


def prove_scan(forward=scan.forward, backward=scan.backward, T=2, D=2, H=2, B=1, cell=PROBE):
    """Rung 2: `backward` is the derivative of `forward`, exactly, for T steps of the polynomial `cell`.

    Every element of W, R, b, p, x and of the initial state is its own indeterminate of a sparse polynomial ring, and
    so is the upstream gradient of every h_t and of the final state: their weighted sum is the loss.
    Returns a list of `Proof`; raises `Disproof` at the first array that fails.
    """
    shapes = scan.parameter_shapes(cell, D, H) | {"x": (T, D, B), "dh": (T, H, B)}
    shapes |= {f"s{k}": (H, B) for k in range(cell.states)} | {f"ds{k}": (H, B) for k in range(cell.states)}
    names = [f"{name}_{k}" for name, shape in shapes.items() for k in range(np.prod(shape))]
    generators = iter(sympy.ring(names, sympy.QQ)[1:])
    V = {}
    for name, shape in shapes.items():
        V[name] = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            V[name][index] = next(generators)

    P = {name: V[name] for name in ("W", "R", "b", "p")}
    state, dstate = (tuple(V[f"{s}{k}"] for k in range(cell.states)) for s in ("s", "ds"))
    h, final, cache = forward(cell, P, V["x"], state)
    loss = (V["dh"] * h).sum() + sum((d * s).sum() for d, s in zip(dstate, final, strict=True))
    grads, dx, dstate0 = backward(cell, P, cache, V["dh"], dstate)

    proofs = []
    for name, derivative in {**grads, "x": dx, **{f"s{k}": d for k, d in enumerate(dstate0)}}.items():
        start = time.perf_counter()
        if derivative.shape != V[name].shape:
            raise Disproof(f"scan: d{name} has shape {derivative.shape}, {name} has {V[name].shape}")
        for index in np.ndindex(*V[name].shape):
            if loss.diff(V[name][index]) != derivative[index]:
                raise Disproof(f"scan: d{name}{list(index)} is not the derivative with respect to {V[name][index]}")
        proofs.append(Proof(f"scan, T={T}: ∂loss/∂{name} = d{name}", time.perf_counter() - start))
    return proofs
