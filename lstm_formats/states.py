"""States: what a checkpoint holds beside the model, checked field by field: a `History`, and a generator's state.

What is written goes through the same checks as what is read, so that what can be saved can be loaded.
"""

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_core.arrays import to_host
from lstm_core.checks import brief
from lstm_core.history import History
from lstm_core.scores import Scores
from lstm_core.types import Array

from .configs import check_fields

FIELDS = [field.name for field in dataclasses.fields(History)]
UNFINISHED = ["theta", "optimizer", "rng", "updates", "best"]

# The bit generators of NumPy, and what their states are: an integer in 0 … n, an array of a shape and dtype, or fields.
# More than that a generator does not check: it crashes with a place in a buffer that the buffer does not have.
HALF = {"has_uint32": 1, "uinteger": 2**32 - 1}
GENERATORS: dict[Any, dict[str, Any]] = {
    np.random.MT19937: {"state": {"key": ((624,), "uint32"), "pos": 624}},
    np.random.PCG64: {"state": {"state": 2**128 - 1, "inc": 2**128 - 1}} | HALF,
    np.random.PCG64DXSM: {"state": {"state": 2**128 - 1, "inc": 2**128 - 1}} | HALF,
    np.random.Philox: {
        "state": {"counter": ((4,), "uint64"), "key": ((2,), "uint64")},
        "buffer": ((4,), "uint64"),
        "buffer_pos": 4,
    }
    | HALF,
    np.random.SFC64: {"state": {"state": ((4,), "uint64")}} | HALF,
}
# What a number of a history may be: words, and whether one is.
NUMBER = "a number", lambda v: not math.isnan(v)  # the mean of numbers that are finite may not be
FINITE = "a finite number", math.isfinite
NOT_NEGATIVE = "a finite number >= 0", lambda v: 0 <= v < math.inf
FRACTION = "a fraction, or NaN where there are no labels", lambda v: math.isnan(v) or 0 <= v <= 1
KINDS = {kind.__name__: kind for kind in GENERATORS}


# ---- a generator -----------------------------------------------------------------------------------------------------


def state_of(rng: np.random.Generator | None) -> dict[str, Any] | None:
    """The state of a numpy.random.Generator, as `generator_from` takes it; None for None.

    Raises TypeError for a generator or bit generator that is not NumPy's own: its class would not come back.

    >>> from lstm_formats.states import generator_from, state_of
    >>> state_of(np.random.default_rng(0))["bit_generator"]
    'PCG64'
    """
    if rng is None:
        return None
    bits: Any = getattr(rng, "bit_generator", None)
    if type(rng) is not np.random.Generator or type(bits) not in GENERATORS:
        kinds = ", ".join(KINDS)
        raise TypeError(f"rng: expected a numpy.random.Generator with one of {kinds}, got {brief(rng)}")
    return check_state("rng", bits.state)


def generator_from(state: Mapping[str, Any] | None) -> np.random.Generator | None:
    """The generator in a state that `state_of` gave; None for None. ValueError, naming the field, for any other.

    >>> from lstm_formats.states import generator_from, state_of
    >>> other = generator_from(state_of(rng))
    >>> other.random() == rng.random()
    True
    """
    if state is None:
        return None
    bits = KINDS[check_state("rng", state)["bit_generator"]]()
    bits.state = state
    return np.random.Generator(bits)


def check_state(name: str, state: Any) -> dict[str, Any]:
    """`state`, that of a bit generator. ValueError, naming the field, unless it can be one, down to every range.

    >>> from lstm_formats.states import check_state
    >>> check_state("rng", {"bit_generator": "RANDU"})
    Traceback (most recent call last):
    ValueError: rng.bit_generator: expected one of MT19937, PCG64, PCG64DXSM, Philox, SFC64, got 'RANDU'
    """
    kind = state.get("bit_generator") if isinstance(state, dict) else None
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"{name}.bit_generator: expected one of {', '.join(KINDS)}, got {brief(kind)}")
    _check_form(name, state, {"bit_generator": kind} | GENERATORS[KINDS[kind]])
    within = state["state"]
    if "inc" in within and within["inc"] % 2 == 0:
        raise ValueError(f"{name}.state.inc: expected an odd integer, got {within['inc']}")
    if "pos" in within and not (within["key"][0] >> 31 or within["key"][1:].any()):
        raise ValueError(f"{name}.state.key: expected a bit that is 1, got none: it would draw nothing but 0")
    return state


