"""Optimisers, clipping and rate schedules. All parameters are one flat vector θ, and so is their gradient.

An optimiser is two functions: `init(theta)` returns its state, a dict; `update(theta, grad, state, rate)` moves
`theta` and the state in place. A schedule maps progress, in epochs, to a learning rate.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .arrays import namespace
from .checks import (
    brief,
    check_dtype,
    check_fraction,
    check_kind,
    check_not_negative,
    check_number,
    check_positive,
    check_real,
    check_same_shape,
    check_writable,
)
from .types import Array, Schedule


class Optimizer(NamedTuple):
    """Two functions that make weights better. All arrays are flat and of one length, (N,).

    init:   theta -> state, a dict of numbers and arrays
    update: theta, grad, state, rate -> None: moves theta and the state in place

    >>> optimizer = sgd()
    >>> theta = np.array([1.0, 2.0])
    >>> state = optimizer.init(theta)
    >>> optimizer.update(theta, np.array([1.0, 1.0]), state, 0.5)
    >>> theta
    array([0.5, 1.5])
    """

    init: Callable[[Array], dict[str, Any]]
    update: Callable[[Array, Array, dict[str, Any], float], None]


def sgd() -> Optimizer:
    """θ ← θ - η ∇.

    >>> theta, optimizer = np.zeros(1), sgd()
    >>> optimizer.update(theta, np.ones(1), optimizer.init(theta), 0.1)
    >>> theta
    array([-0.1])
    """

    def update(theta, grad, state, rate):
        rate = _check_update(theta, grad, state, rate)
        theta -= rate * grad

    def init(theta):
        check_real("theta", theta)
        return {}

    return Optimizer(init, update)


def _check_update(theta, grad, state, rate, *arrays):
    """`rate` as a float. Raises ValueError or TypeError, before anything is changed, for what no update can be made of.

    arrays: the names of those in the state
    """
    check_real("theta", theta)
    check_kind("state", state, dict, "the dict that init has returned")
    if not {*arrays} <= state.keys():
        raise ValueError(f"state: expected {', '.join(arrays)}, as init has returned it, got {brief([*state])}")
    for name, array in {"grad": grad, **{f"state[{k!r}]": state[k] for k in arrays}}.items():
        namespace(**{"theta": theta, name: array})
        check_same_shape(name, array, theta.shape)
        check_dtype(name, array, theta.dtype)
    for name, array in {"theta": theta, **{f"state[{k!r}]": state[k] for k in arrays}}.items():
        check_writable(name, array)
    return check_not_negative("rate", rate)


def momentum(beta: float = 0.9) -> Optimizer:
    """v ← β v + ∇;  θ ← θ - η v (Polyak's heavy ball).

    >>> theta, optimizer = np.zeros(1), momentum(0.5)
    >>> state = optimizer.init(theta)
    >>> for _ in range(2):
    ...     optimizer.update(theta, np.ones(1), state, 1.0)
    >>> theta, state  # two steps, of 1 and of 1.5
    (array([-2.5]), {'v': array([1.5])})
    """
    beta = check_fraction("beta", beta)

    def init(theta):
        check_real("theta", theta)
        return {"v": namespace(theta).zeros_like(theta)}

    def update(theta, grad, state, rate):
        rate = _check_update(theta, grad, state, rate, "v")
        v = state["v"]
        v *= beta
        v += grad
        theta -= rate * v

    return Optimizer(init, update)


def adam(beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8, weight_decay: float = 0.0) -> Optimizer:
    """Adam (Kingma & Ba 2015), with weight decay AdamW (Loshchilov & Hutter 2019): λ acts on θ, not on ∇.

    m ← β₁ m + (1-β₁) ∇;  v ← β₂ v + (1-β₂) ∇²;  θ ← θ - η (m / (1-β₁ᵏ)) / (sqrt(v / (1-β₂ᵏ)) + ε) - η λ θ

    k counts the updates. The decay λ = `weight_decay` acts on all parameters, the biases included.

    >>> theta, optimizer = np.zeros(2), adam()
    >>> state = optimizer.init(theta)
    >>> optimizer.update(theta, np.array([1000.0, -0.001]), state, 0.1)
    >>> theta.round(4), state["k"]  # the first step is as long as the rate, whatever the gradient
    (array([-0.1,  0.1]), 1)
    """
    beta1, beta2 = check_fraction("beta1", beta1), check_fraction("beta2", beta2)
    epsilon, weight_decay = check_positive("epsilon", epsilon), check_fraction("weight_decay", weight_decay)

    def init(theta):
        check_real("theta", theta)
        zeros = namespace(theta).zeros_like
        return {"k": 0, "m": zeros(theta), "v": zeros(theta)}

    def update(theta, grad, state, rate):
        rate = _check_update(theta, grad, state, rate, "m", "v")
        k = state.get("k")
        if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < 2**63:
            raise ValueError(f"state['k']: expected the number of updates so far, got {brief(k)}")
        state["k"] += 1
        # numerator and denominator of the quotient, both times the root, so that v need not be divided
        root = math.sqrt(1 - beta2 ** state["k"])
        step, small = rate * root / (1 - beta1 ** state["k"]), epsilon * root
        for part in _pieces(theta):
            t, g, m, v = theta[part], grad[part], state["m"][part], state["v"][part]
            m *= beta1
            m += (1 - beta1) * g
            v *= beta2
            v += (1 - beta2) * g * g
            if weight_decay:
                t *= 1 - rate * weight_decay
            t -= step * m / (namespace(t).sqrt(v) + small)

    return Optimizer(init, update)


def _pieces(theta):
    """Slices of a flat vector: so many numbers at a time stay in the processor's cache. On a device, all at once."""
    size = 2**14 if isinstance(theta, np.ndarray) else len(theta)
    return [slice(k, k + size) for k in range(0, len(theta), size)]


def clip_global_norm(grad: Array, limit: float | None) -> float:
    """Scale the flat gradient in place so that its Euclidean norm is at most `limit` (Pascanu et al. 2013).

    Returns the norm before clipping, a float. `limit` None only measures.

    >>> grad = np.array([3.0, 4.0])
    >>> clip_global_norm(grad, 1.0)
    5.0
    >>> grad
    array([0.6, 0.8])
    """
    check_real("grad", grad)
    if limit is not None:
        limit = check_positive("limit", limit)
        check_writable("grad", grad)
    norm, unit = _norm(grad)
    if limit is not None and limit < norm < math.inf:
        if unit != 1:
            grad /= unit
        grad *= limit / (norm / unit)
    return norm


def _norm(grad):
    """The Euclidean norm, and the unit in which it was measured, so that no square leaves the range of the dtype.

    1, unless squares overflow (float32: those of numbers above 1e19) or vanish (below 1e-19): then the largest element.
    """
    info = np.finfo(grad.dtype)
    with np.errstate(over="ignore"):
        total = float((grad * grad).sum())
    if float(info.tiny / info.eps) * grad.size < total < math.inf:
        return math.sqrt(total), 1.0
    largest = float(abs(grad).max())
    if not 0 < largest < math.inf:  # nothing to measure, or not finite
        return largest, 1.0
    in_units = grad.astype(np.float64) / largest
    return largest * math.sqrt(float((in_units * in_units).sum())), largest


# ---- schedules: progress in epochs -> rate ----------------------------------------------------------------


def constant(rate: float) -> Schedule:
    """The same rate throughout.

    >>> constant(1e-3)(7.5)
    0.001
    """
    rate = check_positive("rate", rate)

    def schedule(progress):
        check_number("progress", progress)
        return rate

    return schedule


def steps(rate: float, every: float, factor: float = 0.5) -> Schedule:
    """`rate`, multiplied by `factor` after every `every` epochs.

    >>> rate = steps(1.0, every=10)
    >>> [rate(epoch) for epoch in (0, 9.9, 10, 25)]
    [1.0, 1.0, 0.5, 0.25]
    """
    rate, every, factor = (check_positive(k, v) for k, v in {"rate": rate, "every": every, "factor": factor}.items())

    def schedule(progress):
        # 1e-9 for the rounding of the quotient: 0.3 / 0.1 is 2.999…, and three times 0.1 epochs are over
        times = check_number("progress", progress) / every + 1e-9
        try:
            return rate * factor ** math.floor(times)
        except OverflowError:  # a factor above 1, or a period too short to count
            return math.inf if (factor > 1) == (times > 0) and factor != 1 else rate * float(factor == 1)

    return schedule


def cosine(rate: float, epochs: float, warmup: float = 0.0) -> Schedule:
    """Linear from 0 to `rate` over `warmup` epochs, then half a cosine down to 0 at `epochs`.

    The descent is Loshchilov & Hutter's (2017); with the warm-up it is the one-cycle rate of Smith & Topin (2019).

    >>> rate = cosine(1.0, epochs=12, warmup=2)
    >>> [round(rate(epoch), 3) for epoch in (0, 1, 2, 7, 12)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    rate, epochs = check_positive("rate", rate), check_positive("epochs", epochs)
    warmup = check_number("warmup", warmup)
    if not 0 <= warmup < epochs:
        raise ValueError(f"warmup: expected 0 <= warmup < epochs = {epochs:g}, got {warmup:g}")

    def schedule(progress):
        progress = check_number("progress", progress)
        if progress < warmup:
            return rate * progress / warmup
        done = min((progress - warmup) / (epochs - warmup), 1.0)
        return rate * (1 + math.cos(math.pi * done)) / 2

    return schedule
