"""Rung 2: for a cell that probes every product and index, the scan's `backward` is the derivative of its `forward`."""

from collections.abc import Callable

import numpy as np

from lstm_core import scan, symbols
from lstm_core.cells import Cell, Stage
from lstm_core.checks import brief, check_cell, check_count, check_kind, check_mask
from lstm_core.types import Array

from .exact import exact_ring
from .proof import Proof, prove_derivatives

# A polynomial cell that no product or index of the scan can hide from: two stages of unlike size, one gate without
# input, two states, two own parameters, every input used, and da different from du. It is linear in the state, so that
# the polynomials stay small.


def _probe_first_step(a, u, s, p, tanh):
    (a_0,), (u_0, u_1), (h, c), (p_0, p_1) = a, u, s, p
    return (a_0 * c + u_1, c + 2 * u_0 + p_0 * h, p_1 * h), (a_0, h, c)


def _probe_first_back(ds, kept, p):
    (dq, dc, dr), (a_0, h, c), (p_0, p_1) = ds, kept, p
    return (dq * c,), (2 * dc, dq), (dc * p_0 + dr * p_1, dc + dq * a_0), (dc * h, dr * h)


def _probe_second_step(a, u, s, p, tanh):
    (a_1,), (u_2,), (q, c, r), (p_0, _) = a, u, s, p
    return (u_2 + 3 * a_1 + p_0 * q + r, c), (q,)


def _probe_second_back(ds, kept, p):
    (dh, dc), (q,), (p_0, _) = ds, kept, p
    return (3 * dh,), (dh,), (dh * p_0, dc, dh), (dh * q, 0 * dh)


PROBE = Cell("probe", [
    Stage("01", _probe_first_step, _probe_first_back, inputs="0", name="first"),
    Stage("2", _probe_second_step, _probe_second_back, name="second"),
], states="hc", own="01")  # fmt: skip


def prove_scan(
    forward: Callable = scan.forward,
    backward: Callable = scan.backward,
    cell: Cell = PROBE,
    T: int = 2,
    D: int = 2,
    H: int = 2,
    B: int = 2,
    mask: Array | None = None,
) -> list[Proof]:
    """Rung 2: `backward` is the derivative of `forward`, exactly, for T steps of `cell`.

    Every element of W, R, b, p, x and of the initial state is its own symbol, and so is the upstream gradient of every
    h_t and of the final state: their weighted sum is the loss. For the polynomial `PROBE` the symbols are
    indeterminates of a sparse polynomial ring, which is fast; for another cell they are SymPy's. The mask is one of
    `scan.forward`, of booleans.
    Returns a list of `Proof`; raises `Disproof` at the first array that fails.

    >>> [proof.statement for proof in prove_scan()][0]
    'scan of probe, T=2: ∂loss/∂W = dW'
    """
    check_kind("forward", forward, Callable, "a function such as scan.forward")
    check_kind("backward", backward, Callable, "a function such as scan.backward")
    check_cell(cell)
    T, D, H, B = (check_count(letter, n) for letter, n in {"T": T, "D": D, "H": H, "B": B}.items())
    if mask is not None:
        check_mask(mask, T, B, len(cell.states), H)
    parameters = scan.parameter_shapes(cell, D, H)
    state = {f"s{k}": (H, B) for k in range(len(cell.states))}
    shapes = parameters | {"x": (T, D, B)} | state | {"dh": (T, H, B)} | {f"d{k}": s for k, s in state.items()}
    V = {name: symbols.array(name, *shape) for name, shape in shapes.items()}
    if cell is PROBE:
        ring = exact_ring([v for array in V.values() for v in array.flat])
        V = {name: np.frompyfunc(ring.from_expr, 1, 1)(array) for name, array in V.items()}

    P, dstate = {name: V[name] for name in parameters}, tuple(V[f"d{name}"] for name in state)
    masked = {} if mask is None else {"mask": mask}  # a scan of the reader's own may know no masks
    h, final, cache = _three("forward", forward(cell, P, V["x"], tuple(V[name] for name in state), **masked))
    loss = (V["dh"] * h).sum() + sum((d * s).sum() for d, s in zip(dstate, final, strict=True))
    grads, dx, dstate0 = _three("backward", backward(cell, P, cache, V["dh"], dstate))
    found = {**grads, "x": dx, **dict(zip(state, dstate0, strict=True))}
    statement = f"scan of {cell.name}, T={T}{'' if mask is None else ', masked'}: "
    every = [*parameters, "x", *state]  # what is missing has no shape
    return [prove_derivatives(f"{statement}∂loss/∂{v} = d{v}", loss, V[v], found.get(v, ())) for v in every]


def _three(name, found):
    """What a scan's function returned; TypeError unless it is three things."""
    if not isinstance(found, tuple) or len(found) != 3:
        raise TypeError(f"{name}: expected a function that returns three things, as of scan, got {brief(found)}")
    return found
