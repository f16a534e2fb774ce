"""Keras's weights: the mapping against the equations that Keras documents, written out here in NumPy; and, where Keras
is installed, against its layers: what they compute of drawn weights, and their arrays there and back, exactly."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checkpoint import network

import lstm_core as core
from lstm_core import activation, bidirectional, dense, dropout, embedding, gru, last, lstm, recurrent, reverse, rnn
from lstm_formats import keras_io

# ---- what Keras computes, from the documentation of keras.layers.LSTM, GRU, SimpleRNN, Bidirectional, Dense ----------
# A row is an example: x (N, T, D), every state starts at 0; K, U and B are kernel, recurrent_kernel and bias.


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_cell(K, U, B, x, h, c):
    """The units of kernel are those of the gates i, f, c and o."""
    i, f, g, o = np.split(x @ K + h @ U + B, 4, axis=1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru_after_cell(K, U, B, x, h, c):
    """The units of kernel are those of the gates z, r and h; bias has that of the input and that of the recurrence."""
    x_z, x_r, x_h = np.split(x @ K + B[0], 3, axis=1)
    u_z, u_r, u_h = np.split(h @ U + B[1], 3, axis=1)
    z, r = sigmoid(x_z + u_z), sigmoid(x_r + u_r)
    return z * h + (1 - z) * np.tanh(x_h + r * u_h), c


def gru_before_cell(K, U, B, x, h, c):
    """reset_after=False: r is applied to h before the product."""
    x_z, x_r, x_h = np.split(x @ K + B, 3, axis=1)
    U_z, U_r, U_h = np.split(U, 3, axis=1)
    z, r = sigmoid(x_z + h @ U_z), sigmoid(x_r + h @ U_r)
    return z * h + (1 - z) * np.tanh(x_h + (r * h) @ U_h), c


def rnn_cell(K, U, B, x, h, c, f=np.tanh):
    return f(x @ K + B + h @ U), c


def relu_cell(K, U, B, x, h, c):
    return rnn_cell(K, U, B, x, h, c, lambda a: np.maximum(a, 0))


def before(features, hidden):
    return gru(features, hidden, "before")


def relu(features, hidden):
    return rnn(features, hidden, "relu")


D, H, C = 3, 4, 2  # all different, as are the numbers of examples and steps
CELLS = {  # our layer, the equations, Keras's class and its options
    "lstm": (lstm, lstm_cell, "LSTM", {}),
    "gru": (gru, gru_after_cell, "GRU", {}),
    "gru before": (before, gru_before_cell, "GRU", {"reset_after": False}),
    "rnn": (rnn, rnn_cell, "SimpleRNN", {}),
    "rnn relu": (relu, relu_cell, "SimpleRNN", {"activation": "relu"}),
}
each_cell = pytest.mark.parametrize("name", CELLS)
X = np.random.default_rng(1).standard_normal((5, 6, D))


def bias_of(name, hidden):
    """Zeros in the shape of a layer's bias."""
    gates = {"lstm": 4, "gru": 3, "gru before": 3}.get(name, 1) * hidden
    return np.zeros((2, gates) if name == "gru" else gates)


def run(name, arrays, x, backward=False):
    """All h (N, T, H) of one direction, with bias or without."""
    K, U, B = arrays if len(arrays) == 3 else (*arrays, bias_of(name, len(arrays[1])))
    h = c = np.zeros((len(x), len(U)))
    hs = []
    for x_t in x.swapaxes(0, 1)[:: -1 if backward else 1]:
        h, c = CELLS[name][1](K, U, B, x_t, h, c)
        hs.append(h)
    return np.stack(hs[:: -1 if backward else 1], axis=1)


def both_ways(name, arrays, x):
    """Bidirectional with merge_mode="concat": the arrays are forward's, then backward's."""
    half = len(arrays) // 2
    return np.concatenate([run(name, arrays[:half], x), run(name, arrays[half:], x, backward=True)], axis=2)


def close(found, expected):
    """To 1e-13: some dozens of sums of ten terms of about 1, each rounded by 1e-16, in an order of our own."""
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13 * max(1, np.abs(expected).max()))


def of(*layers, dtype=np.float64):
    return network(layers, core.mse, dtype)


@each_cell
def test_a_layer_is_keras(name):
    model = of(CELLS[name][0](D, H), dense(H, C))
    layer, (kernel, bias) = keras_io.get_weights(model)
    close(model.predict(X), run(name, layer, X) @ kernel + bias)


