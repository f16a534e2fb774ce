"""Siblings of what `test_trust` has: two owners of one truth, results nobody looks at, small integers, extremes."""

import copy
import fractions
import json
import math
import tracemalloc
import warnings

import numpy as np
import pytest

from lstm_core import (
    History,
    Model,
    activation,
    adam,
    bidirectional,
    data,
    dense,
    dropout,
    embedding,
    evaluate,
    fit,
    gru,
    init,
    last,
    layers,
    lstm,
    momentum,
    mse,
    optim,
    reverse,
    sgd,
    softmax_cross_entropy,
)  # fmt: skip
from lstm_core.checks import brief, check_count
from lstm_core.model import step_mask
from lstm_core.optim import Optimizer
from lstm_formats import load, save


def rng(seed=0):
    return np.random.default_rng(seed)


def small(loss=softmax_cross_entropy, dtype=np.float32):
    return Model([lstm(2, 4), dropout(0.1), dense(4, 2)], loss, rng=rng(), dtype=dtype)


X, Y = data.parity(rng(1), 32, 6)


def train(model, **settings):
    how = {"epochs": 2, "rng": rng(3), "batch": 8, "progress": False} | settings
    return fit(model, X, Y, **how)


# ---- one owner ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [
    lambda d: d.__setitem__("rate", 0.9), lambda d: d.update(rate=0.9), lambda d: d.pop("rate"), lambda d: d.clear(),
    lambda d: d.setdefault("more", 1), lambda d: d.__delitem__("rate"), lambda d: d.__ior__({"rate": 0.9}),
    lambda d: d.popitem(),
])  # fmt: skip
def test_a_layer_stays_what_it_is(change, tmp_path):
    """A config that says another rate than the layer has would be saved, and be another layer after loading."""
    model = small()
    for found in (model.layers[1].config, model.layers[0].shapes, model.shapes, last().shapes, embedding(3, 4).shapes):
        before = dict(found)
        with pytest.raises(TypeError, match=r"^layer: expected to stay what it is, got a change"):
            change(found)
        assert found == before
    for layer in (reverse(gru(2, 3)), bidirectional(gru(2, 3)), dense(2, 3), activation("tanh")):
        assert copy.deepcopy(layer.config) == json.loads(json.dumps(layer.config)) == layer.config
        with pytest.raises(TypeError):
            layer.config["layer"] = "dense"
    assert copy.deepcopy(model).shapes == model.shapes and repr(model.shapes) == repr(dict(model.shapes))
    save(model, tmp_path / "c")
    assert [layer.config for layer in load(tmp_path / "c")[0].layers] == [layer.config for layer in model.layers]


def test_lengths_are_those_that_were_handed_in():
    """Whatever the caller writes into them while `fit` runs."""
    lengths = rng(2).integers(1, 7, 32)
    models, given = [small(), small()], lengths.copy()
    train(models[0], lengths=lengths, buckets=True)
    train(models[1], lengths=given, buckets=True, after_epoch=lambda history: given.__setitem__(slice(None), 99))
    assert models[0].theta.tobytes() == models[1].theta.tobytes()


def test_theta_may_be_replaced_between_epochs():
    """What is backed up before an update, and checked after it, is the θ that the model has then."""
    model, twin = small(), small()

    def replace(history):
        model.theta = model.theta.copy()

    train(model, after_epoch=replace)
    train(twin)
    assert model.theta.tobytes() == twin.theta.tobytes()
    late = optim.Optimizer(adam().init, lambda theta, grad, state, rate: theta.fill(np.nan) if calls.pop() else None)
    calls = [True] + 5 * [False]  # the last of six updates
    before = []
    with pytest.raises(FloatingPointError, match="the update leaves weights"):
        train(model, optimizer=late, after_epoch=lambda history: (replace(history), before.append(model.theta.copy())))
    np.testing.assert_array_equal(model.theta, before[0])


@pytest.mark.parametrize("make", [sgd, momentum, adam])
def test_one_optimizer_for_two_runs(make):
    optimizer, models = make(), [small() for _ in range(4)]
    train(models[0], optimizer=optimizer)
    train(models[1], optimizer=optimizer)
    assert models[0].theta.tobytes() == models[1].theta.tobytes()


