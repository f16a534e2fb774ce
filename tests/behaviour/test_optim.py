"""Optimisers against sums done by hand and the papers' algorithms; clipping; schedules at their corners."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lstm_core import optim

RATE = 0.5


def run(optimizer, grads, theta=(1.0, -2.0), dtype=np.float64, rate=RATE):
    theta = np.array(theta, dtype)
    state = optimizer.init(theta)
    path = []
    for grad in grads:
        optimizer.update(theta, np.array(grad, dtype), state, rate)
        path.append(theta.copy())
    return np.array(path)


# Two steps from (1, -2), rate 1/2, gradients (1, 4) and then (3, -2); every number is exact in binary.
GRADS = [(1.0, 4.0), (3.0, -2.0)]
BY_HAND = {
    "sgd": (optim.sgd(), [(0.5, -4.0), (-1.0, -3.0)]),
    # v = (1, 4), then (1, 4)/2 + (3, -2) = (3.5, 0)
    "momentum": (optim.momentum(0.5), [(0.5, -4.0), (-1.25, -4.0)]),
    # step 1: both quotients are sign(∇): m/(1-β₁) = ∇, sqrt(v/(1-β₂)) = |∇|. With β₁ = 1/2, β₂ = 0, ε -> 0:
    # step 2: m = (1, 4)/4 + (3, -2)/2 = (1.75, 0), over 3/4 is (7/3, 0); v = (9, 4); the step is (7/9, 0)
    "adam": (optim.adam(0.5, 0.0, 1e-300), [(0.5, -2.5), (0.5 - 3.5 / 9, -2.5)]),
}


@pytest.mark.parametrize("optimizer, expected", BY_HAND.values(), ids=BY_HAND.keys())
def test_two_steps_by_hand(optimizer, expected):
    np.testing.assert_allclose(run(optimizer, GRADS), expected, rtol=1e-15)  # 7/9 is not exact


def adam_of_the_papers(theta, grads, rate, beta1, beta2, epsilon, decay=0.0):
    """Kingma & Ba 2015, algorithm 1, and Loshchilov & Hutter 2019, algorithm 2, line by line."""
    m = v = 0.0
    for t, g in enumerate(grads, 1):
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        m_hat = m / (1 - beta1**t)
        v_hat = v / (1 - beta2**t)
        theta = theta - rate * (m_hat / (np.sqrt(v_hat) + epsilon) + decay * theta)
        yield theta


SETTINGS = [(0.9, 0.999, 1e-8), (0.5, 0.9, 0.1), (0.0, 0.0, 1e-3), (0.9, 0.99, 0.1, 0.3)]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_adam_is_the_papers(settings):
    """ε = 0.1 would show an ε that is not scaled with the bias correction. Rounding: 50 steps, some ulp each."""
    rng = np.random.default_rng(0)
    theta, grads = rng.standard_normal(20), rng.standard_normal((50, 20)) * np.logspace(-4, 4, 20)
    expected = list(adam_of_the_papers(theta, grads, 0.01, *settings))
    np.testing.assert_allclose(run(optim.adam(*settings), grads, theta, rate=0.01), expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("make", [optim.sgd, optim.momentum, optim.adam], ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_update_is_in_place_and_keeps_the_precision(make, dtype):
    optimizer, theta, grad = make(), np.ones(5, dtype), np.full(5, 2, dtype)
    state = optimizer.init(theta)
    arrays = {name: a for name, a in state.items() if isinstance(a, np.ndarray)}
    optimizer.update(theta, grad, state, 0.1)
    assert theta.dtype == dtype and (theta < 1).all()
    assert all(state[name] is a and a.dtype == dtype and a.any() for name, a in arrays.items())
    np.testing.assert_array_equal(grad, 2)  # the gradient is read only


def test_defaults_are_the_papers():
    """Kingma & Ba 2015: 0.9, 0.999, 1e-8; and 0.9 for the momentum."""
    for default, explicit in (optim.adam(), optim.adam(0.9, 0.999, 1e-8)), (optim.momentum(), optim.momentum(0.9)):
        np.testing.assert_array_equal(run(default, 1e-8 * np.array(GRADS)), run(explicit, 1e-8 * np.array(GRADS)))


def test_two_runs_of_one_optimiser_share_nothing():
    optimizer = optim.adam()
    np.testing.assert_array_equal(run(optimizer, GRADS), run(optimizer, GRADS))


# ---- clipping ----------------------------------------------------------------------------------------------------


def test_clipping_by_hand():
    grad = np.array([3.0, -4.0])
    assert optim.clip_global_norm(grad, None) == optim.clip_global_norm(grad, 5.0) == 5.0
    np.testing.assert_array_equal(grad, [3.0, -4.0])  # at the limit is within it
    assert optim.clip_global_norm(grad, 2.5) == 5.0  # the norm before clipping
    np.testing.assert_array_equal(grad, [1.5, -2.0])


@given(arrays(np.float64, st.integers(1, 6), elements=st.floats(-1e6, 1e6)), st.floats(1e-3, 1e3))
def test_clipping_shortens_and_does_not_turn(grad, limit):
    clipped = grad.copy()
    norm = optim.clip_global_norm(clipped, limit)
    assert norm == pytest.approx(np.linalg.norm(grad), rel=1e-14, abs=1e-150)  # squares underflow below 1e-154
    assert np.linalg.norm(clipped) <= limit * (1 + 1e-14)  # rounding of the factor and the norm
    if norm <= limit:
        np.testing.assert_array_equal(clipped, grad)
    else:
        np.testing.assert_allclose(clipped, grad * (limit / norm), rtol=1e-15)


@pytest.mark.parametrize("size", [1e-45, 1e-40, 1e-25, 1e-15, 1, 1e15, 1e20, 1e38])
def test_clipping_at_the_ends_of_float32(size):
    """Squares above 3e38 and below 1e-45 are out of range; norms and clipped gradients are not."""
    grad = np.float32(size) * np.array([1, -1, 1, 1], np.float32)
    expected = 2 * float(np.float32(size))
    clipped = grad.copy()
    assert optim.clip_global_norm(clipped, expected / 2) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(clipped, grad / 2, rtol=1e-5, atol=1e-45)  # the smallest number of all has no half
    clipped = grad.copy()
    optim.clip_global_norm(clipped, 1e-3 if size > 1 else 2 * expected)
    assert np.linalg.norm(clipped.astype(float)) == pytest.approx(1e-3 if size > 1 else expected, rel=1e-5)


def test_the_norm_of_what_is_not_finite_or_nothing():
    assert optim.clip_global_norm(np.zeros(3), 1.0) == 0
    for bad in (np.nan, np.inf):
        assert not math.isfinite(optim.clip_global_norm(np.array([1.0, bad]), 1.0))


# ---- schedules ---------------------------------------------------------------------------------------------------

EIGHTH = 1 / 8  # progress in eighths of an epoch: exact
SCHEDULES = {
    "constant": (optim.constant(0.3), {0: 0.3, 1: 0.3, 1e6: 0.3}),
    "steps": (optim.steps(0.8, 2), {0: 0.8, 2 - EIGHTH: 0.8, 2: 0.4, 4 - EIGHTH: 0.4, 4: 0.2, 6: 0.1}),
    "steps of half an epoch": (optim.steps(1.0, 0.5, 0.1), {0: 1.0, 0.5 - EIGHTH: 1.0, 0.5: 0.1, 1: 0.01}),
    "cosine": (optim.cosine(0.8, 8), {0: 0.8, 2: 0.4 * (1 + 0.5**0.5), 4: 0.4, 8: 0.0, 9: 0.0}),
    "cosine, warm-up": (optim.cosine(0.8, 6, 2), {0: 0.0, 0.5: 0.2, 1: 0.4, 2: 0.8, 4: 0.4, 6: 0.0, 7: 0.0}),
}


@pytest.mark.parametrize("schedule, corners", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_schedules_at_their_corners(schedule, corners):
    for progress, rate in corners.items():
        assert schedule(progress) == pytest.approx(rate, rel=1e-14, abs=1e-16), progress


@given(st.floats(0.1, 20), st.floats(0, 0.99), st.lists(st.floats(0, 1), min_size=2))
def test_cosine_rises_then_falls(epochs, part, points):
    warmup, schedule = part * epochs, optim.cosine(1.0, epochs, part * epochs)
    points = sorted(epochs * point for point in points)
    rates = [schedule(point) for point in points]
    assert all(0 <= rate <= 1 for rate in rates)
    for (p, a), (q, b) in zip(zip(points, rates), zip(points[1:], rates[1:])):
        if q <= warmup:
            assert a <= b
        elif p >= warmup:
            assert a >= b
