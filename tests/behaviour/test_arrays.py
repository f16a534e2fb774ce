"""One switch: the array that comes in decides. Everything runs on each array module and gives NumPy's results; and the
stand-in that does it without a GPU is strict enough for that to mean something.
"""

import operator
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import standin
from ladder import random_mask

import lstm_core as core
from lstm_core import arrays, cells, optim, scan, symbols
from lstm_core.variants import CELLS

# ---- the stand-in refuses what CuPy refuses ------------------------------------------------------------------

HOST, DEVICE = np.ones((2, 2)), standin.Array(np.ones((2, 2)))
OPERATORS = "add sub mul truediv floordiv mod pow matmul iadd isub imul itruediv eq ne lt le gt ge".split()


@pytest.mark.parametrize("name", OPERATORS)
def test_standin_operators_refuse_host_arrays_both_ways(name):
    for left, right in [(DEVICE, HOST), (HOST.copy(), DEVICE), (DEVICE, [1.0, 2.0])]:
        with pytest.raises(TypeError):
            getattr(operator, name)(left, right)
    assert isinstance(getattr(operator, name)(DEVICE.copy(), DEVICE), standin.Array)


REFUSED = {
    "np.asarray": lambda: np.asarray(DEVICE),
    "np.array of a list": lambda: np.array([DEVICE, DEVICE]),
    "a ufunc": lambda: np.tanh(DEVICE),
    "a ufunc of both": lambda: np.add(HOST, DEVICE),
    "out=": lambda: np.add(HOST, HOST, out=DEVICE),
    "a function": lambda: np.sum(DEVICE),
    "a function of both": lambda: np.tensordot(HOST, DEVICE),
    "stacking": lambda: np.stack([HOST, DEVICE]),
    "assignment to the host": lambda: operator.setitem(HOST.copy(), slice(None), DEVICE),
    "assignment from the host": lambda: operator.setitem(DEVICE, slice(None), HOST),
    "a host index": lambda: DEVICE[np.array([0, 1])],
    "a host index beside a slice": lambda: DEVICE[:, np.array([0, 1])],
    "a host mask": lambda: DEVICE[HOST > 0],
    "a list as an index": lambda: DEVICE[[0, np.array([1])]],
    "where a host condition": lambda: standin.where(HOST > 0, DEVICE, DEVICE),
    "where a number": lambda: standin.where(True, DEVICE, DEVICE),
    "where no booleans": lambda: standin.where(DEVICE, DEVICE, DEVICE),
    "where between scalars": lambda: standin.where(DEVICE > 0, 1, 0),
    "where on both": lambda: standin.where(DEVICE > 0, DEVICE, HOST),
    "its own functions on the host": lambda: standin.tanh(HOST),
    "its own functions on both": lambda: standin.tensordot(DEVICE, HOST),
    "its own stack on both": lambda: standin.stack([DEVICE, HOST]),
    "its methods": lambda: DEVICE.dot(HOST),
    "keywords": lambda: standin.clip(DEVICE, min=HOST),
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED.keys())
def test_standin_refuses(call):
    with pytest.raises(TypeError):
        call()
    assert not standin.transfers  # and nothing went through on the way


def test_standin_computes_and_logs_its_transfers():
    x = standin.asarray([[1.0, 2.0], [3.0, 4.0]])
    assert standin.asarray(x) is x
    assert (float(x.sum()), int(x[1, 0]), bool((x > 0).all()), len(x), x.shape) == (10.0, 3, True, 2, (2, 2))
    row = x[0]
    row *= 2 / np.float64(4)  # a view, as in NumPy
    x[1] = (1 - x[1]) @ x.T
    np.testing.assert_array_equal(x.get(), [[0.5, 1.0], [-4.0, -18.0]])
    assert standin.transfers == [("in", (2, 2)), ("out", (2, 2))]
    with pytest.raises(ValueError):
        float(x)
    with pytest.raises(AttributeError):
        standin.frompyfunc  # noqa: B018  CuPy has none
    assert bool(standin.isnan(standin.empty(3)).all())


def test_standin_has_nothing_that_cupy_lacks():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    assert [name for name in standin.FUNCTIONS + ["asarray", "empty", "empty_like"] if not hasattr(cupy, name)] == []
    extra = {name for name in vars(standin.Array) if not hasattr(cupy.ndarray, name)}
    assert extra == {"_host", "__array_namespace__"}  # lstm_core knows CuPy's arrays without the latter


