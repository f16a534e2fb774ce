"""Checks of good input. Each names the argument, what was expected and what came."""

import inspect
import math
import numbers
import reprlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import namespace

NO_NUMBERS = bool, np.timedelta64  # though Python or NumPy count them among the integers

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 200


def brief(value):
    """`value` as it stands in a message: as `repr` writes it, but not more than a few lines."""
    try:
        return _short.repr(value)
    except Exception:  # Python refuses to write integers of more than 4,300 digits; and whatever a class does
        return f"a value of type {type(value).__name__}"


def listed(names):
    """Names in a row, with commas; of very many the first ones."""
    try:
        text = ", ".join(str(name) for name in names)
    except ValueError:  # an integer of more than 4,300 digits
        text = ", ".join(brief(name) for name in names)
    return text if len(text) <= 1_000 else f"{text[:1_000]} …"


def check_shape(name, x, axes):
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


def check_mask(mask: Any, T: int, B: int, S: int = 0, H: int = 0) -> None:
    """Raise unless `mask` says of T steps of B examples which are there: (T, B) booleans.

    S, H: if given, it may also say so of each of H units of each of S arrays of a state: (S, T, H, B)

    >>> check_mask(np.ones((4, 2), bool), 4, 2)
    """
    namespace(mask=mask)
    check_shape("mask", mask, {"S": S, "T": T, "H": H, "B": B} if S and mask.ndim == 4 else {"T": T, "B": B})
    check_dtype("mask", mask, bool)


def check_real(name, x):
    """Raise unless `x` is an array of real floating-point numbers, with an axis: a number cannot be written into."""
    namespace(**{name: x})
    check_shape(name, x, dict.fromkeys([f"axis {k}" for k in range(x.ndim)] or ["N"]))
    if x.dtype.kind != "f":
        raise TypeError(f"{name}: expected real floating-point numbers, got dtype {x.dtype}")


def check_writable(name, x):
    """Raise ValueError if array `x` cannot be written into."""
    if not getattr(x.flags, "writeable", True):  # a device's arrays have no such flag
        raise ValueError(f"{name}: expected an array that can be written into, got one that is read-only")


def check_same_shape(name, x, shape):
    """Raise ValueError unless array `x` has exactly this shape."""
    if tuple(x.shape) != tuple(shape):
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {tuple(x.shape)}")


def check_dtype(name, x, dtype):
    """Raise TypeError unless array `x` is of `dtype` exactly: no silent promotion, no silent loss of digits."""
    if x.dtype != dtype:
        raise TypeError(f"{name}: expected dtype {np.dtype(dtype)}, got {x.dtype}")


def check_floating(name, x):
    """Raise TypeError unless array `x` holds floating-point numbers, real or complex, or symbols."""
    if x.dtype.kind not in "fcO":
        raise TypeError(f"{name}: expected floating-point numbers, got dtype {x.dtype}")


def is_finite(x):
    """Whether all numbers of array `x` are finite. (Neither the least nor the greatest overlooks a NaN.)"""
    xp = namespace(x)
    return bool(xp.isfinite(x.min()) & xp.isfinite(x.max()))


def check_finite(name, x):
    """Raise ValueError if array `x` (examples first) holds NaN or an infinity, naming the first example that does."""
    xp = namespace(x)
    if not is_finite(x):
        first = int((~xp.isfinite(x)).reshape(len(x), -1).any(axis=1).argmax())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity, first in example {first}")


def check_index(name, value, length):
    """`value` as an int. Raises ValueError unless it is an integer in 0 ... length - 1, Python's or NumPy's."""
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or not 0 <= value < length:
        raise ValueError(f"{name}: expected an integer in 0 ... {length - 1}, got {brief(value)}")
    return int(value)


def check_integer(name: str, value: Any) -> int:
    """`value` as an int. Raises ValueError unless it is an integer of 64 bits, Python's or NumPy's.

    >>> check_integer("ignore_index", np.int8(-100))
    -100
    """
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or not -(2**63) <= value < 2**63:
        raise ValueError(f"{name}: expected an integer of 64 bits, got {brief(value)}")
    return int(value)


