"""Training: `fit`, and the history it writes.

`fit` checks what it is given, then goes epoch by epoch: `_train`, an update after each piece of each batch, and
`_validate`. The data come from `batches`, the other ranks are behind `parallel.Team`.
"""

import functools
import math
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from .arrays import device_module, namespace, to_device
from .batches import Batches, check_examples, count_steps
from .checks import brief, check_count, check_flag, check_not_negative, check_positive, check_rng, is_finite, listed
from .model import Model
from .optim import Optimizer, adam, clip_global_norm, constant
from .parallel import Draws, Team, team
from .scores import score


@dataclass
class History:
    """What `fit` saw: a list entry per epoch, and for `batch_*` per batch.

    loss: mean training loss · seconds: training time · rate: the last learning rate
    validation: `Scores`, if a validation set was given · best: index of the epoch with the lowest validation loss
    batch_loss, batch_norm: loss, and gradient norm before clipping, per update
    optimizer: the optimiser's state · weights: those of the best epoch, where patience asks for them; what it takes to
    go on, with `fit(…, history=…)`
    unfinished: None, except after an error or an interrupt within an epoch: then what `fit` goes on from
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
    unfinished: dict | None = field(default=None, repr=False)


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
    FloatingPointError if loss, gradient, weights or the optimiser's state stop being finite.

    After an error or an interrupt within an epoch, the weights and the optimiser's state are those of the last good
    update, to look at; the history is also the exception's attribute `history`, and with it `fit` goes on from the end
    of the last whole epoch, bit for bit: it puts model and rng back to where they were then.
    """
    rate = constant(1e-3) if rate is None else rate
    optimizer = adam() if optimizer is None else optimizer
    history = History() if history is None else history
    epochs, batch, clip, patience, truncate = _checked_numbers(epochs, batch, clip, patience, truncate)
    _check_settings(
        model, rng=rng, patience=patience, validation=validation, buckets=buckets, lengths=lengths, truncate=truncate,
        rate=rate, optimizer=optimizer, comm=comm, history=history, after_epoch=after_epoch, progress=progress,
    )  # fmt: skip
    device = None if device is None else device_module(device)
    examples = check_examples(model, x, y, lengths, device)
    validation = None if validation is None else _check_validation(model, validation, device)
    ranks = team(comm)
    ranks.agree(model, rng, history)
    _check_history(history, model, epochs, optimizer, validation, patience)
    if device is not None:
        model.to(device)
    xp = namespace(model.theta)
    if history.unfinished is not None:
        _go_back(history, model, rng)
    history.optimizer = _moved(history.optimizer or optimizer.init(model.theta), xp)
    rule = _Rule(optimizer, history.optimizer, rate, clip, ranks)
    batches = Batches(examples, batch, buckets, truncate)
    first = len(history.loss)
    total = (epochs - first) * len(batches) * batches.count_pieces(batches.T)
    keep_memory()
    with tqdm(total=total, disable=not progress or ranks.rank > 0, unit="batch", mininterval=0.5) as bar:
        for epoch in range(first, epochs):
            if patience is not None and epoch and epoch - 1 - history.best >= patience:
                break
            bar.set_description(f"epoch {epoch + 1}/{epochs}", refresh=False)
            with _whole_or_unfinished(history, model, rng):
                _train(model, batches, rng, rule, history, epoch, bar)
                if validation is not None:
                    _validate(model, validation, ranks, history, epoch)
                    if patience is not None and history.best == epoch:
                        history.weights = model.theta.copy()
            if after_epoch is not None and ranks.rank == 0:
                after_epoch(history)
    if patience is not None and history.weights is not None:
        model.theta[...] = to_device(history.weights, xp)
    return history


# ---- what fit is given -------------------------------------------------------------------------------------------


def _checked_numbers(epochs, batch, clip, patience, truncate):
    """These settings of `fit` as Python's numbers; ValueError for the first that is not as its description says."""
    epochs, batch = check_count("epochs", epochs), check_count("batch", batch)
    clip = None if clip is None else check_positive("clip", clip)
    patience = None if patience is None else check_count("patience", patience)
    return epochs, batch, clip, patience, None if truncate is None else check_count("truncate", truncate)


