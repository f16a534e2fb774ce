"""Random networks, data and trainings: any cell, layers in any order that fits, sizes from 1 on, every option."""

from typing import NamedTuple

import numpy as np

import lstm_core as core
from lstm_core import init, optim, variants
from lstm_core.model import step_mask

CELLS = list(variants.CELLS)
ROOTED = ["rglru"]


class Network(NamedTuple):
    """A model with columns to learn from: x (T, D, B) or labels (T, B), a target, a mask or None, states or None."""

    model: core.Model
    x: np.ndarray
    target: np.ndarray
    mask: np.ndarray | None
    states: list | None


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


def coin(rng, p=0.5):
    return bool(rng.random() < p)


def recurrent(rng, features):
    """A recurrent layer, in one direction or both; and the features that it makes."""
    hidden = int(rng.integers(1, 4))
    R = init.orthogonal if coin(rng) else init.identity
    of = core.recurrent(pick(rng, *CELLS), features, hidden, own=coin(rng), R=R)
    return pick(rng, of, of, core.reverse(of), core.bidirectional(of))


def stack(rng):
    """Layers that fit, and the features or labels that the first one reads."""
    reads, labels = int(rng.integers(1, 4)), None
    found, features = [], reads
    if coin(rng, 0.25):
        labels, features = int(rng.integers(2, 5)), int(rng.integers(1, 4))
        found = [core.embedding(labels, features)]
    for _ in range(rng.integers(0 if found else 1, 4)):
        functions = "tanh", "sigmoid", "relu", "softmax", "log_softmax"
        between = core.activation(pick(rng, *functions)), core.dropout(rng.random() / 2)
        choices = [recurrent(rng, features), core.dense(features, int(rng.integers(1, 4)))]
        layer = pick(rng, *choices, *choices, *(between if found else ()))
        found.append(layer)
        features = layer.output(1, features)[1]
    two_ways = [layer for layer in found if layer.directions]
    if coin(rng, 0.3) and all(layer.causal for layer in two_ways[-1:]):
        found.append(core.last())
        if coin(rng, 0.2):
            found.append(core.lstm(features, features))
    return [*found, core.dense(features, int(rng.integers(2, 4)))], labels


def network(rng, dtype=np.float64):
    """A `Network`, its weights up to a thousand times as large or as small as usual."""
    found, labels = stack(rng)
    loss = pick(rng, core.mse, core.softmax_cross_entropy)
    model = core.Model(found, loss, rng=rng, dtype=dtype)
    scale = pick(rng, 1, 1, 1, 1e-3, 30, 1e3)
    if any(cell in name for cell in ROOTED for name in model.shapes):  # the slope of a root near 0 multiplies the
        scale = min(scale, 1)  # last digit of a gate that is nearly 0; tests/proofs/test_sqrt.py has such gates
    model.theta *= scale
    model.theta += (scale * 0.1 * rng.standard_normal(model.theta.size)).astype(dtype)
    T, B = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    features = model.layers[0].features
    x = rng.integers(0, labels, (T, B)) if labels else rng.standard_normal((T, features, B)).astype(dtype)
    lengths = rng.integers(1, T + 1, B) if coin(rng) else None
    mask = None if lengths is None else step_mask(lengths, T)
    steps = 1 if model.reads_last else T
    target = rng.integers(0, model.outputs, (steps, B))
    if loss is core.mse:
        target = rng.standard_normal((steps, model.outputs, B)).astype(dtype)
    return Network(model, x, target, mask, start(rng, model, B) if coin(rng) else None)


def start(rng, model, B):
    """Random states of every layer of a model, and () for some that then begin with zeros."""
    found = []
    for layer in model.layers:
        count = len(layer.directions) * len(layer.cell.states) if layer.cell else 0
        hidden = layer.output(1, layer.features)[1] // len(layer.directions) if count else 0
        arrays = tuple(rng.standard_normal((hidden, B)).astype(model.theta.dtype) for _ in range(count))
        found.append(arrays if coin(rng, 0.8) else ())
    return found


# ---- trainings ---------------------------------------------------------------------------------------------------


class Training(NamedTuple):
    """make: () -> a new model, always the same · x, y, and settings: () -> those of `fit`, new ones each time."""

    make: object
    x: np.ndarray
    y: np.ndarray
    settings: object


def training(rng):
    """A small `Training` with any of the options of `fit`."""
    seed = int(rng.integers(2**32))
    dtype = pick(rng, np.float32, np.float64)

    def make():
        draws = np.random.default_rng(seed)
        found, _ = stack(draws)
        return core.Model(found, pick(draws, core.mse, core.softmax_cross_entropy), rng=draws, dtype=dtype)

    model = make()
    N, T = int(rng.integers(2, 9)), int(rng.integers(1, 5))
    x, y = data(rng, model, N, T)
    lengths = rng.integers(1, T + 1, N) if coin(rng, 0.4) else None
    optimizer = pick(rng, optim.sgd, optim.momentum, optim.adam, lambda: optim.adam(weight_decay=0.1))
    schedules = optim.constant, lambda rate: optim.steps(rate, 1.5), lambda rate: optim.cosine(rate, 4, 0.5)
    schedule = pick(rng, *schedules)
    validation = None
    if coin(rng, 0.5):
        validation = data(rng, model, int(rng.integers(1, 5)), T)
        validation = (*validation, rng.integers(1, T + 1, len(validation[0]))) if coin(rng) else validation
    fixed = {
        "batch": int(rng.integers(1, N + 2)), "clip": pick(rng, None, 0.1, 10.0), "lengths": lengths,
        "buckets": lengths is not None and coin(rng), "validation": validation,
        "truncate": int(rng.integers(1, T + 1)) if model.runs_forward and coin(rng) else None,
        "patience": int(rng.integers(1, 4)) if validation is not None and coin(rng) else None,
        "validation_batch": int(rng.integers(1, 5)), "progress": False,
    }  # fmt: skip
    return Training(make, x, y, lambda: fixed | {"optimizer": optimizer(), "rate": schedule(0.02)})


def data(rng, model, N, T):
    """x and y of N examples for a model."""
    dtype = model.theta.dtype
    x = rng.integers(0, model.labels, (N, T)) if model.labels else rng.standard_normal((N, T, model.layers[0].features))
    shape = (N,) if model.reads_last else (N, T)
    if model.loss_function is core.mse:
        return x if model.labels else x.astype(dtype), rng.standard_normal((*shape, model.outputs)).astype(dtype)
    return x if model.labels else x.astype(dtype), rng.integers(0, model.outputs, shape)


