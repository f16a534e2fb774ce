"""The scan: carries any cell through time and back, and owns every matrix product.

There is one loop of backpropagation through time in this package, and it is `backward`. Shapes: T time steps,
B examples (columns), D input features, H hidden units, G gates, K own parameters of the cell.

    P: W (G*H, D)   R (G*H, H)   b (G*H, 1)   p (K, H, 1), may be left out: then p = 0
"""

from .arrays import ZERO, check_dtype, check_floating, check_shape, namespace


def forward(cell, P, x, state=None, keep=True):
    """Run `cell` over a sequence.

    x:      (T, D, B)
    state:  initial state, a tuple of `cell.states` arrays (H, B); zeros if None
    keep:   whether `backward` will follow; if not, the steps' intermediate values are not kept
    returns h (T, H, B), the final state, and the cache that `backward` needs

    h is a view of what the cache keeps: do not write into it before `backward`.
    Raises ValueError for a wrong shape or name, TypeError for mixed dtypes or mixed array modules.
    """
    xp, state = _check_forward(cell, P, x, state)
    T, _, B = x.shape
    G, H = cell.gates, P["R"].shape[1]
    p = P.get("p", (ZERO,) * cell.own)

    a = P["W"] @ x  # all t in one product
    a += P["b"]
    a = a.reshape(T, G, H, B)
    h = xp.empty((T + 1, H, B), x.dtype)  # h[0] is the initial state, h[t] the h_t of the equations
    h[0] = state[0]
    saved = []
    for t in range(T):
        u = (P["R"] @ state[0]).reshape(G, H, B)
        state, kept = cell.step(a[t], u, state, p, xp.tanh)
        h[t + 1] = state[0]
        if keep:
            saved.append(kept)
    return h[1:], state, (x, h, saved)


def backward(cell, P, cache, dh, dstate=None):
    """Backpropagation through time (Werbos 1990): the exact derivative of `forward`.

    dh:     (T, H, B), derivative of the loss with respect to every h_t
    dstate: derivative with respect to the final state, a tuple like the state; zeros if None
    returns grads (a dict like P), dx (T, D, B), dstate0 (a tuple like the state)

    Raises as `forward` does.
    """
    x, h, saved = cache
    xp, T, ds = _check_backward(cell, P, cache, dh, dstate)
    p = P.get("p", (ZERO,) * cell.own)

    grads = {name: xp.zeros_like(array) for name, array in P.items()}
    dx = xp.empty_like(x)
    for t in reversed(range(T)):
        ds = (ds[0] + dh[t], *ds[1:])
        da, du, ds, dp = cell.back(ds, saved[t], p)
        da, du = xp.concatenate(da), xp.concatenate(du)  # planes (H, B) -> (G*H, B)
        grads["W"] += da @ x[t].T  # every += is a sum over paths: the same parameter acts at every t
        grads["R"] += du @ h[t].T
        grads["b"] += da.sum(axis=1, keepdims=True)
        for total, dp_k in zip(grads.get("p", ()), dp):
            total += dp_k.sum(axis=1, keepdims=True)
        dx[t] = P["W"].T @ da
        ds = (ds[0] + P["R"].T @ du, *ds[1:])
    return grads, dx, ds


def parameter_shapes(cell, features, hidden, own=True):
    """Names and shapes of P for `cell` with D = `features`, H = `hidden`; without `p` if `own` is False."""
    rows = cell.gates * hidden
    shapes = {"W": (rows, features), "R": (rows, hidden), "b": (rows, 1)}
    if own and cell.own:
        shapes["p"] = (cell.own, hidden, 1)
    return shapes


def _check_forward(cell, P, x, state):
    xp = _namespace(P, "state", state, x=x)
    check_floating("x", x)
    _, D, B = check_shape("x", x, {"T": None, "D": None, "B": None})
    H = check_shape("P['R']", P["R"], {"G*H": None, "H": None})[1] if "R" in P else 0
    shapes = parameter_shapes(cell, D, H, own="p" in P)
    if P.keys() != shapes.keys():
        raise ValueError(f"P: expected the names {', '.join(shapes)} for cell {cell.name}, got {', '.join(P)}")
    for name, shape in shapes.items():
        letters = ("K", "H", "1") if name == "p" else ("G*H", {"W": "D", "R": "H", "b": "1"}[name])
        check_shape(f"P[{name!r}]", P[name], dict(zip(letters, shape, strict=True)))
        check_dtype(f"P[{name!r}]", P[name], x.dtype)
    return xp, _check_state("state", cell, state, xp, H, B, x.dtype)


def _check_backward(cell, P, cache, dh, dstate):
    x, h, saved = cache
    xp = _namespace(P, "dstate", dstate, x=x, dh=dh)
    (T, _, B), H = x.shape, h.shape[1]
    if len(saved) != T:
        raise ValueError("cache: expected one that forward has kept, got that of a run with keep=False")
    check_shape("dh", dh, {"T": T, "H": H, "B": B})
    check_dtype("dh", dh, x.dtype)
    return xp, T, _check_state("dstate", cell, dstate, xp, H, B, x.dtype)


def _namespace(P, name, state, **arrays):
    arrays |= {f"P[{key!r}]": array for key, array in P.items()}
    return namespace(**arrays, **{f"{name}[{k}]": array for k, array in enumerate(() if state is None else state)})


def _check_state(name, cell, state, xp, H, B, dtype):
    if state is None:
        return tuple(xp.zeros((H, B), dtype) for _ in range(cell.states))
    if len(state) != cell.states:
        raise ValueError(f"{name}: expected {cell.states} arrays for cell {cell.name}, got {len(state)}")
    for k, array in enumerate(state):
        check_shape(f"{name}[{k}]", array, {"H": H, "B": B})
        check_dtype(f"{name}[{k}]", array, dtype)
    return tuple(state)