# ---- which module, and moving --------------------------------------------------------------------------------


def test_namespace_is_that_of_the_arrays(xp):
    x = xp.asarray([1.0, 2.0])
    assert arrays.namespace(x, x, y=x) is xp
    assert arrays.namespace(symbols.array("x", 2)) is symbols.namespace


def test_moving_there_and_back(xp):
    x = np.arange(6.0).reshape(2, 3)
    there = core.to_device(x, xp)
    assert arrays.namespace(there) is xp
    assert core.to_device(there, xp) is there
    for back in (core.to_host(there), core.to_device(there, "numpy")):
        np.testing.assert_array_equal(back, x, strict=True)
    assert core.to_host(x) is x


def test_to_host_takes_a_loss():
    loss, _ = core.mse(np.ones((1, 2, 3)), np.zeros((1, 2, 3)))
    assert isinstance(core.to_host(loss), np.ndarray)


def test_device_module_by_name_and_by_itself():
    assert arrays.device_module("numpy") is arrays.device_module(np) is np
    assert arrays.device_module(standin) is standin


def test_without_cupy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ImportError, match="pip install cupy-cuda12x"):
        core.to_device(np.ones(2), "cupy")


def test_with_cupy_but_no_gpu_the_error_says_so(monkeypatch):
    cuda = SimpleNamespace(is_available=lambda: False)
    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(cuda=cuda, ndarray=standin.Array))
    with pytest.raises(RuntimeError, match="device: expected a CUDA device for 'cupy', got none"):
        core.to_device(np.ones(2), "cupy")


def test_lstm_core_does_not_import_cupy_by_itself():
    assert arrays.namespace(np.ones(2)) is np
    assert "cupy" not in vars(arrays)


def test_zero_is_nought():
    x = np.array([1.0, np.nan])
    assert x + arrays.ZERO is x and arrays.ZERO + x is x
    assert x * arrays.ZERO is arrays.ZERO and arrays.ZERO * x is arrays.ZERO


# ---- the same results on every module ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("own, masked", [(True, False), (False, False), (True, True)], ids=["p", "no p", "p, masked"])
@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_scan(xp, same, cell, own, masked, dtype):
    T, D, H, B = 4, 3, 6, 5
    rng = np.random.default_rng(0)

    def draw(*shape):
        return rng.standard_normal(shape).astype(dtype)

    P = {name: draw(*shape) for name, shape in scan.parameter_shapes(cell, D, H, own).items()}
    x, dh = draw(T, D, B), draw(T, H, B)
    state, dstate = ([draw(H, B) for _ in cell.states] for _ in range(2))
    mask = random_mask(T, B) if masked else None

    def run(P, x, state, dh, dstate, mask):
        h, after, cache = scan.forward(cell, P, x, state, mask=mask)
        grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
        return [h, *after, *grads.values(), dx, *dstate0]

    there = [xp.asarray(a) for a in (x, dh)]
    P_there = {name: xp.asarray(a) for name, a in P.items()}
    states = [[xp.asarray(a) for a in s] for s in (state, dstate)]
    found = run(P_there, there[0], states[0], there[1], states[1], xp.asarray(mask) if masked else None)
    for a, b in zip(found, run(P, x, state, dh, dstate, mask), strict=True):
        assert b.dtype == dtype
        same(a, b)


def test_positive(xp, same):
    """1 where x > 0, else 0; the dtype stays, a complex number goes by its real part."""
    for x in (np.array([-2, -0.0, 0, 1e-30, np.inf]), np.array([-2, -0.0, 1e-3], np.float32), np.array([-1j, 1 + 1j])):
        found = cells.positive(xp.asarray(x))
        same(found, (x.real > 0).astype(x.real.dtype))


@pytest.mark.parametrize("loss", [core.mse, core.softmax_cross_entropy], ids=lambda f: f.__name__)
def test_losses(xp, same, loss):
    rng = np.random.default_rng(1)
    y = rng.standard_normal((4, 3, 5))
    target = rng.standard_normal((4, 3, 5)) if loss is core.mse else rng.integers(0, 3, (4, 5))
    for a, b in zip(loss(xp.asarray(y), xp.asarray(target)), loss(y, target), strict=True):
        same(a, b)