def _check_settings(
    model, *, rng, patience, validation, buckets, lengths, truncate, rate, optimizer, comm, history, after_epoch,
    progress,
):  # fmt: skip
    """Raise ValueError or TypeError for the first setting of `fit` that is not as its description says."""
    if not isinstance(model, Model):
        raise TypeError(f"model: expected a Model, got {brief(model)}")
    for name, array in model.params.items():
        if not is_finite(array):
            raise ValueError(f"model: expected finite parameters, got NaN or infinity in {name}")
    check_rng(rng)
    check_flag("progress", progress)
    if patience is not None and validation is None:
        raise ValueError("patience: expected a validation set to watch, got validation=None")
    if check_flag("buckets", buckets) and lengths is None:
        raise ValueError("buckets: expected lengths to sort by, got lengths=None")
    if truncate is not None and not model.runs_forward:
        raise ValueError(f"truncate: expected layers that run forward, got {listed(model.names)}")
    if not (after_epoch is None or callable(after_epoch)):
        raise TypeError(f"after_epoch: expected a function of the history, got {brief(after_epoch)}")
    if not callable(rate):
        raise TypeError(f"rate: expected a schedule such as optim.constant(1e-3), got {brief(rate)}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"optimizer: expected an Optimizer such as optim.adam(), got {brief(optimizer)}")
    if comm is not None and not hasattr(comm, "Allreduce"):
        raise TypeError(f"comm: expected an MPI communicator, as parallel.job gives it, got {brief(comm)}")
    if not isinstance(history, History):
        raise TypeError(f"history: expected the History of an earlier fit, got {brief(history)}")


def _check_validation(model, validation, device):
    """The `Examples` of a validation set, (x, y) or (x, y, lengths); errors say that they are of this one."""
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise TypeError(f"validation: expected (x, y) or (x, y, lengths), got {type(validation).__name__}")
    x, y, *lengths = validation
    try:
        return check_examples(model, x, y, *(lengths or [None]), device)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation: {error}") from error


def _check_history(history, model, epochs, optimizer, validation, patience):
    """Raise ValueError unless `fit` can go on from this history: with this model, these epochs and settings."""
    first, scored = len(history.loss), len(history.validation)
    if first > epochs:
        raise ValueError(f"epochs: expected at least the {first} that history has, got {epochs}")
    if scored != (0 if validation is None else first):
        raise ValueError(f"history: expected validation in all epochs or none, got {scored} of {first}")
    if not first and history.optimizer is None:
        return
    weights = model.theta if first and patience is not None else None
    expected = _kinds(optimizer.init(model.theta) | {"weights": weights})
    found = _kinds((history.optimizer or {}) | {"weights": history.weights})
    if found != expected:
        raise ValueError(f"history: expected {expected} for this model, optimizer and patience, got {found}")


def _kinds(values):
    """Shape and dtype of each value of a dict; () and "" of what is no array."""
    return {k: (getattr(v, "shape", ()), str(getattr(v, "dtype", ""))) for k, v in values.items()}


def _moved(state, xp):
    """An optimiser's state with its arrays on the device of `xp`."""
    return {k: to_device(v, xp) if getattr(v, "ndim", 0) else v for k, v in state.items()}


# ---- whole epochs ------------------------------------------------------------------------------------------------

PER_EPOCH, PER_UPDATE = ("loss", "seconds", "rate", "validation"), ("batch_loss", "batch_norm")


@contextmanager
def _whole_or_unfinished(history, model, rng):
    """An epoch: if it ends in an error or an interrupt, the history knows from where to go on; the error has it."""
    history.unfinished = {
        "theta": model.theta.copy(),
        "optimizer": {k: v.copy() if getattr(v, "ndim", 0) else v for k, v in history.optimizer.items()},
        "rng": rng.bit_generator.state,
        "updates": len(history.batch_loss),
        "best": history.best,
    }
    epoch = len(history.loss)
    try:
        yield
    except BaseException as error:
        error.history = history
        error.add_note(
            f"fit was in epoch {epoch + 1}. This exception's attribute `history` is its history; with history=… fit "
            f"goes on from the end of epoch {epoch}."
        )
        for name in PER_EPOCH:  # as far as the epoch's own entries were made
            del getattr(history, name)[epoch:]
        raise
    history.unfinished = None


def _go_back(history, model, rng):
    """Put history, model and rng back to the end of the last whole epoch."""
    whole, history.unfinished = history.unfinished, None
    xp = namespace(model.theta)
    model.theta[...] = to_device(whole["theta"], xp)
    rng.bit_generator.state = whole["rng"]
    history.optimizer, history.best = whole["optimizer"], whole["best"]
    for name in PER_UPDATE:
        del getattr(history, name)[whole["updates"] :]


@functools.cache
def keep_memory():
    """Let the C library keep up to 64 MB of freed memory for the next batch. `fit` calls it; it acts once a process.

    glibc gives freed memory back to the system beyond a limit, and each batch would then pay for its pages again, some
    thousand page faults an update. The limit is twice the largest block that was ever freed, among those below 32 MB.
    So we free one such block. It takes no memory, since nothing is ever written to it. It is not one of NumPy's, since
    `tracemalloc` would count that. Limits that the user has set, as by MALLOC_TRIM_THRESHOLD_, stay as they are.
    """
    if sys.platform == "linux":
        import ctypes

        library = ctypes.CDLL(None)
        library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        library.free.restype, library.free.argtypes = None, [ctypes.c_void_p]
        library.free(library.malloc(2**25 - 2**13))


# ---- an epoch ----------------------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """How the weights are updated: the settings of `fit` that an update needs, and the optimiser's state."""

    optimizer: Optimizer
    optimizer_state: dict
    rate: object
    clip: float | None
    ranks: Team


def _train(model, batches, rng, rule, history, epoch, bar):
    """One epoch of training, noted in the history: an update after each piece that has targets."""
    start, per_epoch = time.perf_counter(), len(batches)
    total, count = 0.0, 0
    for k, (chosen, longest) in enumerate(batches.epoch(rng)):
        share = rule.ranks.share(len(chosen))
        draws = Draws(rng, len(chosen), share.examples)
        states = None
        for piece in batches.pieces(model, chosen[share.examples], longest):
            bar.update()
            if piece.target is None:
                states = model.forward(piece.x, states, keep=False, mask=piece.mask, rng=draws)[1]
                continue
            loss, grad, weight, states = _learn(model, piece, states, share, draws, rule.ranks)
            norm, rate = _update(model, loss, grad, rule, epoch, k, epoch + (k + piece.middle) / per_epoch)
            total, count = total + loss * weight, count + weight
            history.batch_loss.append(loss)
            history.batch_norm.append(norm)
            bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
        bar.update(batches.count_pieces(batches.T) - batches.count_pieces(longest))
    history.loss.append(total / count)
    history.seconds.append(time.perf_counter() - start)
    history.rate.append(rate)


def _learn(model, piece, states, share, draws, ranks):
    """Loss, flat gradient and weight of a piece, over all ranks; and this rank's final states.

    Where no step of this rank's share counts, the loss, a mean over those that do, would be 0 / 0. Without the mask it
    is some number, and its weight is 0.
    """
    weight = count_steps(model, piece.target, piece.mask) * share.counts
    mask = piece.mask if weight else None
    loss, grad, states = model.learn(piece.x, piece.target, states, mask, draws)
    loss, grad, weight = ranks.mean(loss, grad, weight)
    return float(loss), grad, float(weight), states


def _update(model, loss, grad, rule, epoch, k, progress):
    """Move the weights. Returns the gradient's norm before clipping and the learning rate at `progress`, in epochs.

    Raises FloatingPointError if loss, gradient or what the update makes is not finite, and ValueError for a bad rate;
    weights and the optimiser's state are then as before.
    """
    norm = clip_global_norm(grad, rule.clip)
    if not (math.isfinite(loss) and math.isfinite(norm)):
        raise FloatingPointError(
            f"fit: loss {loss}, gradient norm {norm} in epoch {epoch + 1}, batch {k + 1}; the weights "
            "are those before this update. Lower the rate, or set clip"
        )
    rate = rule.rate(progress)
    try:
        rate = check_not_negative("rate", rate)
    except ValueError as error:
        message = f"rate: expected a schedule of numbers >= 0, got {brief(rate)} in epoch {epoch + 1}"
        raise ValueError(message) from error
    arrays = [model.theta, *(v for v in rule.optimizer_state.values() if getattr(v, "ndim", 0))]
    before, state = [array.copy() for array in arrays], dict(rule.optimizer_state)
    with np.errstate(all="ignore"):
        rule.optimizer.update(model.theta, grad, rule.optimizer_state, rate)
    if not all(is_finite(array) for array in arrays):
        for array, good in zip(arrays, before, strict=True):
            array[...] = good
        rule.optimizer_state.update(state)
        raise FloatingPointError(
            f"fit: the update leaves weights or an optimiser's state that are not finite, in epoch {epoch + 1}, batch "
            f"{k + 1}, rate {rate}; the weights are those before this update. Lower the rate, or set clip"
        )
    return norm, rate


def _validate(model, validation, ranks, history, epoch):
    """Score the validation set, on rank 0 for all, and note the scores and the best epoch in the history.

    All ranks so see the same best epoch, and stop together. Raises FloatingPointError for a loss that is not finite.
    """
    history.validation.append(ranks.bcast(score(model, validation) if ranks.rank == 0 else None))
    losses = [scores.loss for scores in history.validation]
    if not math.isfinite(losses[-1]):
        raise FloatingPointError(f"fit: validation loss {losses[-1]} after epoch {epoch + 1}")
    history.best = int(np.argmin(losses))
