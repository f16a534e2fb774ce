"""Arrays, cells, the scan, layers and losses: cases of `calls`."""

import numbers

import numpy as np
import zoo
from calls import (
    CASES,
    F4,
    MASK,
    STATE,
    TARGET,
    C,
    Call,
    D,
    H,
    N,
    T,
    a,
    any_array,
    case,
    labels,
    module,
    normal,
    or_lstm,
    p_of,
    point,
    rng,
    told,
    tuple_of,
)
from zoo import BAD, UNKNOWN, array, count, flag, fraction, generator, only, or_none, unknown

import lstm_core as core
from lstm_core import cells, edge, init, layers, losses, scan, zoneout
from lstm_core.arrays import views
from lstm_core.layers import Pass
from lstm_core.model import columns

# ---- arrays ----------------------------------------------------------------------------------------------------------


@case
def to_device():
    return Call(core.to_device, {"x": normal(2, 3), "device": "numpy"}, {"x": any_array, "device": module},
            names=("array",))  # fmt: skip


@case
def to_host():
    return Call(core.to_host, {"x": normal(2, 3)}, {"x": any_array}, names=("array",))


@case
def views_of():
    return Call(lambda theta: views({"a": (2, 3), "b": (1,)}, theta), {"theta": normal(7)},
            {"theta": lambda v: UNKNOWN if getattr(v, "shape", None) == (7,) else BAD})  # fmt: skip


@case
def columns_of():
    return Call(columns, {"x": normal(N, T, D)}, {"x": unknown})


# ---- the scan --------------------------------------------------------------------------------------------------------


def scan_specs():
    shapes = scan.parameter_shapes(cells.LSTM, D, H)
    specs = {f"P.{name}": array(*shape, **F4) for name, shape in shapes.items()}
    return specs | {"P": p_of(shapes), "cell": or_lstm, "state.0": STATE, "state.1": STATE,
                    "state": tuple_of(2), "x": array(T, D, N, **F4), "mask": MASK}


@case
def scan_forward():
    P, x, state = point()
    arguments = {"cell": cells.LSTM, "P": P, "x": x, "state": state, "keep": True, "mask": normal(T, N) > 0}
    return Call(scan.forward, arguments, scan_specs() | {"keep": flag})


@case
def scan_backward():
    P, x, state = point()
    _, final, cache = scan.forward(cells.LSTM, P, x, state)
    arguments = {"cell": cells.LSTM, "P": P, "cache": cache, "dh": normal(T, H, N), "dstate": final}
    specs = scan_specs() | {"dh": array(T, H, N, **F4), "cache": only, "dstate": tuple_of(2)}
    return Call(scan.backward, arguments, specs | {"dstate.0": STATE, "dstate.1": STATE})


@case
def parameter_shapes():
    arguments = {"cell": cells.GRU, "features": D, "hidden": H, "own": True}
    def cell(v):
        return v if isinstance(v, cells.Cell) else BAD
    return Call(scan.parameter_shapes, arguments, {"cell": cell, "features": count, "hidden": count, "own": flag})


@case
def planes():
    P, x, state = point()
    cache = scan.forward(cells.LSTM, P, x, state)[2]
    return Call(cache.planes, {"name": "c"}, {"name": zoo.one_of("c", "i")})


# ---- cells -----------------------------------------------------------------------------------------------------------


def step(a, u, s, p, tanh):
    return s, ()


@case
def stage():
    arguments = {"gates": ("i", "o"), "step": step, "back": lambda ds, kept, p: None, "inputs": ("i",),
            "recurs": ("o",), "name": "s"}  # fmt: skip
    return Call(cells.Stage, arguments, {"gates": unknown, "gates.0": unknown, "gates.1": unknown,
            "step": zoo.takes(5), "back": zoo.takes(3), "inputs": unknown, "inputs.0": unknown,
            "recurs": unknown, "recurs.0": unknown, "name": a(str)})  # fmt: skip


@case
def cell():
    arguments = {"name": "mine", "stages": [cells.LSTM.stages[0]], "states": ("h", "c"), "own": ("i", "o", "f"),
            "forget": "f", "own_name": "p"}  # fmt: skip
    word = a(str)
    return Call(cells.Cell, arguments, {"name": word, "own_name": word, "stages": unknown,
            "stages.0": a(cells.Stage), "states": unknown, "states.0": unknown, "states.1": unknown, "own": unknown,
            "own.0": unknown, "own.1": unknown, "own.2": unknown, "forget": or_none(word)})  # fmt: skip


