"""Layers and the model: shapes, the table, one flat vector with views, and the edge where users hand data in."""

import copy
import dataclasses
import json
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import (
    Model,
    _chunks,
    cells,
    dense,
    gru,
    last,
    layers,
    lstm,
    model,
    mse,
    rnn,
    scan,
    softmax_cross_entropy,
    to_host,
    variants,
)
from lstm_core.compiled import preparation

SIZES = st.integers(1, 5)


def make(layers, loss=mse, dtype=np.float64, seed=0):
    return Model(layers, loss, rng=np.random.default_rng(seed), dtype=dtype)


# ---- layers ------------------------------------------------------------------------------------------------------


@given(SIZES, SIZES, SIZES, SIZES)
def test_dense_is_an_affine_map_at_every_step(T, D, C, B):
    rng = np.random.default_rng(0)
    W, b, x = rng.standard_normal((C, D)), rng.standard_normal((C, 1)), rng.standard_normal((T, D, B))
    y, state, _ = dense(D, C).forward({"W": W, "b": b}, x, ())
    assert y.shape == (T, C, B) and state == ()
    # einsum adds in another order: D terms, an ulp each
    np.testing.assert_allclose(y, np.einsum("cd,tdb->tcb", W, x) + b, rtol=0, atol=1e-14)


@given(SIZES, SIZES, SIZES)
def test_last_keeps_the_last_step_and_returns_its_gradient(T, D, B):
    x = np.random.default_rng(0).standard_normal((T, D, B))
    y, _, cache = last().forward({}, x, ())
    np.testing.assert_array_equal(y, x[T - 1 :])
    grads, dx, _ = last().backward({}, cache, y, ())
    assert grads == {} and dx.shape == x.shape
    np.testing.assert_array_equal(dx[-1], x[-1])
    assert not dx[:-1].any()


@pytest.mark.parametrize(
    "layer, cell, own",
    [(rnn(3, 4), cells.RNN, True), (gru(3, 4), cells.GRU, True), (lstm(3, 4), cells.LSTM, False),
     (lstm(3, 4, peepholes=True), cells.LSTM, True), (layers.recurrent(cells.GRU, 3, 4, own=False), cells.GRU, False),
     (gru(3, 4, reset="after"), cells.GRU, True), (gru(3, 4, reset="before"), cells.GRU_BEFORE, False)],
    ids=["rnn", "gru", "lstm", "peepholes", "gru without p", "gru after", "gru before"],
)
def test_a_recurrent_layer_is_its_cell_in_the_scan(layer, cell, own):
    assert layer.shapes == scan.parameter_shapes(cell, 3, 4, own) and ("p" in layer.shapes) == (own and bool(cell.own))
    rng = np.random.default_rng(1)
    P = {name: rng.standard_normal(shape) for name, shape in layer.shapes.items()}
    cell = preparation(None)(cell)  # planned or compiled, as the layer has it
    x, dy = rng.standard_normal((5, 3, 2)), rng.standard_normal((5, 4, 2))
    state, dstate = ([rng.standard_normal((4, 2)) for _ in cell.states] for _ in range(2))
    for s, ds in ((state, dstate), ((), ())):
        y, after, cache = layer.forward(P, x, s)
        h, final, expected_cache = scan.forward(cell, P, x, s or None)
        grads, dx, dstate0 = layer.backward(P, cache, dy, ds)
        expected, expected_dx, expected_dstate0 = scan.backward(cell, P, expected_cache, dy, ds or None)
        assert grads.keys() == expected.keys()
        found = [y, *after, *grads.values(), dx, *dstate0]
        np.testing.assert_equal(found, [h, *final, *expected.values(), expected_dx, *expected_dstate0])


def pair(layer, *arguments, **more):
    """The layer with random parameters, as (forward, backward), and the parameters."""
    rng = np.random.default_rng(1)
    P = {name: rng.standard_normal(shape) for name, shape in layer.shapes.items()}
    return P, layer.forward(P, *arguments, **more)


