"""Batches: which examples an update learns from, in which order they come, and in which pieces of time.

Users hand in examples first, (N, T, D); a piece is what the layers take, examples as columns, (T, D, B).
"""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from .arrays import namespace, to_device, to_host
from .model import Model, columns, step_mask
from .types import Array, Module


class Examples(NamedTuple):
    """A data set that has been checked: a certain model takes it, and all of it is where the model is.

    x:       (N, T, D), or labels (N, T)
    y:       with a step axis, (N, T) or (N, T, C); T = 1 if the model reads the last step
    lengths: (N,) integers, or None where every step is there

    >>> from lstm_core.batches import check_examples
    >>> model = Model([dense(2, 3), last()], softmax_cross_entropy, rng=rng)
    >>> examples = check_examples(model, np.zeros((8, 5, 2)), np.zeros(8, int))
    >>> examples.x.dtype, examples.y.shape
    (dtype('float32'), (8, 1))
    """

    x: Array
    y: Array
    lengths: Array | None = None


def check_examples(
    model: Model,
    x: Array,
    y: Array,
    lengths: Array | None = None,
    device: Module | None = None,
    padding: str = "post",
) -> Examples:
    """`Examples` for `model` of what a user handed in, moved to `device`; None: they are where the model is already.

    What is padded in front (see `Model.run`) is padded behind afterwards.
    Raises ValueError or TypeError as `Model.check_input` and `Model.check_target` do, and TypeError for another device.

    >>> from lstm_core.batches import check_examples
    >>> model = Model([dense(2, 3)], softmax_cross_entropy, rng=rng)
    >>> check_examples(model, np.zeros((8, 5, 2)), np.full((8, 5), 3))
    Traceback (most recent call last):
    ValueError: y: expected labels in 0 ... 2, got 3 ... 3: they look counted from 1; pass y - 1
    """
    if device is None:
        namespace(x=x, y=y, theta=model.theta)
    x = model.check_input(x, lengths, padding)
    y = model.check_target(y, x, lengths, padding)
    moved: list[Any] = [a if a is None or device is None else to_device(a, device) for a in (x, y, lengths)]
    return Examples(*moved)


def count_steps(model: Model, target: Array, mask: Array | None) -> float:
    """How many steps of the columns `target` count: those that `mask` says are there, or one an example read last.

    With a loss that has `weights`, as `losses.CrossEntropy`, each counts as often as its weight says; 0: none counts.

    >>> from lstm_core.batches import count_steps
    >>> model = Model([dense(2, 3)], softmax_cross_entropy, rng=rng)
    >>> mask = np.array([[True, True], [True, False]])
    >>> count_steps(model, np.zeros((2, 2), int), mask), count_steps(model, np.zeros((2, 2), int), None)
    (3, 4)
    """
    if hasattr(model.loss_function, "weights"):
        return float(model.loss_function.weights(target, None if model.reads_last else mask).sum())
    if mask is None or model.reads_last:
        return target.shape[0] * target.shape[-1]
    return int(mask.sum())


def counting_steps(model: Model, target: Array, mask: Array | None) -> Array:
    """Which steps of the columns `target` count, (T, B) booleans: those to which `count_steps` gives a weight.

    >>> from lstm_core.batches import counting_steps
    >>> model = Model([dense(2, 3)], CrossEntropy(ignore_index=-100), rng=rng)
    >>> counting_steps(model, np.array([[1, -100]]), None)
    array([[ True, False]])
    """
    mask = None if model.reads_last else mask
    if hasattr(model.loss_function, "weights"):
        return model.loss_function.weights(target, mask) > 0
    return namespace(target).ones((target.shape[0], target.shape[-1]), bool) if mask is None else mask


class Piece(NamedTuple):
    """Some steps of a batch, as columns.

    x:      (T, D, B), or labels (T, B)
    target: (T, B) or (T, C, B); of a model that reads the last step, T = 1, and None if that step is yet to come
    mask:   (T, B) booleans, which steps are there; None: all of them
    middle: where the middle of the piece lies, as a fraction of the batch's longest example

    >>> from lstm_core.batches import Batches, check_examples
    >>> model = Model([dense(2, 3)], softmax_cross_entropy, rng=rng)
    >>> examples = check_examples(model, np.zeros((8, 5, 2)), np.zeros((8, 5), int))
    >>> [piece.x.shape for piece in Batches(examples, size=4, steps=3).pieces(model, np.arange(4), 5)]
    [(3, 2, 4), (2, 2, 4)]
    """

    x: Array
    target: Array | None
    mask: Array | None
    middle: float