@case
def altered():
    return Call(cells.LSTM.altered, {"stage": 0, "back": cells.lstm_back}, {"stage": unknown, "back": zoo.takes(3)})


# ---- layers ----------------------------------------------------------------------------------------------------------


@case
def rnn():
    arguments = {"features": D, "hidden": H, "activation": "relu", "W": init.he_normal, "R": init.identity}
    return Call(lambda **k: told(core.rnn(**k)), arguments, {"features": zoo.size, "hidden": zoo.size,
            "W": zoo.takes(3), "R": zoo.takes(3), "activation": zoo.one_of("tanh", "relu")},
            names=("rnn relu.W", "rnn relu.R"))  # fmt: skip


@case
def lstm():
    arguments = {"features": D, "hidden": H, "peepholes": True, "W": init.xavier_uniform, "forget_bias": 1.0,
            "zoneout_h": 0.1, "zoneout_c": 0.2}  # fmt: skip
    return Call(lambda **k: told(core.lstm(**k)), arguments, {"features": zoo.size, "hidden": zoo.size,
            "peepholes": flag, "W": zoo.takes(3), "forget_bias": zoo.any_number, "zoneout_h": fraction,
            "zoneout_c": fraction}, names=("zoneout lstm.W", "zoneout lstm.b"))  # fmt: skip


@case
def gru():
    arguments = {"features": D, "hidden": H, "reset": "before", "R": init.orthogonal}
    return Call(lambda **k: told(core.gru(**k)), arguments, {"features": zoo.size, "hidden": zoo.size,
            "reset": zoo.one_of("before", "after"), "R": zoo.takes(3)}, names=("gru before.R",))  # fmt: skip


@case
def recurrent():
    def which(v):
        return v if isinstance(v, cells.Cell) else "lstm" if isinstance(v, str) and v == "lstm" else BAD

    arguments = {"cell": "nas", "features": D, "hidden": H, "own": False}
    return Call(lambda **k: told(core.recurrent(**k)), arguments, {"cell": which, "features": zoo.size,
            "hidden": zoo.size, "own": flag})  # fmt: skip


@case
def recurrent_p():
    arguments = {"cell": "lru", "features": D, "hidden": H, "p": init.normal(0.5)}
    return Call(lambda **k: told(core.recurrent(**k)), arguments, {"cell": unknown, "features": zoo.size,
            "hidden": zoo.size, "p": or_none(zoo.takes(3))}, names=("lru.p",))  # fmt: skip


@case
def reverse():
    return Call(lambda of: told(core.reverse(of)), {"of": core.gru(D, H)}, {})


@case
def bidirectional():
    return Call(lambda **k: told(core.bidirectional(**k)), {"of": core.gru(D, H), "last": False}, {"last": flag})


@case
def dense():
    return Call(lambda **k: told(core.dense(**k)), {"features": D, "outputs": C, "W": init.normal(0.1)},
            {"features": zoo.size, "outputs": zoo.size, "W": zoo.takes(3)}, names=("dense.W",))  # fmt: skip


@case
def embedding():
    return Call(lambda **k: told(core.embedding(**k)), {"labels": D, "outputs": C}, {"labels": zoo.size,
            "outputs": zoo.size})  # fmt: skip


@case
def activation():
    return Call(lambda function: core.activation(function).config, {"function": "relu"},
            {"function": zoo.one_of("relu")})  # fmt: skip


@case
def zoneout_of_no_c():
    return Call(lambda zoneout_c: told(core.gru(D, H, zoneout_c=zoneout_c)), {"zoneout_c": 0},
            {"zoneout_c": lambda v: BAD if fraction(v) is BAD or fraction(v) else 0.0})  # fmt: skip


@case
def zoneout_rates():
    return Call(zoneout.check_rates, {"cell": cells.LSTM, "h": 0.1, "c": 0.2}, {"cell": unknown, "h": fraction,
            "c": fraction}, names=("zoneout_h", "zoneout_c"))  # fmt: skip


