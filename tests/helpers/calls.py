"""Calls of the public API with good arguments, and what each argument may be: what bad arguments are made of.

A case is a function that makes a `Call` anew, all of it small. `CASES` has them by name; they are in `calls_layers`,
`calls_models`, `calls_training` and `calls_others`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import standin
from zoo import BAD, UNKNOWN, array, or_none

import lstm_core as core
from lstm_core import cells, scan

N, T, D, H, C = 5, 4, 3, 2, 3


class Call(NamedTuple):
    """call:      what is called, with all `arguments` by name
    specs:     what each may be; a path such as "P.W" or "states.0.1" leads into a container. Without one: nothing else
    fixed:     what the call could change beside its arguments
    names:     more names by which its messages may call what is wrong
    """

    call: Callable
    arguments: dict
    specs: dict
    fixed: tuple = ()
    names: tuple = ()


CASES = {}


def case(make):
    CASES[make.__name__.strip("_")] = make
    return make


def rng(seed=0):
    return np.random.default_rng(seed)


def normal(*shape, dtype=np.float32):
    return rng(len(shape)).standard_normal(shape).astype(dtype)


def network(loss=core.softmax_cross_entropy, dtype=np.float32, **options):
    return core.Model([core.lstm(D, H), core.dense(H, C)], loss, rng=rng(), dtype=dtype, **options)


def reader():
    return core.Model([core.embedding(C, H), core.gru(H, H), core.dense(H, C)], core.softmax_cross_entropy, rng=rng())


def told(layer):
    """A layer as numbers and words."""
    model = core.Model([layer], core.mse, rng=rng())
    return layer.config, layer.shapes, model.theta


F4 = {"dtype": np.float32, "finite": False}
MASK, STATE, TARGET = or_none(array(T, N, kinds="b")), array(H, N, **F4), array(T, N, kinds="iu", low=0, high=C - 1)
LENGTH, X_GIVEN = or_none(array(N, kinds="iu", low=1, high=T)), array(N, T, D, kinds="f", to=np.float32)


def a(kind):
    """One of a kind."""
    return lambda v: UNKNOWN if isinstance(v, kind) else BAD


def labels(*shape):
    return rng(1).integers(0, C, shape)


LENGTHS = np.array([4, 1, 2, 3, 4])
FOLDER = [None]  # where files are written: the test says so


def point(cell=cells.LSTM):
    """P, x and a state of a cell."""
    P = {name: normal(*shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    return P, normal(T, D, N), tuple(normal(H, N) for _ in cell.states)



def module(v):
    return v if v is standin or (isinstance(v, str) and v == "numpy") or v is np else BAD


def any_array(v):
    return v if type(v) in (np.ndarray, standin.Array) or isinstance(v, np.generic) else BAD


def on_any_device(spec):
    return lambda v: UNKNOWN if isinstance(v, standin.Array) and spec(v._host) is not BAD else spec(v)


def p_of(shapes):
    def spec(v):
        return v if type(v) is dict and v.keys() == shapes.keys() else UNKNOWN if isinstance(v, dict) else BAD

    return spec


def tuple_of(size):
    """Only the containers of the good items themselves: the zoo has no others."""
    def spec(v):
        if v is None or (isinstance(v, tuple | list) and len(v) in (0, size)):
            return UNKNOWN
        return BAD

    return spec


def or_lstm(v):
    return v if v is cells.LSTM else BAD


def hidden(spec, *axes):
    """With lengths: what stands beyond them is nobody's business, and there may be more of it."""
    def looked_at(v):
        if isinstance(v, np.ndarray) and spec(v) is BAD and array(*axes, kinds="iuf", finite=False)(v) is not BAD:
            return UNKNOWN
        return spec(v)

    return looked_at


def padded_x():
    return hidden(X_GIVEN, N, None, D)


def padded_y():
    return hidden(array(N, T, kinds="iub", low=0, high=C - 1), N, T)
