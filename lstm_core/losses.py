"""Losses. Each takes outputs y (T, C, B) and targets, and returns the mean loss and its derivative dy (T, C, B).

The mean is over the steps of all examples. With a mask, (T, B) booleans, it is over the steps that are there: what
stands elsewhere in y and target does not count, and dy is 0 there.

A loss of one's own does the same. If its mean is a weighted one it also has a method `weights`, as `CrossEntropy` has:
by its sums the means of batches, pieces and ranks are put together.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .arrays import namespace
from .cells import positive
from .checks import (
    check_dtype,
    check_floating,
    check_integer,
    check_labels,
    check_mask,
    check_not_negative,
    check_shape,
)
from .types import Array


def mse(y: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
    """Mean squared error: mean over all T*C*B elements of (y - target)².

    target: (T, C, B), the dtype of y

    >>> y = np.array([[[1.0, 3.0]]])  # one step, one output, two examples
    >>> loss, dy = mse(y, np.zeros((1, 1, 2)))
    >>> float(loss), dy
    (5.0, array([[[1., 3.]]]))
    """
    _, y, target, _, count = _checked_values(y, target, mask)
    with np.errstate(over="ignore"):  # a loss too large for the dtype is infinite
        error = y - target
        return (error * error).sum() / count, 2 * error / count


def binary_cross_entropy(y: Any, target: Any, mask: Any = None) -> tuple[Any, Any]:
    """Mean over all T*C*B elements of -t log σ(y) - (1 - t) log(1 - σ(y)), and (σ(y) - t) / (T*C*B).

    y:      (T, C, B), scores before the sigmoid σ: each of C labels is there or not, whatever the others are
    target: t, (T, C, B), the dtype of y: 0, 1, or a probability between them

    No score is too large: with e = exp(-|y|) the loss is max(y, 0) - t y + log(1 + e). Raises ValueError or TypeError
    for other shapes, dtypes and targets.

    >>> y = np.array([[[0.0], [1000.0]]])  # one step, two labels, one example
    >>> loss, dy = binary_cross_entropy(y, np.array([[[1.0], [0.0]]]))
    >>> round(float(loss), 3), dy.ravel().tolist()
    (500.347, [-0.25, 0.5])
    """
    xp, y, target, there, count = _checked_values(y, target, mask)
    if target.dtype != object and not 0 <= float(target.real.min()) <= float(target.real.max()) <= 1:  # or NaN
        raise ValueError(f"target: expected numbers in [0, 1], got {target.real.min()} ... {target.real.max()}")
    is_positive = positive(y)
    e = xp.exp((1 - 2 * is_positive) * y)  # exp(-|y|), which cannot overflow
    sigmoid = (is_positive + (1 - is_positive) * e) / (1 + e)
    with np.errstate(over="ignore"):
        loss = there * ((is_positive - target) * y + xp.log1p(e))
        return loss.sum() / count, there * (sigmoid - target) / count


def softmax_cross_entropy(y: Array, target: Array, mask: Array | None = None) -> tuple[Any, Array]:
    """Mean over T*B of -log softmax(y)[target], and (softmax(y) - onehot(target)) / (T*B).

    y:      (T, C, B), scores before the softmax (T = 1 for the last step only, else every step counts)
    target: (T, B), integer class labels 0 … C-1

    >>> y = np.zeros((1, 2, 1))  # one step of one example: two classes, as likely as each other
    >>> loss, dy = softmax_cross_entropy(y, np.array([[1]]))
    >>> round(float(loss), 4), dy.ravel()  # log 2
    (0.6931, array([ 0.5, -0.5]))
    """
    xp = _check_labelled(y, target, mask)
    y, target, there, count = _steps(xp, y, target, mask)
    return _softmax_cross_entropy(xp, y, target, there, count)


@dataclass(frozen=True)
class CrossEntropy:
    """`softmax_cross_entropy` in which classes weigh differently, and some labels not at all.

    class_weights: C numbers >= 0, not all 0: a step counts as often as the weight of its label says. The loss is
                   Σ w[target] loss / Σ w[target]: what matters is how the weights compare. None: all alike
    ignore_index:  a label, of the classes or of none, such as -100: steps with it are left out. None: no such label

    The loss of a model: `Model(layers, CrossEntropy(class_weights=[1, 5]), rng=rng)`. A call raises ValueError as
    `softmax_cross_entropy` does, and where nothing counts: there is no mean then.

    >>> loss = CrossEntropy(class_weights=[1, 3], ignore_index=-100)
    >>> value, dy = loss(np.zeros((1, 2, 3)), np.array([[0, 1, -100]]))
    >>> round(float(value), 4), dy[0].tolist()
    (0.6931, [[-0.125, 0.375, 0.0], [0.125, -0.375, 0.0]])
    """

    class_weights: tuple | None = None
    ignore_index: int | None = None

    def __post_init__(self):
        if self.class_weights is not None:
            object.__setattr__(self, "class_weights", _check_class_weights(self.class_weights))
        if self.ignore_index is not None:
            object.__setattr__(self, "ignore_index", check_integer("ignore_index", self.ignore_index))

    def __call__(self, y: Any, target: Any, mask: Any = None) -> tuple[Any, Any]:
        xp = _check_labelled(y, target, mask)
        if self.class_weights is not None and len(self.class_weights) != y.shape[1]:
            raise ValueError(f"class_weights: expected C={y.shape[1]} numbers, got {len(self.class_weights)}")
        y, target, there, _ = _steps(xp, y, target, self._counted(target, mask))
        check_labels("target", target, y.shape[1])
        if self.class_weights is not None:
            there = there * xp.asarray(self._table, y.real.dtype)[target][:, None]
        count = there.sum()
        if not count:
            raise ValueError("target: expected labels that count, got only such as are ignored or weigh 0")
        return _softmax_cross_entropy(xp, y, target, there, count)

    def weights(self, target: Any, mask: Any = None) -> Any:
        """How much each step of the labels `target` (T, B) weighs in the mean: (T, B), 0 where it is left out.

        >>> CrossEntropy(class_weights=[1, 4], ignore_index=2).weights(np.array([[0, 1, 2]])).tolist()
        [[0.25, 1.0, 0.0]]
        """
        xp = namespace(target=target, **({} if mask is None else {"mask": mask}))
        T, B = check_shape("target", target, {"T": None, "B": None})
        if mask is not None:
            check_mask(mask, T, B)
        counted = self._counted(target, mask)
        if self.class_weights is None:
            return counted * xp.ones(1)
        target = xp.where(counted, target, xp.zeros((), target.dtype))
        check_labels("target", target, 2**63)
        if int(target.max()) >= len(self.class_weights):
            found = f"{len(self.class_weights)} for labels {target.min()} ... {target.max()}"
            raise ValueError(f"class_weights: expected one for each label 0, 1, …, got {found}")
        return counted * xp.asarray(self._table)[target]

    def _counted(self, target, mask):
        """Which steps are there and not ignored, (T, B) booleans."""
        if self.ignore_index is None:
            return namespace(target).ones(target.shape, bool) if mask is None else mask
        counted = target != self.ignore_index
        return counted if mask is None else counted & mask

    @cached_property
    def _table(self):
        """The weights of the classes, (C,), the largest 1, so that no sum leaves the range."""
        weights = np.array(self.class_weights)
        return weights / weights.max()


def _softmax_cross_entropy(xp, y, target, there, count):
    """Loss and dy for labels `target`, each step `there` (T, 1, B) times; `count` of them in all."""
    T, C, B = y.shape
    check_labels("target", target, C)
    labelled = xp.arange(T)[:, None, None], target[:, None], xp.arange(B)  # the scores of the labels, (T, 1, B)
    with np.errstate(over="ignore"):  # -inf is as good as any score that far below the largest: its exp is 0
        y = y - xp.max(y.real, axis=1, keepdims=True)  # the softmax does not notice, and exp cannot overflow
    e = xp.exp(y)
    total = e.sum(axis=1, keepdims=True)
    loss = there * (xp.log(total) - y[labelled])
    dy = there * e / total
    dy[labelled] -= there
    return loss.sum() / count, dy / count


def _checked_values(y, target, mask):
    """The array module, and what `_steps` makes of values (T, C, B); the count is one of elements."""
    xp = namespace(y=y, target=target, **({} if mask is None else {"mask": mask}))
    check_floating("y", y)
    T, C, B = check_shape("y", y, {"T": None, "C": None, "B": None})
    check_shape("target", target, {"T": T, "C": C, "B": B})
    check_dtype("target", target, y.dtype)
    y, target, there, count = _steps(xp, y, target, mask)
    return xp, y, target, there, C * count


def _check_labelled(y, target, mask):
    """The array module of outputs y and labels `target`. Raises unless their shapes fit."""
    xp = namespace(y=y, target=target, **({} if mask is None else {"mask": mask}))
    check_floating("y", y)
    T, _, B = check_shape("y", y, {"T": None, "C": None, "B": None})
    check_shape("target", target, {"T": T, "B": B})
    if mask is not None:
        check_mask(mask, T, B)
    return xp


def _check_class_weights(weights):
    """`weights`, a list or an array, as a tuple of floats. Raises ValueError unless all are >= 0, and some more."""
    if isinstance(weights, np.ndarray) and weights.ndim == 1:
        namespace(class_weights=weights)
        weights = weights.tolist()
    if not isinstance(weights, tuple | list) or not weights:
        raise TypeError(f"class_weights: expected a list of numbers, got {type(weights).__name__}")
    weights = tuple(check_not_negative("class_weights", weight) for weight in weights)
    if not any(weights):
        raise ValueError("class_weights: expected a number > 0 among them, got zeros only")
    return weights


def _steps(xp, y, target, mask):
    """y and target, 0 where no step is there; 1 where one is, else 0, as it broadcasts to y; and how many there are."""
    if mask is None:
        return y, target, 1, y.shape[0] * y.shape[2]
    check_mask(mask, y.shape[0], y.shape[2])
    there = mask[:, None] * xp.ones(1, y.real.dtype)
    y, target = (xp.where(mask[:, None] if a.ndim == 3 else mask, a, xp.zeros((), a.dtype)) for a in (y, target))
    return y, target, there, there.sum()