@case
def zoneout_expected():
    def rates(v):
        return UNKNOWN if type(v) is tuple and len(v) == 2 else BAD

    return Call(lambda **k: zoneout.expected(**k).name, {"cell": cells.LSTM, "rates": (0.1, 0.2)}, {"cell": unknown,
            "rates": rates, "rates.0": fraction, "rates.1": fraction})  # fmt: skip


@case
def zoneout_forward():
    P, x, state = point()
    arguments = {"cell": cells.LSTM, "rates": (0.1, 0.2), "P": P, "x": x, "state": state, "keep": True,
            "mask": normal(T, N) > 0, "rng": rng()}  # fmt: skip
    return Call(lambda **k: zoneout.forward(**k)[:2], arguments, scan_specs() | {"keep": flag, "rates": unknown,
            "rng": or_none(generator)})  # fmt: skip


@case
def dropout():
    return Call(lambda **k: core.dropout(**k).config, {"rate": 0.5, "variational": True, "features": D},
            {"rate": fraction, "variational": flag, "features": or_none(count)})  # fmt: skip


@case
def make():
    config = core.bidirectional(core.lstm(D, H), last=True).config
    return Call(lambda config: told(layers.make(config)), {"config": dict(config)}, {"config": unknown,
            "config.of": lambda v: UNKNOWN if isinstance(v, dict) and v == config["of"] else BAD,
            "config.last": flag, "config.layer": only})  # fmt: skip


def like(cache):
    """What cannot be told from a cache: arrays of as many axes, tuples of as many items."""
    def spec(v):
        if type(v) is not type(cache):
            return BAD
        return UNKNOWN if (v.ndim == cache.ndim if isinstance(v, np.ndarray) else len(v) == len(cache)) else BAD

    return spec


def layer_calls(name, layer, x, draws=lambda: None):
    """Forward and backward of a layer as cases."""
    P = {key: normal(*shape) for key, shape in layer.shapes.items()}
    state = () if layer.cell is None else tuple(normal(H,
            N) for _ in range(len(layer.cell.states) * len(layer.directions)))  # fmt: skip
    x_spec = array(*x.shape, kinds="iu", low=0, high=layer.labels - 1) if layer.labels else array(*x.shape, **F4)
    if not layer.shapes:
        x_spec = array(T, None, N, kinds="fcO", finite=False)
    specs = {f"P.{key}": array(*a.shape, kinds="fcO", finite=False) if layer.labels else array(*a.shape,
            **F4) for key, a in P.items()} | {"P": p_of(P) if P else unknown, "x": x_spec, "how": unknown,
            "state": tuple_of(len(state)) if state else unknown,
            **{f"state.{k}": STATE for k in range(len(state))}}  # fmt: skip

    def forward():
        return Call(layer.forward, {"P": dict(P), "x": x.copy(), "state": state,
                "how": Pass(mask=normal(T, N) > -1, rng=draws())}, specs | {"how.0": flag, "how.1": MASK,
                "how.2": unknown}, names=("dy", "mask", "rng", "keep"))  # fmt: skip

    def backward():
        y, after, cache = layer.forward(P, x, state)
        dy = normal(*y.shape)
        if layer.labels:
            specs["P.W"] = unknown
        if layer.name == "dense":
            specs["P.b"] = unknown
        return Call(layer.backward, {"P": dict(P), "cache": cache, "dy": dy, "dstate": after}, specs
                | {"P": unknown if not (layer.cell or P) or layer.labels else p_of(P), "dy": array(*y.shape,
                kinds="fcO", finite=False) if layer.labels else array(*y.shape, **F4), "cache": like(cache),
                "dstate": tuple_of(len(state)) if state else unknown}
                | {f"dstate.{k}": STATE for k in range(len(state))})  # fmt: skip

    CASES[f"{name}_forward"], CASES[f"{name}_backward"] = forward, backward


layer_calls("lstm", core.lstm(D, H), normal(T, D, N))
layer_calls("zoneout lstm", core.lstm(D, H, zoneout_h=0.2, zoneout_c=0.3), normal(T, D, N))
layer_calls("reverse", core.reverse(core.gru(D, H)), normal(T, D, N))
layer_calls("bidirectional", core.bidirectional(core.lstm(D, H), last=True), normal(T, D, N))
layer_calls("last", core.last(), normal(T, D, N))
layer_calls("dense", core.dense(D, C), normal(T, D, N))
layer_calls("embedding", core.embedding(C, H), labels(T, N))
for _function in "tanh", "softmax", "log_softmax":
    layer_calls(_function, core.activation(_function), normal(T, D, N))
