"""Sampling: what a trained model says, label by label."""

from collections.abc import Sequence

import numpy as np

from .arrays import namespace, to_host
from .checks import brief, check_count, check_kind, check_labels, check_not_negative, check_rng, check_shape, listed
from .model import Model
from .types import Array


def sample(
    model: Model, start: Array | Sequence[int], count: int, *, rng: np.random.Generator, temperature: float = 1.0
) -> np.ndarray:
    """Draw `count` labels, one after the other, each from what the model expects after all before it.

    model:       reads labels 0 … C-1 (by an embedding, or as one-hot columns) and gives C scores y
    start:       (n,) integers, what it reads first, n >= 1
    temperature: a label's probability is softmax(y / temperature); below 1 likely ones become likelier, 0 takes the
                 likeliest
    rng:         numpy.random.Generator; the draws are NumPy's on any device

    The state is carried along, so each label costs one step. Returns (count,) int64. Raises ValueError or TypeError
    for bad input, and FloatingPointError for scores that are not finite.

    >>> model = Model([embedding(3, 3)], softmax_cross_entropy, rng=rng)
    >>> model.params["embedding.W"] = np.eye(3, k=-1, dtype=np.float32)  # after 0 comes 1, after 1 comes 2
    >>> sample(model, [0], 2, rng=rng, temperature=0)
    array([1, 2])
    """
    count, temperature = check_count("count", count), check_not_negative("temperature", temperature)
    check_rng(rng)
    check_kind("model", model, Model, "a Model")
    if (model.labels or model.layers[0].features) != model.outputs or not model.runs_forward:
        raise ValueError(
            f"model: expected one that runs forward and scores the labels it reads, got {listed(model.names)}"
        )
    xp, dtype = namespace(model.theta), model.theta.dtype
    labels, states = _labels(start), None
    check_shape("start", labels, {"n": None})
    check_labels("start", labels, model.outputs)
    drawn = np.empty(count, np.int64)
    for k in range(count):
        x = labels if model.labels else _onehot(labels, model.outputs, dtype)
        y, states = model.run(xp.asarray(x[None]), states)
        y = to_host(y.reshape(-1, model.outputs)[-1]).astype(np.float64)  # scores after the last label
        if not np.isfinite(y).all():
            raise FloatingPointError("sample: a score is not finite; are the model's parameters?")
        with np.errstate(over="ignore"):  # a small temperature: exp(-inf) is the 0 that is meant
            p = np.exp((y - y.max()) / temperature) if temperature else y == y.max()
        drawn[k] = rng.choice(model.outputs, p=p / p.sum())
        labels = drawn[k : k + 1]  # what the next step reads
    return drawn


def _labels(start):
    """`start`, an array or a list, as an array of NumPy's."""
    if not isinstance(start, list | tuple | range):
        namespace(start=start)
        return to_host(start)
    try:
        return np.asarray(start)
    except ValueError as error:  # lists of unlike lengths
        raise ValueError(f"start: expected integers, got {brief(start)}") from error


def _onehot(labels, classes, dtype):
    """(n,) labels -> (n, classes), 1 where the label is, else 0."""
    x = np.zeros((len(labels), classes), dtype)
    x[np.arange(len(labels)), labels] = 1
    return x
