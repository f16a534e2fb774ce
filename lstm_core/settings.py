"""Settings: what `fit` is given, checked in one place."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from types import FunctionType, NoneType
from typing import Any, NamedTuple

import numpy as np

from .arrays import device_module, namespace, to_host
from .batches import Examples, check_examples
from .checks import (
    brief,
    check_count,
    check_flag,
    check_function,
    check_kind,
    check_positive,
    check_rng,
    check_writable,
    is_finite,
    listed,
)
from .history import History, check_fields
from .losses import CrossEntropy
from .model import Model
from .optim import Optimizer
from .types import Array, Module, Schedule, Shape


class Settings(NamedTuple):
    """What `fit` was given, checked: every number is Python's, all data is where the model will be. See `fit`.

    >>> from lstm_core.settings import Settings
    >>> Settings._fields[:4]
    ('model', 'examples', 'validation', 'validation_batch')
    """

    model: Model
    examples: Examples
    validation: Examples | None
    validation_batch: int
    epochs: int
    batch: int
    rate: Schedule
    optimizer: Optimizer
    clip: float | None
    buckets: bool
    truncate: int | None
    patience: int | None
    device: Module | None


def checked(
    model: Model, x: Array, y: Array, *, epochs: int, rng: np.random.Generator, batch: int, rate: Schedule,
    optimizer: Optimizer, clip: float | None, lengths: Array | None, buckets: bool, truncate: int | None,
    validation: Sequence[Array] | None, validation_batch: int, patience: int | None, history: History,
    after_epoch: Callable[[History], Any] | None, device: str | Module | None, progress: bool, padding: str,
) -> Settings:  # fmt: skip
    """`Settings` of the arguments of `fit`. Raises ValueError or TypeError for the first that is not as described.

    >>> fit(Model([dense(1, 1)], mse, rng=rng), [1], [1], epochs=0, rng=rng)  # `fit` has its arguments checked here
    Traceback (most recent call last):
    ValueError: epochs: expected a positive integer, got 0
    """
    check_kind("model", model, Model, "a Model")
    if model.theta.dtype not in (np.float32, np.float64):
        raise TypeError(f"model: expected parameters of float32 or float64, got {model.theta.dtype}")
    check_writable("model", model.theta)
    for name, array in model.params.items():
        if not is_finite(array):
            raise ValueError(f"model: expected finite parameters, got NaN or infinity in {name}")
    epochs, batch = check_count("epochs", epochs), check_count("batch", batch)
    validation_batch = check_count("validation_batch", validation_batch)
    check_rng(rng)
    check_flag("progress", progress)
    clip = None if clip is None else check_positive("clip", clip)
    patience = None if patience is None else check_count("patience", patience)
    if patience is not None and validation is None:
        raise ValueError("patience: expected a validation set to watch, got validation=None")
    if check_flag("buckets", buckets) and lengths is None:
        raise ValueError("buckets: expected lengths to sort by, got lengths=None")
    truncate = None if truncate is None else check_count("truncate", truncate)
    if truncate is not None and not model.runs_forward:
        raise ValueError(f"truncate: expected layers that run forward, got {listed(model.names)}")
    check_function("rate", rate, "a schedule such as optim.constant(1e-3)", 1)
    check_kind("optimizer", optimizer, Optimizer, "an Optimizer such as optim.adam()")
    check_function("optimizer", optimizer.init, "an init", 1)
    check_function("optimizer", optimizer.update, "an update", 4)
    start(optimizer, model.theta)
    check_kind("history", history, History, "the History of an earlier fit")
    check_fields(history, model, rng)
    if after_epoch is not None:
        check_function("after_epoch", after_epoch, "a function of the history", 1)
    device = None if device is None else device_module(device)
    examples = check_examples(model, x, y, lengths, device, padding)
    if examples.lengths is not None:  # one's own, whatever the caller does with his in the meantime
        examples = examples._replace(lengths=examples.lengths.copy())
    validation = None if validation is None else _check_validation(model, validation, device, padding)
    return Settings(
        model, examples, validation, validation_batch, epochs, batch, rate, optimizer, clip, bool(buckets), truncate,
        patience, device,
    )  # fmt: skip


def start(optimizer: Optimizer, theta: Array) -> dict[str, Any]:
    """The optimiser's first state for `theta`: a dict. TypeError unless all in it are numbers and arrays of its own.

    >>> from lstm_core.settings import start
    >>> start(momentum(), np.zeros(2))
    {'v': array([0., 0.])}
    """
    state = optimizer.init(theta)
    check_kind("optimizer", state, dict, "an init that returns a dict")
    for name, value in state.items():
        check_kind("optimizer", name, str, "an init that returns a dict with words as keys")
        check_state_value(name, value, theta)
    return state


def check_state_value(name: str, value: Any, theta: Array) -> None:
    """Raise TypeError unless this value of an optimiser's state is a number, or an array that shares nothing with θ.

    >>> from lstm_core.settings import check_state_value
    >>> theta = np.zeros(2)
    >>> check_state_value("v", theta[:1], theta)
    Traceback (most recent call last):
    TypeError: optimizer: expected a state of its own, got the parameters themselves as v
    """
    if isinstance(value, int | float):
        return
    if not getattr(value, "ndim", 0) or namespace(**{f"optimizer: state[{name!r}]": value}) is not namespace(theta):
        raise TypeError(f"optimizer: expected numbers and arrays as its state, got {name}: {brief(value)}")
    check_writable(f"optimizer: state[{name!r}]", value)
    if value is theta or (isinstance(value, np.ndarray) and np.may_share_memory(value, theta)):
        raise TypeError(f"optimizer: expected a state of its own, got the parameters themselves as {name}")


def fingerprints(given: Settings) -> dict[str, str]:
    """What has to be the same on all ranks, by name, as short texts: other settings or data have other texts.

    Of the model only what is not handed over by rank 0: its layers, loss and dtype.

    >>> from lstm_core.settings import Settings, fingerprints
    >>> model = Model([dense(1, 1)], mse, rng=rng)
    >>> given = Settings(model, check_examples(model, np.zeros((2, 2, 1)), np.zeros((2, 2, 1), np.float32)),
    ...     None, 1000, 5, 100, constant(0.1), sgd(), None, False, None, None, None)
    >>> other = given._replace(epochs=6)
    >>> {name for name, text in fingerprints(given).items() if text != fingerprints(other)[name]}
    {'epochs'}
    """
    model, examples = given.model, given.examples
    found = {
        "model": repr(([layer.config for layer in model.layers], _text(model.loss_function), str(model.theta.dtype))),
        "x": _digest(examples.x),
        "y": _digest(examples.y),
        "lengths": _digest(examples.lengths),
        "validation": repr([_digest(array) for array in given.validation or ()]),
    }
    names = ("rate", "optimizer", "epochs", "batch", "clip", "buckets", "truncate", "patience")
    return found | {name: _text(getattr(given, name)) for name in names}


def _digest(array):
    """A text for an array's shape, dtype and numbers; none for None."""
    if array is None:
        return ""
    array = np.ascontiguousarray(to_host(array))
    return f"{array.shape} {array.dtype} {hashlib.blake2b(array).hexdigest()}"


