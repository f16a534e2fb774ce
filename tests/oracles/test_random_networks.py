"""Random networks: every gradient is that of the complex step, whatever the layers, sizes, lengths, states and scale.

In every run a fixed part and one that is drawn anew; `make fuzz` has ten thousand.
"""

import copy

import networks
import numpy as np
from hunts import fixed_and_fresh, length

COUNT = length("NETWORKS", 300)
TOLERANCE = 1e-12  # relative; absolute, in units of the whole, where units are saturated

# With weights of a thousand, 1 - h² has few digits left in double precision: the same code runs on the longest numbers
# that there are. Where these are doubles (on some processors), errors are a thousand times larger.
LONG = np.longdouble
if np.finfo(LONG).eps > 1e-18:
    TOLERANCE = 1e-9


class Problem:
    """L(θ, x, states) = the loss, and Σ d·s over the final states s, of a random network in `dtype`."""

    def __init__(self, seed, dtype):
        self.model, x, target, self.mask, states = networks.network(np.random.default_rng(seed))
        self.theta, self.dtype, self.draws = self.model.theta.astype(dtype), dtype, np.random.default_rng(seed)
        self.x, self.target = (a if a.dtype.kind == "i" else a.astype(dtype) for a in (x, target))
        self.states = states and [tuple(a.astype(dtype) for a in state) for state in states]

    def forward(self, theta, x, states, keep=False):
        """In the precision of θ; dropout always the same."""
        x = x if self.model.labels else x.astype(theta.dtype)
        states = states and [tuple(a.astype(theta.dtype) for a in state) for state in states]
        return self.model.at(theta).forward(x, states, keep, self.mask, copy.deepcopy(self.draws))

    def gradient(self):
        """The loss, and dθ, dx and dstates of L."""
        y, after, caches = self.forward(self.theta, self.x, self.states, keep=True)
        value, dy = self.model.loss(y, self.target, self.mask)
        rng = np.random.default_rng(1)
        self.dafter = [tuple(rng.standard_normal(a.shape).astype(self.dtype) for a in state) for state in after]
        return float(value), *self.model.at(self.theta).backward(caches, dy, self.dafter)

    def loss(self, theta, x, states):
        y, after, _ = self.forward(theta, x, states)
        target = self.target if self.target.dtype.kind == "i" else self.target.astype(theta.dtype)
        value = self.model.loss(y, target, self.mask)[0]
        return value + sum((d * a).sum() for ds, s in zip(self.dafter, after) for d, a in zip(ds, s))


def parts(shapes):
    """Where each array is in θ."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    return [slice(begin, end) for begin, end in zip([0, *ends[:-1]], ends)]


def worst(seed):
    """The largest error of the gradients of one random network: of each array of θ, of x and of the states."""
    problem, rng = Problem(seed, LONG), np.random.default_rng(seed)
    value, grad, dx, dstates = problem.gradient()
    _, in_doubles, _, _ = Problem(seed, np.float64).gradient()
    whole = max(1.0, abs(value), float(np.linalg.norm(grad)))
    saturated = abs(problem.theta).max() > 10
    nothing = whole if saturated else 1e-6 * whole
    i = np.clongdouble(1e-30j)

    def error(found, along):
        """Of the slope in a random direction; in units of what the direction could have given."""
        v = rng.standard_normal(found.shape)
        slope = problem.loss(*along(i * v)).imag / LONG(1e-30)
        size = float(np.linalg.norm(found) * np.linalg.norm(v))
        return float(abs(slope - (found * v).sum())) / max(size, nothing)

    theta, x, states = problem.theta + i * 0, problem.x, problem.states
    chaos = 1e6 if saturated else 1  # rounding grows from step to step, and more so in doubles
    errors = [float(np.linalg.norm(grad - in_doubles)) / (chaos * whole)]
    for part in parts(problem.model.shapes):
        errors.append(error(grad[part], lambda v, part=part: (put(theta, part, v), x, states)))
    if dx is not None:
        errors.append(error(dx, lambda v: (theta, x + v, states)))
    for k, state in enumerate(states or ()):
        for j, a in enumerate(state):
            changed = lambda v, k=k, j=j, a=a: put(states, k, put(states[k], j, a + v))
            errors.append(error(dstates[k][j], lambda v, changed=changed: (theta, x, changed(v))))
    return max(errors)


def put(container, where, value):
    """A copy: an array with the value added there, or a list or tuple with it there."""
    if isinstance(container, np.ndarray):
        container = container.copy()
        container[where] += value
        return container
    return type(container)(value if k == where else item for k, item in enumerate(container))


@fixed_and_fresh
def test_gradients(seed, shown):
    errors = {(seed, k): worst((seed, k)) for k in range(COUNT)}
    wrong = {which: error for which, error in errors.items() if not error <= TOLERANCE}
    assert not wrong, f"{len(wrong)} of {len(errors)}: {dict(list(wrong.items())[:20])}"
    shown(f"random networks  {COUNT}, seed {seed}: gradients = complex step to {max(errors.values()):.1e}")