def test_reverse_is_the_layer_on_time_reversed():
    rng, of = np.random.default_rng(2), lstm(3, 4, peepholes=True)
    x, dy = rng.standard_normal((5, 3, 2)), rng.standard_normal((5, 4, 2))
    state, dstate = (tuple(rng.standard_normal((2, 4, 2))) for _ in range(2))
    P, (y, after, cache) = pair(layers.reverse(of), x, state)
    expected, final, cache_of = of.forward(P, x[::-1], state)
    np.testing.assert_equal([y, after], [expected[::-1], final])
    grads, dx, dstate0 = layers.reverse(of).backward(P, cache, dy, dstate)
    grads_of, dx_of, dstate0_of = of.backward(P, cache_of, dy[::-1], dstate)
    np.testing.assert_equal([grads, dx, dstate0], [grads_of, dx_of[::-1], dstate0_of])


@pytest.mark.parametrize("ends", [False, True], ids=["all", "last"])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_bidirectional_is_two_layers_side_by_side(ends, masked):
    """Features and states: forward's, then reverse's. With `last`: forward's at its end, reverse's at its own."""
    rng, of, back = np.random.default_rng(2), lstm(3, 4), layers.reverse(lstm(3, 4))
    x, dy = rng.standard_normal((5, 3, 2)), rng.standard_normal((1 if ends else 5, 8, 2))
    state, dstate = (tuple(rng.standard_normal((4, 4, 2))) for _ in range(2))
    how = layers.Pass(mask=np.arange(5)[:, None] < np.array([5, 2]) if masked else None)
    both = layers.bidirectional(of, last=ends)
    P, (y, after, cache) = pair(both, x, state, how)
    P1, P2 = ({key: P[f"{name}.{key}"] for key in "WRb"} for name in ("forward", "reverse"))
    (y1, s1, c1), (y2, s2, c2) = of.forward(P1, x, state[:2], how), back.forward(P2, x, state[2:], how)
    expected = np.concatenate([s1[0], s2[0]])[None] if ends else np.concatenate([y1, y2], axis=1)
    np.testing.assert_equal([y, after], [expected, (*s1, *s2)])
    grads, dx, dstate0 = both.backward(P, cache, dy, dstate)
    d1, d2 = dy[:, :4], dy[:, 4:]
    if ends:
        d1, d2 = np.concatenate([0 * y1[1:], d1]), np.concatenate([d2, 0 * y2[1:]])
    (g1, dx1, e1), (g2, dx2, e2) = of.backward(P1, c1, d1, dstate[:2]), back.backward(P2, c2, d2, dstate[2:])
    expected = {f"forward.{k}": g for k, g in g1.items()} | {f"reverse.{k}": g for k, g in g2.items()}
    np.testing.assert_equal(grads, expected)
    np.testing.assert_equal([dx, dstate0], [dx1 + dx2, (*e1, *e2)])


@given(SIZES, SIZES, SIZES, SIZES, st.sampled_from([np.int64, np.uint8]))
def test_embedding_is_dense_on_one_hot_columns(T, labels, C, B, dtype):
    rng = np.random.default_rng(0)
    x, dy = rng.integers(0, labels, (T, B)).astype(dtype), rng.standard_normal((T, C, B))
    onehot = np.moveaxis(np.eye(labels)[x], 2, 1)
    P, (y, state, cache) = pair(layers.embedding(labels, C), x, ())
    of = dense(labels, C)
    expected, _, cache_of = of.forward(P | {"b": np.zeros((C, 1))}, onehot, ())
    np.testing.assert_array_equal(y, expected)  # sums of one number and noughts
    grads, dx, dstate0 = layers.embedding(labels, C).backward(P, cache, dy, ())
    wanted, _, _ = of.backward(P | {"b": np.zeros((C, 1))}, cache_of, dy, ())
    np.testing.assert_allclose(grads["W"], wanted["W"], rtol=0, atol=1e-14)  # T*B terms in another order
    assert grads.keys() == {"W"} and dx is None and state == dstate0 == ()


