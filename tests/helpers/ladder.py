"""Rung 3 of the verification ladder: `backward` against the complex step, for any cell and any scan.

The loss looks at every h_t and at the final state; the variables are all parameters, the input and the initial
state. No two of T, B, D, H are ever equal, so that no transposed or swapped axis can go unnoticed.
"""

import numpy as np

from lstm_core import check, scan
from lstm_core.arrays import views

SIZES = [  # T, B, D, H
    (3, 2, 5, 4),
    (4, 3, 1, 2),
    (5, 1, 2, 3),
    (3, 5, 4, 1),
    (7, 4, 3, 6),
    (1, 4, 3, 2),  # one step: no recurrence, but R still meets the initial state
]

# The complex step is exact to rounding, and backward rounds a sum of T*G*H products or so: some 1e-15 relative to the
# largest element. 1e-13 leaves room for that; the historic bugs are off by 1e-2 to 1. (An element much smaller than the
# largest of its array is compared less sharply: that is left to the proofs, which are exact.)
TOLERANCE = 1e-13


def random_mask(T, B):
    """Steps that are there, at random; the middle one for no example (if T > 1), and for the first example only one."""
    mask = np.random.default_rng(T).random((T, B)) < 0.7
    mask[T // 2] = mask[:, 0] = False
    mask[-1, 0] = True
    return mask


def problem(cell, sizes, own=True, scan=scan, seed=0, masked=False):
    """A random loss of one flat vector, with the gradient that `scan.backward` finds.

    masked: whether some steps are not there.
    Returns loss (a function of the vector), theta, gradient (flat) and shapes (name -> shape, for `views`).
    """
    T, B, D, H = sizes
    rng = np.random.default_rng(seed)
    parameters = scan.parameter_shapes(cell, D, H, own)
    assert ("p" in parameters) == (own and cell.own > 0)
    state = {f"s{k}": (H, B) for k in range(cell.states)}
    shapes = parameters | {"x": (T, D, B)} | state
    theta = rng.standard_normal(sum(int(np.prod(s)) for s in shapes.values()))
    dh = rng.standard_normal((T, H, B))
    dstate = tuple(rng.standard_normal((H, B)) for _ in state)
    mask = random_mask(T, B) if masked else None

    assert dh.all() and all(d.all() for d in dstate)  # a loss at every step and on the final state

    def run(vector, **keep):
        V = views(shapes, vector)
        P = {name: V[name] for name in parameters}
        return P, *scan.forward(cell, P, V["x"], tuple(V[name] for name in state), mask=mask, **keep)

    def loss(vector):
        _, h, final, _ = run(vector)
        return (dh * h).sum() + sum((d * s).sum() for d, s in zip(dstate, final, strict=True))

    P, h, final, cache = run(theta)
    _, again, _, (*_, saved) = run(theta, keep=False)
    assert (again == h).all() and len(saved) == 0
    grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
    found = {**grads, "x": dx, **dict(zip(state, dstate0, strict=True))}
    assert {name: g.shape for name, g in found.items()} == shapes
    assert [s.shape for s in final] == [(H, B) for _ in state]
    return loss, theta, np.concatenate([found[name].ravel() for name in shapes]), shapes


def gradient_errors(cell, sizes, own=True, masked=False):
    """Relative error of every derivative that `backward` returns: name -> error, the largest over the array."""
    loss, theta, gradient, shapes = problem(cell, sizes, own, masked=masked)
    expected = views(shapes, check.complex_step(loss, theta))
    return {name: check.relative_error(g, expected[name]) for name, g in views(shapes, gradient).items()}
