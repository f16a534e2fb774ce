"""Training, scores and sampling, and functions of the user's that return something else: cases of `calls`."""

import numpy as np
import standin
import zoo
from calls import (
    LENGTH,
    LENGTHS,
    X_GIVEN,
    C,
    Call,
    D,
    N,
    T,
    a,
    case,
    labels,
    module,
    network,
    normal,
    padded_x,
    padded_y,
    reader,
    rng,
)  # fmt: skip
from zoo import BAD, UNKNOWN, array, count, flag, generator, not_negative, only, or_none, positive, unknown

import lstm_core as core
from lstm_core import optim

# ---- training, scores, sampling --------------------------------------------------------------------------------------


Y_SPEC = array(N, T, kinds="iub", low=0, high=C - 1)


@case
def evaluate():
    arguments = {"model": network(), "x": normal(N, T, D), "y": labels(N, T), "batch": 2, "lengths": LENGTHS.copy(),
            "padding": "post"}  # fmt: skip
    return Call(core.evaluate, arguments, {"x": padded_x(), "y": padded_y(), "batch": count, "lengths": LENGTH,
            "padding": zoo.one_of("post", "pre")})  # fmt: skip


@case
def evaluate_values():
    arguments = {"model": network(core.mse), "x": normal(N, T, D), "y": normal(N, T, C)}
    return Call(core.evaluate, arguments, {"x": X_GIVEN, "y": array(N, T, C, kinds="iubf", to=np.float32)},
            names=("target",))  # fmt: skip


@case
def sample():
    arguments = {"model": reader(), "start": np.array([1, 0]), "count": 3, "rng": rng(), "temperature": 0.5}

    def start(v):
        if isinstance(v, standin.Array):
            return UNKNOWN
        if isinstance(v, list | tuple | range):
            v = np.array(v) if len(v) and all(type(n) is int for n in v) else None
        return array(None, kinds="iu", low=0, high=C - 1)(v)

    return Call(core.sample, arguments, {"start": start, "count": zoo.size, "rng": generator,
            "temperature": not_negative})  # fmt: skip


def fitted(**k):
    """What can be compared of a fit: not its seconds."""
    history = core.fit(progress=False, **k)
    history.seconds = []
    return history, k["model"].theta


FIT = {
    "x": X_GIVEN, "y": Y_SPEC, "epochs": lambda v: zoo.SKIP if count(v) is not BAD and v > 7 else count(v),
    "rng": generator, "batch": count, "rate": or_none(zoo.takes(1)), "optimizer": or_none(a(optim.Optimizer)),
    "clip": or_none(positive), "lengths": LENGTH, "buckets": flag, "truncate": or_none(count),
    "patience": or_none(count), "history": or_none(a(core.History)), "after_epoch": or_none(zoo.takes(1)),
    "device": or_none(module),
    "comm": or_none(only), "validation": lambda v: UNKNOWN if v is None or isinstance(v, tuple | list) else BAD,
    "validation.0": X_GIVEN, "validation.1": Y_SPEC, "validation.2": LENGTH,
    "validation_batch": count, "progress": flag, "padding": zoo.one_of("post", "pre"),
}  # fmt: skip


@case
def fit():
    arguments = {"model": network(), "x": normal(N, T, D), "y": labels(N, T), "epochs": 1, "rng": rng(),
            "batch": 2, "rate": optim.constant(0.1), "optimizer": optim.adam(), "clip": 1.0}  # fmt: skip
    return Call(fitted, arguments, FIT)


@case
def fit_more():
    arguments = {"model": network(), "x": normal(N, T, D), "y": labels(N, T), "epochs": 2, "rng": rng(),
            "batch": 2, "lengths": LENGTHS.copy(), "buckets": True, "truncate": 2,
            "validation": (normal(N, T, D), labels(N, T), LENGTHS.copy()), "patience": 1,
            "after_epoch": lambda history: None, "device": "numpy", "comm": None, "validation_batch": 2,
            "padding": "post"}  # fmt: skip
    return Call(fitted, arguments, FIT | {"lengths": lambda v: UNKNOWN if v is None else FIT["lengths"](v),
            "x": padded_x(), "y": padded_y(), "validation.0": padded_x(), "validation.1": padded_y()})  # fmt: skip


