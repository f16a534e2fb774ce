"""The scan: carries any cell through time and back, and owns every matrix product.

There is one loop of backpropagation through time in this package, and it is `backward`. Shapes: T time steps,
B examples (columns), D input features, H hidden units, G gates, K own parameters of the cell.

    P: W (G*H, D)   R (G*H, H)   b (G*H, 1)   p (K, H, 1), may be left out: then p = 0

(W and b have H rows for each of a cell's `inputs`, R for each of its `recurs`; where there are none there is no R.)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ._chunks import chunks, columns, countdown, flat, parts_of, put, steps_of
from .arrays import ZERO, namespace
from .cells import Cell
from .checks import (
    brief,
    check_cell,
    check_count,
    check_dtype,
    check_flag,
    check_floating,
    check_kind,
    check_mask,
    check_shape,
    listed,
)
from .types import Array, Arrays, Shape, State


class Cache(NamedTuple):
    """What `forward` keeps for `backward`.

    x, mask: as they were handed in, (T, D, B) and (T, B) or None
    read:    what the products read, (T + 1, H + D + 1 + …, B): of each step h_{t-1}, x_t, a row of ones, and what each
             stage hands over to the next, one above the other; the last, step T + 1, is for h_T
    steps:   for each step t, a tuple with what each stage's `step` kept, a named tuple such as `cells.LSTMKept`; no
             steps if nothing was to be kept

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.LSTM, 2, 3).items()}
    >>> h, state, cache = scan.forward(cells.LSTM, P, np.ones((5, 2, 1)))
    >>> len(cache.steps), cache.mask is None
    (5, True)
    >>> cache.steps[0][0].f[0]  # the forget gate of unit 1 at step 1, in the cell's only stage
    array([0.5])
    """

    x: Array
    mask: Array | None
    read: Array
    steps: list[tuple[Any, ...]]

    def planes(self, name: str) -> Array:
        """What the cell kept as `name` at every step: `cache.planes("c")` is c_1, ..., c_T, (T, H, B).

        Where several stages kept it, it is the last one's. Raises ValueError if none did.

        >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.LSTM, 2, 3).items()}
        >>> _, _, cache = scan.forward(cells.LSTM, P, np.ones((5, 2, 1)))
        >>> cache.planes("c").shape
        (5, 3, 1)
        """
        check_kind("name", name, str, "the name of something that the cell kept")
        found = [[getattr(kept, name) for kept in step if name in getattr(kept, "_fields", ())] for step in self.steps]
        if not any(found):
            raise ValueError(f"name: expected something that the cell kept at each step, got {brief(name)}")
        return namespace(self.x).stack([of_step[-1] for of_step in found])


def forward(
    cell: Cell, P: Arrays, x: Array, state: State | None = None, keep: bool = True, mask: Array | None = None
) -> tuple[Array, tuple[Array, ...], Cache]:
    """Run `cell` over a sequence.

    x:      (T, D, B)
    state:  initial state, a tuple with an array (H, B) for each of `cell.states`; zeros if None
    keep:   whether `backward` will follow; if not, the steps' intermediate values are not kept
    mask:   (T, B) booleans: where there is no step, the state stays as it was, whatever (finite) stands in x there;
            or so for each unit of each of `cell.states`, (S, T, H, B). None: every step is there
    returns h (T, H, B), the final state, and the `Cache` that `backward` needs

    h and the final state may share memory with the cache: do not write into them before `backward`.
    Raises ValueError for a wrong shape or name, TypeError for mixed dtypes or mixed array modules.

    >>> T, B, D, H = 5, 2, 3, 4
    >>> shapes = scan.parameter_shapes(cells.LSTM, D, H)
    >>> P = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    >>> h, (h_T, c_T), cache = scan.forward(cells.LSTM, P, rng.standard_normal((T, D, B)))
    >>> h.shape, c_T.shape
    ((5, 4, 2), (4, 2))
    """
    xp, state = check_forward(cell, P, x, state, keep, mask)
    T, D, B = x.shape
    H = state[0].shape[0]
    p, masks, (parts, x_1) = _own(cell, P), _of_each(cell, mask), parts_of(xp, cell, P, H)

    read = xp.zeros((T + 1, len(parts) * H + D + 1, B), x.dtype)  # h_{t-1}, x_t, 1, and what later stages read
    read[0, :H], read[:T, H : H + D], read[:, H + D] = state[0], x, 1
    steps = []
    for t in range(T):
        state, kept_t = (read[t, :H], *state[1:]), ()
        before = state
        for part in parts:
            read[t, part.q] = state[0]  # h_{t-1}, or what the stage before hands over
            a = ZERO if part.W_b is None else (part.W_b @ read[t, x_1]).reshape(-1, H, B)  # scan-a
            u = (part.R @ read[t, part.reads]).reshape(-1, H, B)  # scan-u
            state, kept = part.stage.step(a, u, state, p, xp.tanh)
            kept_t = (*kept_t, kept)
        if mask is not None:
            state = tuple(xp.where(v[t], s, old) for v, s, old in zip(masks, state, before))  # scan-mask, scan-mask-c
        read[t + 1, :H] = state[0]
        if keep:
            steps.append(kept_t)
    return read[1:, :H], state, Cache(x, mask, read, steps)


def backward(
    cell: Cell, P: Arrays, cache: Cache, dh: Array, dstate: State | None = None, inputs: bool = True
) -> tuple[dict[str, Array], Array | None, tuple[Array, ...]]:
    """Backpropagation through time (Werbos 1990): the exact derivative of `forward`.

    dh:     (T, H, B), derivative of the loss with respect to every h_t
    dstate: derivative with respect to the final state, a tuple like the state; zeros if None
    inputs: whether dx is asked for; if not, it is None
    returns grads (a dict like P), dx (T, D, B), dstate0 (a tuple like the state)

    Raises as `forward` does.

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.RNN, 3, 4).items()}
    >>> h, state, cache = scan.forward(cells.RNN, P, np.ones((5, 3, 2)))
    >>> grads, dx, dstate0 = scan.backward(cells.RNN, P, cache, dh=np.ones_like(h))
    >>> grads["b"].ravel()  # 5 steps of 2 examples, each with the slope 1 of tanh at 0
    array([10., 10., 10., 10.])
    """
    xp, (T, D, H), ds = _check_backward(cell, P, cache, dh, dstate, inputs)
    x, mask, read, steps = cache
    p, masks, (parts, x_1) = _own(cell, P), _of_each(cell, mask), parts_of(xp, cell, P, H)

    dR_parts = [xp.zeros_like(part.R) for part in parts]  # of [R W b], where one product reads all
    dx: Any = xp.empty_like(x) if inputs else None
    da_chunk, du_chunk = chunks(xp, cell, dh)
    dW_b: Any = 0 if da_chunk is not None else dR_parts[0][:, x_1]
    dp_planes = xp.zeros((len(P.get("p", ())), *dh.shape[1:]), dh.dtype)
    for t, k, n in countdown(T):
        ds = (ds[0] + dh[t], *ds[1:])  # scan-dh
        if mask is not None:
            skipped = tuple(xp.where(v[t], 0, d) for v, d in zip(masks, ds))  # scan-dh-mask
            ds = tuple(xp.where(v[t], d, 0) for v, d in zip(masks, ds))  # scan-dh-hat, scan-dc-hat
        for part, kept in zip(reversed(parts), reversed(steps[t])):
            da, du, ds, dp = part.stage.back(ds, kept, p)
            put(du_chunk, part.recurs, k, du)
            put(da_chunk, part.inputs, k, da)
            du = flat(du_chunk[part.recurs, :, k])
            ds = (part.own.T @ du + ds[0], *ds[1:])  # scan-dh
            for plane, dp_k in zip(dp_planes, dp):
                plane += dp_k  # scan-dp
        if mask is not None:
            ds = tuple(d + past for d, past in zip(ds, skipped))  # scan-dh-mask
        if n:  # n steps are a chunk. Every += is a sum over paths: the same parameter acts at every t
            du, read_n = flat(du_chunk[:, :, :n]), columns(read, t, n)
            da = flat(da_chunk[:, :, :n]) if da_chunk is not None else du
            for part, dR in zip(parts, dR_parts):
                dR += du[part.rows] @ read_n[part.reads].T  # scan-dR
            if da_chunk is not None:
                dW_b += da @ read_n[x_1].T  # scan-dW, scan-db
            if inputs:
                dx[t : t + n] = steps_of(P["W"].T @ da, n)  # scan-dx
    dp = dp_planes.sum(axis=2, keepdims=True)  # scan-dp
    grads = {"W": dW_b[:, :D], "R": xp.concatenate([dR[:, :H] for dR in dR_parts]), "b": dW_b[:, D:], "p": dp}
    return {name: grads[name] for name in P}, dx, ds


def _of_each(cell, mask):
    """The mask of each array of the state: for all the same (T, B), or for each its own (T, H, B)."""
    return [mask] * len(cell.states) if mask is None or mask.ndim == 2 else mask


def _own(cell, P):
    """The cell's own parameters p, a vector (H, 1) each; 0 where P has none."""
    return P.get("p", (ZERO,) * len(cell.own))