def _check_form(name, found, form):
    """Raise ValueError, naming the field, unless the fields `found` are such as `form` says (see GENERATORS)."""
    check_fields(name, found, form)
    for key, expected in form.items():
        where, value = f"{name}.{key}", found[key]
        if isinstance(expected, dict):
            _check_form(where, value, expected)
        elif isinstance(expected, tuple):
            shape, dtype = expected
            if not isinstance(value, np.ndarray) or (value.shape, value.dtype) != (shape, np.dtype(dtype)):
                raise ValueError(f"{where}: expected an array of shape {shape} of {dtype}, got {_kind(value)}")
        elif isinstance(expected, int):
            _integer(where, value, expected)


# ---- a history -------------------------------------------------------------------------------------------------------


def fields_of(history: History | None, theta: Array) -> dict[str, Any] | None:
    """The fields of a `History` as `history_from` takes them, its arrays on the host; None for None.

    Raises TypeError for anything but a `History`, and ValueError, naming the field, for one that `fit` would not make
    of a model with the parameters `theta`: of other fields, lengths, types or shapes, or not finite.

    >>> from lstm_formats.states import fields_of
    >>> fields_of(History(loss=[0.5]), np.zeros(2))
    Traceback (most recent call last):
    ValueError: history.seconds: expected 1 entries, got 0
    >>> fields_of(History(loss=[0.5], seconds=[1], rate=[0.1]), np.zeros(2))["seconds"]
    [1.0]
    """
    if history is None:
        return None
    if type(history) is not History:
        raise TypeError(f"history: expected a History, got {brief(history)}")
    return _checked(vars(history), theta)


def history_from(fields: Mapping[str, Any] | None, theta: Array) -> History | None:
    """The `History` of the fields that `fields_of` gave; None for None. Raises ValueError, naming the field, as that.

    >>> from lstm_formats.states import fields_of, history_from
    >>> history = History(loss=[0.5], seconds=[1.0], rate=[0.1])
    >>> history_from(fields_of(history, np.zeros(2)), np.zeros(2)) == history
    True
    """
    return None if fields is None else History(**_checked(fields, theta))


def _checked(found, theta):
    """The fields of a history, converted: numbers are Python's, arrays NumPy's, scores `Scores`."""
    broken_off = isinstance(found, dict) and found.get("unfinished") is not None
    names = FIELDS if broken_off else FIELDS[:-1]  # else it is left out: files are as before there was this field
    check_fields("history", {"unfinished": None} | found if isinstance(found, dict) else found, FIELDS)
    weights = found["weights"]
    fields = {
        "loss": _floats("loss", found["loss"], NUMBER),
        "seconds": _floats("seconds", found["seconds"], NOT_NEGATIVE),
        "rate": _floats("rate", found["rate"], NOT_NEGATIVE),
        "validation": [_scores(row) for row in _list("validation", found["validation"])],
        "batch_loss": _floats("batch_loss", found["batch_loss"], FINITE),
        "batch_norm": _floats("batch_norm", found["batch_norm"], NOT_NEGATIVE),
        "optimizer": _optimizer("history.optimizer", found["optimizer"], theta),
        "weights": None if weights is None else _parameters("history.weights", weights, theta),
    }
    epochs, scored, updates = (len(fields[name]) for name in ("loss", "validation", "batch_loss"))
    for name, sizes in {
        "seconds": [epochs], "rate": [epochs], "validation": [0, epochs], "batch_norm": [updates],
    }.items():  # fmt: skip
        if len(fields[name]) not in sizes:
            expected = " or ".join(map(str, sizes))
            raise ValueError(f"history.{name}: expected {expected} entries, got {len(fields[name])}")
    fields["best"] = _best("history.best", found["best"], scored + broken_off, scored > 0)
    if broken_off:
        fields["unfinished"] = _unfinished("history.unfinished", found["unfinished"], theta, scored, updates)
    return {name: fields[name] for name in names}


