"""Training: minibatches, history, early stop; and evaluation."""

import math
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .arrays import device_module, namespace, to_device
from .model import columns
from .optim import adam, clip_global_norm, constant


class Scores(NamedTuple):
    """loss: mean; error: fraction of wrong steps; whole: fraction of examples with at least one wrong step.

    error and whole are nan where the targets are not class labels.
    """

    loss: float
    error: float
    whole: float


@dataclass
class History:
    """What `fit` saw: a list entry per epoch, and for `batch_*` per batch.

    loss: mean training loss · seconds: training time · rate: the last learning rate
    validation: `Scores`, if a validation set was given · best: index of the epoch with the lowest validation loss
    batch_loss, batch_norm: loss, and gradient norm before clipping
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    best: int | None = None
    batch_loss: list = field(default_factory=list)
    batch_norm: list = field(default_factory=list)


def fit(
    model,
    x,
    y,
    *,
    epochs,
    rng,
    batch=100,
    rate=None,
    optimizer=None,
    clip=None,
    validation=None,
    patience=None,
    device=None,
    progress=True,
):
    """Train `model` in place by minibatch gradient descent.

    x:          (N, T, D) floating point, finite
    y:          class labels (N,) or (N, T), or values (N, C) or (N, T, C): what the model's loss wants
    epochs:     passes over the data; each in a new random order, a smaller last batch included
    rng:        numpy.random.Generator for the order
    rate:       a schedule of `optim`; constant(1e-3) if None
    optimizer:  one of `optim`; adam() if None
    clip:       limit of the gradient's global norm; None for none
    validation: (x, y), scored after every epoch
    patience:   stop after so many epochs without a lower validation loss, and restore the weights of the best epoch;
                None: neither
    device:     "numpy" or "cupy": parameters and data move there once, before the first batch, and the model stays;
                None: everything is where the model is already
    progress:   show a progress bar

    Returns a `History`. Raises ValueError or TypeError for bad input before anything is changed, and
    FloatingPointError if the loss or the gradient stops being finite: the weights are then those of the last good step.
    """
    for name, value in {"epochs": epochs, "batch": batch, "patience": 1 if patience is None else patience}.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name}: expected a positive integer, got {value!r}")
    if clip is not None and not clip > 0:
        raise ValueError(f"clip: expected a positive number or None, got {clip!r}")
    if patience is not None and validation is None:
        raise ValueError("patience: expected a validation set to watch, got validation=None")
    rate, optimizer = rate or constant(1e-3), optimizer or adam()
    device = namespace(model.theta) if device is None else device_module(device)
    x, y = _prepare(model, x, y, device)
    if validation is not None:
        validation = _prepare(model, *validation, device)
    model.to(device)

    N, history, best = len(x), History(), None
    batches = math.ceil(N / batch)
    state = optimizer.init(model.theta)
    with tqdm(total=epochs * batches, disable=not progress, unit="batch", mininterval=0.5) as bar:
        for epoch in range(epochs):
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            start, total = time.perf_counter(), 0.0
            order = device.asarray(rng.permutation(N))
            for k in range(batches):
                chosen = order[k * batch : (k + 1) * batch]
                loss, grad = model.loss_and_gradient(columns(x[chosen]), columns(y[chosen]))
                loss, norm = float(loss), clip_global_norm(grad, clip)
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise FloatingPointError(
                        f"fit: loss {loss}, gradient norm {norm} in epoch {epoch + 1}, batch {k + 1}; the weights are "
                        "those before this batch. Lower the rate, or set clip"
                    )
                now = rate(epoch + (k + 1) / batches)
                optimizer.update(model.theta, grad, state, now)
                total += loss * len(chosen)
                history.batch_loss.append(loss)
                history.batch_norm.append(norm)
                bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                bar.update()
            history.loss.append(total / N)
            history.seconds.append(time.perf_counter() - start)
            history.rate.append(now)
            if validation is not None:
                history.validation.append(_evaluate(model, *validation))
                losses = [scores.loss for scores in history.validation]
                history.best = int(np.argmin(losses))
                if patience is not None:
                    if history.best == epoch:
                        best = model.theta.copy()
                    elif epoch - history.best >= patience:
                        break
    if best is not None:
        model.theta[...] = best
    return history


def evaluate(model, x, y, batch=1000):
    """Scores of `model` on x (N, T, D) and y (see `fit`), `batch` examples at a time."""
    return _evaluate(model, *_prepare(model, x, y, namespace(model.theta)), batch)


def _prepare(model, x, y, device):
    """Checked x and y on `device`, y with a step axis."""
    there = model.at(to_device(model.theta, namespace(x, y)))
    x, y = there.check_input(x), there.check_target(y, x)
    return to_device(x, device), to_device(y, device)


def _evaluate(model, x, y, batch=1000):
    loss, wrong, labels = 0.0, [], y.dtype.kind in "iu"
    for start in range(0, len(x), batch):
        target = columns(y[start : start + batch])
        scores, _, _ = model.forward(columns(x[start : start + batch]))
        value, _ = model.loss_function(scores, target)
        loss += float(value) * target.shape[-1]
        if labels:
            wrong.append(scores.argmax(axis=1) != target)
    steps = sum(w.size for w in wrong)
    return Scores(
        loss / len(x),
        sum(int(w.sum()) for w in wrong) / steps if labels else math.nan,
        sum(int(w.any(axis=0).sum()) for w in wrong) / len(x) if labels else math.nan,
    )