def check_kind(name, value, kind, expected):
    """Raise TypeError unless `value` is a `kind`, a type or several; `expected` says in words what that is."""
    if not isinstance(value, kind):
        raise TypeError(f"{name}: expected {expected}, got {brief(value)}")


def check_cell(cell):
    """Raise TypeError unless `cell` is a `Cell`, of `cells` or of a reader's copy of it."""
    if not all(hasattr(cell, name) for name in ("name", "stages", "states", "own", "inputs", "recurs", "forget")):
        raise TypeError(f"cell: expected a Cell such as cells.LSTM, got {brief(cell)}")


def check_stages(stages):
    """Raise unless `stages` are one or more of `cells.Stage`, or of a reader's copy of it, in a tuple or list."""
    check_kind("stages", stages, tuple | list, "a list of stages")
    for stage in stages:
        if not all(hasattr(stage, name) for name in ("gates", "step", "back", "inputs", "recurs")):
            raise TypeError(f"stages: expected a list of stages, got {brief(stage)}")
    if not stages:
        raise ValueError("stages: expected at least one Stage, got none")


def check_function(name, value, expected, arguments):
    """Raise TypeError unless `value` is a function that so many arguments can be handed to."""
    check_kind(name, value, Callable, expected)
    try:
        inspect.signature(value).bind(*[None] * arguments)
    except ValueError:  # some of C's functions do not tell
        pass
    except TypeError as error:
        wanted = f"{expected} that can be called with {arguments} argument{'s' if arguments > 1 else ''}"
        raise TypeError(f"{name}: expected {wanted}, got {brief(value)}") from error


def check_count(name, value):
    """`value` as an int. Raise ValueError unless it is a positive integer, Python's or NumPy's, below 2**63."""
    if isinstance(value, NO_NUMBERS) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name}: expected a positive integer, got {brief(value)}")
    if value >= 2**63:  # beyond what anything can be counted in, and what a float holds
        raise ValueError(f"{name}: expected a positive integer below 2**63, got {brief(value)}")
    return int(value)


def check_positive(name, value):
    """`value` as a float. Raise ValueError unless it is a finite positive number, Python's or NumPy's."""
    return _check_number(name, value, "a positive number", lambda v: 0 < v < math.inf)


def check_fraction(name, value):
    """`value` as a float. Raise ValueError unless it is a number in [0, 1), Python's or NumPy's."""
    return _check_number(name, value, "a number in [0, 1)", lambda v: 0 <= v < 1)


def check_not_negative(name, value):
    """`value` as a float. Raise ValueError unless it is a finite number >= 0, Python's or NumPy's."""
    return _check_number(name, value, "a number >= 0", lambda v: 0 <= v < math.inf)


def check_number(name, value):
    """`value` as a float. Raise ValueError unless it is a finite number, Python's or NumPy's."""
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


def check_flag(name, value):
    """`value` as a bool. Raise TypeError unless it is True or False, Python's or NumPy's: "no" would count as yes."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected True or False, got {brief(value)}")
    return bool(value)


def check_choice(name, value, choices):
    """The one of `choices` that `value` is. Raise ValueError if it is none."""
    for choice in choices:
        if isinstance(value, type(choice)) and value == choice:
            return choice
    raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {brief(value)}")


def check_names(name, names):
    """`names` as a tuple. Raise ValueError unless they are words, each there once; a string counts as its letters."""
    words = isinstance(names, str | tuple | list) and all(isinstance(name, str) and name for name in names)
    names = tuple(names) if words else names
    if not words or len({*names}) != len(names):
        raise ValueError(f"{name}: expected names that differ, got {brief(names)}")
    return names


def check_rng(rng):
    """Raise TypeError unless `rng` is a NumPy Generator: no seed, no global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, e.g. numpy.random.default_rng(0), got {brief(rng)}")


def check_labels(name, labels, classes):
    """Raise unless `labels` are integers in 0 … classes-1."""
    if labels.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integer class labels, got dtype {labels.dtype}")
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        hint = f": they look counted from 1; pass {name} - 1" if low >= 1 and high == classes else ""
        raise ValueError(f"{name}: expected labels in 0 ... {classes - 1}, got {low} ... {high}{hint}")
