"""Variational dropout and zoneout: what is drawn, what is done with it, and that it is for training only."""

import copy

import numpy as np
import pytest

from lstm_core import (
    Model,
    bidirectional,
    dense,
    dropout,
    embedding,
    evaluate,
    fit,
    gradcheck,
    gru,
    last,
    layers,
    lstm,
    mse,
    recurrent,
    reverse,
    rnn,
    softmax_cross_entropy,
)
from lstm_core.layers import Pass
from lstm_core.variants import CELLS
from lstm_formats import checkpoint, onnx_io, torch_io, xml_io

# Against the complex step: some hundred products and sums, each to 1e-16, relative to the largest element.
TOLERANCE = 1e-12
N, T, D, C = 9, 6, 3, 2


def rng(seed=0):
    return np.random.default_rng(seed)


def build(stack, loss=mse, dtype=np.float64):
    """A model whose biases and peepholes are not nought."""
    model = Model(stack, loss, rng=rng(), dtype=dtype)
    model.theta += (0.3 * rng(1).standard_normal(model.theta.shape)).astype(dtype)
    return model


# ---- variational dropout -----------------------------------------------------------------------------------------


def test_what_is_dropped_is_the_same_at_all_steps():
    x = np.ones((7, 50, 40), np.float32)
    y, _, cache = dropout(0.3, variational=True).forward({}, x, (), Pass(rng=rng()))
    assert (y == y[0]).all() and set(np.unique(y)) == {np.float32(0), np.float32(1 / 0.7)} and y.dtype == np.float32
    assert (y[0, 0] != y[0, 1]).any() and (y[0, :, 0] != y[0, :, 1]).any()  # of each feature and example its own
    _, dx, _ = dropout(0.3, variational=True).backward({}, cache, 2 * x, ())
    np.testing.assert_array_equal(dx, 2 * y)
    plain, _, _ = dropout(0.3).forward({}, x, (), Pass(rng=rng()))
    assert (plain != plain[0]).any()


def test_the_share_is_right_and_the_mean_is_kept():
    """A million coins: the share is right to four standard deviations, 0.002, and so is the mean."""
    x = np.ones((2, 1000, 1000), np.float32)
    y, _, _ = dropout(0.3, variational=True).forward({}, x, (), Pass(rng=rng()))
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.002) and y.mean() == pytest.approx(1, abs=0.003)


def test_dropout_may_come_first_if_it_states_its_features():
    model = Model([dropout(0.5, features=D), lstm(D, 4)], mse, rng=rng())
    assert model.predict(np.ones((2, T, D), np.float32)).shape == (2, T, 4)
    with pytest.raises(ValueError, match=r"^layers: expected a first layer that states its features, got dropout"):
        Model([dropout(0.5), lstm(D, 4)], mse, rng=rng())
    with pytest.raises(ValueError, match="expected 4 features for lstm"):
        Model([dropout(0.5, features=4), lstm(D, 4)], mse, rng=rng())
    with pytest.raises(ValueError, match=r"^x: expected shape"):
        dropout(0.5, features=4).forward({}, np.ones((T, D, N)), (), layers.PLAIN)


# ---- zoneout -----------------------------------------------------------------------------------------------------


def follow(h, c, before):
    """Of each step, which units of h and of c stayed as they were: two arrays (T, H, B)."""
    was_h, was_c = np.concatenate([before[0][None], h[:-1]]), np.concatenate([before[1][None], c[:-1]])
    return h == was_h, c == was_c


def states_of(layer, P, x, state, how):
    """h and c of every step, one step after the other with the same generator as all at once."""
    found = []
    for t in range(len(x)):
        _, state, _ = layer.forward(P, x[t : t + 1], state, how)
        found.append(state)
    return (np.stack(planes) for planes in zip(*found))


def test_units_stay_with_the_probability_that_was_said():
    """200,000 coins each: right to four standard deviations. Those of h, of c and of each step are other coins."""
    layer, H, B, steps = lstm(D, 50, zoneout_h=0.1, zoneout_c=0.4), 50, 200, 20
    P = {name: rng(1).standard_normal(shape) for name, shape in layer.shapes.items()}
    x, state = rng(2).standard_normal((steps, D, B)), tuple(rng(3).standard_normal((2, H, B)))
    h, c = states_of(layer, P, x, state, Pass(rng=rng()))
    stays_h, stays_c = follow(h, c, state)
    assert stays_h.mean() == pytest.approx(0.1, abs=0.003) and stays_c.mean() == pytest.approx(0.4, abs=0.005)
    assert (stays_h & stays_c).mean() == pytest.approx(0.04, abs=0.002)
    assert (stays_c[1:] & stays_c[:-1]).mean() == pytest.approx(0.16, abs=0.004)
    for axis in (1, 2):
        assert (np.diff(stays_c, axis=axis) != 0).mean() == pytest.approx(2 * 0.4 * 0.6, abs=0.005)


