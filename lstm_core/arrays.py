"""Arrays: which module computes, where the data lives, and what counts as good input.

The array that comes in decides. The same lines of `cells`, `scan`, `layers`, `losses` and `optim` run on
NumPy arrays, on CuPy arrays, and on NumPy arrays of symbols; nothing here is global.
"""

import math
import numbers
import sys

import numpy as np


def namespace(*arrays, **named):
    """The module that computes on all the arrays: NumPy, CuPy or, for arrays of symbols, `symbolic.namespace`.

    Hand them in by name, and the message of an error will say which.

    CuPy is never imported here: an array can only be CuPy's if somebody already imported it. Other array types
    take part by the array API's own protocol, a method `__array_namespace__`.

    Raises TypeError if something is not an array, or if host and device arrays are mixed.
    """
    named = [("array", x) for x in arrays] + list(named.items())
    modules = [_module_of(name, x) for name, x in named]
    distinct = set(modules)
    if len(distinct) == 2 and np in distinct and all(m is np or m.__name__ == "symbols" for m in distinct):
        distinct.remove(np)  # symbols are on the host too: labels may stand beside them
    if len(distinct) != 1:
        found = ", ".join(f"{name} of {getattr(m, '__name__', m)}" for (name, _), m in zip(named, modules, strict=True))
        raise TypeError(
            f"arrays: expected all of one array module, got {found}; "
            "move them first with lstm_core.to_device(x, device)"
        )
    return distinct.pop()


def _module_of(name, x):
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy
    if isinstance(x, np.ndarray):
        if x.dtype == object:
            from . import symbolic  # SymPy is needed for symbols only

            return symbolic.namespace
        return np
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()
    raise TypeError(f"{name}: expected a NumPy or CuPy array, got {type(x).__name__}")


def device_module(device):
    """The array module called `device`: "numpy", "cupy", or a module-like object that has `asarray`."""
    if device == "numpy":
        return np
    if device == "cupy":
        try:
            import cupy
        except ImportError as error:
            raise ImportError(
                "device: 'cupy' needs CuPy: pip install cupy-cuda12x (or cupy-cuda13x, to match the driver)"
            ) from error
        if not cupy.cuda.is_available():
            raise RuntimeError("device: expected a CUDA device for 'cupy', got none; CuPy is here, the GPU is not")
        return cupy
    if hasattr(device, "asarray"):
        return device
    raise ValueError(f"device: expected 'numpy', 'cupy' or an array module, got {device!r}")


def to_device(x, device):
    """Array `x` on `device` (see `device_module`); copies only if it is not there already."""
    xp = device_module(device)
    if namespace(x) is xp:
        return x
    return to_host(x) if xp is np else xp.asarray(x)


def to_host(x):
    """Array `x` as a NumPy array; the one place where data leaves a device."""
    namespace(x)
    return x.get() if hasattr(x, "get") else np.asarray(x)


class _Zero:
    """The number nought, known before the arithmetic starts: 0·x = 0 and 0 + x = x, at no cost.

    A recurrent layer without parameters `p` is the layer with p = 0; this is the 0.
    """

    __array_ufunc__ = None  # array + ZERO and array * ZERO are answered here, not by the array

    def __add__(self, other):
        return other

    def __mul__(self, other):
        return self

    __radd__, __rmul__ = __add__, __mul__


ZERO = _Zero()


# ---- good input -------------------------------------------------------------------------------------------


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


def check_dtype(name, x, dtype):
    """Raise TypeError unless array `x` is of `dtype` exactly: no silent promotion, no silent loss of digits."""
    if x.dtype != dtype:
        raise TypeError(f"{name}: expected dtype {np.dtype(dtype)}, got {x.dtype}")


def check_floating(name, x):
    """Raise TypeError unless array `x` holds floating-point numbers, real or complex, or symbols."""
    if x.dtype.kind not in "fcO":
        raise TypeError(f"{name}: expected floating-point numbers, got dtype {x.dtype}")


def check_finite(name, x):
    """Raise ValueError if array `x` (examples first) holds NaN or an infinity, naming the first example that does."""
    xp = namespace(x)
    if not bool(xp.isfinite(x.min()) & xp.isfinite(x.max())):  # neither overlooks NaN, neither makes an array
        first = int((~xp.isfinite(x)).reshape(len(x), -1).any(axis=1).argmax())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity, first in example {first}")


def check_count(name, value):
    """Raise ValueError unless `value` is a positive integer, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < 1:
        raise ValueError(f"{name}: expected a positive integer, got {value!r}")


def check_positive(name, value):
    """Raise ValueError unless `value` is a finite positive number, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < value < math.inf:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")


def check_fraction(name, value):
    """Raise ValueError unless `value` is a number in [0, 1), Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(f"{name}: expected a number in [0, 1), got {value!r}")


def check_choice(name, value, choices):
    """Raise ValueError unless `value` is one of `choices`."""
    if value not in list(choices):
        raise ValueError(f"{name}: expected one of {', '.join(map(repr, choices))}, got {value!r}")


def check_rng(rng):
    """Raise TypeError unless `rng` is a NumPy Generator: no seed, no global state."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng: expected a numpy.random.Generator, e.g. numpy.random.default_rng(0), got {rng!r}")
