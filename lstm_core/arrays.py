"""Arrays: which module computes, where the data lives, and how one flat vector is seen as many arrays.

The array that comes in decides. The same lines of `cells`, `scan`, `layers`, `losses` and `optim` run on
NumPy arrays, on CuPy arrays, and on NumPy arrays of symbols; nothing here is global.
"""

import math
import sys

import numpy as np

from .types import Array, Module, Shapes


def namespace(*arrays: Array, **named: Array) -> Module:
    """The module that computes on all the arrays: NumPy, CuPy or, for arrays of symbols, `symbols.namespace`.

    Hand them in by name, and the message of an error will say which.

    CuPy is never imported here: an array can only be CuPy's if somebody already imported it. Other array types
    take part by the array API's own protocol, a method `__array_namespace__`; NumPy's subclasses only so, for what a
    masked array or one with units means would be lost without a word.

    Raises TypeError if something is not an array, or if host and device arrays are mixed.

    >>> arrays.namespace(x=np.zeros(3), y=np.ones(3)).__name__
    'numpy'
    >>> arrays.namespace(x=[1.0, 2.0])
    Traceback (most recent call last):
    TypeError: x: expected a NumPy or CuPy array, got list
    """
    if len(arrays) == 1 and not named and type(arrays[0]) is np.ndarray and arrays[0].dtype.char != "O":
        return np  # as so often: quickly
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


def device_module(device: str | Module) -> Module:
    """The array module called `device`: "numpy", "cupy", or a module-like object that has `asarray`.

    >>> arrays.device_module("numpy").__name__
    'numpy'
    """
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


def to_device(x: Array, device: str | Module) -> Array:
    """Array `x` on `device` (see `device_module`); copies only if it is not there already.

    >>> x = np.ones(3)
    >>> to_device(x, "numpy") is x
    True
    """
    xp = device_module(device)
    if namespace(x) is xp:
        return x
    return to_host(x) if xp is np else xp.asarray(x)


def to_host(x: Array) -> np.ndarray:
    """Array `x` as a NumPy array; the one place where data leaves a device.

    >>> to_host(np.ones(3))
    array([1., 1., 1.])
    """
    namespace(x)
    return x.get() if hasattr(x, "get") else np.asarray(x)


class _Zero:
    """The number nought, known before the arithmetic starts: 0·x = 0, 0 + x = x - 0 = x and exp(0) = 1, at no cost.

    A recurrent layer without parameters `p` is the layer with p = 0; this is the 0.
    """

    __array_ufunc__ = None  # array + ZERO and array * ZERO are answered here, not by the array

    def __add__(self, other):
        return other

    def __rsub__(self, other):
        return other

    def __mul__(self, other):
        return self

    def __array_namespace__(self):
        return self

    def exp(self, x):
        return 1

    __radd__, __rmul__ = __add__, __mul__


ZERO = _Zero()


def views(shapes: Shapes, theta: Array) -> dict[str, Array]:
    """Named arrays that are views of the flat vector `theta`, one after the other: name -> array.

    Raises ValueError unless theta is as long as all of them together.

    >>> theta = np.zeros(5)
    >>> parts = arrays.views({"W": (2, 2), "b": (1,)}, theta)
    >>> parts["W"][...] = 1
    >>> theta
    array([1., 1., 1., 1., 0.])
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
