"""Models, optimisers and initialisers: cases of `calls`."""

import numpy as np
import standin
import zoo
from calls import (
    CASES,
    F4,
    LENGTH,
    LENGTHS,
    MASK,
    STATE,
    TARGET,
    C,
    Call,
    D,
    H,
    N,
    T,
    case,
    labels,
    module,
    network,
    normal,
    on_any_device,
    padded_x,
    reader,
    rng,
    tuple_of,
)
from zoo import BAD, UNKNOWN, array, count, flag, fraction, generator, not_negative, or_none, positive, unknown

import lstm_core as core
from lstm_core import init, optim
from lstm_core.model import step_mask

PADDING = zoo.one_of("post", "pre")

# ---- model -----------------------------------------------------------------------------------------------------------


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
    return Call(call, arguments, {"layers": unknown, "layers.0": unknown, "layers.1": unknown,
            "loss": zoo.takes(2), "rng": generator, "dtype": dtype})  # fmt: skip


@case
def predict():
    m = network()
    return Call(m.predict, {"x": normal(N, T, D), "lengths": LENGTHS.copy(), "batch": 2, "padding": "post"},
            {"x": padded_x(), "lengths": LENGTH, "batch": or_none(count), "padding": PADDING}, (m,))  # fmt: skip


@case
def predict_padded_in_front():
    m = network()
    return Call(m.predict, {"x": normal(N, T, D), "lengths": LENGTHS.copy(), "padding": "pre"}, {"x": padded_x(),
            "lengths": lambda v: BAD if v is None else LENGTH(v), "padding": PADDING}, (m,))  # fmt: skip


@case
def predict_alone():
    m = network()
    return Call(m.predict, {"x": normal(N, T, D)}, {"x": array(None, None, D, kinds="f", to=np.float32)}, (m,))


@case
def predict_labels():
    m = reader()
    return Call(m.predict, {"x": labels(N, T)}, {"x": array(None, None, kinds="iu", low=0, high=C - 1)}, (m,))


@case
def run():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    state = array(H, N, dtype=np.float32)
    return Call(m.run, {"x": normal(N, T, D), "states": states, "lengths": None},
            {"x": array(N, None, D, kinds="f", to=np.float32), "lengths": LENGTH, "states": tuple_of(2),
            "states.0": tuple_of(2), "states.0.0": state, "states.0.1": state, "states.1": unknown}, (m,))  # fmt: skip


def inside(x=None):
    return {"x": array(T, D, N, **F4), "target": TARGET, "mask": MASK, "states": tuple_of(2),
            "states.0": tuple_of(2), "states.0.0": STATE, "states.0.1": STATE, "states.1": unknown,
            "rng": or_none(generator), "keep": flag}  # fmt: skip


@case
def model_forward():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    return Call(lambda **k: m.forward(**k)[:2], {"x": normal(T, D, N), "states": states, "keep": True,
            "mask": normal(T, N) > 0, "rng": rng()}, inside(), (m,))  # fmt: skip


@case
def model_forward_dense():
    m = core.Model([core.dense(D, C)], core.mse, rng=rng())
    return Call(lambda **k: m.forward(**k)[:2], {"x": normal(T, D, N), "states": None, "keep": True,
            "mask": normal(T, N) > 0, "rng": rng()}, inside() | {"states": or_none(unknown)}, (m,))  # fmt: skip


@case
def model_backward():
    m = network()
    y, after, caches = m.forward(normal(T, D, N))
    specs = inside() | {"caches": lambda v: UNKNOWN if isinstance(v, list | tuple) and len(v) == 2 else BAD,
            "dy": array(T, C, N, dtype=np.float32, finite=False)}  # fmt: skip
    return Call(m.backward, {"caches": caches, "dy": y.copy(), "dstates": after}, specs
            | {k.replace("states", "dstates"): v for k, v in specs.items() if k.startswith("states")}, (m,),
            ("cache",))  # fmt: skip


@case
def loss_and_gradient():
    m = network()
    return Call(m.loss_and_gradient, {"x": normal(T, D, N), "target": labels(T, N), "mask": normal(T, N) > 0},
            inside(), (m,))  # fmt: skip


@case
def learn():
    m = network()
    states = [tuple(normal(H, N) for _ in "hc"), ()]
    return Call(m.learn, {"x": normal(T, D, N), "target": labels(T, N), "states": states, "mask": None,
            "rng": None}, inside(), (m,))  # fmt: skip


@case
def loss():
    m = network()
    return Call(m.loss, {"y": normal(T, C, N), "target": labels(T, N), "mask": None}, inside()
            | {"y": lambda v: UNKNOWN if array(T, None, N, kinds="fcO", finite=False)(v) is not BAD else BAD},
            (m,), ("loss",))  # fmt: skip


@case
def at():
    m = network()
    return Call(lambda theta: m.at(theta).theta, {"theta": m.theta.copy()},
            {"theta": on_any_device(array(m.theta.size, kinds="fcO", finite=False))}, (m,))  # fmt: skip