def test_activations_are_the_functions():
    x = np.array([-800.0, -2, -1e-9, 0, 1e-9, 0.5, 3, 800]).reshape(2, 4, 1)  # and nothing overflows
    with np.errstate(over="ignore"):
        expected = {
            "tanh": np.tanh(x), "sigmoid": 1 / (1 + np.exp(-x)), "relu": np.maximum(x, 0),
            "softmax": np.exp(x - x.max(axis=1, keepdims=True)),
        }  # fmt: skip
    expected["log_softmax"] = x - x.max(axis=1, keepdims=True) - np.log(expected["softmax"].sum(axis=1, keepdims=True))
    expected["softmax"] /= expected["softmax"].sum(axis=1, keepdims=True)
    for function, y in expected.items():
        found, state, _ = layers.activation(function).forward({}, x, ())
        np.testing.assert_allclose(found, y, rtol=1e-15, atol=1e-16)
        assert state == () and found.dtype == x.dtype
        assert layers.activation(function).forward({}, x.astype(np.float32), ())[0].dtype == np.float32


def test_dropout_drops_the_share_it_says_and_keeps_the_mean():
    """A million coins: the share is right to four standard deviations, 0.002, and so is the mean."""
    x, rate = np.ones((100, 100, 100), np.float32), 0.3
    y, _, factor = layers.dropout(rate).forward({}, x, (), layers.Pass(rng=np.random.default_rng(0)))
    assert set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)} and y.dtype == np.float32
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.002) and y.mean() == pytest.approx(1, abs=0.003)
    _, dx, _ = layers.dropout(rate).backward({}, factor, 2 * x, ())
    np.testing.assert_array_equal(dx, 2 * y)
    assert (y[0] != y[1]).any() and (y[:, 0] != y[:, 1]).any() and (y[..., 0] != y[..., 1]).any()


def test_dropout_does_nothing_at_rate_0_and_without_a_generator():
    x, rng = np.random.default_rng(0).standard_normal((5, 3, 2)), np.random.default_rng(1)
    for rate, how in (0, layers.Pass(rng=rng)), (0.9, layers.PLAIN):
        y, _, cache = layers.dropout(rate).forward({}, x, (), how)
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(layers.dropout(rate).backward({}, cache, x, ())[1], x)


@pytest.mark.parametrize("layer", [
    *[layers.recurrent(name, 3, 4, own) for name in variants.CELLS for own in (True, False)], rnn(3, 4, "relu"),
    layers.reverse(gru(3, 4)), layers.bidirectional(lstm(3, 4, peepholes=True)),
    layers.bidirectional(rnn(3, 4), last=True), last(), dense(3, 4), layers.dropout(0.25), layers.embedding(3, 4),
    *[layers.activation(name) for name in ("tanh", "sigmoid", "relu", "softmax", "log_softmax")],
], ids=lambda layer: layer.name)
def test_a_config_makes_the_layer_again(layer):
    """Through JSON, too: it is numbers, words and booleans. The copy computes the same from the same generator."""
    again = layers.make(json.loads(json.dumps(layer.config)))
    assert (again.name, again.config, again.shapes) == (layer.name, layer.config, layer.shapes)
    assert again.features == layer.features and again.output("T", 3) == layer.output("T", 3)
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (5, 2)) if layer.name == "embedding" else rng.standard_normal((5, 3, 2))
    results = []
    for one in (layer, again):
        rng, P = np.random.default_rng(1), {}
        start = one.init(rng)
        for name, shape in one.shapes.items():
            P[name] = np.broadcast_to(np.reshape(start[name], shape) if np.ndim(start[name]) else start[name], shape)
        y, state, cache = one.forward(P, x, (), layers.Pass(rng=rng))
        results.append([y, state, one.backward(P, cache, y, ())])
    np.testing.assert_equal(*results)


