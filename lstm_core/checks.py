"""Checks of good input. Each names the argument, what was expected and what came."""

import inspect
import math
import numbers
import reprlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from .arrays import namespace
from .types import Array, Shape

NO_NUMBERS = bool, np.timedelta64  # though Python or NumPy count them among the integers

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 200


def brief(value: Any) -> str:
    """`value` as it stands in a message: as `repr` writes it, but not more than a few lines.

    >>> checks.brief(list(range(1000)))
    '[0, 1, 2, 3, 4, 5, ...]'
    """
    try:
        return _short.repr(value)
    except Exception:  # Python refuses to write integers of more than 4,300 digits; and whatever a class does
        return f"a value of type {type(value).__name__}"


def listed(names: Iterable[Any]) -> str:
    """Names in a row, with commas; of very many the first ones.

    >>> checks.listed(["W", "R", "b"])
    'W, R, b'
    """
    try:
        text = ", ".join(str(name) for name in names)
    except ValueError:  # an integer of more than 4,300 digits
        text = ", ".join(brief(name) for name in names)
    return text if len(text) <= 1_000 else f"{text[:1_000]} …"


def check_shape(name: str, x: Array, axes: Mapping[str, int | None]) -> Shape:
    """Raise ValueError unless array `x` has the axes of the dict `axes`: letter -> size, or None for any.

    No axis may be empty. Returns the shape.

    >>> check_shape("x", np.zeros((5, 3, 2)), {"T": None, "D": 3, "B": None})
    (5, 3, 2)
    """
    fits = len(x.shape) == len(axes) and all(n in (None, m) for n, m in zip(axes.values(), x.shape, strict=True))
    if not fits:
        sizes = ", ".join(letter if n is None else f"{letter}={n}" for letter, n in axes.items())
        raise ValueError(f"{name}: expected shape ({sizes}), got {tuple(x.shape)}")
    for letter, n in zip(axes, x.shape, strict=True):
        if n == 0:
            raise ValueError(f"{name}: expected {letter} >= 1, got an array of shape {tuple(x.shape)}: it is empty")
    return x.shape


def check_mask(mask: Array, T: int, B: int, S: int = 0, H: int = 0) -> None:
    """Raise ValueError or TypeError unless `mask` is (T, B) booleans: which of T steps of B examples are there.

    S, H: if given, it may also say so of each of H units of each of S arrays of a state: (S, T, H, B)

    >>> checks.check_mask(np.ones((5, 2)), T=5, B=2)
    Traceback (most recent call last):
    TypeError: mask: expected dtype bool, got float64
    """
    namespace(mask=mask)
    check_shape("mask", mask, {"S": S, "T": T, "H": H, "B": B} if S and mask.ndim == 4 else {"T": T, "B": B})
    check_dtype("mask", mask, bool)


def check_real(name: str, x: Array) -> None:
    """Raise TypeError or ValueError unless `x` is an array of real floating-point numbers, with at least one axis.

    An array without an axis is one number, which cannot be written into.

    >>> checks.check_real("theta", np.zeros(3, complex))
    Traceback (most recent call last):
    TypeError: theta: expected real floating-point numbers, got dtype complex128
    """
    namespace(**{name: x})
    check_shape(name, x, dict.fromkeys([f"axis {k}" for k in range(x.ndim)] or ["N"]))
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: expected real floating-point numbers, got dtype {x.dtype}")


def check_writable(name: str, x: Array) -> None:
    """Raise ValueError if array `x` cannot be written into.

    >>> checks.check_writable("theta", np.broadcast_to(0.0, 3))
    Traceback (most recent call last):
    ValueError: theta: expected an array that can be written into, got one that is read-only
    """
    if not getattr(x.flags, "writeable", True):  # a device's arrays have no such flag
        raise ValueError(f"{name}: expected an array that can be written into, got one that is read-only")


def check_same_shape(name: str, x: Array, shape: Shape) -> None:
    """Raise ValueError unless array `x` has exactly this shape.

    >>> checks.check_same_shape("dy", np.zeros((3, 1)), (3, 2))
    Traceback (most recent call last):
    ValueError: dy: expected shape (3, 2), got (3, 1)
    """
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {tuple(x.shape)}")


def check_dtype(name: str, x: Array, dtype: Any) -> None:
    """Raise TypeError unless array `x` is of `dtype` exactly: no silent promotion, no silent loss of digits.

    >>> checks.check_dtype("x", np.zeros(3), np.float32)
    Traceback (most recent call last):
    TypeError: x: expected dtype float32, got float64
    """
    if x.dtype != dtype:
        raise TypeError(f"{name}: expected dtype {np.dtype(dtype)}, got {x.dtype}")