@case
def theta():
    m = network()
    return Call(lambda theta: (setattr(m, "theta", theta), m.theta)[1], {"theta": m.theta.copy()},
            {"theta": on_any_device(array(m.theta.size, kinds="fcO", finite=False))}, (m,))  # fmt: skip


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

    return Call(call, {"name": "dense.b", "array": normal(C, 1)}, {"name": zoo.one_of("dense.b"),
            "array": array(C, 1, dtype=np.float32)}, (m,), names=("params",))  # fmt: skip


@case
def params_read():
    m = network()
    return Call(lambda name: m.params[name], {"name": "dense.b"}, {"name": zoo.one_of("dense.b")}, (m,),
            names=("params",))  # fmt: skip


@case
def mask_of():
    return Call(step_mask, {"lengths": LENGTHS.copy(), "T": T},
            {"lengths": on_any_device(array(None, kinds="iu")), "T": zoo.size})  # fmt: skip


@case
def check_input():
    m = network()
    return Call(m.check_input, {"x": normal(N, T, D), "lengths": LENGTHS.copy(), "padding": "post"},
            {"x": padded_x(), "lengths": LENGTH, "padding": PADDING}, (m,))  # fmt: skip


@case
def check_target():
    m = network(core.mse)
    x = normal(N, T, D)
    return Call(lambda y: m.check_target(y, x), {"y": normal(N, T, C)},
            {"y": array(N, T, C, kinds="iubf", to=np.float32)}, (m,), names=("target",))  # fmt: skip


# ---- optim -----------------------------------------------------------------------------------------------------------


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
    return Call(lambda **k: moved(optim.adam(**k)), {"beta1": 0.9, "beta2": 0.99, "epsilon": 1e-8,
            "weight_decay": 0.1}, {"beta1": fraction, "beta2": fraction, "epsilon": positive,
            "weight_decay": fraction})  # fmt: skip


def flat_or_not(v):
    """A vector, though arrays of more axes and on a device will do, and unless clipped ones that are locked."""
    good = isinstance(v, standin.Array) or (type(v) is np.ndarray and v.ndim and v.size and v.dtype.kind == "f")
    return UNKNOWN if good else BAD


@case
def optimizer_init():
    return Call(optim.adam().init, {"theta": normal(5)}, {"theta": flat_or_not})


def update_of(name, optimizer):
    def make():
        theta = normal(5)
        state = optimizer.init(theta)
        specs = {"theta": array(5, dtype=np.float32, finite=False, writable=True), "grad": array(5,
                dtype=np.float32, finite=False), "rate": not_negative,
                "state": unknown} | {f"state.{k}": unknown for k in state}  # fmt: skip
        return Call(optimizer.update, {"theta": theta, "grad": normal(5) + 1, "state": state, "rate": 0.1}, specs)

    CASES[f"update_{name}"] = make


for _name in "sgd", "momentum", "adam":
    update_of(_name, getattr(optim, _name)())


@case
def clip_global_norm():
    return Call(lambda grad, limit: (optim.clip_global_norm(grad, limit), grad), {"grad": normal(5),
            "limit": 0.5}, {"grad": flat_or_not, "limit": or_none(positive)})  # fmt: skip


def schedule(name, maker, **arguments):
    def make():
        specs = dict.fromkeys(arguments,
                positive) | ({k: lambda v: UNKNOWN if zoo.any_number(v) is not BAD else BAD for k in ("warmup",
                "epochs")} if "warmup" in arguments else {})  # fmt: skip
        return Call(lambda **k: [maker(**k)(progress) for progress in (0, 0.5, 2.5)], dict(arguments), specs)

    CASES[name] = make
    CASES[f"{name}_progress"] = lambda: Call(maker(**arguments), {"progress": 0.5}, {"progress": zoo.any_number})


schedule("constant", optim.constant, rate=0.1)
schedule("steps", optim.steps, rate=0.1, every=2.0, factor=0.5)
schedule("cosine", optim.cosine, rate=0.1, epochs=3.0, warmup=0.5)


# ---- init ------------------------------------------------------------------------------------------------------------


for _maker in init.xavier_uniform, init.orthogonal, init.xavier_normal, init.he_normal, init.identity, init.zeros:
    CASES[_maker.__name__] = lambda maker=_maker: Call(maker, {"rng": rng(), "rows": 2, "columns": 3},
            {"rng": generator if maker not in (init.identity, init.zeros) else unknown, "rows": zoo.size,
            "columns": zoo.size})  # fmt: skip


@case
def uniform():
    return Call(lambda limit: init.uniform(limit)(rng(), 2, 3), {"limit": 0.5}, {"limit": not_negative})


@case
def ring():
    return Call(lambda **k: init.ring(**k)(rng(), 2, 3), {"low": 0.5, "high": 0.9, "turn": 3.0},
            {"low": unknown, "high": unknown, "turn": unknown})  # fmt: skip


@case
def normal_init():
    return Call(lambda deviation: init.normal(deviation)(rng(), 2, 3), {"deviation": 0.5},
            {"deviation": not_negative})  # fmt: skip