WHAT_THEY_ARE = [  # layer -> labels, cell, directions, causal, collapses
    (lstm(3, 4), (None, cells.LSTM, ("forward",), True, False)),
    (layers.reverse(gru(3, 4)), (None, cells.GRU, ("reverse",), False, False)),
    (layers.bidirectional(rnn(3, 4)), (None, cells.RNN, ("forward", "reverse"), False, False)),
    (layers.bidirectional(rnn(3, 4), last=True), (None, cells.RNN, ("forward", "reverse"), False, True)),
    (last(), (None, None, (), True, True)),
    (dense(3, 4), (None, None, (), True, False)),
    (layers.embedding(7, 3), (7, None, (), True, False)),
    (layers.activation("softmax"), (None, None, (), True, False)),
    (layers.dropout(0.5), (None, None, (), True, False)),
]


@pytest.mark.parametrize("layer, what", WHAT_THEY_ARE, ids=lambda v: getattr(v, "name", ""))
def test_layers_say_what_they_are(layer, what):
    assert (layer.labels, layer.cell, layer.directions, layer.causal, layer.collapses) == what


@pytest.mark.parametrize("layer, what", WHAT_THEY_ARE, ids=lambda v: getattr(v, "name", ""))
def test_what_they_say_is_so(layer, what):
    """Seen from outside: what a later step changes, how many steps come out, how many labels there are, the state."""
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(shape) for name, shape in layer.shapes.items()}
    x = rng.standard_normal((5, 3, 2)) if layer.labels is None else rng.integers(0, layer.labels, (5, 2))
    y, state, _ = layer.forward(P, x, ())
    assert (len(y) == 1) == layer.collapses and bool(state) == bool(layer.directions)
    assert len(state) == len(layer.directions) * len(layer.cell.states if layer.cell else ())
    later = x.copy()
    later[-1] = later[-1] * 0.5 if layer.labels is None else (later[-1] + 1) % layer.labels
    changed = layer.forward(P, later, ())[0]
    if not layer.collapses:  # then every step but the last is an earlier one
        assert (changed[-1] != y[-1]).any() and (changed[:-1] == y[:-1]).all() == layer.causal
    if layer.labels is not None:
        layer.forward(P, np.full((5, 2), layer.labels - 1), ())
        with pytest.raises(ValueError, match=r"^x: expected labels in 0 \.\.\. 6, got 7"):
            layer.forward(P, np.full((5, 2), layer.labels), ())


def test_a_layer_of_one_s_own_is_judged_by_what_it_says():
    """Not by its name: a mean over all steps is not causal, and what makes one step of all collapses time."""
    mean = last()._replace(name="mean", config={}, causal=False)
    net = make([lstm(3, 4), mean, dense(4, 2)])
    assert net.reads_last and not net.runs_forward
    assert make([lstm(3, 4), last(), dense(4, 2)]).runs_forward
    assert not make([lstm(3, 4), last(), lstm(4, 2)]).runs_forward
    labels = layers.embedding(7, 3)._replace(name="lookup", config={})
    assert make([labels, dense(3, 2)]).labels == 7
    with pytest.raises(ValueError, match="embedding as the first layer only"):
        make([dense(3, 3), labels])


def test_parameters_of_one_name_are_refused():
    """lstm, lstm and a cell called lstm1."""
    other = layers.recurrent(dataclasses.replace(cells.LSTM, name="lstm1"), 4, 4)
    with pytest.raises(ValueError, match="layers: expected names that differ, got lstm1, lstm2, lstm1"):
        make([lstm(3, 4), lstm(4, 4), other])


# ---- the table ---------------------------------------------------------------------------------------------------


def test_the_mnist_model_has_52610_parameters():
    assert make([lstm(28, 100), last(), dense(100, 10)]).table() == [
        ("lstm", "(T, 100)", 51_600),  # 4 * 100 * (28 + 100 + 1): DLL's table has 51,200, without the biases
        ("last", "(1, 100)", 0),
        ("dense", "(1, 10)", 1_010),
        ("total", "", 52_610),
    ]