@pytest.mark.parametrize("make", [optim.sgd, optim.momentum, optim.adam], ids=lambda f: f.__name__)
def test_optimisers_and_clipping(xp, same, make):
    def run(xp):
        rng, theta, optimizer = np.random.default_rng(2), xp.asarray(np.ones(7, np.float32)), make()
        state = optimizer.init(theta)
        for _ in range(3):
            grad = xp.asarray(rng.standard_normal(7).astype(np.float32))
            norm = optim.clip_global_norm(grad, 1.0)
            optimizer.update(theta, grad, state, 0.1)
        return theta, grad, xp.asarray(norm)

    for a, b in zip(run(xp), run(np), strict=True):
        same(a, b)


def problem(reads_last=True):
    """A small model with every kind of layer, and data for it: (model, x, y), x (23, 4, 3)."""
    rng = np.random.default_rng(3)
    layers = [core.lstm(3, 6, peepholes=True), core.gru(6, 5), core.rnn(5, 4)] + [core.last()] * reads_last
    model = core.Model([*layers, core.dense(4, 2)], core.softmax_cross_entropy, rng=rng)
    x = rng.standard_normal((23, 4, 3)).astype(np.float32)
    return model, x, rng.integers(0, 2, (23,) if reads_last else (23, 4))


@pytest.mark.parametrize("reads_last", [True, False], ids=["last", "all"])
def test_predict_and_evaluate(xp, same, reads_last):
    model, x, y = problem(reads_last)
    there = model.at(xp.asarray(model.theta))
    same(there.predict(xp.asarray(x)), model.predict(x))
    scores = core.evaluate(there, xp.asarray(x), xp.asarray(y), batch=10)
    assert scores == pytest.approx(core.evaluate(model, x, y, batch=10), rel=0 if xp in (np, standin) else 1e-4)


@pytest.mark.parametrize("reads_last", [True, False], ids=["last", "all"])
def test_fit_on_a_device_gives_what_numpy_gives(xp, same, reads_last):
    def run(device):
        model, x, y = problem(reads_last)
        settings = {"epochs": 3, "batch": 10, "clip": 1.0, "validation": (x[:7], y[:7]), "patience": 2}
        history = core.fit(model, x, y, rng=np.random.default_rng(4), device=device, progress=False, **settings)
        return model.theta, history

    (theta, history), (expected, wanted) = run(xp), run(None)
    same(theta, expected)
    for name in ("loss", "rate", "best", "batch_loss", "batch_norm"):
        assert getattr(history, name) == pytest.approx(getattr(wanted, name), rel=0 if xp in (np, standin) else 1e-4)


LENGTHS = np.array([4, 1, 2, 3, 4, 4, 2, 1, 3, 3, 1])
STACKS = {
    "all": [core.lstm(3, 4, peepholes=True), core.dropout(0.4), core.gru(4, 5, reset="before"), core.dense(5, 2)],
    "last": [core.embedding(5, 4), core.rnn(4, 3, "relu"), core.activation("sigmoid"), core.last(), core.dense(3, 2)],
    "directions": [core.bidirectional(core.lstm(3, 2)), core.activation("softmax"), core.reverse(core.gru(4, 3)),
                   core.activation("relu"), core.bidirectional(core.rnn(3, 2), last=True), core.dense(4, 2)],
}  # fmt: skip


def padded_problem(name, loss, dtype=np.float32):
    rng = np.random.default_rng(3)
    model = core.Model(STACKS[name], loss, rng=rng, dtype=dtype)
    x = rng.integers(0, 5, (11, 4)) if model.labels else rng.standard_normal((11, 4, 3)).astype(dtype)
    shape = (11,) if model.reads_last else (11, 4)
    y = rng.integers(0, 2, shape) if loss is core.softmax_cross_entropy else rng.standard_normal((*shape, 2))
    return model, x, y if y.dtype == int else y.astype(dtype)


@pytest.mark.parametrize("loss", [core.mse, core.softmax_cross_entropy], ids=lambda f: f.__name__)
@pytest.mark.parametrize("name", STACKS)
def test_masks_and_every_kind_of_layer(xp, same, name, loss):
    """Forward, backward with states, at the edge, and a piece of learning with dropout."""

    def run(xp):
        model, x, y = padded_problem(name, loss)
        model.to(xp)
        x, y, n = (xp.asarray(a) for a in (x, y, LENGTHS))
        out, states = model.run(x, lengths=n)
        again, states = model.run(x, states, n)
        columns, mask = core.model.columns, core.model.step_mask(n, 4)
        target = columns(y[:, None] if model.reads_last else y)
        value, grad, after = model.learn(columns(x), target, states, mask, np.random.default_rng(0))
        y_, _, caches = model.forward(columns(x), states, mask=mask)
        flat, dx, dstates = model.backward(caches, y_, after)
        arrays_ = [out, again, value, grad, flat, *(s for many in (states, after, dstates) for t in many for s in t)]
        return arrays_ + ([] if dx is None else [dx])

    for a, b in zip(run(xp), run(np), strict=True):
        same(xp.asarray(a), b)


