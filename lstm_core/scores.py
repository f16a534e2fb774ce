"""Scores: how well a model does on a data set."""

import math
from typing import NamedTuple

from .batches import Examples, check_examples, count_steps, counting_steps
from .checks import check_count, check_kind
from .model import Model, columns, step_mask
from .types import Array


class Scores(NamedTuple):
    """How well a model does on a data set.

    loss:  the mean loss
    error: the fraction of steps whose likeliest class is wrong; nan where the targets are not class labels
    whole: the fraction of examples with at least one wrong step; nan as well

    A label that the loss ignores, or gives the weight 0, counts in none of the three, and an example that has no other
    is not one of those in `whole`.

    >>> Scores(loss=0.5, error=0.01, whole=0.2).error
    0.01
    """

    loss: float
    error: float
    whole: float


def evaluate(
    model: Model, x: Array, y: Array, batch: int = 1000, lengths: Array | None = None, padding: str = "post"
) -> Scores:
    """Scores of `model` on x (N, T, D) and y (see `fit`), `batch` examples at a time.

    lengths, padding: as in `Model.run`

    Raises ValueError or TypeError for bad input, and FloatingPointError if the loss is NaN: then nothing can be said.

    >>> model = Model([dense(1, 2)], softmax_cross_entropy, rng=rng)
    >>> model.theta[:] = [1, -1, 0, 0]  # class 0 where x > 0, else class 1
    >>> x = np.array([[[1], [2]], [[3], [-4]]], np.float32)
    >>> evaluate(model, x, np.array([[0, 0], [0, 0]]))[1:]  # one of four steps is wrong, one of two examples
    (0.25, 0.5)
    """
    check_kind("model", model, Model, "a Model")
    batch = check_count("batch", batch)
    scores = score(model, check_examples(model, x, y, lengths, padding=padding), batch)
    if math.isnan(scores.loss):
        raise FloatingPointError("evaluate: the loss is NaN; are the model's parameters finite?")
    return scores


def score(model: Model, examples: Examples, batch: int = 1000) -> Scores:
    """`Scores` of `model` on checked `batches.Examples`, `batch` of them at a time.

    >>> from lstm_core.batches import check_examples
    >>> from lstm_core.scores import score
    >>> model = Model([dense(1, 1)], mse, rng=rng).at(np.zeros(2))
    >>> x = np.ones((2, 3, 1))
    >>> score(model, check_examples(model, x, x))
    Scores(loss=1.0, error=nan, whole=nan)
    """
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
