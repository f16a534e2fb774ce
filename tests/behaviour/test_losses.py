"""Losses against the textbook formula, example by example, and their derivatives against two numerical ones."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_core import gradcheck, losses

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))  # T, C, B


def draw(shape, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    T, C, B = shape
    return scale * rng.standard_normal(shape), rng.standard_normal(shape), rng.integers(0, C, (T, B))


@given(SHAPES, st.floats(1e-3, 10))
def test_losses_are_the_formulas(shape, scale):
    """In plain Python, one number after the other; fsum rounds once, so 1e-13 covers NumPy's own sums."""
    y, values, labels = draw(shape, scale=scale)
    T, C, B = shape
    squares = [(y[t, c, b] - values[t, c, b]) ** 2 for t in range(T) for c in range(C) for b in range(B)]
    assert losses.mse(y, values)[0] == pytest.approx(math.fsum(squares) / (T * C * B), rel=1e-13)
    surprise = [
        math.log(math.fsum(math.exp(v - y[t, labels[t, b], b]) for v in y[t, :, b])) for t in range(T) for b in range(B)
    ]
    found, _ = losses.softmax_cross_entropy(y, labels)
    assert found == pytest.approx(math.fsum(surprise) / (T * B), rel=1e-13, abs=1e-15 * scale)


@pytest.mark.parametrize("shape", [(3, 4, 2), (1, 10, 5), (5, 1, 2), (2, 3, 1)])
@pytest.mark.parametrize("loss", [losses.mse, losses.softmax_cross_entropy], ids=lambda f: f.__name__)
def test_derivatives(loss, shape):
    y, values, labels = draw(shape)
    target = values if loss is losses.mse else labels

    def f(theta):
        y = theta.reshape(shape)
        return loss(y, target.astype(y.dtype) if loss is losses.mse else target)[0]

    _, dy = loss(y, target)
    exact = gradcheck.complex_step(f, y.ravel()).reshape(shape)
    rough = gradcheck.central_differences(f, y.ravel()).reshape(shape)
    np.testing.assert_allclose(dy, exact, rtol=0, atol=1e-14)  # exact to rounding, and |dy| < 1
    np.testing.assert_allclose(dy, rough, rtol=0, atol=1e-9)  # cancellation: 1e-16 / 1e-5, some ten times


def test_softmax_is_a_distribution_and_does_not_mind_a_shift():
    y, _, labels = draw((3, 4, 2))
    loss, dy = losses.softmax_cross_entropy(y, labels)
    np.testing.assert_allclose(dy.sum(axis=1), 0, atol=1e-16)  # softmax and one-hot both sum to 1; divided by T*B
    shifted, dy_shifted = losses.softmax_cross_entropy(y + 1000.0, labels)
    assert shifted == pytest.approx(loss, rel=1e-12)  # y + 1000 drops three digits of y
    np.testing.assert_allclose(dy_shifted, dy, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_scores_do_not_overflow(dtype):
    """Warnings are errors here: neither overflow nor a logarithm of nought."""
    y = np.array([1e4, -1e4, 0.0], dtype).reshape(1, 3, 1)
    for label, expected in enumerate([0.0, 2e4, 1e4]):
        loss, dy = losses.softmax_cross_entropy(y, np.array([[label]]))
        assert loss == expected and loss.dtype == dy.dtype == dtype
        np.testing.assert_array_equal(dy.ravel(), np.eye(3)[0] - np.eye(3)[label])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_is_kept(dtype):
    y, values, labels = draw((3, 4, 2))
    for loss, target in (losses.mse, values.astype(dtype)), (losses.softmax_cross_entropy, labels):
        value, dy = loss(y.astype(dtype), target)
        assert value.dtype == dy.dtype == dtype


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int32, np.uint64])
def test_any_integers_are_labels(dtype):
    y, _, labels = draw((3, 4, 2))
    found = losses.softmax_cross_entropy(y, labels.astype(dtype))
    for a, b in zip(found, losses.softmax_cross_entropy(y, labels), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_perfect_fit_costs_nothing():
    y, _, _ = draw((3, 4, 2))
    loss, dy = losses.mse(y, y.copy())
    assert loss == 0 and not dy.any()
