"""Training: `fit`.

`fit` has what it is given checked by `settings`, then goes epoch by epoch: `_train`, an update after each piece of each
batch, and `_validate`. The data come from `batches`, the other ranks are behind `parallel.Team`, and what was seen goes
into the `History`.
"""

import functools
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from .arrays import namespace, to_device
from .batches import Batches, count_steps
from .checks import brief, check_not_negative, is_finite
from .history import History, go_back, whole_or_unfinished
from .model import Model
from .optim import Optimizer, adam, clip_global_norm, constant
from .parallel import Draws, Team, team
from .scores import score
from .settings import check_history, check_state_value, checked, fingerprints, kinds, start
from .types import Array, Module, Schedule


def fit(
    model: Model,
    x: Array,
    y: Array,
    *,
    epochs: int,
    rng: np.random.Generator,
    batch: int = 100,
    rate: Schedule | None = None,
    optimizer: Optimizer | None = None,
    clip: float | None = None,
    lengths: Array | None = None,
    buckets: bool = False,
    truncate: int | None = None,
    validation: Sequence[Array] | None = None,
    validation_batch: int = 1000,
    patience: int | None = None,
    history: History | None = None,
    after_epoch: Callable[[History], Any] | None = None,
    device: str | Module | None = None,
    comm: Any = None,
    progress: bool = True,
    padding: str = "post",
) -> History:
    """Train `model` in place by minibatch gradient descent.

    x:          (N, T, D) floating point, finite; or labels (N, T), if the model begins with an embedding
    y:          what the model's loss wants: class labels (N, T), any integers, or values (N, T, C), any real numbers;
                without the axis T if the model reads the last step. Where none of the labels of a batch (or piece)
                counts, because the loss ignores them, there is no update
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
    validation: (x, y) or (x, y, lengths), scored after every epoch, `validation_batch` examples at a time
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
    padding:    with lengths, where the steps are that are not there, of the validation set too: "post", behind the
                others, or "pre", before them

    Returns a `History`. Raises ValueError or TypeError for bad input before anything is changed, and
    FloatingPointError if loss, gradient, weights or the optimiser's state stop being finite.

    After an error or an interrupt within an epoch, the weights and the optimiser's state are those of the last good
    update, to look at; the history is also the exception's attribute `history`, and with it `fit` goes on from the end
    of the last whole epoch, bit for bit: it puts model and rng back to where they were then.

    >>> x, y = data.parity(rng, count=64, length=10)
    >>> model = Model([lstm(2, 8), dense(8, 2)], softmax_cross_entropy, rng=rng)
    >>> history = fit(model, x, y, epochs=2, rng=rng, batch=32, rate=constant(1e-2), clip=1.0, progress=False)
    >>> len(history.loss), len(history.batch_norm)
    (2, 4)
    """
    rate = constant(1e-3) if rate is None else rate
    optimizer = adam() if optimizer is None else optimizer
    history = History() if history is None else history
    ranks = team(comm)
    given = ranks.together(fingerprints, lambda: checked(
        model, x, y, epochs=epochs, rng=rng, batch=batch, rate=rate, optimizer=optimizer, clip=clip, lengths=lengths,
        buckets=buckets, truncate=truncate, validation=validation, validation_batch=validation_batch, patience=patience,
        history=history, after_epoch=after_epoch, device=device, progress=progress, padding=padding,
    ))  # fmt: skip
    ranks.agree(model, rng, history)
    check_history(history, given)
    if given.device is not None:
        model.to(given.device)
    if history.unfinished is not None:
        go_back(history, model, rng)
    keep_memory()
    _run(given, rng, history, after_epoch, ranks, progress)
    return history


def _run(given, rng, history, after_epoch, ranks, progress):
    """The epochs of `fit`, from where the history ends, noted in it."""
    model, patience, xp = given.model, given.patience, namespace(given.model.theta)
    state = history.optimizer or start(given.optimizer, model.theta)
    history.optimizer = {k: to_device(v, xp) if getattr(v, "ndim", 0) else v for k, v in state.items()}
    rule = _Rule(given.optimizer, history.optimizer, given.rate, given.clip, ranks, {})
    batches = Batches(given.examples, given.batch, given.buckets, given.truncate)
    first = len(history.loss)
    total = (given.epochs - first) * len(batches) * batches.count_pieces(batches.T)
    with tqdm(total=total, disable=not progress or ranks.rank > 0, unit="batch", mininterval=0.5) as bar:
        for epoch in range(first, given.epochs):
            if patience is not None and epoch and epoch - 1 - history.best >= patience:
                break
            bar.set_description(f"epoch {epoch + 1}/{given.epochs}", refresh=False)
            with whole_or_unfinished(history, model, rng):
                _train(model, batches, rng, rule, history, epoch, bar)
                if given.validation is not None:
                    _validate(given, ranks, history, epoch)
                    if patience is not None and history.best == epoch:
                        history.weights = model.theta.copy()
            if after_epoch is not None and ranks.rank == 0:
                after_epoch(history)
    if patience is not None and history.weights is not None:
        model.theta[...] = to_device(history.weights, xp)