def test_a_history_of_another_kind_of_generator_changes_nothing():
    model = small()

    def stop(progress, calls=[]):  # noqa: B006
        calls.append(1)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return 1e-3

    with pytest.raises(KeyboardInterrupt) as caught:
        train(model, rate=stop)
    history, before = caught.value.history, model.theta.copy()
    other = np.random.Generator(np.random.MT19937(0))
    draws = repr(other.bit_generator.state)
    with pytest.raises(
        ValueError, match=r"^history: expected the state of a MT19937, as rng is, got \{'bit_generator'"
    ):
        train(model, history=history, rng=other)
    assert (model.theta == before).all() and repr(other.bit_generator.state) == draws and history.unfinished is not None
    train(model, history=history)


# ---- what a user's function gives --------------------------------------------------------------------------------


@pytest.mark.parametrize("found, message", [
    (None, "loss: expected a function that returns the loss and dy, got None"),
    (1.0, "loss: expected a function that returns the loss and dy, got 1.0"),
    ((1.0, 2.0, 3.0), "loss: expected a function that returns the loss and dy"),
    (("1", np.zeros((1, 2, 1), np.float32)), "loss: expected a function whose loss is one number, got '1'"),
    ((np.ones(3), np.zeros((1, 2, 1), np.float32)), "loss: expected a function whose loss is one number"),
    ((1.0, None), "loss: dy: expected a NumPy or CuPy array, got NoneType"),
    ((1.0, np.zeros((1, 1), np.float32)), r"loss: dy: expected shape \(1, 2, 1\), got \(1, 1\)"),
    ((1.0, np.zeros((1, 2, 1))), "loss: dy: expected dtype float32, got float64"),
], ids=str)  # fmt: skip
def test_a_loss_that_returns_something_else(found, message):
    model = small(lambda y, target, mask=None: found)
    before = model.theta.tobytes()
    for call in (lambda: train(model), lambda: evaluate(model, X, Y)):
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            call()
    assert model.theta.tobytes() == before


def with_update(update, init=lambda theta: {}):
    return Optimizer(init, update)


def moved(theta, grad, state, rate):
    theta -= 1


def write(state, **values):
    state.update(values)


@pytest.mark.parametrize("optimizer, message", [
    (with_update(lambda theta, grad, state, rate: theta - rate * grad), "an update in place, got one that returns"),
    (with_update(lambda theta, grad: None), "an update that can be called with 4 arguments, got <function"),
    (with_update(moved, lambda: {}), "an init that can be called with 1 argument, got <function"),
    (with_update(moved, lambda theta: None), "an init that returns a dict, got None"),
    (with_update(moved, lambda theta: {"v": theta}), "a state of its own, got the parameters themselves as v"),
    (with_update(moved, lambda theta: {"v": theta[1:]}), "a state of its own, got the parameters themselves as v"),
    (with_update(moved, lambda theta: {"v": "x"}), "numbers and arrays as its state, got v: 'x'"),
    (with_update(moved, lambda theta: {1: 0}), "an init that returns a dict with words as keys, got 1"),
    (with_update(lambda theta, grad, state, rate: write(state, v=None), lambda theta: {"v": 0.0}), "a state"),
    (with_update(lambda theta, grad, state, rate: write(state, w=1.0)), "a state of .* after an update too, got"),
    (with_update(lambda theta, grad, state, rate: write(state, v=theta), lambda theta: {"v": theta * 0}),
     "a state of its own, got the parameters themselves as v"),
])  # fmt: skip
def test_an_optimizer_that_is_none(optimizer, message):
    model = small()
    before = model.theta.tobytes()
    with pytest.raises(TypeError, match=f"^optimizer: expected {message}"):
        train(model, optimizer=optimizer)
    assert model.theta.tobytes() == before


def test_an_array_that_an_update_puts_into_the_state_is_looked_at():
    """Not only those that `init` made: this one is not finite, and the weights are."""

    def update(theta, grad, state, rate):
        theta -= 1e-3
        state["v"] = state["v"] + np.inf

    model = small()
    before = model.theta.tobytes()
    with pytest.raises(FloatingPointError, match="an optimiser's state that are not finite") as caught:
        train(model, optimizer=with_update(update, lambda theta: {"v": np.zeros_like(theta)}))
    assert model.theta.tobytes() == before and not caught.value.history.optimizer["v"].any()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_update_is_whole_or_undone(error):
    """Interrupted between m and θ, it has not happened: weights and state are those of the last good update."""
    whole, model, calls = adam(), small(), []

    def update(theta, grad, state, rate):
        calls.append(1)
        whole.update(theta, grad, state, rate)
        if len(calls) == 3:
            raise error
        seen[:] = [theta.copy(), {k: copy.copy(v) for k, v in state.items()}]

    seen = []
    with pytest.raises(error) as caught:
        train(model, optimizer=with_update(update, whole.init))
    np.testing.assert_array_equal(model.theta, seen[0])
    np.testing.assert_equal(caught.value.history.optimizer, seen[1])