def check_floating(name: str, x: Array) -> None:
    """Raise TypeError unless array `x` holds floating-point numbers, real or complex, or symbols.

    >>> checks.check_floating("x", np.arange(3))
    Traceback (most recent call last):
    TypeError: x: expected floating-point numbers, got dtype int64
    """
    if x.dtype.kind not in "fcO":
        raise TypeError(f"{name}: expected floating-point numbers, got dtype {x.dtype}")


def is_finite(x: Array) -> bool:
    """Whether all numbers of array `x` are finite. (Neither the least nor the greatest overlooks a NaN.)

    >>> checks.is_finite(np.array([1.0, np.nan]))
    False
    """
    xp = namespace(x)
    return bool(xp.isfinite(x.min()) & xp.isfinite(x.max()))


def check_finite(name: str, x: Array) -> None:
    """Raise ValueError if array `x` (examples first) holds NaN or an infinity, naming the first example that does.

    >>> checks.check_finite("x", np.array([[1.0, 2.0], [np.inf, 3.0]]))
    Traceback (most recent call last):
    ValueError: x: expected finite numbers, got NaN or infinity, first in example 1
    """
    xp = namespace(x)
    if not is_finite(x):
        first = int((~xp.isfinite(x)).reshape(len(x), -1).any(axis=1).argmax())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity, first in example {first}")


def check_index(name: str, value: Any, length: int) -> int:
    """`value` as an int. Raises ValueError unless it is an integer in 0 ... length - 1, Python's or NumPy's.

    >>> checks.check_index("stage", 2, 2)
    Traceback (most recent call last):
    ValueError: stage: expected an integer in 0 ... 1, got 2
    """
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or not 0 <= int(value) < length:
        raise ValueError(f"{name}: expected an integer in 0 ... {length - 1}, got {brief(value)}")
    return int(value)


def check_integer(name: str, value: Any) -> int:
    """`value` as an int. Raises ValueError unless it is an integer of 64 bits, Python's or NumPy's.

    >>> checks.check_integer("ignore_index", np.int8(-100))
    -100
    """
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or not -(2**63) <= int(value) < 2**63:
        raise ValueError(f"{name}: expected an integer of 64 bits, got {brief(value)}")
    return int(value)


def check_kind(name: str, value: Any, kind: Any, expected: str) -> None:
    """Raise TypeError unless `value` is a `kind`, a type or several; `expected` says in words what that is.

    >>> checks.check_kind("P", [1, 2], dict, "a dict of arrays")
    Traceback (most recent call last):
    TypeError: P: expected a dict of arrays, got [1, 2]
    """
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {expected}, got {brief(value)}")


def check_cell(cell: Any) -> None:
    """Raise TypeError unless `cell` is a `Cell`, of `cells` or of a reader's copy of it.

    >>> checks.check_cell("lstm")
    Traceback (most recent call last):
    TypeError: cell: expected a Cell such as cells.LSTM, got 'lstm'
    """
    if not all(hasattr(cell, name) for name in ("name", "stages", "states", "own", "inputs", "recurs", "forget")):
        raise TypeError(f"cell: expected a Cell such as cells.LSTM, got {brief(cell)}")


def check_stages(stages: Any) -> None:
    """Raise unless `stages` is a tuple or list of `cells.Stage`, or of a reader's copy of it.

    TypeError if it is anything else, ValueError if it is empty.

    >>> checks.check_stages([])
    Traceback (most recent call last):
    ValueError: stages: expected at least one Stage, got none
    """
    check_kind("stages", stages, tuple | list, "a list of stages")
    for stage in stages:
        if not all(hasattr(stage, name) for name in ("gates", "step", "back", "inputs", "recurs")):
            raise TypeError(f"stages: expected a list of stages, got {brief(stage)}")
    if not stages:
        raise ValueError("stages: expected at least one Stage, got none")


def check_function(name: str, value: Any, expected: str, arguments: int) -> None:
    """Raise TypeError unless `value` is a function that so many arguments can be handed to.

    >>> checks.check_function("rate", lambda: 0.1, "a schedule", 1)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    TypeError: rate: expected a schedule that can be called with 1 argument, got <function <lambda> at 0x...>
    """
    check_kind(name, value, Callable, expected)
    try:
        inspect.signature(value).bind(*[None] * arguments)
    except ValueError:  # some of C's functions do not tell
        pass
    except TypeError as error:
        wanted = f"{expected} that can be called with {arguments} argument{'s' if arguments > 1 else ''}"
        raise TypeError(f"{name}: expected {wanted}, got {brief(value)}") from error


