"""Calls of the public API with good arguments, and what each argument may be: material for bad arguments.

A case is a function that makes a `Call` anew, all of it small. `CASES` has them by name.
"""

import tempfile
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import zoo
from zoo import BAD, UNKNOWN, array, count, flag, fraction, generator, not_negative, only, or_none, positive, unknown

import lstm_core as core
import lstm_proofs
from lstm_core import (
    cells,
    data,
    files,
    gradcheck,
    init,
    layers,
    losses,
    optim,
    parallel,
    record,
    scan,
    symbols,
)
from lstm_core.arrays import views
from lstm_core.layers import Pass
from lstm_core.model import columns, step_mask
from lstm_formats import checkpoint, configs, onnx_io, torch_io, xml_io

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


def labels(*shape):
    return rng(1).integers(0, C, shape)


LENGTHS = np.array([4, 1, 2, 3, 4])

# ---- arrays --------------------------------------------------------------------------------------------------------


def module(v):
    import standin

    return v if v is standin or (isinstance(v, str) and v == "numpy") or v is np else BAD


def any_array(v):
    import standin

    return v if type(v) in (np.ndarray, standin.Array) or isinstance(v, np.generic) else BAD


@case
def to_device():
    return Call(
        core.to_device, {"x": normal(2, 3), "device": "numpy"}, {"x": any_array, "device": module}, names=("array",)
    )


@case
def to_host():
    return Call(core.to_host, {"x": normal(2, 3)}, {"x": any_array}, names=("array",))


def on_any_device(spec):
    import standin

    return lambda v: UNKNOWN if isinstance(v, standin.Array) and spec(v._host) is not BAD else spec(v)


@case
def views_of():
    return Call(
        lambda theta: views({"a": (2, 3), "b": (1,)}, theta),
        {"theta": normal(7)},
        {"theta": lambda v: UNKNOWN if getattr(v, "shape", None) == (7,) else BAD},
    )


@case
def columns_of():
    return Call(columns, {"x": normal(N, T, D)}, {"x": unknown})


# ---- the scan ------------------------------------------------------------------------------------------------------