@case
def fit_on():
    """The fields of a history to go on from."""
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    history = core.fit(m, x, y, epochs=1, rng=g, batch=2, progress=False, validation=(x, y), patience=3)

    def call(**fields):
        for name, value in fields.items():
            setattr(history, name, value)
        return core.fit(m, x, y, epochs=2, rng=g, batch=2, progress=False, validation=(x, y), patience=3,
                history=history).loss  # fmt: skip

    arguments = {k: v for k, v in vars(history).items() if k not in ("seconds",)}
    places = {f"{k}.0": unknown for k in ("loss", "rate", "validation", "batch_loss",
            "batch_norm")} | {f"optimizer.{k}": unknown for k in "kmv"} | {"optimizer": unknown,
            "weights": unknown, "unfinished": unknown, "best": unknown}  # fmt: skip
    return Call(call, arguments, places | dict.fromkeys(("loss", "rate", "validation", "batch_loss",
            "batch_norm"), unknown), (m, g), names=("history", "epochs", "state"))  # fmt: skip


# ---- functions of the user's -----------------------------------------------------------------------------------------


def scalar(v):
    """A loss: one real number."""
    return UNKNOWN


@case
def loss_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()

    def call(value, dy):
        m.loss_function = lambda y, target, mask=None: (value, np.zeros_like(y) if dy is None else dy)
        return fitted(model=m, x=x, y=y, epochs=1, rng=g)

    return Call(call, {"value": np.float32(1), "dy": normal(T, C, N)}, {"value": unknown, "dy": unknown}, (m,
            g), names=("loss", "fit"))  # fmt: skip


@case
def loss_gives():
    m, x, y = network(), normal(N, T, D), labels(N, T)

    def call(pair):
        m.loss_function = lambda y, target, mask=None: pair
        return core.evaluate(m, x, y)

    return Call(call, {"pair": (np.float32(1), normal(T, C, N))},
            {"pair": lambda v: UNKNOWN if isinstance(v, tuple | list) and len(v) == 2 else BAD,
            "pair.0": unknown, "pair.1": unknown}, (m,), names=("loss", "evaluate"))  # fmt: skip


@case
def rate_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    return Call(lambda value: fitted(model=m, x=x, y=y, epochs=1, rng=g, rate=lambda progress: value),
            {"value": 0.1}, {"value": lambda v: UNKNOWN if not_negative(v) is not BAD else BAD}, (m,),
            names=("rate", "fit"))  # fmt: skip


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

    return Call(call, {"state": mine.init(m.theta)}, {"state": a(dict), "state.k": unknown, "state.m": unknown,
            "state.v": unknown}, (m,), names=("optimizer", "fit", "state"))  # fmt: skip


@case
def update_writes():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()
    mine = optim.adam()

    def call(value):
        def update(theta, grad, state, rate):
            mine.update(theta, grad, state, rate)
            state["m"] = value

        return fitted(model=m, x=x, y=y, epochs=1, rng=g, optimizer=optim.Optimizer(mine.init, update))

    return Call(call, {"value": m.theta.copy()}, {"value": array(m.theta.size, dtype=np.float32, writable=True)}, (m,),
            names=("optimizer", "fit", "state"))  # fmt: skip


@case
def update_returns():
    m, x, y, g = network(), normal(N, T, D), labels(N, T), rng()

    def call(value):
        return fitted(model=m, x=x, y=y, epochs=1, rng=g, optimizer=optim.Optimizer(lambda theta: {},
                lambda *given: value))  # fmt: skip

    return Call(call, {"value": None}, {"value": lambda v: UNKNOWN if v is None else BAD}, (m,),
            names=("optimizer", "fit", "state"))  # fmt: skip