@pytest.mark.parametrize("rate, error, message", [
    (lambda: 0.1, TypeError, "a schedule such as .* that can be called with 1 argument, got <function"),
    (lambda progress: "0.1", ValueError, "a schedule of numbers >= 0, got '0.1' in epoch 1"),
    (lambda progress: np.array([0.1]), ValueError, "a schedule of numbers >= 0, got array"),
    (lambda progress: np.timedelta64(1), ValueError, "a schedule of numbers >= 0, got np.timedelta64"),
])  # fmt: skip
def test_a_schedule_that_is_none(rate, error, message):
    model = small()
    before = model.theta.tobytes()
    with pytest.raises(error, match=f"^rate: expected {message}"):
        train(model, rate=rate)
    assert model.theta.tobytes() == before


def test_initialisers_and_other_functions():
    for bad in (None, 0.1, "normal", lambda rng: 0.0, init.uniform(0.1)(rng(), 1, 1)):
        with pytest.raises(TypeError, match=r"^W: expected an initialiser of `init`, a function rng, rows, columns"):
            dense(2, 3, W=bad)
    with pytest.raises(TypeError, match=r"^R: expected an initialiser"):
        lstm(2, 3, R=lambda rows, columns: 0.0)
    for values in ("a", None, [[1], [1, 2]], {}):
        with pytest.raises((TypeError, ValueError), match=r"^dense\.W: expected an initialiser that gives"):
            Model([dense(2, 3, W=lambda *_: values)], mse, rng=rng())  # noqa: B023
    with pytest.raises(TypeError, match=r"^after_epoch: expected a function of the history that can be called with 1"):
        train(small(), after_epoch=lambda: None)


@pytest.mark.parametrize("field, value", [
    ("loss", (1.0,)), ("loss", ["1"]), ("loss", [None]), ("batch_loss", [True]), ("best", 0), ("best", 1.0),
    ("validation", [(1.0, 0.0, 0.0)]), ("optimizer", [1]), ("weights", [1.0]), ("weights", np.array([np.nan])),
    ("unfinished", {}), ("unfinished", 3), ("rate", [1.0, 2.0, 3.0]), ("batch_norm", [0.1]),
    ("optimizer", {"k": 1, "m": np.full(106, np.nan, np.float32), "v": np.zeros(106, np.float32)}),
    ("optimizer", {"k": None, "m": np.zeros(106, np.float32), "v": np.zeros(106, np.float32)}),
])  # fmt: skip
def test_a_history_that_is_none(field, value):
    model, history = small(), History()
    setattr(history, field, value)
    before = model.theta.tobytes()
    with pytest.raises((TypeError, ValueError), match=r"^history(: optimizer.*)?: expected .*, got "):
        train(model, history=history)
    assert model.theta.tobytes() == before


# ---- nothing is broadcast, promoted or left out -------------------------------------------------------------------

LAYERS = [lstm(3, 4), reverse(gru(3, 4)), bidirectional(gru(3, 2)), last(), dense(3, 4), activation("softmax"),
          activation("relu"), dropout(0.5)]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_upstream_gradients_have_the_layers_shape_and_dtype(layer):
    P = {name: np.ones(shape) for name, shape in layer.shapes.items()}
    y, state, cache = layer.forward(P, rng().standard_normal((5, 3, 2)), (), layers.Pass(rng=rng()))
    for dy in (y[:1, :, :1], y[..., :1], y[None], np.float64(1), y.ravel()[0]):
        if np.shape(dy) != y.shape:
            with pytest.raises(ValueError, match=r"^dy: expected shape"):
                layer.backward(P, cache, dy, state)
    for dtype in (np.float32, complex, int, object):
        with pytest.raises(TypeError, match=r"^(dy: expected dtype float64, got|arrays: expected all of one)"):
            layer.backward(P, cache, y.astype(dtype), state)


