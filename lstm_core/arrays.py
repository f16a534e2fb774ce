"""Arrays: which module computes, where the data lives, and how one flat vector is seen as many arrays.

The array that comes in decides. The same lines of `cells`, `scan`, `layers`, `losses` and `optim` run on
NumPy arrays, on CuPy arrays, and on NumPy arrays of symbols; nothing here is global.
"""

import math
import sys

import numpy as np


def namespace(*arrays, **named):
    """The module that computes on all the arrays: NumPy, CuPy or, for arrays of symbols, `symbols.namespace`.

    Hand them in by name, and the message of an error will say which.

    CuPy is never imported here: an array can only be CuPy's if somebody already imported it. Other array types
    take part by the array API's own protocol, a method `__array_namespace__`; NumPy's subclasses only so, for what a
    masked array or one with units means would be lost without a word.

    Raises TypeError if something is not an array, or if host and device arrays are mixed.
    """
    given = (*arrays, *named.values())
    if given and all(type(x) is np.ndarray and x.dtype.char != "O" for x in given):  # as so often: quickly
        return np
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
        if type(x) not in (np.ndarray, np.memmap) and type(x).__array_namespace__ is np.ndarray.__array_namespace__:
            raise TypeError(
                f"{name}: expected a plain NumPy array, got {type(x).__name__}, whose mask, units or arithmetic would "
                "be ignored; numpy.array(x, subok=False) drops them"
            )
        if x.dtype == object:
            from . import symbols  # SymPy is needed for symbols only

            return symbols.namespace
        return np
    if isinstance(x, np.generic):  # a single number; before NumPy 2.1 it has no __array_namespace__ to say so
        return np
    if hasattr(x, "__array_namespace__"):
        return x.__array_namespace__()
    raise TypeError(f"{name}: expected a NumPy or CuPy array, got {type(x).__name__}")


def device_module(device):
    """The array module called `device`: "numpy", "cupy", or a module-like object that has `asarray`."""
    name = device if isinstance(device, str) else None
    if name == "numpy":
        return np
    if name == "cupy":
        try:
            import cupy
        except ImportError as error:
            raise ImportError(
                "device: 'cupy' needs CuPy: pip install cupy-cuda12x (or cupy-cuda13x, to match the driver)"
            ) from error
        if not cupy.cuda.is_available():
            raise RuntimeError("device: expected a CUDA device for 'cupy', got none; CuPy is here, the GPU is not")
        return cupy
    if callable(getattr(device, "asarray", None)):
        return device
    found = repr(device)[:200] if name is not None or device is None else type(device).__name__
    raise ValueError(f"device: expected 'numpy', 'cupy' or an array module, got {found}")


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


def views(shapes, theta):
    """Named arrays that are views of the flat vector `theta`, one after the other: name -> array.

    Raises ValueError unless theta is as long as all of them together.
    """
    out, start = {}, 0
    namespace(theta=theta)
    size = sum(map(math.prod, shapes.values()))
    if theta.shape != (size,):
        raise ValueError(f"theta: expected shape ({size},), got {tuple(theta.shape)}")
    for name, shape in shapes.items():
        out[name] = theta[start : start + math.prod(shape)].reshape(shape)
        start += math.prod(shape)
    return out