@functools.cache
def keep_memory() -> None:
    """Let the C library keep up to 512 MB of freed memory for the next batch. `fit` calls it; it acts once a process.

    glibc gives freed memory back to the system beyond a limit, and large blocks at once; each batch would then pay for
    its pages again, some thousand page faults an update. Both limits are raised, the second to 32 MB, as far as glibc
    lets us. Where the environment sets one of its limits, such as MALLOC_TRIM_THRESHOLD_, nothing is changed.

    >>> from lstm_core.training import keep_memory
    >>> keep_memory()
    """
    said = " ".join([*os.environ, os.environ.get("GLIBC_TUNABLES", "")]).lower()
    limits = ("trim_threshold", "mmap_threshold", "mmap_max", "top_pad")
    if sys.platform == "linux" and not any(limit in said for limit in limits):
        import ctypes

        library = ctypes.CDLL(None)
        if hasattr(library, "mallopt"):  # glibc's
            library.mallopt(-1, 2**29)  # M_TRIM_THRESHOLD
            library.mallopt(-3, 2**25)  # M_MMAP_THRESHOLD


# ---- an epoch ----------------------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """How the weights are updated: the settings of `fit` that an update needs, and the optimiser's state.

    kept: name -> array: what the weights, "", and the arrays of the state were before an update
    """

    optimizer: Optimizer
    optimizer_state: dict
    rate: object
    clip: float | None
    ranks: Team
    kept: dict


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
            if not weight:  # all labels of the piece are ignored
                continue
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

    Where no step of this rank's share counts, the loss, a mean over those that do, would be 0 / 0. Then only the state
    is carried on, and the weight is 0.
    """
    weight = count_steps(model, piece.target, piece.mask) * share.counts
    if weight:
        loss, grad, states = model.learn(piece.x, piece.target, states, piece.mask, draws)
    else:
        states = model.forward(piece.x, states, keep=False, mask=piece.mask, rng=draws)[1]
        loss, grad = 0.0, namespace(model.theta).zeros_like(model.theta)
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
    with _whole_or_undone(model, rule) as before, np.errstate(all="ignore"):
        returned = rule.optimizer.update(model.theta, grad, rule.optimizer_state, rate)
        if returned is not None:
            raise TypeError(f"optimizer: expected an update in place, got one that returns {brief(returned)}")
        _check_state(rule.optimizer_state, before, model.theta)
        if not all(map(_is_finite, (model.theta, *rule.optimizer_state.values()))):
            raise FloatingPointError(
                f"fit: the update leaves weights or an optimiser's state that are not finite, in epoch {epoch + 1}, "
                f"batch {k + 1}, rate {rate}; the weights are those before this update. Lower the rate, or set clip"
            )
    return norm, rate


@contextmanager
def _whole_or_undone(model, rule):
    """An update: if it ends in an error, weights and state are as `before` it, the state that is handed out."""
    state = rule.optimizer_state
    before = dict(state)
    arrays = {"": model.theta} | {name: value for name, value in before.items() if getattr(value, "ndim", 0)}
    for name, array in arrays.items():
        if name not in rule.kept:
            rule.kept[name] = array.copy()
        else:
            rule.kept[name][...] = array
    try:
        yield before
    except BaseException:
        for name, array in arrays.items():
            array[...] = rule.kept[name]
        state.clear()
        state.update(before)
        raise


def _check_state(state, before, theta):
    """Raise TypeError unless an update left a state of the kind that there was before."""
    if kinds(state) != kinds(before):
        raise TypeError(f"optimizer: expected a state of {kinds(before)} after an update too, got {kinds(state)}")
    for name, value in state.items():
        if value is not before[name]:
            check_state_value(name, value, theta)


def _is_finite(value):
    """Whether all of an array, or a number, is finite."""
    return is_finite(value) if getattr(value, "ndim", 0) else math.isfinite(value)


def _validate(given, ranks, history, epoch):
    """Score the validation set, on rank 0 for all, and note the scores and the best epoch in the history.

    All ranks so see the same best epoch, and stop together. Raises FloatingPointError for a loss that is not finite.
    """
    found = score(given.model, given.validation, given.validation_batch) if ranks.rank == 0 else None
    history.validation.append(ranks.bcast(found))
    losses = [scores.loss for scores in history.validation]
    if not math.isfinite(losses[-1]):
        raise FloatingPointError(f"fit: validation loss {losses[-1]} after epoch {epoch + 1}")
    history.best = int(np.argmin(losses))
