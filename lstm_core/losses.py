"""Losses. Each takes outputs y (T, C, B) and targets, and returns the mean loss and its derivative dy (T, C, B).

The mean is over the steps of all examples. With a mask, (T, B) booleans, it is over the steps that are there: what
stands elsewhere in y and target does not count, and dy is 0 there.
"""

from typing import Any

import numpy as np

from .arrays import namespace
from .checks import check_dtype, check_floating, check_labels, check_mask, check_shape
from .types import Array


def mse(y: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
    """Mean squared error: mean over all T*C*B elements of (y - target)².

    target: (T, C, B), the dtype of y

    >>> y = np.array([[[1.0, 3.0]]])  # one step, one output, two examples
    >>> loss, dy = mse(y, np.zeros((1, 1, 2)))
    >>> float(loss), dy
    (5.0, array([[[1., 3.]]]))
    """
    xp = namespace(y=y, target=target, **({} if mask is None else {"mask": mask}))
    check_floating("y", y)
    T, C, B = check_shape("y", y, {"T": None, "C": None, "B": None})
    check_shape("target", target, {"T": T, "C": C, "B": B})
    check_dtype("target", target, y.dtype)
    y, target, _, count = _steps(xp, y, target, mask)
    with np.errstate(over="ignore"):  # a loss too large for the dtype is infinite
        error = y - target
        return (error * error).sum() / (C * count), 2 * error / (C * count)


def softmax_cross_entropy(y: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
    """Mean over T*B of -log softmax(y)[target], and (softmax(y) - onehot(target)) / (T*B).

    y:      (T, C, B), scores before the softmax (T = 1 for the last step only, else every step counts)
    target: (T, B), integer class labels 0 … C-1

    >>> y = np.zeros((1, 2, 1))  # one step of one example: two classes, as likely as each other
    >>> loss, dy = softmax_cross_entropy(y, np.array([[1]]))
    >>> round(float(loss), 4), dy.ravel()  # log 2
    (0.6931, array([ 0.5, -0.5]))
    """
    xp = namespace(y=y, target=target, **({} if mask is None else {"mask": mask}))
    check_floating("y", y)
    T, C, B = check_shape("y", y, {"T": None, "C": None, "B": None})
    check_shape("target", target, {"T": T, "B": B})
    y, target, there, count = _steps(xp, y, target, mask)
    check_labels("target", target, C)
    zero, one = xp.zeros((), y.dtype), xp.ones((), y.dtype)
    is_target = xp.arange(C)[:, None] == target[:, None]  # (T, C, B)
    with np.errstate(over="ignore"):  # -inf is as good as any score that far below the largest: its exp is 0
        y = y - xp.max(y.real, axis=1, keepdims=True)  # the softmax does not notice, and exp cannot overflow
    e = xp.exp(y)
    total = e.sum(axis=1, keepdims=True)
    loss = there * xp.where(is_target, xp.log(total) - y, zero)  # not times 0: that would be nan for a score of -inf
    onehot = there * xp.where(is_target, one, zero)
    return loss.sum() / count, (there * e / total - onehot) / count


def _steps(xp, y, target, mask):
    """y and target, 0 where no step is there; 1 where one is, else 0, as it broadcasts to y; and how many there are."""
    if mask is None:
        return y, target, 1, y.shape[0] * y.shape[2]
    check_mask(mask, y.shape[0], y.shape[2])
    there = mask[:, None] * xp.ones(1, y.real.dtype)
    y, target = (xp.where(mask[:, None] if a.ndim == 3 else mask, a, xp.zeros((), a.dtype)) for a in (y, target))
    return y, target, there, there.sum()