class Batches:
    """How `examples` are cut: into batches of `size` examples (the last may be smaller), those into pieces of time.

    buckets: whether only examples of one length share a batch
    steps:   steps of a piece (the last of a batch may be shorter); None: a batch is one piece

    `len` is the number of batches an epoch.

    >>> from lstm_core.batches import Batches, check_examples
    >>> model = Model([dense(2, 3)], softmax_cross_entropy, rng=rng)
    >>> batches = Batches(check_examples(model, np.zeros((10, 5, 2)), np.zeros((10, 5), int)), size=4)
    >>> len(batches), [len(part) for part in batches.order(rng)]
    (3, [4, 4, 2])
    """

    def __init__(self, examples: Examples, size: int, buckets: bool = False, steps: int | None = None):
        self.examples, self.size, self.buckets = examples, size, buckets
        self.N, self.T = examples.x.shape[:2]
        self.steps = steps or self.T
        self.lengths = None if examples.lengths is None else to_host(examples.lengths)

    def __len__(self):
        groups = np.unique(self.lengths, return_counts=True)[1] if self.buckets else [self.N]
        return sum(math.ceil(n / self.size) for n in groups)

    def order(self, rng: np.random.Generator) -> list[np.ndarray]:
        """Every example once, in a new random order: a list of index arrays, one a batch.

        Batches of buckets come in a random order, too: else each epoch would end with the longest examples.

        >>> from lstm_core.batches import Batches, check_examples
        >>> model, x = Model([dense(1, 1)], mse, rng=rng), np.zeros((4, 3, 1), np.float32)
        >>> examples = check_examples(model, x, x, lengths=np.array([3, 1, 3, 1]))
        >>> sorted(sorted(part.tolist()) for part in Batches(examples, size=2, buckets=True).order(rng))
        [[0, 2], [1, 3]]
        """
        order = rng.permutation(self.N)
        if not self.buckets or self.lengths is None:
            return self._split(order)
        lengths = self.lengths[order]
        found = [part for n in np.unique(lengths) for part in self._split(order[lengths == n])]
        return [found[k] for k in rng.permutation(len(found))]

    def _split(self, order):
        return [order[k : k + self.size] for k in range(0, len(order), self.size)]

    def epoch(self, rng: np.random.Generator) -> Iterator[tuple[Array, int]]:
        """One pass, batch by batch: which examples, (B,) indices on the data's device, and the steps of the longest.

        >>> from lstm_core.batches import Batches, check_examples
        >>> model, x = Model([dense(1, 1)], mse, rng=rng), np.zeros((4, 3, 1), np.float32)
        >>> examples = check_examples(model, x, x, lengths=np.array([2, 1, 2, 1]))
        >>> sorted(longest for chosen, longest in Batches(examples, size=2, buckets=True).epoch(rng))
        [1, 2]
        """
        parts = self.order(rng)
        order = namespace(self.examples.x).asarray(np.concatenate(parts))  # to the device once an epoch
        end = 0
        for part in parts:
            begin, end = end, end + len(part)
            yield order[begin:end], self.T if self.lengths is None else int(self.lengths[part].max())

    def count_pieces(self, longest: int) -> int:
        """How many pieces there are in a batch whose longest example has so many steps.

        >>> from lstm_core.batches import Batches, check_examples
        >>> model, x = Model([dense(1, 1)], mse, rng=rng), np.zeros((4, 10, 1), np.float32)
        >>> Batches(check_examples(model, x, x), size=2, steps=4).count_pieces(10)  # of 4, 4 and 2 steps
        3
        """
        return math.ceil(longest / self.steps)

    def pieces(self, model: Model, chosen: Array, longest: int) -> Iterator[Piece]:
        """The first `longest` steps of the examples `chosen`, (B,) indices: one `Piece` after the other.

        >>> from lstm_core.batches import Batches, check_examples
        >>> model, x = Model([dense(1, 1)], mse, rng=rng), np.zeros((4, 10, 1), np.float32)
        >>> batches = Batches(check_examples(model, x, x), size=2, steps=5)
        >>> [piece.middle for piece in batches.pieces(model, np.array([0, 3]), longest=10)]
        [0.25, 0.75]
        """
        x, y, lengths = self.examples
        mask = None if lengths is None else step_mask(lengths[chosen], longest)
        for begin in range(0, longest, self.steps):
            end = min(begin + self.steps, longest)
            if not model.reads_last:
                target = columns(y[chosen, begin:end])
            else:
                target = columns(y[chosen]) if end == longest else None
            there = None if mask is None else mask[begin:end]
            yield Piece(columns(x[chosen, begin:end]), target, there, (begin + end) / 2 / longest)