def parameter_shapes(cell: Cell, features: int, hidden: int, own: bool = True) -> dict[str, Shape]:
    """Names and shapes of P for `cell` with D = `features`, H = `hidden`; without `p` if `own` is False.

    A cell none of whose gates sees the recurrent product has no R.

    >>> scan.parameter_shapes(cells.LSTM, features=2, hidden=3)
    {'W': (12, 2), 'R': (12, 3), 'b': (12, 1), 'p': (3, 3, 1)}
    """
    check_cell(cell)
    features, hidden, own = check_count("features", features), check_count("hidden", hidden), check_flag("own", own)
    W, R, p = len(cell.inputs) * hidden, len(cell.recurs) * hidden, len(cell.own) if own else 0  # rows
    shapes: dict[str, Shape] = {"W": (W, features), "R": (R, hidden), "b": (W, 1), "p": (p, hidden, 1)}
    return {name: shape for name, shape in shapes.items() if shape[0]}


def check_forward(cell: Cell, P: Mapping, x: Any, state: Any, keep: bool, mask: Any) -> tuple[Any, tuple]:
    """The array module and the initial state, zeros for None. Raises ValueError or TypeError as `forward` does.

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.RNN, 2, 3).items()}
    >>> xp, state = scan.check_forward(cells.RNN, P, np.zeros((4, 2, 5)), None, True, None)
    >>> xp is np, state[0].shape
    (True, (3, 5))
    """
    check_cell(cell)
    check_flag("keep", keep)
    xp = _namespace(P, "state", state, x=x, **({} if mask is None else {"mask": mask}))
    check_floating("x", x)
    T, D, B = check_shape("x", x, {"T": None, "D": None, "B": None})
    H = _check_parameters(cell, P, D, x.dtype)
    if mask is not None:
        check_mask(mask, T, B, len(cell.states), H)
    return xp, _check_state("state", cell, state, xp, H, B, x.dtype)