@each_cell
def test_both_directions_are_keras(name):
    model = of(bidirectional(CELLS[name][0](D, H)))
    (arrays,) = keras_io.get_weights(model)
    close(model.predict(X), both_ways(name, arrays, X))
    ends = of(bidirectional(CELLS[name][0](D, H), last=True)).at(model.theta)
    expected = both_ways(name, arrays, X)
    close(ends.predict(X), np.concatenate([expected[:, -1, :H], expected[:, 0, H:]], axis=1))


@each_cell
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_import_is_keras(name, bias, both):
    """Of weights in which every bias is there, or none."""
    make = CELLS[name][0]
    model, rng = of(bidirectional(make(D, H)) if both else make(D, H)), np.random.default_rng(2)
    (arrays,) = keras_io.get_weights(model)
    arrays = [rng.standard_normal(x.shape) for k, x in enumerate(arrays) if bias or k % 3 < 2]
    keras_io.set_weights(model, [arrays])
    close(model.predict(X), (both_ways if both else run)(name, arrays, X))


def test_dense_without_bias_and_an_embedding():
    model = of(embedding(7, D), dense(D, C))
    (table,), (kernel, _) = keras_io.get_weights(model)
    labels = np.random.default_rng(0).integers(0, 7, (5, 6))
    keras_io.set_weights(model, [[table], [kernel]])
    close(model.predict(labels), table[labels] @ kernel)


def test_names_shapes_and_order():
    stack = [embedding(7, D), bidirectional(lstm(D, H)), dropout(0.2), gru(2 * H, H), before(H, H), relu(H, H), last(),
             activation("tanh"), dense(H, C)]  # fmt: skip
    weights = keras_io.get_weights(of(*stack, dtype=np.float32))
    assert [[x.shape for x in arrays] for arrays in weights] == [
        [(7, D)],
        [(D, 4 * H), (H, 4 * H), (4 * H,)] * 2,
        [(2 * H, 3 * H), (H, 3 * H), (2, 3 * H)],
        [(H, 3 * H), (H, 3 * H), (3 * H,)],
        [(H, H), (H, H), (H,)],
        [(H, C), (C,)],
    ]
    assert all(x.dtype == np.float32 and x.flags.c_contiguous for arrays in weights for x in arrays)


@given(st.integers(0, 2**32 - 2), st.sampled_from([np.float32, np.float64]))
def test_there_and_back_is_exact(seed, dtype):
    """And what comes has not to be contiguous, nor in lists; empty lists, of layers without weights, do not count."""
    stack = [embedding(7, D), lstm(D, H), bidirectional(gru(H, H)), before(2 * H, H), relu(H, H), dense(H, C)]
    model, other = (network(stack, core.mse, dtype, seed + k) for k in range(2))
    weights, theta = keras_io.get_weights(model), other.theta
    first, *more = [tuple(map(np.asfortranarray, arrays)) for arrays in weights]
    keras_io.set_weights(other, (first, [], *more, ()))
    np.testing.assert_array_equal(other.theta, model.theta)
    assert other.theta is theta
    for arrays, again in zip(weights, keras_io.get_weights(other), strict=True):
        for x, y in zip(arrays, again, strict=True):
            np.testing.assert_array_equal(x, y, strict=True)


def test_the_arrays_are_copies():
    model = of(lstm(D, H), dense(H, C))
    before = model.theta.copy()
    for arrays in keras_io.get_weights(model):
        for x in arrays:
            x[...] = 9
    np.testing.assert_array_equal(model.theta, before)


def test_a_model_on_a_device(xp):
    model = of(gru(D, H)).to(xp)
    before = core.to_host(model.theta).copy()
    weights = keras_io.get_weights(model)
    assert all(type(x) is np.ndarray for arrays in weights for x in arrays)
    keras_io.set_weights(model, [[2 * x for x in arrays] for arrays in weights])
    assert type(model.theta) is type(xp.empty(1))
    np.testing.assert_array_equal(core.to_host(model.theta), 2 * before)