def _unfinished(name, found, theta, scored, updates):
    """What `fit` goes back to after an interrupt within an epoch."""
    check_fields(name, found, UNFINISHED)
    return {
        "theta": _parameters(f"{name}.theta", found["theta"], theta),
        "optimizer": _optimizer(f"{name}.optimizer", found["optimizer"], theta) or {},
        "rng": check_state(f"{name}.rng", found["rng"]),
        "updates": _integer(f"{name}.updates", found["updates"], updates),
        "best": _best(f"{name}.best", found["best"], scored, scored > 0),
    }


def _best(name, found, epochs, is_known):
    """The index of the best of the epochs; where none was scored for certain, None."""
    if found is None and not is_known:
        return None
    if epochs == 0:
        raise ValueError(f"{name}: expected None, since no epoch was scored, got {brief(found)}")
    return _integer(name, found, epochs - 1)


def _optimizer(name, found, theta):
    """The state of an optimiser: numbers, and arrays in the shape of theta, all finite; None of None."""
    if found is None:
        return None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise ValueError(f"{name}: expected a dict with words as keys, got {brief(found)}")
    state = {}
    for key, value in found.items():
        where = f"{name}[{brief(key)}]"
        if type(value) in (int, float):
            _float(where, value, FINITE)
        elif type(value) is not bool:
            value = _finite_array(where, value, theta)
        state[key] = value
    return state


def _parameters(name, found, theta):
    """A vector like theta: its shape and dtype, finite."""
    found = _finite_array(name, found, theta)
    if found.dtype != theta.dtype:
        raise ValueError(f"{name}: expected numbers of {theta.dtype}, got {found.dtype}")
    return found


def _finite_array(name, found, theta):
    try:
        array = to_host(found)
    except TypeError:
        array = None
    if array is None or array.shape != theta.shape or array.dtype.kind not in "fiub" or array.itemsize > 8:
        raise ValueError(f"{name}: expected numbers in the shape {theta.shape}, got {_kind(found)}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity")
    return array


def _floats(name, found, expected):
    """A list of numbers such as expected, as Python's floats."""
    found, fits = _list(name, found), expected[1]
    if all(type(value) is float and fits(value) for value in found):
        return found
    return [_float(f"history.{name}[{k}]", value, expected) for k, value in enumerate(found)]


def _list(name, found):
    """The entries of a list, or of an array of float64 with one axis, as files have the long ones."""
    if isinstance(found, np.ndarray) and found.ndim == 1 and found.dtype == np.float64:
        return found.tolist()
    if not isinstance(found, list):
        raise ValueError(f"history.{name}: expected a list of numbers, got {_kind(found)}")
    return found


def _scores(row):
    """`Scores` of three numbers; error and whole are fractions, or NaN where there are no labels."""
    if not isinstance(row, list | Scores) or len(row) != len(Scores._fields):
        raise ValueError(f"history.validation: expected {len(Scores._fields)} numbers an epoch, got {brief(row)}")
    names = [f"history.validation.{name}" for name in Scores._fields]
    return Scores(*map(_float, names, row, [FINITE, FRACTION, FRACTION]))


# ---- single values ---------------------------------------------------------------------------------------------------


def _integer(name, found, most):
    if type(found) is not int or not 0 <= found <= most:
        raise ValueError(f"{name}: expected an integer in 0 ... {most}, got {brief(found)}")
    return found


def _float(name, found, expected):
    """`found` as a float. ValueError unless it is a real number, Python's or NumPy's, and such as expected."""
    words, fits = expected
    if isinstance(found, numbers.Real) and not isinstance(found, bool):
        try:
            number = float(found)
        except OverflowError:
            number = math.inf
        if fits(number):
            return number
    raise ValueError(f"{name}: expected {words}, got {brief(found)}")


def _kind(found):
    """What `found` is, in a few words."""
    if isinstance(found, np.ndarray):
        return f"an array of shape {found.shape} of {found.dtype}"
    return brief(found)
