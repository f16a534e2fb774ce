"""History: what `fit` saw, and how a run that broke off goes on from its last whole epoch."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .arrays import namespace, to_device
from .checks import brief, check_kind, check_writable, is_finite
from .model import Model
from .scores import Scores
from .types import Array


@dataclass
class History:
    """What `fit` saw, and what it takes to go on, with `fit(…, history=…)`.

    loss:       mean training loss of each epoch
    seconds:    training time of each epoch, s
    rate:       the last learning rate of each epoch
    validation: `Scores` after each epoch, if a validation set was given
    best:       index of the epoch with the lowest validation loss
    batch_loss, batch_norm: loss, and gradient norm before clipping, of each update
    optimizer:  the optimiser's state
    weights:    those of the best epoch, where patience asks for them
    unfinished: None, except after an error or an interrupt within an epoch: then what `fit` goes on from

    >>> model = Model([dense(1, 1)], mse, rng=rng)
    >>> x = np.ones((8, 2, 1), np.float32)
    >>> history = fit(model, x, 0 * x, epochs=3, rng=rng, batch=4, progress=False)
    >>> len(history.loss), len(history.batch_loss), history.rate
    (3, 6, [0.001, 0.001, 0.001])
    """

    loss: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    rate: list[float] = field(default_factory=list)
    validation: list[Scores] = field(default_factory=list)
    best: int | None = None
    batch_loss: list[float] = field(default_factory=list)
    batch_norm: list[float] = field(default_factory=list)
    optimizer: dict[str, Any] | None = field(default=None, repr=False)
    weights: Array | None = field(default=None, repr=False)
    unfinished: dict[str, Any] | None = field(default=None, repr=False)


PER_EPOCH, PER_UPDATE = ("loss", "seconds", "rate", "validation"), ("batch_loss", "batch_norm")


def check_fields(history: History, model: Model, rng: np.random.Generator) -> None:
    """Raise ValueError unless the fields of a `History` are such as `fit` writes, and fit this model and generator.

    >>> from lstm_core.history import check_fields
    >>> check_fields(History(loss=["low"]), Model([dense(1, 1)], mse, rng=rng), rng)
    Traceback (most recent call last):
    ValueError: history: expected a list of numbers as loss, got ['low']
    """
    for name in (*PER_EPOCH, *PER_UPDATE):
        entries = getattr(history, name)
        numbers = name != "validation"
        if not isinstance(entries, list) or not all(_is_entry(entry, numbers) for entry in entries):
            kind = "numbers" if numbers else "Scores"
            raise ValueError(f"history: expected a list of {kind} as {name}, got {brief(entries)}")
    epochs, updates = len(history.loss), len(history.batch_loss)
    for name, count in {"seconds": epochs, "rate": epochs, "batch_norm": updates}.items():
        if len(getattr(history, name)) not in (0, count):  # a history made by hand may do without them
            raise ValueError(f"history: expected {count} entries of {name}, got {len(getattr(history, name))}")
    scored = len(history.validation)
    best = min(range(scored), key=lambda k: history.validation[k].loss) if scored else None
    if type(history.best) is not type(best) or (isinstance(history.best, int) and not 0 <= history.best < scored):
        raise ValueError(f"history: expected best to be one of {scored} scored epochs, got {brief(history.best)}")
    check_kind("history: optimizer", history.optimizer, dict | None, "a dict, the optimiser's state, or None")
    for name, value in (history.optimizer or {}).items():
        if getattr(value, "ndim", 0):
            where = f"history: optimizer[{name!r}]"
            namespace(**{where: value})
            check_writable(where, value)
            if value.dtype.kind != "f" or not value.size or not is_finite(value):
                raise ValueError(f"{where}: expected finite numbers, got {brief(value)}")
    if history.weights is not None:
        _check_weights("weights", history.weights)
    if history.unfinished is not None:
        _check_unfinished(history, model, rng)


def _is_entry(entry, number):
    if not number:
        return isinstance(entry, Scores) and all(_is_entry(x, True) for x in entry)
    return isinstance(entry, int | float) and not isinstance(entry, bool)


def _check_weights(name, weights):
    if isinstance(weights, np.ndarray):
        namespace(**{f"history: {name}": weights})
    if not hasattr(weights, "dtype") or weights.dtype.kind != "f" or weights.ndim != 1 or not weights.size:
        raise ValueError(f"history: expected {name} to be a vector of numbers, got {brief(weights)}")
    if not is_finite(weights):
        raise ValueError(f"history: expected finite {name}, got NaN or infinity")


def _check_unfinished(history, model, rng):
    whole = history.unfinished
    names = {"theta", "optimizer", "rng", "updates", "best"}
    if not isinstance(whole, dict) or whole.keys() != names or not isinstance(whole["optimizer"], dict):
        raise ValueError(f"history: expected unfinished with {', '.join(sorted(names))}, got {brief(whole)}")
    theta, name = whole["theta"], "the theta of unfinished"
    _check_weights(name, theta)
    if theta.shape != model.theta.shape or theta.dtype != model.theta.dtype:
        expected = f"shape {model.theta.shape} and dtype {model.theta.dtype}"
        raise ValueError(f"history: expected {name} to be of {expected}, got {theta.shape} and {theta.dtype}")
    try:
        copy.deepcopy(rng.bit_generator).state = whole["rng"]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        kind = type(rng.bit_generator).__name__
        expected = f"the state of a {kind}, as rng is"
        raise ValueError(f"history: expected {expected}, got {brief(whole['rng'])}") from error
    updates, best = whole["updates"], whole["best"]
    if isinstance(updates, bool) or not isinstance(updates, int) or not 0 <= updates <= len(history.batch_loss):
        raise ValueError(f"history: expected at most {len(history.batch_loss)} updates, got {brief(updates)}")
    if best is not None and (not isinstance(best, int) or not 0 <= best < len(history.validation)):
        raise ValueError(f"history: expected best to be one of {len(history.validation)} epochs, got {brief(best)}")


@contextmanager
def whole_or_unfinished(history: History, model: Model, rng: np.random.Generator) -> Iterator[None]:
    """An epoch: if it ends in an error or an interrupt, the history knows from where to go on; the error has it.

    >>> from lstm_core.history import whole_or_unfinished
    >>> history, model = History(optimizer={}), Model([dense(1, 1)], mse, rng=rng)
    >>> try:
    ...     with whole_or_unfinished(history, model, rng):
    ...         raise KeyboardInterrupt
    ... except KeyboardInterrupt as error:
    ...     print(error.history is history, sorted(history.unfinished))
    True ['best', 'optimizer', 'rng', 'theta', 'updates']
    """
    history.unfinished = {
        "theta": model.theta.copy(),
        "optimizer": {k: v.copy() if getattr(v, "ndim", 0) else v for k, v in (history.optimizer or {}).items()},
        "rng": rng.bit_generator.state,
        "updates": len(history.batch_loss),
        "best": history.best,
    }
    epoch = len(history.loss)
    try:
        yield
    except BaseException as error:
        error.history = history  # type: ignore[attr-defined]
        error.add_note(
            f"fit was in epoch {epoch + 1}. This exception's attribute `history` is its history; with history=… fit "
            f"goes on from the end of epoch {epoch}."
        )
        for name in PER_EPOCH:  # as far as the epoch's own entries were made
            del getattr(history, name)[epoch:]
        raise
    history.unfinished = None


def go_back(history: History, model: Model, rng: np.random.Generator) -> None:
    """Put history, model and rng back to the end of the last whole epoch.

    >>> from lstm_core.history import go_back, whole_or_unfinished
    >>> history, model = History(optimizer={}), Model([dense(1, 1)], mse, rng=rng)
    >>> before = model.theta.copy()
    >>> try:
    ...     with whole_or_unfinished(history, model, rng):
    ...         model.theta += 1
    ...         raise KeyboardInterrupt
    ... except KeyboardInterrupt:
    ...     go_back(history, model, rng)
    >>> np.array_equal(model.theta, before), history.unfinished
    (True, None)
    """
    whole: Any = history.unfinished
    history.unfinished = None
    xp = namespace(model.theta)
    model.theta[...] = to_device(whole["theta"], xp)
    rng.bit_generator.state = whole["rng"]
    history.optimizer, history.best = whole["optimizer"], whole["best"]
    for name in PER_UPDATE:
        del getattr(history, name)[whole["updates"] :]
