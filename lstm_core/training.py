"""Training: minibatches, history, early stop; and evaluation."""

import math
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from . import parallel
from .arrays import device_module, namespace, to_device, to_host
from .checks import check_count, check_positive, check_rng
from .model import columns, step_mask
from .optim import Optimizer, adam, clip_global_norm, constant

# Never touched, and freed at once: a block that large teaches glibc to keep up to 64 MB of memory for the next batch.
np.empty(2**25 - 2**13, np.uint8)


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
    batch_loss, batch_norm: loss, and gradient norm before clipping, per update
    optimizer: the optimiser's state · weights: those of the best epoch, where patience asks for them; what it takes to
    go on, with `fit(…, history=…)`
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)
    rate: list = field(default_factory=list)
    validation: list = field(default_factory=list)
    best: int | None = None
    batch_loss: list = field(default_factory=list)
    batch_norm: list = field(default_factory=list)
    optimizer: dict | None = field(default=None, repr=False)
    weights: object = field(default=None, repr=False)


def fit(
    model, x, y, *, epochs, rng, batch=100, rate=None, optimizer=None, clip=None, lengths=None, buckets=False,
    truncate=None, validation=None, patience=None, history=None, after_epoch=None, device=None, comm=None,
    progress=True,
):  # fmt: skip
    """Train `model` in place by minibatch gradient descent.

    x:          (N, T, D) floating point, finite; or labels (N, T), if the model begins with an embedding
    y:          what the model's loss wants: class labels (N, T), or values (N, T, C) of the model's dtype; without the
                axis T if the model reads the last step
    epochs:     passes over the data; each in a new random order, a smaller last batch included
    rng:        numpy.random.Generator for the order and for dropout
    rate:       a schedule of `optim`; constant(1e-3) if None
    optimizer:  one of `optim`; adam() if None
    clip:       limit of the gradient's global norm; None for none
    lengths:    (N,) integers: only the first so many steps of each example are there, whatever stands behind them
    buckets:    with lengths: whether only examples of one length share a batch; else each batch ends with its longest
    truncate:   truncated BPTT: batches are cut into pieces of so many steps (the last may be shorter), with an update
                after each whose outputs count; the state is carried on, the gradient is not. (Of a model that reads
                the last step, that is the last piece: a string that ended before it teaches the recurrence nothing.)
                None: the whole sequence
    validation: (x, y) or (x, y, lengths), scored after every epoch
    patience:   stop after so many epochs without a lower validation loss, and restore the weights of the best epoch;
                None: neither
    history:    the `History` of an earlier run to continue, to `epochs` in all; it is changed in place. With its model,
                its rng and all else as it was, the run goes on as if there had been no break, bit for bit. (With
                patience: with the model as `after_epoch` saw it, for at the end `fit` puts the best weights back)
    after_epoch: called with the history after every epoch, e.g. to save it with model and rng for a later run
    device:     "numpy" or "cupy": parameters and data move there once, before the first batch, and the model stays;
                None: everything is where the model is already
    comm:       an MPI communicator (see `parallel.job`): its ranks, with the same data and settings, train one model,
                from the parameters, generator and history of rank 0. Each takes every size-th example of each batch,
                and all end with what one rank would have, dropout included, up to rounding. Rank 0 alone shows
                progress, scores the validation set and calls after_epoch. None: this process alone
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
    if buckets and lengths is None:
        raise ValueError("buckets: expected lengths to sort by, got lengths=None")
    if truncate is not None:
        check_count("truncate", truncate)
        if not model.runs_forward:
            raise ValueError(f"truncate: expected layers that run forward, got {model.names}")
    rate = constant(1e-3) if rate is None else rate
    if not callable(rate):
        raise TypeError(f"rate: expected a schedule such as optim.constant(1e-3), got {rate!r}")
    optimizer = adam() if optimizer is None else optimizer
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected an Optimizer such as optim.adam(), got {optimizer!r}")
    if comm is not None and not hasattr(comm, "Allreduce"):
        raise TypeError(f"comm: expected an MPI communicator, as parallel.job gives it, got {comm!r}")
    history = History() if history is None else history
    if not isinstance(history, History):
        raise TypeError(f"history: expected the History of an earlier fit, got {history!r}")
    device = None if device is None else device_module(device)
    x, y, lengths = _prepare(model, x, y, lengths, device)
    if validation is not None:
        if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
            raise TypeError(f"validation: expected (x, y) or (x, y, lengths), got {type(validation).__name__}")
        try:
            validation = _prepare(model, *validation, *[None] * (3 - len(validation)), device)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation: {error}") from error
    rank, size = (0, 1) if comm is None else (comm.rank, comm.size)
    if size > 1:
        model.theta[...], rng.bit_generator.state = comm.bcast((model.theta, rng.bit_generator.state))
        vars(history).update(comm.bcast(vars(history)))
    first = len(history.loss)
    if first > epochs:
        raise ValueError(f"epochs: expected at least the {first} that history has, got {epochs}")
    if (scored := len(history.validation)) != first * (validation is not None):
        raise ValueError(f"history: expected validation in all epochs or none, got {scored} of {first}")
    if first or history.optimizer is not None:
        wanted = optimizer.init(model.theta) | {"weights": model.theta if first and patience is not None else None}
        given = (history.optimizer or {}) | {"weights": history.weights}
        kind = lambda v: (getattr(v, "shape", ()), str(getattr(v, "dtype", "")))
        kinds = [{k: kind(v) for k, v in s.items()} for s in (wanted, given)]
        if kinds[0] != kinds[1]:
            raise ValueError(f"history: expected {kinds[0]} for this model, optimizer and patience, got {kinds[1]}")
    if device is not None:
        model.to(device)
    xp, (N, T) = namespace(model.theta), x.shape[:2]
    state = history.optimizer or optimizer.init(model.theta)
    state = history.optimizer = {k: to_device(v, xp) if getattr(v, "ndim", 0) else v for k, v in state.items()}
    steps, sizes = truncate or T, None if lengths is None else to_host(lengths)
    groups = np.unique(sizes, return_counts=True)[1] if buckets else [N]
    batches, pieces = sum(math.ceil(n / batch) for n in groups), math.ceil(T / steps)
    todo, silent = (epochs - first) * batches * pieces, not progress or rank > 0
    with tqdm(total=todo, disable=silent, unit="batch", mininterval=0.5) as bar:
        for epoch in range(first, epochs):
            if patience is not None and epoch and epoch - 1 - history.best >= patience:
                break
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            start, total, count = time.perf_counter(), 0.0, 0
            chosen = _batches(rng, N, batch, sizes if buckets else None)
            order, done = xp.asarray(np.concatenate(chosen)), 0  # to the device once
            for k, part in enumerate(chosen):
                mine = slice(rank, None, size) if rank < len(part) else slice(1)  # no share: one that counts 0 times
                here, own = order[done : (done := done + len(part))][mine], parallel.draws(rng, len(part), mine)
                states, longest = None, T if lengths is None else int(sizes[part].max())
                mask = None if lengths is None else step_mask(lengths[here], longest)
                for x_t, target, mask_t, middle in _pieces(model, x, y, here, mask, longest, steps):
                    bar.update()
                    if target is None:
                        states = model.forward(x_t, states, keep=False, mask=mask_t, rng=own)[1]
                        continue
                    weight = _count(model, target, mask_t) * (rank < len(part))
                    # with no step of its own to count, a mean would be 0 / 0: any will do, counted 0 times
                    loss, grad, states = model.learn(x_t, target, states, mask_t if weight else None, own)
                    if size > 1:
                        loss, grad, weight = parallel.mean(comm, loss, grad, weight)
                    loss, weight, norm = float(loss), float(weight), clip_global_norm(grad, clip)
                    if not (math.isfinite(loss) and math.isfinite(norm)):
                        raise FloatingPointError(
                            f"fit: loss {loss}, gradient norm {norm} in epoch {epoch + 1}, batch {k + 1}; the weights "
                            "are those before this update. Lower the rate, or set clip"
                        )
                    now = float(rate(epoch + (k + middle) / batches))
                    if not 0 <= now < math.inf:
                        raise ValueError(f"rate: expected a schedule of numbers >= 0, got {now} in epoch {epoch + 1}")
                    optimizer.update(model.theta, grad, state, now)
                    total, count = total + loss * weight, count + weight
                    history.batch_loss.append(loss)
                    history.batch_norm.append(norm)
                    bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
                bar.update(pieces - math.ceil(longest / steps))
            history.loss.append(total / count)
            history.seconds.append(time.perf_counter() - start)
            history.rate.append(now)
            if validation is not None:
                scores = _evaluate(model, *validation) if rank == 0 else None
                history.validation.append(scores if size == 1 else comm.bcast(scores))  # one verdict: all stop
                losses = [scores.loss for scores in history.validation]
                if not math.isfinite(losses[-1]):
                    raise FloatingPointError(f"fit: validation loss {losses[-1]} after epoch {epoch + 1}")
                history.best = int(np.argmin(losses))
                if patience is not None and history.best == epoch:
                    history.weights = model.theta.copy()
            if after_epoch is not None and rank == 0:
                after_epoch(history)
    if patience is not None and history.weights is not None:
        model.theta[...] = to_device(history.weights, xp)
    return history


def evaluate(model, x, y, batch=1000, lengths=None):
    """Scores of `model` on x (N, T, D) and y (see `fit`), `batch` examples at a time."""
    check_count("batch", batch)
    return _evaluate(model, *_prepare(model, x, y, lengths), batch)


def _batches(rng, N, batch, lengths=None):
    """Index arrays: N examples in random order, `batch` at a time, a smaller rest included.

    lengths: (N,): then only examples of one length share a batch, and the batches come in random order
    """
    order = rng.permutation(N)
    groups = [order] if lengths is None else [order[lengths[order] == n] for n in np.unique(lengths)]
    found = [group[k : k + batch] for group in groups for k in range(0, len(group), batch)]
    return found if lengths is None else [found[k] for k in rng.permutation(len(found))]


def _pieces(model, x, y, here, mask, T, steps):
    """Of the examples `here`, T steps in pieces of `steps`: x, target and mask as columns, and how far the middle is.

    The target is None where the model reads the last step only, and that is yet to come.
    """
    for begin in range(0, T, steps):
        piece = slice(begin, min(begin + steps, T))
        target = None
        if piece.stop == T or not model.reads_last:
            target = columns(y[here] if model.reads_last else y[here, piece])
        yield columns(x[here, piece]), target, None if mask is None else mask[piece], (begin + piece.stop) / 2 / T


def _count(model, target, mask):
    """How many steps of the columns `target` count."""
    return target.shape[0] * target.shape[-1] if mask is None or model.reads_last else int(mask.sum())


def _prepare(model, x, y, lengths=None, device=None):
    """Checked x and y, y with a step axis, and lengths or None; moved to `device`, or where the model is already."""
    if device is None:
        namespace(x=x, y=y, theta=model.theta)
    x = model.check_input(x, lengths)
    y = model.check_target(y, x, lengths)
    return [a if a is None or device is None else to_device(a, device) for a in (x, y, lengths)]


def _evaluate(model, x, y, lengths=None, batch=1000):
    loss, wrong, whole, count = 0.0, 0, 0, 0
    for start in range(0, len(x), batch):
        here = slice(start, start + batch)
        mask, target = None if lengths is None else step_mask(lengths[here], x.shape[1]), columns(y[here])
        scores, _, _ = model.forward(columns(x[here]), keep=False, mask=mask)
        weight = _count(model, target, mask)
        loss, count = loss + float(model.loss(scores, target, mask)[0]) * weight, count + weight
        if y.dtype.kind in "iu":
            miss = scores.argmax(axis=1) != target
            miss = miss if mask is None or model.reads_last else miss & mask
            wrong, whole = wrong + int(miss.sum()), whole + int(miss.any(axis=0).sum())
    errors = (wrong / count, whole / len(x)) if y.dtype.kind in "iu" else (math.nan, math.nan)
    return Scores(loss / count, *errors)
