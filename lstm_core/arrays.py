"""Arrays: which module computes, where the data lives, and what counts as good input.

The array that comes in decides. The same lines of `cells`, `scan`, `layers`, `losses` and `optim` run on
NumPy arrays, on CuPy arrays, and on NumPy arrays of symbols; nothing here is global.
"""

import sys

import numpy as np


def namespace(*arrays):
    """The module that computes on all of `arrays`: NumPy, CuPy or, for arrays of symbols, `symbolic.namespace`.

    CuPy is never imported here: an array can only be CuPy's if somebody already imported it. Other array types
    take part by the array API's own protocol, a method `__array_namespace__`.

    Raises TypeError if something is not an array, or if host and device arrays are mixed.
    """
    modules = {_module_of(x) for x in arrays}
    if len(modules) == 2 and np in modules and all(m is np or m.__name__ == "symbols" for m in modules):
        modules.remove(np)  # symbols are on the host too: labels may stand beside them
    if len(modules) != 1:
        names = sorted(getattr(m, "__name__", repr(m)) for m in modules)
        raise TypeError(
            f"arrays: expected all of one array module, got {' and '.join(names)} mixed; "
            "move them first with lstm_core.to_device(x, device)"
        )
    return modules.pop()


def _module_of(x):
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
    raise TypeError(f"arrays: expected a NumPy or CuPy array, got {type(x).__name__}")


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
    return x if isinstance(x, np.ndarray) else x.get()


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


def check_finite(name, x):
    """Raise ValueError if array `x` (examples first) holds NaN or an infinity, naming the first example that does."""
    xp = namespace(x)
    finite = xp.isfinite(x)
    if not bool(finite.all()):
        first = int((~finite).reshape(len(x), -1).any(axis=1).argmax())
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity, first in example {first}")
