"""The scan: carries any cell through time and back, and owns every matrix product.

There is one loop of backpropagation through time in this package, and it is `backward`. Shapes: T time steps,
B examples (columns), D input features, H hidden units, G gates, K own parameters of the cell.

    P: W (G*H, D)   R (G*H, H)   b (G*H, 1)   p (K, H, 1), may be left out: then p = 0

(W and b have H rows for each of a cell's `inputs`, R for each of its `recurs`.)
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

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


class Kept(NamedTuple):
    """What `forward` keeps of one stage at one step.

    q:    what the recurrent product read (H, B): h_{t-1}, or what the stage before handed over
    kept: what the stage's `step` kept, a named tuple such as `cells.LSTMKept`

    >>> lstm = cells.LSTM
    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(lstm, 2, 3).items()}
    >>> h, state, cache = scan.forward(lstm, P, np.ones((5, 2, 1)))
    >>> first = cache.steps[0][0]  # of step 1 the only stage
    >>> first.q.shape, first.kept.f[0]
    ((3, 1), array([0.5]))
    """

    q: Array
    kept: Any


class Cache(NamedTuple):
    """What `forward` keeps for `backward`.

    x, mask: as they were handed in, (T, D, B) and (T, B) or None
    steps:   for each step t, a tuple with one `Kept` for each stage; none if nothing was to be kept

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.RNN, 2, 3).items()}
    >>> _, _, cache = scan.forward(cells.RNN, P, np.ones((5, 2, 1)))
    >>> len(cache.steps), cache.mask is None
    (5, True)
    """

    x: Array
    mask: Array | None
    steps: list[tuple[Kept, ...]]

    def planes(self, name: str) -> Array:
        """What the cell kept as `name` at every step: `cache.planes("c")` is c_1, ..., c_T, (T, H, B).

        Where several stages kept it, it is the last one's. Raises ValueError if none did.

        >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.LSTM, 2, 3).items()}
        >>> _, _, cache = scan.forward(cells.LSTM, P, np.ones((5, 2, 1)))
        >>> cache.planes("c").shape
        (5, 3, 1)
        """
        check_kind("name", name, str, "the name of something that the cell kept")
        found = [[getattr(s.kept, name) for s in step if name in getattr(s.kept, "_fields", ())] for step in self.steps]
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
    T, _, B = x.shape
    H = P["R"].shape[1]
    p, stages, masks = _own(cell, P), _stages(cell, H), _of_each(cell, mask)

    a = P["W"] @ x  # all t in one product: scan-a
    a += P["b"]  # scan-a
    h = xp.empty((T + 1, H, B), x.dtype)  # h[0] is the initial state, h[t] the h_t of the equations
    h[0] = state[0]
    steps = []
    for t in range(T):
        state, kept_t = (h[t], *state[1:]), []
        before = state
        for stage, rows_W, rows_R in stages:
            q = state[0]  # h_{t-1}, or what the stage before hands over
            u = P["R"][rows_R] @ q  # scan-u
            a_t, u_t = a[t, rows_W].reshape(-1, H, B), u.reshape(-1, H, B)
            state, kept = stage.step(a_t, u_t, state, p, xp.tanh)
            kept_t.append(Kept(q, kept))
        if mask is not None:
            state = tuple(xp.where(v[t], s, old) for v, s, old in zip(masks, state, before))  # scan-mask, scan-mask-c
        h[t + 1] = state[0]
        if keep:
            steps.append(tuple(kept_t))
    return h[1:], state, Cache(x, mask, steps)


def backward(
    cell: Cell, P: Arrays, cache: Cache, dh: Array, dstate: State | None = None
) -> tuple[dict[str, Array], Array, tuple[Array, ...]]:
    """Backpropagation through time (Werbos 1990): the exact derivative of `forward`.

    dh:     (T, H, B), derivative of the loss with respect to every h_t
    dstate: derivative with respect to the final state, a tuple like the state; zeros if None
    returns grads (a dict like P), dx (T, D, B), dstate0 (a tuple like the state)

    Raises as `forward` does.

    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cells.RNN, 3, 4).items()}
    >>> h, state, cache = scan.forward(cells.RNN, P, np.ones((5, 3, 2)))
    >>> grads, dx, dstate0 = scan.backward(cells.RNN, P, cache, dh=np.ones_like(h))
    >>> grads["b"].ravel()  # 5 steps of 2 examples, each with the slope 1 of tanh at 0
    array([10., 10., 10., 10.])
    """
    xp, T, ds = _check_backward(cell, P, cache, dh, dstate)
    x, mask, steps = cache
    p, stages, masks = _own(cell, P), _stages(cell, P["R"].shape[1]), _of_each(cell, mask)

    grads = {name: xp.zeros_like(array) for name, array in P.items()}
    dx = xp.empty_like(x)
    for t in reversed(range(T)):
        ds = (ds[0] + dh[t], *ds[1:])  # scan-dh
        if mask is not None:
            skipped = tuple(xp.where(v[t], 0, d) for v, d in zip(masks, ds))  # scan-dh-mask
            ds = tuple(xp.where(v[t], d, 0) for v, d in zip(masks, ds))  # scan-dh-hat, scan-dc-hat
        da = ()
        for (stage, _, rows_R), (q, kept) in zip(reversed(stages), reversed(steps[t])):
            da_k, du, ds, dp = stage.back(ds, kept, p)
            da = (*da_k, *da)
            du = xp.concatenate(du)  # planes (H, B) -> (G*H, B)
            ds = (ds[0] + P["R"][rows_R].T @ du, *ds[1:])  # scan-dh
            grads["R"][rows_R] += du @ q.T  # every += is a sum over paths, the same parameter acts at every t: scan-dR
            for total, dp_k in zip(grads.get("p", ()), dp):
                total += dp_k.sum(axis=1, keepdims=True)  # scan-dp
        if mask is not None:
            ds = tuple(d + past for d, past in zip(ds, skipped))  # scan-dh-mask
        da = xp.concatenate(da)
        grads["W"] += da @ x[t].T  # scan-dW
        grads["b"] += da.sum(axis=1, keepdims=True)  # scan-db
        dx[t] = P["W"].T @ da  # scan-dx
    return grads, dx, ds


def _stages(cell, H):
    """Each stage of `cell` with its rows of W and b, and of R."""
    found, a, u = [], 0, 0
    for stage in cell.stages:
        rows_W, rows_R = slice(a, a + len(stage.inputs) * H), slice(u, u + len(stage.recurs) * H)
        found.append((stage, rows_W, rows_R))
        a, u = rows_W.stop, rows_R.stop
    return found


def _of_each(cell, mask):
    """The mask of each array of the state: for all the same (T, B), or for each its own (T, H, B)."""
    return [mask] * len(cell.states) if mask is None or mask.ndim == 2 else mask


def _own(cell, P):
    """The cell's own parameters p, a vector (H, 1) each; 0 where P has none."""
    return P.get("p", (ZERO,) * len(cell.own))


