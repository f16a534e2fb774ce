"""Batches: which examples an update learns from, in which order they come, and in which pieces of time.

Users hand in examples first, (N, T, D); a piece is what the layers take, examples as columns, (T, D, B).
"""

import math
from typing import Any, NamedTuple

import numpy as np

from .arrays import namespace, to_device, to_host
from .model import Model, columns, step_mask


class Examples(NamedTuple):
    """A data set that has been checked: a certain model takes it, and all of it is where the model is.

    x: (N, T, D), or labels (N, T) · y: with a step axis, (N, T) or (N, T, C), T = 1 if the model reads the last step
    lengths: (N,) integers, or None where every step is there
    """

    x: object
    y: object
    lengths: object = None


def check_examples(
    model: Model, x: Any, y: Any, lengths: Any = None, device: Any = None, padding: str = "post"
) -> Examples:
    """`Examples` for `model` of what a user handed in, moved to `device`; None: they are where the model is already.

    What is padded in front (see `Model.run`) is padded behind afterwards.
    Raises ValueError or TypeError as `Model.check_input` and `Model.check_target` do, and TypeError for another device.
    """
    if device is None:
        namespace(x=x, y=y, theta=model.theta)
    x = model.check_input(x, lengths, padding)
    y = model.check_target(y, x, lengths, padding)
    return Examples(*[a if a is None or device is None else to_device(a, device) for a in (x, y, lengths)])


def count_steps(model: Model, target: Any, mask: Any) -> float:
    """How many steps of the columns `target` count: those that `mask` says are there, or one an example read last.

    With a loss that has `weights`, as `losses.CrossEntropy`, each counts as often as its weight says; 0: none counts.
    """
    if hasattr(model.loss_function, "weights"):
        return float(model.loss_function.weights(target, None if model.reads_last else mask).sum())
    if mask is None or model.reads_last:
        return target.shape[0] * target.shape[-1]
    return int(mask.sum())


def counting_steps(model: Model, target: Any, mask: Any) -> Any:
    """Which steps of the columns `target` count, (T, B) booleans: those to which `count_steps` gives a weight."""
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
    """

    x: object
    target: object
    mask: object
    middle: float


class Batches:
    """How `examples` are cut: into batches of `size` examples (the last may be smaller), those into pieces of time.

    buckets: whether only examples of one length share a batch
    steps:   steps of a piece (the last of a batch may be shorter); None: a batch is one piece

    `len` is the number of batches an epoch.
    """

    def __init__(self, examples, size, buckets=False, steps=None):
        self.examples, self.size, self.buckets = examples, size, buckets
        self.N, self.T = examples.x.shape[:2]
        self.steps = steps or self.T
        self.lengths = None if examples.lengths is None else to_host(examples.lengths)

    def __len__(self):
        groups = np.unique(self.lengths, return_counts=True)[1] if self.buckets else [self.N]
        return sum(math.ceil(n / self.size) for n in groups)

    def order(self, rng):
        """Every example once, in a new random order: a list of index arrays, one a batch.

        Batches of buckets come in a random order, too: else each epoch would end with the longest examples.
        """
        order = rng.permutation(self.N)
        if not self.buckets:
            return self._split(order)
        lengths = self.lengths[order]
        found = [part for n in np.unique(lengths) for part in self._split(order[lengths == n])]
        return [found[k] for k in rng.permutation(len(found))]

    def _split(self, order):
        return [order[k : k + self.size] for k in range(0, len(order), self.size)]

    def epoch(self, rng):
        """One pass, batch by batch: which examples, (B,) indices on the data's device, and the steps of the longest."""
        parts = self.order(rng)
        order = namespace(self.examples.x).asarray(np.concatenate(parts))  # to the device once an epoch
        end = 0
        for part in parts:
            begin, end = end, end + len(part)
            yield order[begin:end], self.T if self.lengths is None else int(self.lengths[part].max())

    def count_pieces(self, longest):
        """How many pieces there are in a batch whose longest example has so many steps."""
        return math.ceil(longest / self.steps)

    def pieces(self, model, chosen, longest):
        """The first `longest` steps of the examples `chosen`, (B,) indices: one `Piece` after the other."""
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
