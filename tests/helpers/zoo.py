"""A zoo of values to put in the place of a good argument, and what an argument may be: `arguments` puts them together.

A *spec* says what an argument may be: value -> what it means (the plain int, float or array that has to give the same
result), or BAD. UNKNOWN: the spec does not say; the call may do either, as long as it does it properly. SKIP: good, but
not to be tried, for it would take hours or gigabytes.
"""

import copy
import decimal
import fractions
import numbers

import numpy as np
import standin

import lstm_core as core
from lstm_core import cells, optim

BAD, UNKNOWN, SKIP = (
    type(name, (), {"__repr__": lambda self, name=name: name})() for name in ("BAD", "UNKNOWN", "SKIP")
)


class Metres(np.ndarray):
    """An array with a unit."""


class NoArray:
    """Looks like an array, and is none."""

    dtype, shape, ndim, size = np.dtype("float32"), (2, 3), 2, 6

    def __len__(self):
        return 2


SIMPLE = {
    "None": lambda: None, "True": lambda: True, "False": lambda: False, "np.True_": lambda: np.True_,
    "0": lambda: 0, "1": lambda: 1, "-1": lambda: -1, "2": lambda: 2, "3": lambda: 3, "7": lambda: 7,
    "2**31": lambda: 2**31, "2**63": lambda: 2**63, "10**30": lambda: 10**30, "-10**30": lambda: -10**30,
    "10**400": lambda: 10**400, "10**5000": lambda: 10**5000,
    "0.0": lambda: 0.0, "-0.0": lambda: -0.0, "0.5": lambda: 0.5, "1.0": lambda: 1.0,
    "1.5": lambda: 1.5, "-0.5": lambda: -0.5, "nan": lambda: np.nan, "inf": lambda: np.inf, "-inf": lambda: -np.inf,
    "1e300": lambda: 1e300, "1e-320": lambda: 1e-320, "1j": lambda: 1j, "int8": lambda: np.int8(3),
    "uint64": lambda: np.uint64(2**63), "uint8": lambda: np.uint8(2), "float16": lambda: np.float16(0.25),
    "float32": lambda: np.float32(0.25), "float64 nan": lambda: np.float64(np.nan),
    "complex64": lambda: np.complex64(1),
    "longdouble": lambda: np.longdouble(0.25), "Fraction": lambda: fractions.Fraction(1, 4),
    "tiny Fraction": lambda: fractions.Fraction(1, 10**400), "Decimal": lambda: decimal.Decimal("0.25"),
    "datetime": lambda: np.datetime64("2020-01-01"), "timedelta": lambda: np.timedelta64(1, "s"),
    "empty word": lambda: "", "word": lambda: "abc", "long word": lambda: "x" * 10**5, "lstm": lambda: "lstm",
    "digits": lambda: "12", "bytes": lambda: b"abc", "bytearray": lambda: bytearray(3), "surrogate": lambda: "\ud800",
    "np.str_": lambda: np.str_("abc"), "np.void": lambda: np.void(b"abc"), "(": lambda: (), "[]": lambda: [],
    "{}": lambda: {}, "[1, 2]": lambda: [1, 2], "[None]": lambda: [None], "dict": lambda: {"a": 1},
    "dict of ints": lambda: {0: 1}, "set": lambda: {1, 2}, "frozenset": lambda: frozenset(), "range": lambda: range(3),
    "iterator": lambda: iter([1, 2]), "generator": lambda: (n for n in (1, 2)), "slice": lambda: slice(3),
    "ellipsis": lambda: ..., "NotImplemented": lambda: NotImplemented, "object": object, "type": lambda: int,
    "module": lambda: np, "random module": lambda: np.random, "error": lambda: ValueError("abc"),
    "0-d": lambda: np.array(3), "0-d float": lambda: np.array(0.5), "empty": lambda: np.array([]),
    "empty ints": lambda: np.array([], int), "objects": lambda: np.array([None, "a"], object),
    "object 0-d": lambda: np.array(None), "complex array": lambda: np.ones(3, complex),
    "words": lambda: np.array(["a"]),
    "structured": lambda: np.ones(3, [("a", float)]), "dates": lambda: np.array(["2020"], "datetime64[s]"),
    "bytes array": lambda: np.array([b"ab"]), "masked": lambda: np.ma.masked_less(np.arange(3.0), 1),
    "ones": lambda: np.ones(3), "no array": NoArray, "memoryview": lambda: memoryview(b"abcd"),
    "RandomState": lambda: np.random.RandomState(0), "Generator": lambda: np.random.default_rng(0),
    "PCG64": lambda: np.random.PCG64(0), "device array": lambda: standin.asarray(np.ones(3)),
    "sgd": optim.sgd, "mse": lambda: core.mse, "a layer": lambda: core.dense(2, 3), "a maker": lambda: core.lstm,
    "a cell": lambda: cells.LSTM, "a stage": lambda: cells.LSTM.stages[0], "History": core.History,
    "a model": lambda: core.Model([core.dense(2, 3)], core.mse, rng=np.random.default_rng(0)),
}  # fmt: skip