def parameter_shapes(cell: Cell, features: int, hidden: int, own: bool = True) -> dict[str, Shape]:
    """Names and shapes of P for `cell` with D = `features`, H = `hidden`; without `p` if `own` is False.

    >>> scan.parameter_shapes(cells.LSTM, features=2, hidden=3)
    {'W': (12, 2), 'R': (12, 3), 'b': (12, 1), 'p': (3, 3, 1)}
    """
    check_cell(cell)
    features, hidden, own = check_count("features", features), check_count("hidden", hidden), check_flag("own", own)
    rows_W, rows_R = len(cell.inputs) * hidden, len(cell.recurs) * hidden
    shapes: dict[str, Shape] = {"W": (rows_W, features), "R": (rows_R, hidden), "b": (rows_W, 1)}
    if own and cell.own:
        shapes["p"] = (len(cell.own), hidden, 1)
    return shapes


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
    H = check_shape("P['R']", P["R"], {"G*H": None, "H": None})[1] if "R" in P else 1  # any: the names do not fit
    shapes = parameter_shapes(cell, D, H, own="p" in P)
    if P.keys() != shapes.keys():
        raise ValueError(f"P: expected the names {listed(shapes)} for cell {cell.name}, got {listed(P)}")
    for name, shape in shapes.items():
        letters = ("K", "H", "1") if name == "p" else ("G*H", {"W": "D", "R": "H", "b": "1"}[name])
        check_shape(f"P[{name!r}]", P[name], dict(zip(letters, shape, strict=True)))
        check_dtype(f"P[{name!r}]", P[name], dtype)
    return H


def _check_backward(cell, P, cache, dh, dstate):
    check_cell(cell)
    check_cache(cache)
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
    return xp, T, _check_state("dstate", cell, dstate, xp, H, B, x.dtype)


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