layer_calls("dropout", core.dropout(0.5), normal(T, D, N), rng)


@case
def dropout_backward():
    """Of a pass with a generator; without one, the cache has no array that dy could be somewhere else than."""
    layer = core.dropout(0.5)
    _, _, cache = layer.forward({}, normal(T, D, N), (), Pass(rng=rng()))
    specs = {"P": unknown, "cache": like(cache), "dy": array(T, D, N, **F4), "dstate": unknown}
    return Call(layer.backward, {"P": {}, "cache": cache, "dy": normal(T, D, N), "dstate": ()}, specs)


# ---- losses ----------------------------------------------------------------------------------------------------------


@case
def mse():
    arguments = {"y": normal(T, C, N), "target": normal(T, C, N), "mask": normal(T, N) > 0}
    return Call(losses.mse, arguments, {"y": array(T, C, N, **F4), "target": array(T, C, N, **F4), "mask": MASK})


@case
def binary_cross_entropy():
    t = normal(T, C, N) > 0
    def target(v):
        good = array(T, C, N, dtype=np.float32)(v)
        return good if good is not BAD and (good >= 0).all() and (good <= 1).all() else BAD

    arguments = {"y": normal(T, C, N), "target": t.astype(np.float32), "mask": None}
    return Call(losses.binary_cross_entropy, arguments, {"y": array(T, C, N, **F4), "target": target, "mask": MASK})


def _weights(v):
    """A list or vector of C numbers >= 0, not all of them 0; of another size it is good for another model."""
    if isinstance(v, list | tuple) or (type(v) is np.ndarray and v.ndim == 1):
        numbers = [zoo.not_negative(n) for n in ([*v] if not isinstance(v, np.ndarray) else v.tolist())]
        return UNKNOWN if numbers and BAD not in numbers and any(numbers) else BAD
    return BAD


@case
def cross_entropy():
    def whole(v):
        good = isinstance(v, numbers.Integral) and not isinstance(v, bool | np.timedelta64) and -(2**63) <= v < 2**63
        return int(v) if good else BAD

    def call(**k):
        return core.CrossEntropy(**k)

    return Call(call, {"class_weights": [1, 2.0, 0.5], "ignore_index": -100}, {"class_weights": or_none(_weights),
            "class_weights.0": zoo.not_negative, "class_weights.1": zoo.not_negative,
            "class_weights.2": zoo.not_negative, "ignore_index": or_none(whole)})  # fmt: skip


@case
def cross_entropy_called():
    arguments = {"y": normal(T, C, N), "target": labels(T, N), "mask": normal(T, N) > 0}
    y = array(T, C, N, kinds="fcO", finite=False)
    return Call(core.CrossEntropy([1, 2, 3]), arguments, {"y": lambda v: BAD if y(v) is BAD else UNKNOWN,
            "target": TARGET, "mask": MASK}, names=("class_weights",))  # fmt: skip


@case
def cross_entropy_weights():
    return Call(core.CrossEntropy([1, 2, 3]).weights, {"target": labels(T, N), "mask": normal(T, N) > 0},
            {"target": lambda v: UNKNOWN if getattr(v, "ndim", 0) == 2 else BAD, "mask": MASK},
            names=("class_weights",))  # fmt: skip


@case
def as_target():
    def y(v):
        v = getattr(v, "_host", v)  # on a device it is as good
        return UNKNOWN if type(v) is np.ndarray and v.dtype.kind in "iubf" and v.shape[:2] == (N, T) else BAD

    return Call(lambda y: edge.as_target(y, {"B": N, "T": T}, C, np.float32), {"y": labels(N, T)}, {"y": y})


@case
def softmax_cross_entropy():
    arguments = {"y": normal(T, C, N), "target": labels(T, N), "mask": normal(T, N) > 0}
    return Call(losses.softmax_cross_entropy, arguments, {"y": lambda v: UNKNOWN if array(T, None, N,
            kinds="fcO", finite=False)(v) is not BAD else BAD, "target": TARGET, "mask": MASK})  # fmt: skip