@pytest.mark.parametrize("given", ["float16", "bfloat16", "float64"])
def test_another_precision_is_cast_where_that_is_asked_for(given):
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: pip install ml_dtypes")
    model = of(gru(D, H), dense(H, C), dtype=np.float32)
    dtype = np.dtype(ml_dtypes.bfloat16 if given == "bfloat16" else given)
    weights = [[(x + 0.1).astype(dtype) for x in arrays] for arrays in keras_io.get_weights(model)]
    before = model.theta.copy()
    with pytest.raises(ValueError, match=rf"^weights\[0\]\[0\]: gru kernel: expected .*, got .* {given}; cast=True"):
        keras_io.set_weights(model, weights)
    np.testing.assert_array_equal(model.theta, before)
    keras_io.set_weights(model, weights, cast=True)
    np.testing.assert_array_equal(model.params["dense.W"], weights[1][0].T.astype(np.float32))
    assert model.theta.dtype == np.float32


NOT_THERE = {
    "peepholes": [lstm(D, H, peepholes=True)],
    "peepholes in both directions": [bidirectional(lstm(D, H, peepholes=True))],
    "a GRU without recurrent bias": [recurrent("gru", D, H, own=False)],
    "reverse": [reverse(lstm(D, H))],
    "a variant": [recurrent("cifg", D, H)],
    "a variant without p": [recurrent("cifg", D, H, own=False)],
    "NAS": [recurrent("nas", D, H)],
}


@pytest.mark.parametrize("layers", NOT_THERE.values(), ids=NOT_THERE.keys())
def test_layers_that_keras_does_not_have(layers):
    model = of(*layers)
    before = model.theta.copy()
    for call in (lambda: keras_io.get_weights(model), lambda: keras_io.set_weights(model, [])):
        with pytest.raises(ValueError, match=rf"^layers: expected such as Keras has, .*, got {layers[0].name}: "):
            call()
    np.testing.assert_array_equal(model.theta, before)


def changed(k, j, x):
    """The weights with another array in one place; None: without it."""

    def change(weights):
        weights[k][j : j + 1] = [] if x is None else [x]
        return weights

    return change


F8 = np.float64
WRONG = {
    "no list": (lambda w: w[0][0], TypeError, r"^weights: expected lists of arrays, \[layer\.get_weights\(\) for"),
    "a flat list": (lambda w: [*w[0], *w[1]], TypeError, r"^weights\[0\]: expected a list of arrays for each layer, "),
    "a layer less": (lambda w: w[:1], ValueError, r"^weights: expected .* 2 layers, gru, dense, got 1 with 3 arrays$"),
    "no layers": (lambda w: [], ValueError, r"^weights: expected .* 2 layers, gru, dense, got 0 with no arrays$"),
    "a layer more": (lambda w: [*w, [np.ones(2)]], ValueError, r"^weights: expected .* got 3 with 3, 2, 1 arrays$"),
    "an array more": (lambda w: [w[0], [*w[1], np.ones(2)]], ValueError,
                      r"^weights\[1\]: expected kernel, bias of dense, or those without bias, got 3 arrays$"),
    "an array less": (lambda w: [w[0][:1], w[1]], ValueError,
                      r"^weights\[0\]: expected kernel, recurrent_kernel, bias of gru, .* got 1 arrays$"),
    "a place counts lists as they came": (lambda w: [[], w[0], [], [w[1][0]] * 3], ValueError,
                                           r"^weights\[3\]: expected kernel, bias of dense, "),
    "layers in another order": (lambda w: w[::-1], ValueError, r"^weights\[1\]: expected kernel, bias of dense, "),
    "transposed": (changed(1, 0, np.ones((C, H))), ValueError,
                   r"^weights\[1\]\[0\]: dense kernel: expected shape \(4, 2\)"),
    "reset_after=False": (changed(0, 2, np.ones(3 * H)), ValueError,
                          r"^weights\[0\]\[2\]: gru bias: expected shape \(2, 12\) of float64, got \(12,\)"),
    "that would broadcast": (changed(1, 1, np.ones(1)), ValueError, r"^weights\[1\]\[1\]: dense bias: expected shape"),
    "another precision": (changed(1, 1, np.ones(C, "f4")), ValueError,
                          r"dense bias: expected .*float64, got .*cast=True"),
    "integers": (changed(1, 1, np.ones(C, int)), ValueError, r"dense bias: expected .*float64, got .* of int64$"),
    "words": (changed(1, 1, ["a", "b"]), ValueError, r"dense bias: expected .*float64, got "),
    "masked": (changed(1, 1, np.ma.masked_less(np.ones(C), 2)), TypeError, r"dense bias: expected a plain NumPy array"),
    "NaN": (changed(1, 0, np.full((H, C), np.nan)), ValueError, r"^dense\.W: expected finite"),
    "infinities that meet": (changed(0, 2, np.stack([np.full(3 * H, np.inf), np.full(3 * H, -np.inf)])), ValueError,
                             r"^gru\.b: expected finite"),
}  # fmt: skip