@pytest.mark.parametrize("layer, count", [
    (rnn(3, 5), 5 * (3 + 5 + 1)),
    (lstm(3, 5), 4 * 5 * (3 + 5 + 1)),
    (lstm(3, 5, peepholes=True), 4 * 5 * (3 + 5 + 1) + 3 * 5),
    (gru(3, 5), 3 * 5 * (3 + 5 + 1) + 5),
    (gru(3, 5, reset="before"), 3 * 5 * (3 + 5 + 1)),
    (dense(3, 5), 5 * (3 + 1)),
], ids=lambda v: getattr(v, "name", v))
def test_parameter_counts(layer, count):
    table = make([layer]).table()
    assert table == [(layer.name, "(T, 5)", count), ("total", "", count)]


def test_layers_of_one_kind_are_numbered():
    found = make([lstm(3, 4), lstm(4, 5), gru(5, 6), dense(6, 2)])
    assert list(found.names) == ["lstm1", "lstm2", "gru", "dense"]
    assert list(found.params)[:4] == ["lstm1.W", "lstm1.R", "lstm1.b", "lstm2.W"]
    assert [row[:2] for row in found.table()] == [
        ("lstm1", "(T, 4)"), ("lstm2", "(T, 5)"), ("gru", "(T, 6)"), ("dense", "(T, 2)"), ("total", "")]


# ---- one flat vector ---------------------------------------------------------------------------------------------


@given(st.lists(st.lists(SIZES, max_size=3).map(tuple), max_size=4))
def test_views_are_the_vector_in_order(shapes):
    shapes = {str(k): shape for k, shape in enumerate(shapes)}
    theta = np.arange(sum(int(np.prod(shape)) for shape in shapes.values()))
    parts = model.views(shapes, theta)
    assert {name: part.shape for name, part in parts.items()} == shapes
    np.testing.assert_array_equal(np.concatenate([theta[:0], *(part.ravel() for part in parts.values())]), theta)
    assert all(np.shares_memory(part, theta) for part in parts.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_params_are_views_of_theta(dtype):
    net = make([gru(3, 4), dense(4, 2)], dtype=dtype)
    assert net.theta.dtype == dtype and net.theta.ndim == 1
    assert sum(P.size for P in net.params.values()) == net.theta.size
    assert all(P.dtype == dtype and np.shares_memory(P, net.theta) for P in net.params.values())
    net.theta[:] = 7
    assert all((P == 7).all() for P in net.params.values())
    net.theta = np.zeros(net.theta.size)
    assert not any(P.any() for P in net.params.values()) and net.theta.dtype == np.float64


def test_at_is_the_same_network_elsewhere():
    net, x = make([gru(3, 4), last(), dense(4, 2)]), np.random.default_rng(0).standard_normal((5, 6, 3))
    theta, before = net.theta, net.predict(x)
    other = net.at(np.zeros_like(theta))
    assert not other.predict(x).any()
    assert net.theta is theta  # unmoved
    np.testing.assert_array_equal(net.predict(x), before)
    assert net.at(theta.astype(np.complex128)).forward(model.columns(x) + 0j)[0].dtype == np.complex128


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_copy_has_a_vector_of_its_own(duplicate):
    """And views of that, both ways; of a copy, too."""
    net = make([gru(3, 4), dense(4, 2)])
    before, models = net.theta.copy(), [net, duplicate(net), duplicate(duplicate(net))]
    for k, one in enumerate(models):
        assert all(np.shares_memory(P, one.theta) for P in one.params.values())
        assert not any(np.shares_memory(one.theta, other.theta) for other in models[:k])
        np.testing.assert_array_equal(one.theta, before)
        one.params["dense.b"][...] = one.theta[0] = k + 1
    for k, one in enumerate(models):
        assert one.theta[0] == k + 1 and (one.theta[-2:] == k + 1).all() and (one.params["dense.b"] == k + 1).all()


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy], ids=lambda f: f.__name__)
def test_a_copy_on_a_device_stays_there(duplicate, xp):
    net = make([gru(3, 4), dense(4, 2)]).to(xp)
    twin = duplicate(net)
    assert type(twin.theta) is type(net.theta)
    twin.theta *= 2
    np.testing.assert_array_equal(to_host(twin.theta), 2 * to_host(net.theta))
    np.testing.assert_array_equal(to_host(net.theta), make([gru(3, 4), dense(4, 2)]).theta)


