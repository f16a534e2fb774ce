"""Rung 3 of the verification ladder: `backward` against the complex step, for any cell and any scan.

The loss looks at every h_t and at the final state; the variables are all parameters, the input and the initial state:
see `gradcheck.problem`. No two of T, B, D, H are ever equal, so that no transposed or swapped axis can go unnoticed.
"""

import numpy as np

from lstm_core import gradcheck, scan
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


def checked_problem(cell, sizes, own=True, scan=scan, masked=False):
    """A `gradcheck.problem` that looks everywhere, of a scan whose forward pass gives what it should.

    masked: whether some steps are not there; "units": for some units of some arrays of the state.
    Raises AssertionError if the loss leaves something out, if a final state has another shape, or if a run that keeps
    nothing is another run or keeps something.
    """
    T, B, _, H = sizes
    mask = random_mask(T, B) if masked else None
    if masked == "units":
        mask = np.random.default_rng(T).random((len(cell.states), T, H, B)) < 0.6
    problem = gradcheck.problem(cell, sizes, np.random.default_rng(0), own, mask, scan)
    assert ("p" in problem.shapes) == (own and len(cell.own) > 0)
    assert problem.dh.all() and all(d.all() for d in problem.dstate)  # a loss at every step and on the final state
    _, h, final, cache = problem.run(problem.theta)
    _, h_again, _, nothing = problem.run(problem.theta, keep=False)
    assert [s.shape for s in final] == [(H, B) for _ in cell.states]
    assert (h_again == h).all() and len(cache.steps) == T and len(nothing.steps) == 0
    return problem


def gradient_errors(cell, sizes, own=True, masked=False):
    """Relative error of every derivative that `backward` returns: name -> error, the largest over the array."""
    problem = checked_problem(cell, sizes, own, masked=masked)
    found = views(problem.shapes, problem.gradient())
    expected = views(problem.shapes, gradcheck.complex_step(problem.loss, problem.theta))
    return {name: gradcheck.relative_error(found[name], expected[name]) for name in problem.shapes}
