"""Scores: how well a model does on a data set."""

import math
from typing import Any, NamedTuple

from .batches import check_examples, count_steps, counting_steps
from .checks import check_count, check_kind
from .model import Model, columns, step_mask


class Scores(NamedTuple):
    """loss: mean; error: fraction of wrong steps; whole: fraction of examples with at least one wrong step.

    error and whole are nan where the targets are not class labels. A label that the loss ignores, or gives the weight
    0, counts in none of the three, and an example that has no other is not one of those in `whole`.
    """

    loss: float
    error: float
    whole: float


def evaluate(model: Model, x: Any, y: Any, batch: int = 1000, lengths: Any = None, padding: str = "post") -> Scores:
    """Scores of `model` on x (N, T, D) and y (see `fit`), `batch` examples at a time.

    lengths, padding: as in `Model.run`

    Raises ValueError or TypeError for bad input, and FloatingPointError if the loss is NaN: then nothing can be said.

    >>> import numpy as np
    >>> from lstm_core import dense, softmax_cross_entropy
    >>> net = Model([dense(2, 3)], softmax_cross_entropy, rng=np.random.default_rng(0))
    >>> net.theta[:] = 0  # it takes the three classes for equally likely: log 3
    >>> evaluate(net, np.ones((4, 5, 2)), np.zeros((4, 5), int)).error
    0.0
    """
    check_kind("model", model, Model, "a Model")
    batch = check_count("batch", batch)
    scores = score(model, check_examples(model, x, y, lengths, padding=padding), batch)
    if math.isnan(scores.loss):
        raise FloatingPointError("evaluate: the loss is NaN; are the model's parameters finite?")
    return scores


def score(model, examples, batch=1000):
    """`Scores` of `model` on checked `batches.Examples`, `batch` of them at a time."""
    x, y, lengths = examples
    labels = y.dtype.kind in "iu"
    loss, weight, steps, wrong_steps, some, wrong_examples = 0.0, 0.0, 0, 0, 0, 0
    for begin in range(0, len(x), batch):
        chosen = slice(begin, begin + batch)
        mask = None if lengths is None else step_mask(lengths[chosen], x.shape[1])
        target = columns(y[chosen])
        weight_here = count_steps(model, target, mask)
        if not weight_here:
            continue
        outputs, _, _ = model.forward(columns(x[chosen]), keep=False, mask=mask)
        loss += float(model.loss(outputs, target, mask)[0]) * weight_here
        weight += weight_here
        if labels:
            counts = counting_steps(model, target, mask)
            wrong = (outputs.argmax(axis=1) != target) & counts
            steps, wrong_steps = steps + int(counts.sum()), wrong_steps + int(wrong.sum())
            some, wrong_examples = some + int(counts.any(axis=0).sum()), wrong_examples + int(wrong.any(axis=0).sum())
    if not labels:
        return Scores(loss / weight, math.nan, math.nan)
    return Scores(loss / weight, wrong_steps / steps, wrong_examples / some)