@pytest.mark.parametrize("optimizer", [sgd(), momentum(), adam()], ids=["sgd", "momentum", "adam"])
def test_an_update_does_not_broadcast(optimizer):
    theta = np.zeros(6, np.float32)
    for grad in (np.float32(1), 1.0, np.ones(1, np.float32), np.ones((2, 6), np.float32), np.ones(6), np.ones(6, int)):
        with pytest.raises((TypeError, ValueError), match=r"^grad: expected"):
            optimizer.update(theta, grad, optimizer.init(theta), 0.1)
    for rate in (-0.1, np.nan, "0.1", None):
        with pytest.raises(ValueError, match=r"^rate: expected a number >= 0"):
            optimizer.update(theta, theta, optimizer.init(theta), rate)
    theta.flags.writeable = False
    with pytest.raises(ValueError, match=r"^theta: expected an array that can be written into"):
        optimizer.update(theta, np.ones(6, np.float32), optimizer.init(theta), 0.1)


def test_labels_are_looked_up_where_they_are():
    """A layer by itself, too: -1 is not the last label."""
    layer, P = embedding(3, 2), {"W": np.arange(6.0).reshape(2, 3)}
    for bad in (-1, 3, 2**40):
        with pytest.raises(ValueError, match=r"^x: expected labels in 0 \.\.\. 2"):
            layer.forward(P, np.array([[0, bad]]), ())


@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
def test_a_mask_is_booleans_and_nothing_else(loss):
    y = np.ones((2, 3, 4))
    target = y if loss is mse else np.zeros((2, 4), int)
    for mask in (np.ma.masked_array(np.ones((2, 4), bool)), np.ones((2, 4)), np.ones((4, 2), bool), [[True]], True):
        with pytest.raises((TypeError, ValueError), match=r"^(mask|arrays): expected"):
            loss(y, target, mask)


@pytest.mark.parametrize("change, message", [
    (lambda theta: theta.astype(np.float16), "of float32 or float64, got float16"),
    (lambda theta: theta.astype(complex), "of float32 or float64, got complex128"),
    (lambda theta: theta.astype(">f8"), "of float32 or float64, got >f8"),
    (lambda theta: np.broadcast_to(theta[:1], theta.shape), "can be written into, got one that is read-only"),
])  # fmt: skip
def test_fit_wants_parameters_that_it_can_train(change, message):
    model, draws = small(), rng(3)
    model.theta = change(model.theta)
    before = repr(draws.bit_generator.state)
    with pytest.raises((TypeError, ValueError), match=f"^model: expected .*{message}"):
        train(model, rng=draws)
    assert repr(draws.bit_generator.state) == before


# ---- numbers -----------------------------------------------------------------------------------------------------


def test_numbers_that_are_none():
    for value in (np.timedelta64(1, "s"), 2**63, 10**400, 10**5000):
        with pytest.raises(ValueError, match=r"^n: expected a positive integer.*, got "):
            check_count("n", value)
    assert brief(10**5000) == "a value of type int" and len(brief([10**5000])) < 200
    for maker in (lambda v: dropout(v), lambda v: optim.constant(v), lambda v: adam(epsilon=v)):
        with pytest.raises(ValueError, match=r": expected .*, got np.timedelta64"):
            maker(np.timedelta64(1, "s"))
    assert check_count("n", 2**63 - 1) == 2**63 - 1
    with pytest.raises(ValueError, match=r"^layers: expected parameters that fit into memory, got "):
        Model([lstm(2**40, 2**40)], mse, rng=rng())


def test_schedules_far_out():
    assert optim.steps(0.1, 1e-320)(1.0) == 0.0 and optim.steps(0.1, 1e-320, 1.0)(1.0) == 0.1
    assert optim.steps(0.1, 1e-320, 2.0)(1.0) == math.inf
    assert type(optim.cosine(0.1, 3, 0.5)(np.float16(0.25))) is float
    assert optim.constant(fractions.Fraction(1, 4))(0) == 0.25
    for schedule in (optim.constant(0.1), optim.steps(0.1, 2), optim.cosine(0.1, 3)):
        for bad in (None, "1", np.nan, math.inf, True, 1j):
            with pytest.raises(ValueError, match=r"^progress: expected a number, got "):
                schedule(bad)
    np.testing.assert_array_equal(init.uniform(-0.0)(rng(), 2, 2), 0)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint64])