def cut(axis):
    return lambda a: a.take(range(a.shape[axis] - 1), axis) if a.ndim > axis and a.shape[axis] > 1 else SKIP


def longer(axis):
    return lambda a: np.concatenate([a, a.take([0], axis)], axis) if a.ndim > axis else SKIP


def emptied(axis):
    return lambda a: a.take([], axis) if a.ndim > axis else SKIP


def with_one(value):
    """One element changed."""

    def put(a):
        if a.size == 0 or a.dtype.kind not in "iuf" or (a.dtype.kind in "iu" and not isinstance(value, int)):
            return SKIP
        if a.dtype.kind == "u" and value < 0:
            return SKIP
        b = a.copy()
        with np.errstate(all="ignore"):
            b.flat[b.size // 2] = value
        return b

    return put


def locked(a):
    b = a.copy()
    b.flags.writeable = False
    return b


def as_type(dtype):
    def convert(a):
        with np.errstate(all="ignore"):
            return a.astype(dtype)

    return convert


def strided(a):
    """The same numbers, not contiguous."""
    b = np.zeros((2 * a.shape[0], *a.shape[1:]), a.dtype) if a.ndim else np.zeros(2, a.dtype)
    b[::2] = a
    return b[::2] if a.ndim else SKIP


ARRAYS = {
    **{f"cut {k}": cut(k) for k in range(3)}, **{f"longer {k}": longer(k) for k in range(3)},
    **{f"emptied {k}": emptied(k) for k in range(3)},
    "an axis missing": lambda a: a[0] if a.ndim else SKIP, "an axis more": lambda a: a[None],
    "last axis more": lambda a: a[..., None], "transposed": lambda a: a.T if a.ndim > 1 else SKIP,
    "flat": lambda a: a.ravel() if a.ndim != 1 else SKIP, "a list": lambda a: a.tolist(),
    "a tuple": lambda a: tuple(a.tolist()) if a.ndim else SKIP,
    **{f"of {kind}": as_type(kind) for kind in ("i1", "u1", "i8", "u8", "f2", "f4", "f8", "g", "c8", "c16", "?", "O",
                                                "U9", ">f4", ">f8", ">i4")},
    **{f"with {v}": with_one(v) for v in (np.nan, np.inf, -np.inf, 1e300, -1e30, 1e38, 2**62, 100, -1, -100)},
    "all infinite": lambda a: np.full_like(a, np.inf) if a.dtype.kind == "f" else SKIP,
    "masked": lambda a: np.ma.masked_array(a, np.arange(a.size).reshape(a.shape) % 2),
    "metres": lambda a: a.copy().view(Metres), "a matrix": lambda a: np.asmatrix(a) if a.ndim <= 2 else SKIP,
    "a record": lambda a: a.copy().view(np.recarray), "locked": locked,
    "Fortran": lambda a: np.asfortranarray(a.copy()),
    "strided": strided, "backwards twice": lambda a: a[::-1].copy()[::-1] if a.ndim else SKIP,
    "repeated": lambda a: np.broadcast_to(a[:1], a.shape) if a.ndim else SKIP,
    "on a device": lambda a: standin.asarray(a) if a.dtype.kind in "biufc" else SKIP,
    "structured": lambda a: np.zeros(a.shape, [("a", float)]),
    "a memory view": lambda a: memoryview(np.ascontiguousarray(a)),
}  # fmt: skip

FUNCTIONS = {
    "no arguments": lambda: lambda: None, "many arguments": lambda: lambda a, b, c, d, e, f, g: None,
    "a keyword": lambda: lambda *args, needed: None, "a class": lambda: dict, "a method": lambda: "abc".join,
    "abs": lambda: abs, "print": lambda: len,
}  # fmt: skip
RETURNS = {name: SIMPLE[name] for name in SIMPLE if name not in ("long word",)}


def contained(good):
    """What may go wrong with a tuple, list or dict: name -> value."""
    if isinstance(good, dict):
        found = {"one more": {**good, "more": 1}, "items": [*good.items()], "copy": dict(good)}
        return found | (
            {"one less": dict([*good.items()][1:]), "backwards": dict([*good.items()][::-1])} if good else {}
        )
    if isinstance(good, tuple | list) and type(good) in (tuple, list):
        found = {"a list": [*good], "a tuple": (*good,), "one more": [*good, 1], "repeated": [*good, *good],
                 "an iterator": iter(good), "in a list": [good], "a set": SKIP}  # fmt: skip
        return found | ({"one less": good[1:], "backwards": good[::-1]} if good else {})
    return {}


def values(good):
    """All that may be put in the place of `good`: a list of (name, thunk)."""
    found = list(SIMPLE.items())
    if isinstance(good, np.ndarray):
        found += [(f"array {name}", lambda change=change: change(good)) for name, change in ARRAYS.items()]
    if callable(good):
        found += [(f"function {name}", make) for name, make in FUNCTIONS.items()]
        found += [
            (f"returns {name}", lambda make=make: lambda *args, **kwargs: make()) for name, make in RETURNS.items()
        ]
    found += [(f"with {name}", lambda value=value: value) for name, value in contained(good).items()]
    return found


# ---- specs ---------------------------------------------------------------------------------------------------------


def count(v, low=1):
    """A positive integer, Python's or NumPy's, below 2**63."""
    good = isinstance(v, numbers.Integral) and not isinstance(v, bool | np.timedelta64) and low <= v < 2**63
    return int(v) if good else BAD


def size(v):
    """A count that takes memory or time."""
    v = count(v)
    return SKIP if v is not BAD and v > 1000 else v


def number(fits):
    def spec(v):
        if isinstance(v, bool | np.bool_ | np.timedelta64) or not isinstance(v, numbers.Real):
            return BAD
        try:
            v = float(v)
        except OverflowError:
            return BAD
        return v if fits(v) and abs(v) != np.inf else BAD

    return spec


any_number, positive = number(lambda v: v == v), number(lambda v: v > 0)
not_negative, fraction = number(lambda v: v >= 0), number(lambda v: 0 <= v < 1)


def flag(v):
    return bool(v) if isinstance(v, bool | np.bool_) else BAD


def one_of(*words):
    return lambda v: next((w for w in words if isinstance(v, str) and v == w), BAD)


def generator(v):
    """The same generator, as it was."""
    return copy.deepcopy(v) if isinstance(v, np.random.Generator) else BAD


def only(v):
    """Nothing of the zoo is good here."""
    return BAD


def unknown(v):
    return UNKNOWN


def or_none(spec):
    return lambda v: None if v is None else spec(v)


def array(*axes, kinds="f", dtype=None, to=None, finite=True, low=None, high=None, writable=False):
    """Axes: a number, or None for any; `to`: what it is converted to, where it has to be finite."""

    def spec(v):
        if type(v) not in (np.ndarray, np.memmap) or v.ndim != len(axes) or v.size == 0:
            return BAD
        if not all(a in (None, n) for a, n in zip(axes, v.shape, strict=True)):
            return BAD
        if (
            v.dtype.kind not in kinds
            or (dtype is not None and v.dtype != dtype)
            or (writable and not v.flags.writeable)
        ):
            return BAD
        with np.errstate(all="ignore"):
            plain = np.array(v, to, order="C")
        if finite and plain.dtype.kind in "fc" and not np.isfinite(plain).all():
            return BAD
        if low is not None and not low <= int(plain.min()) <= int(plain.max()) <= high:
            return BAD
        return plain

    return spec


def takes(arguments):
    """A function that can be called with so many arguments; what it returns is another question."""
    import inspect

    def spec(v):
        if not callable(v):
            return BAD
        try:
            inspect.signature(v).bind(*range(arguments))
        except TypeError:
            return BAD
        except ValueError:
            return UNKNOWN
        return UNKNOWN

    return spec