def point(cell=cells.LSTM):
    P = {name: normal(*shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    return P, normal(T, D, N), tuple(normal(H, N) for _ in cell.states)


def scan_specs():
    shapes = scan.parameter_shapes(cells.LSTM, D, H)
    f4 = {"dtype": np.float32, "finite": False}
    specs = {f"P.{name}": array(*shape, **f4) for name, shape in shapes.items()}
    return specs | {
        "P": p_of(shapes),
        "cell": or_lstm,
        "state.0": array(H, N, **f4),
        "state.1": array(H, N, **f4),
        "state": tuple_of(2),
        "x": array(T, D, N, **f4),
        "mask": or_none(array(T, N, kinds="b")),
    }


def or_lstm(v):
    return v if v is cells.LSTM else BAD


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


@case
def scan_forward():
    P, x, state = point()
    arguments = {"cell": cells.LSTM, "P": P, "x": x, "state": state, "keep": True, "mask": normal(T, N) > 0}
    return Call(scan.forward, arguments, scan_specs() | {"keep": flag})


@case
def scan_backward():
    P, x, state = point()
    h, final, cache = scan.forward(cells.LSTM, P, x, state)
    arguments = {"cell": cells.LSTM, "P": P, "cache": cache, "dh": normal(T, H, N), "dstate": final}
    f4 = {"dtype": np.float32, "finite": False}
    specs = scan_specs() | {"dh": array(T, H, N, **f4), "cache": only, "dstate": tuple_of(2)}
    return Call(scan.backward, arguments, specs | {"dstate.0": array(H, N, **f4), "dstate.1": array(H, N, **f4)})


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


# ---- cells ---------------------------------------------------------------------------------------------------------


def step(a, u, s, p, tanh):
    return s, ()


@case
def stage():
    arguments = {
        "gates": ("i", "o"),
        "step": step,
        "back": lambda ds, kept, p: None,
        "inputs": ("i",),
        "recurs": ("o",),
        "name": "s",
    }
    return Call(
        cells.Stage,
        arguments,
        {
            "gates": unknown,
            "gates.0": unknown,
            "gates.1": unknown,
            "step": zoo.takes(5),
            "back": zoo.takes(3),
            "inputs": unknown,
            "inputs.0": unknown,
            "recurs": unknown,
            "recurs.0": unknown,
            "name": lambda v: UNKNOWN if isinstance(v, str) else BAD,
        },
    )


@case
def cell():
    arguments = {
        "name": "mine",
        "stages": [cells.LSTM.stages[0]],
        "states": ("h", "c"),
        "own": ("i", "o", "f"),
        "forget": "f",
        "own_name": "p",
    }
    word = lambda v: UNKNOWN if isinstance(v, str) else BAD
    return Call(
        cells.Cell,
        arguments,
        {
            "name": word,
            "own_name": word,
            "stages": unknown,
            "stages.0": lambda v: UNKNOWN if isinstance(v, cells.Stage) else BAD,
            "states": unknown,
            "states.0": unknown,
            "states.1": unknown,
            "own": unknown,
            "own.0": unknown,
            "own.1": unknown,
            "own.2": unknown,
            "forget": or_none(word),
        },
    )


@case
def altered():
    return Call(cells.LSTM.altered, {"stage": 0, "back": cells.lstm_back}, {"stage": unknown, "back": zoo.takes(3)})


# ---- layers --------------------------------------------------------------------------------------------------------


@case
def rnn():
    arguments = {"features": D, "hidden": H, "activation": "relu", "W": init.he_normal, "R": init.identity}
    return Call(
        lambda **k: told(core.rnn(**k)),
        arguments,
        {
            "features": zoo.size,
            "hidden": zoo.size,
            "W": zoo.takes(3),
            "R": zoo.takes(3),
            "activation": zoo.one_of("tanh", "relu"),
        },
        names=("rnn relu.W", "rnn relu.R"),
    )


@case
def lstm():
    arguments = {"features": D, "hidden": H, "peepholes": True, "W": init.xavier_uniform, "forget_bias": 1.0}
    return Call(
        lambda **k: told(core.lstm(**k)),
        arguments,
        {"features": zoo.size, "hidden": zoo.size, "peepholes": flag, "W": zoo.takes(3), "forget_bias": zoo.any_number},
        names=("lstm.W", "lstm.b"),
    )


@case
def gru():
    arguments = {"features": D, "hidden": H, "reset": "before", "R": init.orthogonal}
    return Call(
        lambda **k: told(core.gru(**k)),
        arguments,
        {"features": zoo.size, "hidden": zoo.size, "reset": zoo.one_of("before", "after"), "R": zoo.takes(3)},
        names=("gru before.R",),
    )


@case
def recurrent():
    def which(v):
        return v if isinstance(v, cells.Cell) else "lstm" if isinstance(v, str) and v == "lstm" else BAD

    arguments = {"cell": "nas", "features": D, "hidden": H, "own": False}
    return Call(
        lambda **k: told(core.recurrent(**k)),
        arguments,
        {"cell": which, "features": zoo.size, "hidden": zoo.size, "own": flag},
    )


@case
def reverse():
    return Call(lambda of: told(core.reverse(of)), {"of": core.gru(D, H)}, {})


@case
def bidirectional():
    return Call(lambda **k: told(core.bidirectional(**k)), {"of": core.gru(D, H), "last": False}, {"last": flag})


@case
def dense():
    return Call(
        lambda **k: told(core.dense(**k)),
        {"features": D, "outputs": C, "W": init.normal(0.1)},
        {"features": zoo.size, "outputs": zoo.size, "W": zoo.takes(3)},
        names=("dense.W",),
    )


@case
def embedding():
    return Call(
        lambda **k: told(core.embedding(**k)), {"labels": D, "outputs": C}, {"labels": zoo.size, "outputs": zoo.size}
    )


@case
def activation():
    return Call(
        lambda function: core.activation(function).config, {"function": "relu"}, {"function": zoo.one_of("relu")}
    )


@case
def dropout():
    return Call(lambda rate: core.dropout(rate).config, {"rate": 0.5}, {"rate": fraction})


@case
def make():
    config = core.bidirectional(core.lstm(D, H), last=True).config
    return Call(
        lambda config: told(layers.make(config)),
        {"config": dict(config)},
        {
            "config": unknown,
            "config.of": lambda v: UNKNOWN if isinstance(v, dict) and v == config["of"] else BAD,
            "config.last": flag,
            "config.layer": only,
        },
    )


def like(cache):
    """What cannot be told from a cache: arrays of as many axes, tuples of as many items."""

    def spec(v):
        same = (
            v.ndim == cache.ndim if isinstance(v, np.ndarray) else isinstance(v, tuple | list) and len(v) == len(cache)
        )
        return UNKNOWN if type(v) is type(cache) and same else BAD

    return spec


def layer_calls(name, layer, x, draws=lambda: None):
    """Forward and backward of a layer as cases."""
    P = {key: normal(*shape) for key, shape in layer.shapes.items()}
    f4 = {"dtype": np.float32, "finite": False}
    state = (
        () if layer.cell is None else tuple(normal(H, N) for _ in range(len(layer.cell.states) * len(layer.directions)))
    )
    x_spec = array(*x.shape, kinds="iu", low=0, high=layer.labels - 1) if layer.labels else array(*x.shape, **f4)
    if not layer.shapes:
        x_spec = array(T, None, N, kinds="fcO", finite=False)
    specs = (
        {
            f"P.{key}": array(*a.shape, kinds="fcO", finite=False) if layer.labels else array(*a.shape, **f4)
            for key, a in P.items()
        }
        | {
            "P": p_of(P) if P else unknown,
            "x": x_spec,
            "how": unknown,
            "state": tuple_of(len(state)) if state else unknown,
        }
        | {f"state.{k}": array(H, N, **f4) for k in range(len(state))}
    )

    def forward():
        return Call(
            layer.forward,
            {"P": dict(P), "x": x.copy(), "state": state, "how": Pass(mask=normal(T, N) > -1, rng=draws())},
            specs | {"how.0": flag, "how.1": or_none(array(T, N, kinds="b")), "how.2": unknown},
            names=("dy", "mask", "rng", "keep"),
        )

    def backward():
        y, after, cache = layer.forward(P, x, state)
        dy = normal(*y.shape)
        if layer.labels:
            specs["P.W"] = unknown
        return Call(
            layer.backward,
            {"P": dict(P), "cache": cache, "dy": dy, "dstate": after},
            specs
            | {
                "P": unknown if not (layer.cell or P) or layer.labels else p_of(P),
                "dy": array(*y.shape, kinds="fcO", finite=False) if layer.labels else array(*y.shape, **f4),
                "cache": like(cache),
                "dstate": tuple_of(len(state)) if state else unknown,
            }
            | {f"dstate.{k}": array(H, N, **f4) for k in range(len(state))},
        )

    CASES[f"{name}_forward"], CASES[f"{name}_backward"] = forward, backward


layer_calls("lstm", core.lstm(D, H), normal(T, D, N))
layer_calls("reverse", core.reverse(core.gru(D, H)), normal(T, D, N))
layer_calls("bidirectional", core.bidirectional(core.lstm(D, H), last=True), normal(T, D, N))
layer_calls("last", core.last(), normal(T, D, N))
layer_calls("dense", core.dense(D, C), normal(T, D, N))
layer_calls("embedding", core.embedding(C, H), labels(T, N))
for _function in "tanh", "softmax":
    layer_calls(_function, core.activation(_function), normal(T, D, N))
layer_calls("dropout", core.dropout(0.5), normal(T, D, N), rng)


# ---- losses --------------------------------------------------------------------------------------------------------


@case
def mse():
    arguments = {"y": normal(T, C, N), "target": normal(T, C, N), "mask": normal(T, N) > 0}
    f = {"dtype": np.float32, "finite": False}
    return Call(
        losses.mse,
        arguments,
        {"y": array(T, C, N, **f), "target": array(T, C, N, **f), "mask": or_none(array(T, N, kinds="b"))},
    )


@case
def softmax_cross_entropy():
    arguments = {"y": normal(T, C, N), "target": labels(T, N), "mask": normal(T, N) > 0}
    return Call(
        losses.softmax_cross_entropy,
        arguments,
        {
            "y": lambda v: UNKNOWN if array(T, None, N, kinds="fcO", finite=False)(v) is not BAD else BAD,
            "target": array(T, N, kinds="iu", low=0, high=C - 1),
            "mask": or_none(array(T, N, kinds="b")),
        },
    )


# ---- model ---------------------------------------------------------------------------------------------------------


@case
def model():
    def dtype(v):
        if v is None:
            return BAD
        try:
            kind = np.dtype(v)
        except Exception:
            return BAD
        return kind if v is not None and kind in (np.float32, np.float64) else BAD

    def call(**k):
        m = core.Model(**k)
        return m.theta, m.names, m.outputs

    arguments = {"layers": [core.lstm(D, H), core.dense(H, C)], "loss": core.mse, "rng": rng(), "dtype": np.float32}
    return Call(
        call,
        arguments,
        {
            "layers": unknown,
            "layers.0": unknown,
            "layers.1": unknown,
            "loss": zoo.takes(2),
            "rng": generator,
            "dtype": dtype,
        },
    )


X_SPEC = dict(kinds="f", to=np.float32)


def hidden(spec, *axes):
    """With lengths: what stands beyond them is nobody's business, and there may be more of it."""

    def looked_at(v):
        if isinstance(v, np.ndarray) and spec(v) is BAD and array(*axes, kinds="iuf", finite=False)(v) is not BAD:
            return UNKNOWN
        return spec(v)

    return looked_at


def padded_x():
    return hidden(array(N, T, D, **X_SPEC), N, None, D)


def padded_y():
    return hidden(array(N, T, kinds="iu", low=0, high=C - 1), N, T)


@case
def predict():
    m = network()
    return Call(
        m.predict,
        {"x": normal(N, T, D), "lengths": LENGTHS.copy(), "batch": 2},
        {"x": padded_x(), "lengths": or_none(array(N, kinds="iu", low=1, high=T)), "batch": or_none(count)},
        (m,),
    )


@case
def predict_alone():
    m = network()
    return Call(m.predict, {"x": normal(N, T, D)}, {"x": array(None, None, D, **X_SPEC)}, (m,))


@case
def predict_labels():
    m = reader()
    return Call(m.predict, {"x": labels(N, T)}, {"x": array(None, None, kinds="iu", low=0, high=C - 1)}, (m,))


@case
def run():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    state = array(H, N, dtype=np.float32)
    return Call(
        m.run,
        {"x": normal(N, T, D), "states": states, "lengths": None},
        {
            "x": array(N, None, D, **X_SPEC),
            "lengths": or_none(array(N, kinds="iu", low=1, high=T)),
            "states": tuple_of(2),
            "states.0": tuple_of(2),
            "states.0.0": state,
            "states.0.1": state,
            "states.1": unknown,
        },
        (m,),
    )


def inside(x=None):
    f4 = dict(dtype=np.float32, finite=False)
    return {
        "x": array(T, D, N, **f4),
        "target": array(T, N, kinds="iu", low=0, high=C - 1),
        "mask": or_none(array(T, N, kinds="b")),
        "states": tuple_of(2),
        "states.0": tuple_of(2),
        "states.0.0": array(H, N, **f4),
        "states.0.1": array(H, N, **f4),
        "states.1": unknown,
        "rng": or_none(generator),
        "keep": flag,
    }


@case
def model_forward():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    return Call(
        lambda **k: m.forward(**k)[:2],
        {"x": normal(T, D, N), "states": states, "keep": True, "mask": normal(T, N) > 0, "rng": rng()},
        inside(),
        (m,),
    )


@case
def model_forward_dense():
    m = core.Model([core.dense(D, C)], core.mse, rng=rng())
    return Call(
        lambda **k: m.forward(**k)[:2],
        {"x": normal(T, D, N), "states": None, "keep": True, "mask": normal(T, N) > 0, "rng": rng()},
        inside() | {"states": or_none(unknown)},
        (m,),
    )


@case
def model_backward():
    m = network()
    y, after, caches = m.forward(normal(T, D, N))
    specs = inside() | {
        "caches": lambda v: UNKNOWN if isinstance(v, list | tuple) and len(v) == 2 else BAD,
        "dy": array(T, C, N, dtype=np.float32, finite=False),
    }
    return Call(
        m.backward,
        {"caches": caches, "dy": y.copy(), "dstates": after},
        specs | {k.replace("states", "dstates"): v for k, v in specs.items() if k.startswith("states")},
        (m,),
        ("cache",),
    )


@case
def loss_and_gradient():
    m = network()
    return Call(
        m.loss_and_gradient, {"x": normal(T, D, N), "target": labels(T, N), "mask": normal(T, N) > 0}, inside(), (m,)
    )


@case
def learn():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    return Call(
        m.learn,
        {"x": normal(T, D, N), "target": labels(T, N), "states": states, "mask": None, "rng": None},
        inside(),
        (m,),
    )


@case
def loss():
    m = network()
    return Call(
        m.loss,
        {"y": normal(T, C, N), "target": labels(T, N), "mask": None},
        inside() | {"y": lambda v: UNKNOWN if array(T, None, N, kinds="fcO", finite=False)(v) is not BAD else BAD},
        (m,),
        ("loss",),
    )


@case
def at():
    m = network()
    return Call(
        lambda theta: m.at(theta).theta,
        {"theta": m.theta.copy()},
        {"theta": on_any_device(array(m.theta.size, kinds="fcO", finite=False))},
        (m,),
    )


@case
def theta():
    m = network()
    return Call(
        lambda theta: (setattr(m, "theta", theta), m.theta)[1],
        {"theta": m.theta.copy()},
        {"theta": on_any_device(array(m.theta.size, kinds="fcO", finite=False))},
        (m,),
    )


@case
def to():
    m = network()
    return Call(lambda device: m.to(device).theta, {"device": "numpy"}, {"device": module}, (m,))


@case
def params():
    m = network()

    def call(name, array):
        m.params[name] = array
        return m.theta

    return Call(
        call,
        {"name": "dense.b", "array": normal(C, 1)},
        {"name": zoo.one_of("dense.b"), "array": array(C, 1, dtype=np.float32)},
        (m,),
        names=("params",),
    )


@case
def params_read():
    m = network()
    return Call(
        lambda name: m.params[name], {"name": "dense.b"}, {"name": zoo.one_of("dense.b")}, (m,), names=("params",)
    )


@case
def mask_of():
    return Call(
        step_mask,
        {"lengths": LENGTHS.copy(), "T": T},
        {"lengths": on_any_device(array(None, kinds="iu")), "T": zoo.size},
    )


@case
def check_input():
    m = network()
    return Call(
        m.check_input,
        {"x": normal(N, T, D), "lengths": LENGTHS.copy()},
        {"x": padded_x(), "lengths": or_none(array(N, kinds="iu", low=1, high=T))},
        (m,),
    )


@case
def check_target():
    m = network(core.mse)
    x = normal(N, T, D)
    return Call(
        lambda y: m.check_target(y, x),
        {"y": normal(N, T, C)},
        {"y": array(N, T, C, dtype=np.float32)},
        (m,),
        names=("target",),
    )


# ---- optim ---------------------------------------------------------------------------------------------------------


def moved(optimizer):
    theta, state = normal(5), None
    state = optimizer.init(theta)
    for k in range(3):
        optimizer.update(theta, normal(5) + k, state, 0.1)
    return theta, state


@case
def momentum():
    return Call(lambda beta: moved(optim.momentum(beta)), {"beta": 0.9}, {"beta": fraction})


@case
def adam():
    return Call(
        lambda **k: moved(optim.adam(**k)),
        {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8, "weight_decay": 0.1},
        {"beta1": fraction, "beta2": fraction, "epsilon": positive, "weight_decay": fraction},
    )


def flat_or_not(v):
    """A vector, though arrays of more axes and on a device will do, and unless clipped ones that are locked."""
    import standin

    good = isinstance(v, standin.Array) or (type(v) is np.ndarray and v.ndim and v.size and v.dtype.kind == "f")
    return UNKNOWN if good else BAD


@case
def optimizer_init():
    return Call(optim.adam().init, {"theta": normal(5)}, {"theta": flat_or_not})


def update_of(name, optimizer):
    def make():
        theta = normal(5)
        state = optimizer.init(theta)
        specs = {
            "theta": array(5, dtype=np.float32, finite=False, writable=True),
            "grad": array(5, dtype=np.float32, finite=False),
            "rate": not_negative,
            "state": unknown,
        } | {f"state.{k}": unknown for k in state}
        return Call(optimizer.update, {"theta": theta, "grad": normal(5) + 1, "state": state, "rate": 0.1}, specs)

    CASES[f"update_{name}"] = make


for _name in "sgd", "momentum", "adam":
    update_of(_name, getattr(optim, _name)())


@case
def clip_global_norm():
    return Call(
        lambda grad, limit: (optim.clip_global_norm(grad, limit), grad),
        {"grad": normal(5), "limit": 0.5},
        {"grad": flat_or_not, "limit": or_none(positive)},
    )


def schedule(name, maker, **arguments):
    def make():
        specs = dict.fromkeys(arguments, positive) | (
            {k: lambda v: UNKNOWN if zoo.any_number(v) is not BAD else BAD for k in ("warmup", "epochs")}
            if "warmup" in arguments
            else {}
        )
        return Call(lambda **k: [maker(**k)(progress) for progress in (0, 0.5, 2.5)], dict(arguments), specs)

    CASES[name] = make
    CASES[f"{name}_progress"] = lambda: Call(maker(**arguments), {"progress": 0.5}, {"progress": zoo.any_number})


schedule("constant", optim.constant, rate=0.1)
schedule("steps", optim.steps, rate=0.1, every=2.0, factor=0.5)
schedule("cosine", optim.cosine, rate=0.1, epochs=3.0, warmup=0.5)


# ---- init ----------------------------------------------------------------------------------------------------------


for _maker in init.xavier_uniform, init.orthogonal, init.xavier_normal, init.he_normal, init.identity:
    CASES[_maker.__name__] = lambda maker=_maker: Call(
        maker,
        {"rng": rng(), "rows": 2, "columns": 3},
        {"rng": generator if maker is not init.identity else unknown, "rows": zoo.size, "columns": zoo.size},
    )


@case
def uniform():
    return Call(lambda limit: init.uniform(limit)(rng(), 2, 3), {"limit": 0.5}, {"limit": not_negative})


@case
def normal_init():
    return Call(lambda deviation: init.normal(deviation)(rng(), 2, 3), {"deviation": 0.5}, {"deviation": not_negative})


# ---- training, scores, sampling ------------------------------------------------------------------------------------


Y_SPEC = array(N, T, kinds="iu", low=0, high=C - 1)


@case
def evaluate():
    arguments = {"model": network(), "x": normal(N, T, D), "y": labels(N, T), "batch": 2, "lengths": LENGTHS.copy()}
    return Call(
        core.evaluate,
        arguments,
        {"x": padded_x(), "y": padded_y(), "batch": count, "lengths": or_none(array(N, kinds="iu", low=1, high=T))},
    )


@case
def evaluate_values():
    arguments = {"model": network(core.mse), "x": normal(N, T, D), "y": normal(N, T, C)}
    return Call(
        core.evaluate,
        arguments,
        {"x": array(N, T, D, **X_SPEC), "y": array(N, T, C, dtype=np.float32)},
        names=("target",),
    )


@case
def sample():
    arguments = {"model": reader(), "start": np.array([1, 0]), "count": 3, "rng": rng(), "temperature": 0.5}

    def start(v):
        import standin

        if isinstance(v, standin.Array):
            return UNKNOWN
        if isinstance(v, list | tuple | range):
            v = np.array(v) if len(v) and all(type(n) is int for n in v) else None
        return array(None, kinds="iu", low=0, high=C - 1)(v)

    return Call(
        core.sample, arguments, {"start": start, "count": zoo.size, "rng": generator, "temperature": not_negative}
    )


def fitted(**k):
    """What can be compared of a fit: not its seconds."""
    history = core.fit(progress=False, **k)
    history.seconds = []
    return history, k["model"].theta


FIT = {
    "x": array(N, T, D, **X_SPEC), "y": Y_SPEC, "epochs": lambda v: zoo.SKIP if zoo.size(v) is not BAD and v > 7 else zoo.size(v), "rng": generator, "batch": count, "rate": or_none(zoo.takes(1)),
    "optimizer": or_none(lambda v: UNKNOWN if isinstance(v, optim.Optimizer) else BAD), "clip": or_none(positive),
    "lengths": or_none(array(N, kinds="iu", low=1, high=T)), "buckets": flag, "truncate": or_none(count), "patience": or_none(count),
    "history": lambda v: UNKNOWN if isinstance(v, core.History) or v is None else BAD, "after_epoch": or_none(zoo.takes(1)), "device": or_none(module), "comm": or_none(only),
    "validation": lambda v: UNKNOWN if (isinstance(v, tuple | list) and len(v) in (2, 3)) or v is None else BAD, "validation.0": array(N, T, D, **X_SPEC), "validation.1": Y_SPEC, "validation.2": or_none(array(N, kinds="iu", low=1, high=T)),
    "validation_batch": count, "progress": flag,
}  # fmt: skip


@case
def fit():
    arguments = {
        "model": network(),
        "x": normal(N, T, D),
        "y": labels(N, T),
        "epochs": 1,
        "rng": rng(),
        "batch": 2,
        "rate": optim.constant(0.1),
        "optimizer": optim.adam(),
        "clip": 1.0,
    }
    return Call(fitted, arguments, FIT)


@case
def fit_more():
    arguments = {
        "model": network(),
        "x": normal(N, T, D),
        "y": labels(N, T),
        "epochs": 2,
        "rng": rng(),
        "batch": 2,
        "lengths": LENGTHS.copy(),
        "buckets": True,
        "truncate": 2,
        "validation": (normal(N, T, D), labels(N, T), LENGTHS.copy()),
        "patience": 1,
        "after_epoch": lambda history: None,
        "device": "numpy",
        "comm": None,
        "validation_batch": 2,
    }
    return Call(
        fitted,
        arguments,
        FIT
        | {
            "lengths": lambda v: UNKNOWN if v is None else FIT["lengths"](v),
            "x": padded_x(),
            "y": padded_y(),
            "validation.0": padded_x(),
            "validation.1": padded_y(),
        },
    )


@case
def fit_on():
    """The fields of a history to go on from."""
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    history = core.fit(m, x, y, epochs=1, rng=g, batch=2, progress=False, validation=(x, y), patience=3)

    def call(**fields):
        for name, value in fields.items():
            setattr(history, name, value)
        return core.fit(
            m, x, y, epochs=2, rng=g, batch=2, progress=False, validation=(x, y), patience=3, history=history
        ).loss

    arguments = {k: v for k, v in vars(history).items() if k not in ("seconds",)}
    places = (
        {f"{k}.0": unknown for k in ("loss", "rate", "validation", "batch_loss", "batch_norm")}
        | {f"optimizer.{k}": unknown for k in "kmv"}
        | {"optimizer": unknown, "weights": unknown, "unfinished": unknown, "best": unknown}
    )
    return Call(
        call,
        arguments,
        places | dict.fromkeys(("loss", "rate", "validation", "batch_loss", "batch_norm"), unknown),
        (m, g),
        names=("history", "epochs", "state"),
    )


# ---- functions of the user's ---------------------------------------------------------------------------------------


def scalar(v):
    """A loss: one real number."""
    return UNKNOWN


@case
def loss_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()

    def call(value, dy):
        m.loss_function = lambda y, target, mask=None: (value, np.zeros_like(y) if dy is None else dy)
        return fitted(model=m, x=x, y=y, epochs=1, rng=g)

    return Call(
        call,
        {"value": np.float32(1), "dy": normal(T, C, N)},
        {"value": unknown, "dy": unknown},
        (m, g),
        names=("loss", "fit"),
    )


@case
def loss_gives():
    m, x, y = network(), normal(N, T, D), labels(N, T)

    def call(pair):
        m.loss_function = lambda y, target, mask=None: pair
        return core.evaluate(m, x, y)

    return Call(
        call,
        {"pair": (np.float32(1), normal(T, C, N))},
        {
            "pair": lambda v: UNKNOWN if isinstance(v, tuple | list) and len(v) == 2 else BAD,
            "pair.0": unknown,
            "pair.1": unknown,
        },
        (m,),
        names=("loss", "evaluate"),
    )


@case
def rate_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    return Call(
        lambda value: fitted(model=m, x=x, y=y, epochs=1, rng=g, rate=lambda progress: value),
        {"value": 0.1},
        {"value": lambda v: UNKNOWN if not_negative(v) is not BAD else BAD},
        (m,),
        names=("rate", "fit"),
    )


@case
def initialiser_returns():
    def numbers(v):
        v = np.asarray(v)
        return UNKNOWN

    def call(values):
        return core.Model([core.dense(D, C, W=lambda rng, rows, columns: values)], core.mse, rng=rng()).theta

    return Call(call, {"values": normal(C, D)}, {"values": unknown}, names=("dense.W",))


@case
def init_state():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    mine = optim.adam()

    def call(state):
        return fitted(model=m, x=x, y=y, epochs=1, rng=g, optimizer=optim.Optimizer(lambda theta: state, mine.update))

    return Call(
        call,
        {"state": mine.init(m.theta)},
        {
            "state": lambda v: UNKNOWN if isinstance(v, dict) else BAD,
            "state.k": unknown,
            "state.m": unknown,
            "state.v": unknown,
        },
        (m,),
        names=("optimizer", "fit", "state"),
    )


@case
def update_writes():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    mine = optim.adam()

    def call(value):
        def update(theta, grad, state, rate):
            mine.update(theta, grad, state, rate)
            state["m"] = value

        return fitted(model=m, x=x, y=y, epochs=1, rng=g, optimizer=optim.Optimizer(mine.init, update))

    return Call(
        call,
        {"value": m.theta.copy()},
        {"value": array(m.theta.size, dtype=np.float32)},
        (m,),
        names=("optimizer", "fit", "state"),
    )


@case
def update_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()

    def call(value):
        return fitted(
            model=m, x=x, y=y, epochs=1, rng=g, optimizer=optim.Optimizer(lambda theta: {}, lambda *given: value)
        )

    return Call(
        call,
        {"value": None},
        {"value": lambda v: UNKNOWN if v is None else BAD},
        (m,),
        names=("optimizer", "fit", "state"),
    )


# ---- data, files, parallel -----------------------------------------------------------------------------------------


@case
def digits():
    return Call(
        data.digits,
        {"rng": rng(), "test": 10},
        {"rng": generator, "test": lambda v: count(v) if count(v) is BAD or v < 1797 else BAD},
    )


@case
def parity():
    return Call(
        data.parity, {"rng": rng(), "count": 2, "length": 3}, {"rng": generator, "count": zoo.size, "length": zoo.size}
    )


@case
def content():
    return Call(data.content, {"name": "nothing"}, {})


@case
def team():
    return Call(lambda comm: parallel.team(comm).size, {"comm": None}, {"comm": or_none(only)})


@case
def job():
    def call(timeout):
        with parallel.job(timeout) as comm:
            return comm.size

    return Call(call, {"timeout": 100.0}, {"timeout": or_none(positive)})


FOLDER = [None]  # where files are written: the test says so


def folder():
    return tempfile.mkdtemp(dir=FOLDER[0])


@case
def write_atomic():
    def path(v):
        return zoo.SKIP  # files are another test's

    return Call(
        files.write_atomic,
        {"path": f"{folder()}/a", "raw": b"abc"},
        {"path": path, "raw": lambda v: bytes(v) if isinstance(v, bytes | bytearray | memoryview) else BAD},
    )


# ---- gradcheck -----------------------------------------------------------------------------------------------------


def or_list(spec):
    return lambda v: UNKNOWN if isinstance(v, list | tuple | range | bytearray | memoryview) else spec(v)


@case
def problem():
    arguments = {"cell": cells.LSTM, "sizes": (T, 2, D, H), "rng": rng(), "own": True, "mask": None, "scan": scan}
    cell = lambda v: v if isinstance(v, cells.Cell) else BAD
    return Call(
        lambda **k: gradcheck.problem(**k).gradient(),
        arguments,
        {
            "cell": cell,
            "sizes": unknown,
            "sizes.0": zoo.size,
            "sizes.1": zoo.size,
            "sizes.2": zoo.size,
            "sizes.3": zoo.size,
            "rng": generator,
            "own": flag,
            "mask": or_none(array(T, 2, kinds="b")),
            "scan": lambda v: zoo.SKIP,
        },
    )


@case
def problem_at():
    P, x, state = point()
    P, x, state = {k: v.astype(float) for k, v in P.items()}, x.astype(float), tuple(s.astype(float) for s in state)
    arguments = {
        "cell": cells.LSTM,
        "P": P,
        "x": x,
        "dh": normal(T, H, N, dtype=float),
        "state": state,
        "dstate": None,
        "variables": ("W", "h_0"),
        "mask": None,
    }
    f8 = dict(dtype=np.float64, finite=False)
    specs = {
        k: unknown
        for k in (
            "P",
            "state",
            "dstate",
            "variables",
            "variables.0",
            "variables.1",
            "state.0",
            "state.1",
            "mask",
            "x",
            "dh",
        )
    } | {f"P.{k}": unknown for k in P}
    specs |= {"cell": or_lstm, "dh": array(T, H, N, **f8), "mask": or_none(array(T, N, kinds="b"))}
    return Call(lambda **k: gradcheck.problem_at(**k).gradient(), arguments, specs)


@case
def complex_step():
    return Call(
        gradcheck.complex_step,
        {"f": lambda theta: (theta * theta).sum(), "theta": normal(3, dtype=float), "epsilon": 1e-30},
        {"f": zoo.takes(1), "theta": or_list(array(None, kinds="fiu", finite=False)), "epsilon": positive},
    )


@case
def central_differences():
    return Call(
        gradcheck.central_differences,
        {"f": lambda theta: float((theta * theta).sum()), "theta": normal(3, dtype=float), "epsilon": 1e-5},
        {"f": zoo.takes(1), "theta": or_list(array(None, kinds="fiu", finite=False)), "epsilon": positive},
    )


@case
def projection():
    arguments = {
        "f": lambda theta: (theta * theta).sum(),
        "theta": normal(3, dtype=float),
        "gradient": normal(3, dtype=float),
        "rng": rng(),
        "epsilon": 1e-30,
    }
    return Call(
        gradcheck.projection,
        arguments,
        {
            "f": zoo.takes(1),
            "theta": or_list(array(3, kinds="fiu", finite=False)),
            "gradient": or_list(array(3, kinds="fiu", finite=False)),
            "rng": generator,
            "epsilon": positive,
        },
    )


@case
def relative_error():
    spec = array(2, 3, kinds="fiucb", finite=False)
    return Call(gradcheck.relative_error, {"a": normal(2, 3), "b": normal(2, 3)}, {"a": unknown, "b": unknown})


# ---- proofs --------------------------------------------------------------------------------------------------------


@case
def prove_cell():
    return Call(
        lambda cell: len(lstm_proofs.prove_cell(cell)),
        {"cell": cells.RNN},
        {"cell": lambda v: UNKNOWN if isinstance(v, cells.Cell) else BAD},
    )


@case
def prove_scan():
    arguments = {
        "forward": scan.forward,
        "backward": scan.backward,
        "cell": cells.RNN,
        "T": 1,
        "D": 1,
        "H": 1,
        "B": 1,
        "mask": None,
    }
    small = lambda v: zoo.SKIP if count(v) is not BAD and v > 1 else count(v)
    return Call(
        lambda **k: len(lstm_proofs.prove_scan(**k)),
        arguments,
        {
            "forward": unknown,
            "backward": unknown,
            "cell": lambda v: zoo.SKIP if isinstance(v, cells.Cell) else BAD,
            "T": small,
            "D": small,
            "H": small,
            "B": small,
            "mask": or_none(array(1, 1, kinds="b")),
        },
    )


@case
def prove_layer():
    small = lambda v: zoo.SKIP if count(v) is not BAD and v > 1 else count(v)
    return Call(
        lambda **k: len(lstm_proofs.prove_layer(**k)),
        {"layer": core.dense(1, 1), "T": 1, "B": 1},
        {"layer": lambda v: UNKNOWN if isinstance(v, layers.Layer) else BAD, "T": small, "B": small},
    )


@case
def prove_loss():
    return Call(
        lambda **k: lstm_proofs.prove_loss(**k).statement,
        {"loss": core.softmax_cross_entropy, "target": np.array([[0, 1]])},
        {"loss": lambda v: UNKNOWN if callable(v) else BAD, "target": unknown},
    )


@case
def recorded():
    return Call(
        lambda **k: len(record.record(**k)),
        {"cell": cells.GRU, "own": True},
        {"cell": lambda v: UNKNOWN if isinstance(v, cells.Cell) else BAD, "own": flag},
    )


@case
def played():
    return Call(
        lambda **k: record.played(**k).name,
        {"cell": cells.GRU, "see": lambda k, record, node, value: value, "own": True},
        {"cell": lambda v: UNKNOWN if isinstance(v, cells.Cell) else BAD, "own": flag, "see": zoo.takes(4)},
    )


@case
def symbols_array():
    return Call(
        lambda name, size: symbols.array(name, size, 1).shape,
        {"name": "a", "size": 2},
        {
            "name": lambda v: UNKNOWN if isinstance(v, str) else BAD,
            "size": lambda v: zoo.size(v) if zoo.count(v, 0) != 0 else UNKNOWN,
        },
        names=("shape",),
    )


# ---- formats -------------------------------------------------------------------------------------------------------


def saver(name, save, suffix, **more):
    def make():
        path = f"{folder()}/a.{suffix}"
        with open(path, "wb") as file:
            file.write(b"before")
        arguments = {"model": network(), "path": path} | {k: v() for k, v in more.items()}

        def call(**given):
            save(**given)
            return None

        return Call(
            call,
            arguments,
            {
                "path": lambda v: zoo.SKIP,
                "states": flag,
                "softmax": flag,
                "history": or_none(unknown),
                "rng": or_none(generator),
            },
            names=("dtype",),
        )

    CASES[name] = make


saver("checkpoint_save", checkpoint.save, "safetensors", history=lambda: None, rng=rng)
saver("xml_save", xml_io.save, "xml")
saver("onnx_save", onnx_io.save, "onnx", states=lambda: False, softmax=lambda: False)


def loader(name, load, save, suffix):
    def make():
        path = f"{folder()}/a.{suffix}"
        save(model=network(), path=path)

        def call(path):
            found = load(path)
            return (found[0] if isinstance(found, tuple) else found).theta

        return Call(call, {"path": path}, {"path": only})

    CASES[name] = make


loader("checkpoint_load", checkpoint.load, checkpoint.save, "safetensors")
loader("xml_load", xml_io.load, xml_io.save, "xml")
loader("onnx_load", onnx_io.load, onnx_io.save, "onnx")


@case
def state_dict():
    return Call(torch_io.state_dict, {"model": network(), "stacked": False}, {"stacked": flag})


@case
def load_state_dict():
    m = network()
    state = torch_io.state_dict(m)
    specs = {f"state.{k}": lambda v, a=a: UNKNOWN if np.shape(v) == a.shape else BAD for k, a in state.items()}
    return Call(
        torch_io.load_state_dict,
        {"model": m, "state": state, "stacked": False},
        specs
        | {"state": lambda v: UNKNOWN if isinstance(v, dict) and v.keys() == state.keys() else BAD, "stacked": flag},
        names=tuple(state),
    )


@case
def to_node():
    layer = core.lstm(D, H)
    P = {k: normal(*s) for k, s in layer.shapes.items()}
    return Call(
        lambda **k: onnx_io.to_node(**k)[0], {"layer": layer, "P": P}, {"P": unknown} | {f"P.{k}": unknown for k in P}
    )


@case
def config_of():
    return Call(
        configs.config_of, {"model": network()}, {"model": lambda v: UNKNOWN if isinstance(v, core.Model) else BAD}
    )