FITS = {
    "masks": ("all", {}), "buckets": ("directions", {"buckets": True}), "truncated": ("all", {"truncate": 3}),
    "last": ("last", {}), "last, truncated": ("last", {"truncate": 3}), "directions": ("directions", {}),
}  # fmt: skip


@pytest.mark.parametrize("name, options", FITS.values(), ids=FITS.keys())
def test_fit_with_lengths_on_a_device_gives_what_numpy_gives(xp, same, name, options):
    """In two runs, the second continues the first's history, which comes back from the host in between."""

    def run(device):
        model, x, y = padded_problem(name, core.softmax_cross_entropy)
        settings = {"batch": 4, "lengths": LENGTHS, "validation": (x, y, LENGTHS), "progress": False, "clip": 1.0}
        settings |= {"rng": np.random.default_rng(4), "patience": 5} | options
        history = core.fit(model, x, y, epochs=2, device=device, **settings)
        model.to("numpy")
        history.optimizer = {k: core.to_host(a) if k != "k" else a for k, a in history.optimizer.items()}
        history.weights = core.to_host(history.weights)
        core.fit(model, x, y, epochs=3, device=device, history=history, **settings)
        return model.theta, history

    (theta, history), (expected, wanted) = run(xp), run(np)
    same(theta, expected)
    for field in ("loss", "batch_loss", "batch_norm"):
        assert getattr(history, field) == pytest.approx(getattr(wanted, field), rel=0 if xp in (np, standin) else 1e-4)


def test_lengths_cost_no_transfer_per_step():
    """An order an epoch, and the factors of dropout a piece; the lengths come out once, to sort by."""
    model, x, y = padded_problem("all", core.softmax_cross_entropy)
    model.to(standin)
    x, y, n = (standin.asarray(a) for a in (x, y, LENGTHS))
    standin.transfers.clear()
    rng = np.random.default_rng(0)
    history = core.fit(model, x, y, epochs=2, batch=4, rng=rng, lengths=n, truncate=3, progress=False)
    assert standin.transfers[0] == ("out", (11,))
    assert [t for t in standin.transfers if t == ("in", (11,))] == 2 * [("in", (11,))]
    assert len(standin.transfers) == 1 + 2 + len(history.batch_loss)
    core.fit(model, x, y, epochs=3, batch=4, rng=rng, lengths=n, progress=False, history=history)  # on the device
    assert len(history.loss) == 3 and isinstance(history.optimizer["m"], standin.Array)


def test_fit_moves_parameters_and_data_once():
    """Per epoch one small array goes in, the order of the examples; nothing comes out (scalars are not counted)."""
    model, x, y = problem()
    validation = x[:7], y[:7]
    settings = {"epochs": 3, "batch": 5, "validation": validation, "progress": False}
    core.fit(model, x, y, rng=np.random.default_rng(0), device=standin, **settings)
    moved = (23, 4, 3), (23, 1), (7, 4, 3), (7, 1), model.theta.shape  # labels have a step axis
    assert standin.transfers == [("in", shape) for shape in moved] + 3 * [("in", (23,))]
    assert isinstance(model.theta, standin.Array)  # the model stays

    there = standin.asarray(x), standin.asarray(y)  # already there: nothing moves
    standin.transfers.clear()
    core.fit(model, *there, epochs=2, rng=np.random.default_rng(0), progress=False)
    assert standin.transfers == 2 * [("in", (23,))]


def test_the_model_moves_with_its_views(xp):
    model, x, _ = problem()
    before = model.predict(x)
    assert model.to(xp) is model
    assert all(arrays.namespace(P) is xp for P in [model.theta, *model.params.values()])
    model.theta *= 2
    model.theta /= 2
    np.testing.assert_array_equal(model.to("numpy").predict(x), before)  # times 2 and back is exact