def test_what_is_copied_in_one_go_belongs_together():
    """A model and its θ, in one list: the copied θ is that of the copied model. A class of one's own stays it."""

    class Mine(Model):
        pass

    net = Mine([dense(4, 2)], mse, rng=np.random.default_rng(0))
    twin, theta, again = copy.deepcopy([net, net.theta, net])
    assert twin.theta is theta and again is twin and type(twin) is Mine is type(copy.copy(net))


def test_only_who_asks_for_it_shares_a_vector():
    """`at`, and an assignment to `theta`: the vector itself, as documented."""
    net, vector = make([dense(4, 2)]), np.ones(10)
    other = net.at(vector)
    net.theta = vector
    assert other.theta is net.theta is vector
    best, kept = net.theta, net.theta.copy()  # a view, and what it was
    net.theta += 1
    assert (best == 2).all() and (kept == 1).all()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_refused_and_save_is_named(protocol):
    with pytest.raises(TypeError, match=r"^model: expected lstm_formats\.save\(model, path\), .* got a pickle$"):
        pickle.dumps({"model": make([dense(4, 2)])}, protocol)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept_throughout(dtype):
    net = make([lstm(3, 4, peepholes=True), gru(4, 5), rnn(5, 6), dense(6, 2)], softmax_cross_entropy, dtype)
    x = np.random.default_rng(0).standard_normal((7, 3, 2)).astype(dtype)
    y, after, caches = net.forward(x)
    grad, dx, dstates = net.backward(caches, y)
    loss, flat = net.loss_and_gradient(x, np.zeros((7, 2), int))
    arrays = [y, grad, dx, loss, flat, *(a for s in (*after, *dstates) for a in s)]
    assert [a.dtype for a in arrays] == [dtype] * len(arrays)


# ---- the edge, and state that is carried on ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 2)])
def test_columns_put_examples_last(shape):
    x = np.arange(np.prod(shape)).reshape(shape)
    found = model.columns(x)
    np.testing.assert_array_equal(found, np.moveaxis(x, 0, -1))
    assert found.flags.c_contiguous


def test_predict_is_forward_with_examples_first():
    x = np.random.default_rng(0).standard_normal((5, 6, 3))
    for tail, shape in ([last()], (5, 2)), ([], (5, 6, 2)):
        net = make([lstm(3, 4), *tail, dense(4, 2)])
        y = net.predict(x)
        assert y.shape == shape and net.reads_last == bool(tail)
        alone = np.concatenate([net.predict(x[k : k + 1]) for k in range(5)])
        # another number of columns may be summed in another order: some ulp, and |y| is about 1
        np.testing.assert_allclose(alone, y, rtol=0, atol=1e-14)


def test_a_sequence_in_two_halves_is_the_sequence(monkeypatch):
    """Final states handed on as initial ones, and their gradients back: truncation cuts nothing here."""
    monkeypatch.setattr(_chunks, "CHUNK", 3)  # half a sequence: the same products
    net, rng = make([lstm(3, 4, peepholes=True), gru(4, 5), dense(5, 2)]), np.random.default_rng(0)
    x, dy = rng.standard_normal((6, 3, 2)), rng.standard_normal((6, 2, 2))
    y, final, caches = net.forward(x)
    grad, dx, dstates0 = net.backward(caches, dy)

    y1, middle, caches1 = net.forward(x[:3])
    y2, after, caches2 = net.forward(x[3:], middle)
    grad2, dx2, dmiddle = net.backward(caches2, dy[3:])
    grad1, dx1, first = net.backward(caches1, dy[:3], dmiddle)
    np.testing.assert_equal([np.concatenate([y1, y2]), after], [y, final])
    np.testing.assert_equal(first, dstates0)
    np.testing.assert_array_equal(np.concatenate([dx1, dx2]), dx)
    np.testing.assert_allclose(grad1 + grad2, grad, rtol=0, atol=1e-13)  # one sum over time or two: |grad| is about 10