@pytest.mark.parametrize("change, error, message", WRONG.values(), ids=WRONG.keys())
def test_weights_that_do_not_fit_change_nothing(change, error, message):
    model = of(gru(D, H), last(), dense(H, C))
    before, weights = model.theta.copy(), [[x + 1 for x in arrays] for arrays in keras_io.get_weights(model)]
    with pytest.raises(error, match=message):
        keras_io.set_weights(model, change(weights))
    np.testing.assert_array_equal(model.theta, before)


# ---- Keras itself ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    reason = 'Keras is not installed: .venv/bin/python -m pip install -e ".[keras]"'
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras", reason=reason)


def one_bias(name, arrays):
    """The arrays of a layer as we have them: in the place of a GRU's biases of z and r their sum, and 0."""
    if name != "gru":
        return arrays
    H, arrays = len(arrays[1]), [x.copy() for x in arrays]
    for x in arrays[2::3]:
        x[0, : 2 * H] += x[1, : 2 * H]
        x[1, : 2 * H] = 0
    return arrays


@settings(deadline=None, max_examples=20)
@given(st.data())
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # within Keras
def test_drawn_models_of_keras(keras, data):
    """One or two recurrent layers of any kind, with or without bias, both ways or one, and a Dense behind.

    In: the outputs of Keras's own layers with weights and biases that are not 0, to 1e-6 in float32. Out: the same
    arrays, exactly, and, set in the same layers, the same outputs.
    """
    draw = data.draw
    D, H, C, T, B = (draw(st.integers(1, 6)) for _ in range(5))
    levels, last_step, bias_behind = draw(st.integers(1, 2)), draw(st.booleans()), draw(st.booleans())
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    names, biased, theirs, ours, width = [], [], [], [], D
    for level in range(levels):
        name, both, bias = draw(st.sampled_from([*CELLS])), draw(st.booleans()), draw(st.booleans())
        make, _, kind, options = CELLS[name]
        ends = last_step and level == levels - 1
        layer = getattr(keras.layers, kind)(H, use_bias=bias, return_sequences=not ends, **options)
        theirs.append(keras.layers.Bidirectional(layer) if both else layer)
        layer = make(width, H)
        ours += [bidirectional(layer, last=ends)] if both else [layer, *([last()] if ends else [])]
        width, names, biased = H * (1 + both), [*names, name], [*biased, bias]
    theirs += [keras.layers.Dropout(0.5), keras.layers.Dense(C, use_bias=bias_behind)]
    ours += [dropout(0.5), dense(width, C)]
    made = keras.Sequential([keras.Input((T, D)), *theirs])
    weights = [[(x + rng.normal(0, 0.3, x.shape)).astype("f4") for x in layer.get_weights()] for layer in made.layers]
    for layer, arrays in zip(made.layers, weights, strict=True):
        layer.set_weights(arrays)
    x = rng.standard_normal((B, T, D)).astype(np.float32)
    expected = np.asarray(made(x))

    def agree(found):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * max(1, np.abs(expected).max()))

    model = of(*ours, dtype=np.float32)
    keras_io.set_weights(model, [layer.get_weights() for layer in made.layers])
    agree(model.predict(x))
    found = keras_io.get_weights(model)
    there = [layer for layer in made.layers if layer.weights]
    given = [arrays for arrays in weights if arrays]
    for layer, name, bias, arrays, again in zip(there, [*names, ""], [*biased, bias_behind], given, found, strict=True):
        period = 3 if name else 2
        if not bias:
            assert not any(y.any() for y in again[period - 1 :: period])
            again = [y for k, y in enumerate(again) if k % period < period - 1]
        for y, z in zip(one_bias(name if bias else "", arrays), again, strict=True):
            np.testing.assert_array_equal(y, z, strict=True)
        layer.set_weights([0 * y for y in again])
        layer.set_weights(again)
    agree(np.asarray(made(x)))
