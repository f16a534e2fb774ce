"""Training: minibatches, history, early stop; and evaluation."""

import math
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .arrays import check_count, check_positive, check_rng, device_module, namespace, to_device
from .model import columns
from .optim import Optimizer, adam, clip_global_norm, constant


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
    check_count("epochs", epochs)
    check_count("batch", batch)
    check_rng(rng)
    if clip is not None:
        check_positive("clip", clip)
    if patience is not None:
        check_count("patience", patience)
        if validation is None:
            raise ValueError("patience: expected a validation set to watch, got validation=None")
    rate = constant(1e-3) if rate is None else rate
    if not callable(rate):
        raise TypeError(f"rate: expected a schedule such as optim.constant(1e-3), got {rate!r}")
    optimizer = adam() if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected an Optimizer such as optim.adam(), got {optimizer!r}")
    device = None if device is None else device_module(device)
    x, y = _prepare(model, x, y, device)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) != 2:
            raise TypeError(f"validation: expected a pair (x, y), got {type(validation).__name__}")
        try:
            validation = _prepare(model, *validation, device)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation: {error}") from error
    if device is not None:
        model.to(device)

    xp, N, history, best = namespace(model.theta), len(x), History(), None
    batches = math.ceil(N / batch)
    state = optimizer.init(model.theta)
    with tqdm(total=epochs * batches, disable=not progress, unit="batch", mininterval=0.5) as bar:
        for epoch in range(epochs):
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            start, total = time.perf_counter(), 0.0
            order = xp.asarray(rng.permutation(N))
            for k in range(batches):
                chosen = order[k * batch : (k + 1) * batch]
                loss, grad = model.loss_and_gradient(columns(x[chosen]), columns(y[chosen]))
                loss, norm = float(loss), clip_global_norm(grad, clip)
                if not (math.isfinite(loss) and math.isfinite(norm)):
                    raise FloatingPointError(
                        f"fit: loss {loss}, gradient norm {norm} in epoch {epoch + 1}, batch {k + 1}; the weights are "
                        "those before this batch. Lower the rate, or set clip"
                    )
                now = float(rate(epoch + (k + 0.5) / batches))  # the middle of the batch
                if not 0 <= now < math.inf:
                    raise ValueError(f"rate: expected a schedule of numbers >= 0, got {now} in epoch {epoch + 1}")
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
                if not math.isfinite(losses[-1]):
                    raise FloatingPointError(f"fit: validation loss {losses[-1]} after epoch {epoch + 1}")
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
    check_count("batch", batch)
    return _evaluate(model, *_prepare(model, x, y), batch)


def _prepare(model, x, y, device=None):
    """Checked x and y, y with a step axis; moved to `device`, or where the model is already."""
    if device is None:
        namespace(x=x, y=y, theta=model.theta)
    x = model.check_input(x)
    y = model.check_target(y, x)
    return (x, y) if device is None else (to_device(x, device), to_device(y, device))


def _evaluate(model, x, y, batch=1000):
    loss, wrong, labels = 0.0, [], y.dtype.kind in "iu"
    for start in range(0, len(x), batch):
        target = columns(y[start : start + batch])
        scores, _, _ = model.forward(columns(x[start : start + batch]), keep=False)
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