def test_small_integers_and_long_sequences(kind):
    """Lengths of uint8 where T is 300, labels of int8 where there are 200: as with int64."""
    draws, lengths = rng(4), np.array([3, 200, 255])
    x = draws.standard_normal((3, 300, 2)).astype(np.float32)
    model = Model([gru(2, 3), dense(3, 200)], softmax_cross_entropy, rng=rng())
    y = draws.integers(0, 128, (3, 300))
    np.testing.assert_array_equal(step_mask(lengths.astype(kind), 300), step_mask(lengths, 300))
    np.testing.assert_array_equal(model.predict(x, lengths.astype(kind)), model.predict(x, lengths))
    for labels in (y.astype(np.int8), y.astype(kind)):
        assert evaluate(model, x, labels, lengths=lengths.astype(kind)) == evaluate(model, x, y, lengths=lengths)
        thetas = []
        for given, steps in ((labels, lengths.astype(kind)), (y, lengths)):
            net = copy.deepcopy(model)
            fit(net, x, given, epochs=1, rng=rng(), batch=2, lengths=steps, buckets=True, truncate=100, progress=False)
            thetas.append(net.theta.tobytes())
        assert thetas[0] == thetas[1]
    reader = Model([embedding(200, 2), dense(2, 200)], softmax_cross_entropy, rng=rng())
    np.testing.assert_array_equal(reader.predict(y.astype(np.int8)), reader.predict(y))


@pytest.mark.filterwarnings("ignore:(invalid value|overflow) encountered in:RuntimeWarning")  # of the gradient, later
def test_values_at_the_end_of_the_range():
    """A loss too large for the dtype is infinite, without a warning; `fit` says so and changes nothing."""
    y = np.array([[[3e38], [-3e38]]], np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, dy = mse(y, -y)
    assert value == math.inf and dy.dtype == np.float32
    model = Model([dense(2, 2)], mse, rng=rng())
    before = model.theta.tobytes()
    x, target = np.full((4, 1, 2), 1e20, np.float32), np.full((4, 1, 2), 3e38, np.float32)
    with pytest.raises(FloatingPointError, match=r"^fit: loss inf"):
        fit(model, x, target, epochs=1, rng=rng(), progress=False)
    assert model.theta.tobytes() == before and evaluate(model, x, target).loss == math.inf
    almost = dropout(np.nextafter(1, 0))
    y, _, _ = almost.forward({}, np.ones((1, 1000, 1)), (), layers.Pass(rng=rng()))
    assert np.isfinite(y).all()
    grad = np.array([3e-30, 4e-30], np.float32)
    assert math.isclose(optim.clip_global_norm(grad, 1e-35), 5e-30, rel_tol=1e-6)
    np.testing.assert_allclose(grad, [6e-36, 8e-36], rtol=1e-5)


# ---- a batch at a time -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3, 7, 32, 100, np.int8(5)])
@pytest.mark.parametrize("lengths", [None, rng(5).integers(1, 7, 32)], ids=["whole", "lengths"])
def test_predict_some_at_a_time(batch, lengths):
    model = Model(
        [bidirectional(lstm(2, 4), last=True), dense(4 * 2, 3)], softmax_cross_entropy, rng=rng(), dtype=float
    )
    for net, x in ((model, X), (Model([embedding(2, 3), gru(3, 3)], mse, rng=rng(), dtype=float), X.argmax(axis=-1))):
        whole = net.predict(x, lengths)
        np.testing.assert_allclose(net.predict(x, lengths, batch=batch), whole, rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="first in example 17"):
        spoilt = X.copy()
        spoilt[17, 0] = np.nan
        model.predict(spoilt, batch=batch)


def test_a_batch_takes_the_memory_of_a_batch():
    model = Model([lstm(2, 64), last(), dense(64, 2)], softmax_cross_entropy, rng=rng())
    x, y, peaks = np.zeros((1600, 50, 2), np.float32), np.zeros(1600, int), []
    calls = [
        lambda batch: model.predict(x, batch=batch),
        lambda batch: fit(model, x[:4], y[:4], epochs=1, rng=rng(), validation=(x, y), validation_batch=batch,
                          progress=False),
    ]  # fmt: skip
    for call in calls:
        for batch in (1600, 40):
            tracemalloc.start()
            call(batch)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] / 8 and peaks[3] < peaks[2] / 8


def test_the_validation_set_some_at_a_time():
    histories = []
    for batch in (1000, 7):
        model = small(dtype=np.float64)
        histories.append(train(model, validation=(X, Y), validation_batch=batch))
    for a, b in zip(*(h.validation for h in histories), strict=True):
        assert math.isclose(a.loss, b.loss, rel_tol=1e-14) and a[1:] == b[1:]
    assert histories[0].batch_loss == histories[1].batch_loss
    for bad in (0, None, 1.5, True):
        with pytest.raises(ValueError, match=r"^validation_batch: expected a positive integer, got"):
            train(small(), validation=(X, Y), validation_batch=bad)