def test_inference_is_what_is_expected():
    """Of one step, the mean over 40,000 draws: right to four standard deviations of a mean, 4 / 2 / 200."""
    layer, B = lstm(D, 4, zoneout_h=0.25, zoneout_c=0.5), 40_000
    P = {name: rng(1).standard_normal(shape) for name, shape in layer.shapes.items()}
    same = np.ones((1, 1, B))
    x, state = rng(2).standard_normal((1, D, 1)) * same, tuple(rng(3).standard_normal((2, 4, 1)) * same)
    _, drawn, _ = layer.forward(P, x, state, Pass(rng=rng()))
    _, expected, _ = layer.forward(P, x, state)
    for a, b, was in zip(drawn, expected, state):
        assert (b[:, 0] == b[:, 7]).all() and (b != was).all()
        scale = np.abs(was - b).max() * 4
        np.testing.assert_allclose(a.mean(axis=1), b[:, 0], rtol=0, atol=scale * 0.04)


STACKS = {
    "zoneout": [lstm(D, 4, peepholes=True, zoneout_h=0.3, zoneout_c=0.5), gru(4, 3, zoneout_h=0.4), dense(3, C)],
    "both ways": [bidirectional(lstm(D, 3, zoneout_c=0.5)), reverse(rnn(6, 4, zoneout_h=0.3)), dense(4, C)],
    "stages": [gru(D, 4, reset="before", zoneout_h=0.5), recurrent("nas", 4, 3, zoneout_h=0.2), last(), dense(3, C)],
    "dropout": [dropout(0.3, True, D), lstm(D, 4), dropout(0.5, True), gru(4, 3), dropout(0.2, True), dense(3, C)],
    "labels": [embedding(5, D), dropout(0.4, True), lstm(D, 4, zoneout_h=0.2), last(), dense(4, C)],
}
each_stack = pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS.keys())


@each_stack
@pytest.mark.parametrize("drawn", [True, False], ids=["training", "inference"])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_gradients_are_the_complex_step(stack, drawn, masked, shown):
    """With what was drawn fixed: the same generator for every evaluation."""
    model, B = build(stack), 4
    x = rng(2).integers(0, 5, (T, B)) if model.labels else rng(2).standard_normal((T, D, B))
    mask = rng(3).random((T, B)) < 0.7 if masked else None
    _, _, caches = model.forward(x, mask=mask, rng=rng(5) if drawn else None)
    dy = rng(4).standard_normal(model.forward(x, mask=mask)[0].shape)
    grad, dx, _ = model.backward(caches, dy)
    size = model.theta.size

    def value(vector):
        given = x if model.labels else vector[size:].reshape(x.shape)
        y, _, _ = model.at(vector[:size]).forward(given, mask=mask, rng=rng(5) if drawn else None)
        return (dy * y).sum()

    start = model.theta if model.labels else np.concatenate([model.theta, x.ravel()])
    found = grad if model.labels else np.concatenate([grad, dx.ravel()])
    error = gradcheck.relative_error(found, gradcheck.complex_step(value, start))
    assert error <= TOLERANCE
    shown(f"rung 3  {', '.join(model.names)}, {'as drawn' if drawn else 'as expected'}: {error:.1e} relative")


@pytest.mark.parametrize("cell", CELLS)
def test_rates_of_nought_are_no_zoneout(cell):
    plain, zoned = recurrent(cell, D, 4), recurrent(cell, D, 4, zoneout_h=0.0, zoneout_c=0)
    assert plain.config == zoned.config and plain.cell is zoned.cell is CELLS[cell]
    model, twin = build([plain]), build([zoned])
    x = rng().standard_normal((T, D, 2))
    np.testing.assert_array_equal(model.forward(x, rng=rng())[0], twin.forward(x)[0])


# ---- in training -------------------------------------------------------------------------------------------------


def data(model, dtype=np.float64):
    x = rng().integers(0, 5, (N, T)) if model.labels else rng().standard_normal((N, T, D)).astype(dtype)
    return x, rng(1).integers(0, C, (N,) if model.reads_last else (N, T))


@each_stack
def test_a_run_goes_on_bit_for_bit_and_predict_draws_nothing(stack):
    model = build(stack, softmax_cross_entropy)
    x, y = data(model)
    settings = {"batch": 4, "lengths": np.array([6, 2, 3, 6, 1, 4, 5, 6, 2]), "progress": False}
    if model.runs_forward:
        settings["truncate"] = 4
    twin, draws = copy.deepcopy(model), rng(7)
    once = fit(model, x, y, epochs=4, rng=rng(7), **settings)
    history = fit(twin, x, y, epochs=2, rng=draws, **settings)
    np.testing.assert_equal(twin.predict(x), twin.predict(x))
    assert evaluate(twin, x, y) == evaluate(twin, x, y)
    fit(twin, x, y, epochs=4, rng=draws, history=history, **settings)
    np.testing.assert_array_equal(twin.theta, model.theta)
    assert history.loss == once.loss
    other = build(stack, softmax_cross_entropy)
    assert fit(other, x, y, epochs=1, rng=rng(8), **settings).loss[0] != once.loss[0]