def _text(value):
    """A text for a number, a word, a tuple, or a function: its name, its code and the numbers that it was made with.

    `optim.constant(0.1)` and `optim.constant(0.2)` are one code with two numbers. Nothing is called, for a schedule or
    optimiser of the user's own may note its calls; and of what can change, such as a list, only the type counts.
    """
    if isinstance(value, str | bytes | bool | NoneType | Number | CrossEntropy):
        return repr(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, FunctionType):
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        code, made_with = value.__code__, (*cells, *(value.__defaults__ or ()))
        return f"{value.__qualname__} {code.co_code.hex()} {code.co_names} {_text(code.co_consts)} {_text(made_with)}"
    return type(value).__qualname__


def _check_validation(model, validation, device, padding):
    """The `Examples` of a validation set, (x, y) or (x, y, lengths); errors say that they are of this one."""
    if not isinstance(validation, tuple | list) or len(validation) not in (2, 3):
        raise TypeError(f"validation: expected (x, y) or (x, y, lengths), got {type(validation).__name__}")
    x, y, lengths = (*validation, None)[:3]
    try:
        return check_examples(model, x, y, lengths, device, "post" if lengths is None else padding)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation: {error}") from error


def check_history(history: History, given: Settings) -> None:
    """Raise ValueError unless `fit` can go on from this history with the `Settings` given.

    >>> model, x = Model([dense(1, 1)], mse, rng=rng), np.zeros((2, 2, 1), np.float32)
    >>> history = fit(model, x, x, epochs=2, rng=rng, progress=False)
    >>> fit(model, x, x, epochs=1, rng=rng, history=history)  # `fit` asks here whether it can go on
    Traceback (most recent call last):
    ValueError: epochs: expected at least the 2 that history has, got 1
    """
    model, epochs, first, scored = given.model, given.epochs, len(history.loss), len(history.validation)
    if first > epochs:
        raise ValueError(f"epochs: expected at least the {first} that history has, got {epochs}")
    if scored != (0 if given.validation is None else first):
        raise ValueError(f"history: expected validation in all epochs or none, got {scored} of {first}")
    if not first and history.optimizer is None:
        return
    weights = model.theta if first and given.patience is not None else None
    expected = kinds(start(given.optimizer, model.theta) | {"weights": weights})
    found = kinds((history.optimizer or {}) | {"weights": history.weights})
    if found != expected:
        raise ValueError(f"history: expected {expected} for this model, optimizer and patience, got {found}")


def kinds(values: Mapping[str, Any]) -> dict[str, tuple[Shape, str]]:
    """Shape and dtype of each value of a dict; () and the type of what is no array.

    >>> from lstm_core.settings import kinds
    >>> kinds({"v": np.zeros(2), "k": 0})
    {'v': ((2,), 'float64'), 'k': ((), 'int')}
    """
    return {k: (getattr(v, "shape", ()), str(getattr(v, "dtype", type(v).__name__))) for k, v in values.items()}
