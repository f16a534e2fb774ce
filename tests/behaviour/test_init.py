"""Initialisers: ranges, moments, orthogonality; and what each layer starts with."""

import numpy as np
import pytest

from lstm_core import Model, cells, dense, gru, init, last, layers, lstm, mse, rnn


def generator():
    return np.random.default_rng(0)


def test_xavier_uniform():
    """Uniform on ±L, L = sqrt(6 / (rows + columns)): variance L²/3; flat in ten bins."""
    w = init.xavier_uniform(generator(), 200, 100)
    limit = np.sqrt(6 / 300)
    assert w.shape == (200, 100) and np.abs(w).max() <= limit
    # 20,000 draws: five standard errors of the mean, of the variance (σ² sqrt(0.8 / n)), of a bin's count
    assert abs(w.mean()) < 5 * limit / np.sqrt(3 * w.size)
    assert w.var() == pytest.approx(limit**2 / 3, rel=5 * np.sqrt(0.8 / w.size))
    counts, _ = np.histogram(w, 10, (-limit, limit))
    assert np.abs(counts - 2000).max() < 5 * np.sqrt(2000 * 0.9)


@pytest.mark.parametrize("rows, columns", [(5, 5), (7, 3), (3, 7), (1, 1), (1, 4)])
def test_orthogonal(rows, columns):
    q = init.orthogonal(generator(), rows, columns)
    assert q.shape == (rows, columns)
    gram = q.T @ q if rows >= columns else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(rows, columns)), atol=1e-14)  # Householder: a few ulp an element


def test_orthogonal_is_uniform():
    """Over all orthogonal 2×2 matrices the angle of a column is uniform, and half are reflections.

    Without the signs fixed, LAPACK's Q has an entry that never changes its sign.
    """
    rng = generator()
    q = np.array([init.orthogonal(rng, 2, 2) for _ in range(2000)])
    # 2000 draws: the mean of ±1 or of a cosine (variance 1/2) is within five standard errors of 0
    assert np.abs(np.linalg.det(q).mean()) < 5 / np.sqrt(2000)
    assert np.abs(q.mean(axis=0)).max() < 5 * np.sqrt(0.5 / 2000)


@pytest.mark.parametrize("make", [rnn, lstm, gru], ids=lambda f: f.__name__)
def test_recurrent_layers_start_gate_by_gate(make):
    H = 6
    model = Model([make(3, H)], mse, rng=generator(), dtype=np.float64)
    W, R, b = (model.params[f"{make.__name__}.{name}"] for name in "WRb")
    gates = [*R.reshape(-1, H, H), *W.reshape(-1, H, 3)]
    assert len({gate.tobytes() for gate in gates}) == len(gates)  # drawn anew for each
    for gate in R.reshape(-1, H, H):
        np.testing.assert_allclose(gate @ gate.T, np.eye(H), atol=1e-14)  # each gate's own matrix is orthogonal
    limit = np.sqrt(6 / (H + 3))  # a gate's fan out is H, not G*H
    assert 0.9 * limit < np.abs(W).max() <= limit
    forget = np.zeros((len(b) // H, H))
    if make is lstm:
        forget[2] = 1  # gates i, o, f, g
    np.testing.assert_array_equal(b.reshape(-1, H), forget)


def test_own_parameters_and_dense_start():
    peephole = layers.recurrent(cells.LSTM, 3, 6)
    model = Model([peephole, last(), dense(6, 40)], mse, rng=generator(), dtype=np.float64)
    assert not model.params["lstm.p"].any() and not model.params["dense.b"].any()
    assert 0.9 * np.sqrt(6 / 46) < np.abs(model.params["dense.W"]).max() <= np.sqrt(6 / 46)


def test_the_generator_decides():
    starts = [Model([gru(3, 4)], mse, rng=np.random.default_rng(seed)).theta for seed in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] != starts[2]).any()


@pytest.mark.parametrize("initialiser, variance", [
    (init.xavier_normal, 2 / 300), (init.he_normal, 2 / 100), (init.normal(0.3), 0.09), (init.uniform(0.6), 0.12),
], ids=["xavier normal", "he normal", "normal", "uniform"])  # fmt: skip
def test_moments(initialiser, variance):
    """20,000 draws: mean and variance within five standard errors; a normal's variance has σ² sqrt(2 / n)."""
    w = initialiser(generator(), 200, 100)
    assert w.shape == (200, 100) and abs(w.mean()) < 5 * np.sqrt(variance / w.size)
    assert w.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / w.size))
    kurtosis = ((w - w.mean()) ** 4).mean() / w.var() ** 2
    assert kurtosis == pytest.approx(1.8 if variance == 0.12 else 3, abs=0.2)  # the shape: flat, or a bell


def test_identity_and_nought():
    assert (init.identity(generator(), 3, 3) == np.eye(3)).all()
    assert not init.normal(0)(generator(), 3, 2).any()


def test_a_ring_is_one():
    """|λ|² and the angle are uniform: their means within five standard errors, and nothing outside."""
    low, high, turn, n = 0.5, 0.9, 3.0, 10_000
    p_f, p_r = init.ring(low, high, turn)(generator(), 2, n)
    squares, angles = np.tanh(p_f) ** 2, 2 * np.arctan(p_r)
    for found, least, most in (squares, low**2, high**2), (angles, 0, turn):
        assert least <= found.min() and found.max() <= most
        assert found.mean() == pytest.approx((least + most) / 2, abs=5 * (most - least) / (12 * n) ** 0.5)
    assert (p_f < 0).all()  # what is kept is not turned around
    with pytest.raises(ValueError, match=r"^high: expected a number >= low = 0.9, got 0.5"):
        init.ring(0.9, 0.5)
    with pytest.raises(ValueError, match=r"^turn: expected an angle from 0 to 2π, got 7.0"):
        init.ring(turn=7)
    with pytest.raises(ValueError, match=r"^rows: expected 2, p_f and p_r of an LRU, got 3"):
        init.ring()(generator(), 3, 4)


def test_own_parameters_start_as_they_are_told():
    start = lambda layer: Model([layer], mse, rng=generator(), dtype=np.float64).params
    lru = start(layers.recurrent("lru", 3, 50))["lru.p"]
    assert (0.9 <= abs(np.tanh(lru[0]))).all() and len({*lru[1].flat}) == 50
    assert not start(layers.recurrent("rglru", 3, 5))["rglru.p"].any()
    count = lambda rng, rows, columns: np.arange(rows * columns).reshape(rows, columns)
    assert start(layers.recurrent("lstm", 3, 5, p=count))["lstm.p"].ravel().tolist() == [*range(15)]
    assert "lru.p" not in start(layers.recurrent("lru", 3, 5, own=False))


def test_layers_start_with_the_initialisers_they_are_given():
    layer = lstm(3, 4, W=init.normal(0), R=init.identity, forget_bias=2.5)
    model = Model([layer, last(), dense(4, 2, W=init.identity)], mse, rng=generator(), dtype=np.float64)
    assert not model.params["lstm.W"].any()
    assert (model.params["lstm.R"].reshape(4, 4, 4) == np.eye(4)).all()
    np.testing.assert_array_equal(model.params["lstm.b"].reshape(4, 4), [[0] * 4, [0] * 4, [2.5] * 4, [0] * 4])
    assert (model.params["dense.W"] == np.eye(2, 4)).all()