@each_stack
def test_padding_counts_for_nothing(stack):
    """Each string gives at inference what it gives alone."""
    model = build(stack)
    x, _ = data(model)
    lengths = np.array([6, 2, 3, 6, 1, 4, 5, 6, 2])
    y = model.predict(x, lengths)
    for k, n in enumerate(lengths):
        found = y[k] if model.reads_last else y[k, :n]
        np.testing.assert_allclose(found, model.predict(x[k : k + 1, :n])[0], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("layer", [lstm(D, 4, zoneout_h=0.3, zoneout_c=0.5), gru(D, 4, "before", zoneout_h=0.4)],
                         ids=["lstm", "gru before"])  # fmt: skip
def test_in_training_the_state_waits_where_no_step_is(layer):
    """Whatever is drawn there: what stands beyond the lengths changes nothing, and the state is that of the end."""
    P = {name: rng(1).standard_normal(shape) for name, shape in layer.shapes.items()}
    x, lengths = rng(2).standard_normal((T, D, 3)), np.array([2, 6, 4])
    mask = np.arange(T)[:, None] < lengths
    h, final, _ = layer.forward(P, x, (), Pass(mask=mask, rng=rng()))
    for k, n in enumerate(lengths):
        assert (h[n - 1 :, :, k] == final[0][:, k]).all()
    other, same, _ = layer.forward(P, np.where(mask[:, None], x, 7.0), (), Pass(mask=mask, rng=rng()))
    np.testing.assert_equal((other, same), (h, final))


@each_stack
def test_float32_stays_float32(stack):
    model = build(stack, softmax_cross_entropy, np.float32)
    x, y = data(model, np.float32)
    assert model.predict(x).dtype == np.float32
    fit(model, x, y, epochs=1, rng=rng(), progress=False)
    assert model.theta.dtype == np.float32 and np.isfinite(model.theta).all()


# ---- in files ----------------------------------------------------------------------------------------------------


@each_stack
def test_files_keep_them_and_others_refuse_zoneout_by_name(stack, tmp_path):
    """What dropout does is over after training: PyTorch and ONNX do without. What zoneout does is not."""
    model = build(stack, dtype=np.float32)
    x, _ = data(model, np.float32)
    for save, load in (checkpoint.save, lambda p: checkpoint.load(p)[0]), (xml_io.save, xml_io.load):
        save(path=tmp_path / "m", model=model)
        found = load(tmp_path / "m")
        assert [layer.config for layer in found.layers] == [layer.config for layer in stack]
        np.testing.assert_array_equal(found.predict(x), model.predict(x))
    names = [layer.name for layer in stack if "zoneout" in layer.name]
    if not names:
        onnx_io.save(path=tmp_path / "m", model=model)
        np.testing.assert_array_equal(onnx_io.load(tmp_path / "m").predict(x), model.predict(x))
        assert torch_io.state_dict(model)
        return
    with pytest.raises(ValueError, match=r"zoneout .*ONNX has no operator"):
        onnx_io.save(path=tmp_path / "new", model=model)
    assert not (tmp_path / "new").exists()
    with pytest.raises(ValueError, match=r"expected such as PyTorch has, .*zoneout"):
        torch_io.state_dict(model)


@pytest.mark.parametrize("make, message", [
    (lambda: lstm(D, 4, zoneout_h=1.0), r"zoneout_h: expected a number in \[0, 1\), got 1.0"),
    (lambda: lstm(D, 4, zoneout_c=-0.1), r"zoneout_c: expected a number in \[0, 1\), got -0.1"),
    (lambda: gru(D, 4, zoneout_c=0.5), "zoneout_c: expected 0 for cell gru, whose state has no c, got 0.5"),
])  # fmt: skip
def test_bad_rates_are_refused(make, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        make()


def test_a_bad_input_draws_nothing():
    layer, draws = lstm(D, 4, zoneout_h=0.5), rng()
    P = {name: rng(1).standard_normal(shape) for name, shape in layer.shapes.items()}
    before = draws.bit_generator.state
    for wrong in {"W": P["W"][:, :2]}, {"R": P["R"].astype(np.float32)}:
        with pytest.raises((TypeError, ValueError)):
            layer.forward(P | wrong, np.ones((T, D, 2)), (), Pass(rng=draws))
    assert draws.bit_generator.state == before