def check_cache(cache: Cache) -> None:
    """Raise TypeError unless `cache` is a `Cache`, of this module or of a reader's copy of it.

    >>> scan.check_cache("c")
    Traceback (most recent call last):
    TypeError: cache: expected the Cache of forward, got 'c'
    """
    if getattr(cache, "_fields", None) != Cache._fields or not isinstance(cache, tuple):
        raise TypeError(f"cache: expected the Cache of forward, got {brief(cache)}")


def _check_parameters(cell, P, D, dtype):
    """The hidden units H of P. Raises ValueError or TypeError unless P is one for `cell`, D features and `dtype`."""
    shapes = parameter_shapes(cell, D, 1, own="p" in P)
    if P.keys() != shapes.keys():
        raise ValueError(f"P: expected the names {listed(shapes)} for cell {cell.name}, got {listed(P)}")
    H = check_shape("P['b']", P["b"], {"G*H": None, "1": 1})[0] // len(cell.inputs) or 1
    for name, shape in parameter_shapes(cell, D, H, own="p" in P).items():
        letters = ("K", "H", "1") if name == "p" else ("G*H", {"W": "D", "R": "H", "b": "1"}[name])
        check_shape(f"P[{name!r}]", P[name], dict(zip(letters, shape, strict=True)))
        check_dtype(f"P[{name!r}]", P[name], dtype)
    return H


def _check_backward(cell, P, cache, dh, dstate, inputs):
    check_cell(cell)
    check_cache(cache)
    check_flag("inputs", inputs)
    x = cache.x
    xp = _namespace(P, "dstate", dstate, x=x, dh=dh)
    T, D, B = x.shape
    H = _check_parameters(cell, P, D, x.dtype)
    if len(cache.steps) != T:
        raise ValueError("cache: expected one that forward has kept, got that of a run with keep=False")
    if len(cache.steps[0]) != len(cell.stages):
        raise ValueError(f"cache: expected that of cell {cell.name}, got that of another")
    check_shape("dh", dh, {"T": T, "H": H, "B": B})
    check_dtype("dh", dh, x.dtype)
    return xp, (T, D, H), _check_state("dstate", cell, dstate, xp, H, B, x.dtype)


def _namespace(P, name, state, **arrays):
    check_kind("P", P, Mapping, "a dict of arrays")
    sequence = isinstance(state, tuple | list) or (isinstance(state, np.ndarray) and state.ndim)
    if state is not None and not sequence:
        raise TypeError(f"{name}: expected a tuple of arrays, got {brief(state)}")
    arrays |= {f"P[{key!r}]": array for key, array in P.items()}
    return namespace(**arrays, **{f"{name}[{k}]": array for k, array in enumerate(() if state is None else state)})


def _check_state(name, cell, state, xp, H, B, dtype):
    if state is None:
        return tuple(xp.zeros((H, B), dtype) for _ in cell.states)
    if len(state) != len(cell.states):
        raise ValueError(f"{name}: expected {len(cell.states)} arrays for cell {cell.name}, got {len(state)}")
    for k, array in enumerate(state):
        check_shape(f"{name}[{k}]", array, {"H": H, "B": B})
        check_dtype(f"{name}[{k}]", array, dtype)
    return tuple(state)