def check_count(name: str, value: Any) -> int:
    """`value` as an int. Raise ValueError unless it is a positive integer, Python's or NumPy's, below 2**63.

    >>> checks.check_count("hidden", 2.5)
    Traceback (most recent call last):
    ValueError: hidden: expected a positive integer, got 2.5
    """
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or int(value) < 1:
        raise ValueError(f"{name}: expected a positive integer, got {brief(value)}")
    if int(value) >= 2**63:  # beyond what anything can be counted in, and what a float holds
        raise ValueError(f"{name}: expected a positive integer below 2**63, got {brief(value)}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """`value` as a float. Raise ValueError unless it is a finite positive number, Python's or NumPy's.

    >>> checks.check_positive("clip", 1)
    1.0
    >>> checks.check_positive("clip", 0)
    Traceback (most recent call last):
    ValueError: clip: expected a positive number, got 0
    """
    return _check_number(name, value, "a positive number", lambda v: 0 < v < math.inf)


def check_fraction(name: str, value: Any) -> float:
    """`value` as a float. Raise ValueError unless it is a number in [0, 1), Python's or NumPy's.

    >>> checks.check_fraction("rate", 1)
    Traceback (most recent call last):
    ValueError: rate: expected a number in [0, 1), got 1
    """
    return _check_number(name, value, "a number in [0, 1)", lambda v: 0 <= v < 1)


def check_not_negative(name: str, value: Any) -> float:
    """`value` as a float. Raise ValueError unless it is a finite number >= 0, Python's or NumPy's.

    >>> checks.check_not_negative("temperature", -1)
    Traceback (most recent call last):
    ValueError: temperature: expected a number >= 0, got -1
    """
    return _check_number(name, value, "a number >= 0", lambda v: 0 <= v < math.inf)


def check_number(name: str, value: Any) -> float:
    """`value` as a float. Raise ValueError unless it is a finite number, Python's or NumPy's.

    >>> checks.check_number("progress", np.float32(0.5))
    0.5
    """
    return _check_number(name, value, "a number", math.isfinite)


def _check_number(name, value, expected, fits):
    """`value` as a float, if that is one and `fits`. (A Fraction too large or too small for a float is 0 or none.)"""
    if isinstance(value, numbers.Real) and not isinstance(value, NO_NUMBERS):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if fits(number):
            return number + 0.0  # -0.0 becomes 0.0
    raise ValueError(f"{name}: expected {expected}, got {brief(value)}")


def check_flag(name: str, value: Any) -> bool:
    """`value` as a bool. Raise TypeError unless it is True or False, Python's or NumPy's: "no" would count as yes.

    >>> checks.check_flag("peepholes", "no")
    Traceback (most recent call last):
    TypeError: peepholes: expected True or False, got 'no'
    """
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {brief(value)}")
    return bool(value)


def check_choice(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """The one of `choices` that `value` is. Raise ValueError if it is none.

    >>> checks.check_choice("reset", "later", ("after", "before"))
    Traceback (most recent call last):
    ValueError: reset: expected one of 'after', 'before', got 'later'
    """
    for choice in choices:
        if isinstance(value, type(choice)) and value == choice:
            return choice
    raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {brief(value)}")


def check_names(name: str, names: Any) -> tuple[str, ...]:
    """`names` as a tuple. Raise ValueError unless they are words, each there once; a string counts as its letters.

    >>> checks.check_names("gates", "iofg")
    ('i', 'o', 'f', 'g')
    """
    words = isinstance(names, str | tuple | list) and all(isinstance(name, str) and name for name in names)
    names = tuple(names) if words else names
    if not words or len({*names}) != len(names):
        raise ValueError(f"{name}: expected names that differ, got {brief(names)}")
    return names


def check_rng(rng: Any) -> None:
    """Raise TypeError unless `rng` is a NumPy Generator: no seed, no global state.

    >>> checks.check_rng(0)
    Traceback (most recent call last):
    TypeError: rng: expected a numpy.random.Generator, e.g. numpy.random.default_rng(0), got 0
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, e.g. numpy.random.default_rng(0), got {brief(rng)}")


def check_labels(name: str, labels: Array, classes: int) -> None:
    """Raise TypeError unless `labels` are integers, and ValueError unless all are in 0 … classes-1.

    >>> checks.check_labels("y", np.array([0, 3]), classes=3)
    Traceback (most recent call last):
    ValueError: y: expected labels in 0 ... 2, got 0 ... 3
    """
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer class labels, got dtype {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        hint = f": they look counted from 1; pass {name} - 1" if low >= 1 and high == classes else ""
        raise ValueError(f"{name}: expected labels in 0 ... {classes - 1}, got {low} ... {high}{hint}")
