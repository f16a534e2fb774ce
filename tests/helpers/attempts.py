"""One bad argument: put it into a call, look at what comes of it, and at what has changed."""

import functools
import re
import types
import warnings
from collections.abc import Mapping

import calls_layers  # noqa: F401 (they register their cases)
import calls_models  # noqa: F401
import calls_others  # noqa: F401
import calls_training  # noqa: F401
import numpy as np
import standin
from calls import CASES
from zoo import BAD, SKIP, UNKNOWN, only, values

import lstm_core as core

FORM = re.compile(r"([\w .]+?)(?:\[[^\]]*\])*(?:: [\w .\[\]']+?)?: expected (?s:.+), got ")
KINDS = ValueError, TypeError


@functools.cache
def attempts():
    """Every (case, path, what) there is."""
    found = []
    for name, make in CASES.items():
        call = make()
        for path in places(call):
            good = at(call.arguments, path)
            found += [(name, path, what) for what, _ in values(good)]
    return found


def places(call):
    """Each argument, and the places within one that there is a spec for."""
    return [
        *call.arguments,
        *(path for path in call.specs if "." in path and at(call.arguments, path, None) is not ...),
    ]


def at(arguments, path, default=...):
    """What stands at a path; ... if there is nothing."""
    for key in path.split("."):
        if isinstance(arguments, Mapping):
            arguments = arguments.get(key, ...)
        elif isinstance(arguments, tuple | list):
            arguments = arguments[int(key)] if int(key) < len(arguments) else ...
        else:
            return ...
    return arguments


def put(container, path, value):
    """A copy of the container, another value at the path."""
    key, _, rest = path.partition(".")
    if isinstance(container, Mapping):
        return dict(container) | {key: put(container[key], rest, value) if rest else value}
    items = [*container]
    items[int(key)] = put(items[int(key)], rest, value) if rest else value
    return (
        container._replace(**dict(zip(container._fields, items)))
        if hasattr(container, "_fields")
        else type(container)(items)
    )


def picture(v):
    """What a value is, to be compared: arrays stay arrays."""
    if isinstance(v, np.ma.MaskedArray):
        return "masked", np.asarray(v.data).copy(), np.ma.getmaskarray(v).copy()
    if isinstance(v, np.ndarray):
        return v.copy()
    if isinstance(v, standin.Array):
        return "device", v._host.copy()
    if isinstance(v, np.random.Generator):
        return "rng", picture(v.bit_generator.state)
    if isinstance(v, core.Model):
        return (
            "model",
            v.theta if isinstance(v.theta, np.ndarray) and v.theta.dtype == object else picture(v.theta),
            v.names,
            v.outputs,
        )
    if isinstance(v, core.History):
        return "history", picture(vars(v))
    if isinstance(v, Mapping):
        return {repr(k): picture(x) for k, x in v.items()}
    if isinstance(v, tuple | list):
        return [picture(x) for x in v]
    if isinstance(v, types.FunctionType | type | types.ModuleType) or callable(v):
        return getattr(v, "__qualname__", str(type(v)))
    if isinstance(v, (bool, np.bool_)):
        return bool(v)
    if isinstance(v, int) and abs(v) > 2**63:
        return hex(v)
    if isinstance(v, int | float | complex | np.number):
        return np.asarray(v)
    if type(v).__repr__ is object.__repr__ or isinstance(v, types.GeneratorType) or hasattr(v, "__next__"):
        return type(v).__name__
    return repr(v)[:1000]


def alike(a, b, close=False):
    """Whether two pictures are the same; close: up to rounding."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype == object:
            return repr(a) == repr(b)
        if close and a.dtype.kind in "fc":
            return bool(np.allclose(a, b, rtol=1e-5, atol=1e-5, equal_nan=True))
        return a.tobytes() == b.tobytes()
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(alike(a[k], b[k], close) for k in a)
    if isinstance(a, tuple | list):
        return len(a) == len(b) and all(alike(x, y, close) for x, y in zip(a, b))
    return a == b


def attempt(name, path, what):
    """None if all is well, SKIP if there was nothing to try; else a text that says what is wrong."""
    call = CASES[name]()
    good = at(call.arguments, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        value = dict(values(good))[what]()
        meaning = SKIP if value is SKIP else call.specs.get(path, only)(value)
    if meaning is SKIP:
        return SKIP
    arguments = put(call.arguments, path, value)
    before_all = np.random.get_state()[1].copy(), np.geterr()  # noqa: NPY002
    before = picture((arguments, call.fixed))
    error, found = None, None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", RuntimeWarning)  # of NumPy, when numbers leave the range
        try:
            found = call.call(**arguments)
        except Exception as raised:
            error = raised
    if not np.array_equal(np.random.get_state()[1], before_all[0]) or np.geterr() != before_all[1]:  # noqa: NPY002
        return f"global state changed ({error!r})"
    if error is not None:
        return refused(call, what, value, meaning, error, before, arguments)
    if meaning is BAD:
        return f"silent: {brief(found)}"
    if meaning is UNKNOWN:
        return None
    other = CASES[name]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = other.call(**put(other.arguments, path, meaning))
    if not alike(picture(found), picture(expected), close=True):
        return f"another result than for {brief(meaning)}: {brief(found)}, not {brief(expected)}"
    return None


def refused(call, what, value, meaning, error, before, arguments):
    kind, text = type(error), str(error)
    if meaning is not BAD and meaning is not UNKNOWN and kind is not FloatingPointError:
        return f"good, and refused: {kind.__name__}: {text[:300]}"
    roots = {*call.arguments, *call.names, "arrays"}
    if isinstance(error, KeyError) and "params" in roots:
        pass
    elif kind is FloatingPointError:
        if not re.match(r"(fit|evaluate|sample|\w+): ", text):
            return f"unnamed: {kind.__name__}: {text[:300]}"
    elif isinstance(error, OSError):
        pass
    elif not isinstance(error, KINDS):
        return f"unnamed: {kind.__name__}: {text[:300]}"
    else:
        if callable(value) and meaning is UNKNOWN and not what.startswith("returns"):
            return None  # what it raised itself
        match = FORM.match(text)
        if not match or not (match[1] in roots or match[1].split(".")[0] in roots):
            return f"unnamed: {kind.__name__}: {text[:300]}"
        if match[1] == "arrays" and not any(re.search(rf"\b{root}\b", text.removeprefix("arrays")) for root in roots):
            return f"unnamed: {kind.__name__}: {text[:300]}"
        if len(text) > 3000:
            return f"too long a message: {len(text)}"
    after = picture((arguments, call.fixed))
    if hasattr(error, "history") and kind is FloatingPointError:
        return None  # within an epoch, after updates that were good
    if hasattr(error, "history"):  # the generator has been used
        before, after = (without_rng(v) for v in (before, after))
    if not alike(before, after):
        return f"state changed: {kind.__name__}: {text[:300]}"
    return None


def without_rng(v):
    if isinstance(v, dict):
        return {k: without_rng(x) for k, x in v.items()}
    if isinstance(v, tuple | list):
        return "rng" if len(v) == 2 and isinstance(v[0], str) and v[0] == "rng" else [without_rng(x) for x in v]
    return v


def brief(v):
    text = " ".join(repr(v).split())
    return text if len(text) < 160 else text[:160] + " …"
