"""Gradient checks: two ways to differentiate by evaluating, and what to compare.

`f` maps a flat vector to a number. It must be written so that complex numbers pass through it (no `abs`, no
comparison of the values); everything in this package is.
"""

import numpy as np


def complex_step(f, theta, epsilon=1e-30):
    """Gradient of f at theta, element by element: Im f(θ + iεe_k) / ε (Squire & Trapp 1998).

    There is no difference, so nothing cancels: ε may be 1e-30, and the result is right to rounding. float64 (N,).
    """
    theta = np.asarray(theta)
    return np.array([np.imag(f(theta + 1j * epsilon * unit)) / epsilon for unit in _units(theta.size)])


def central_differences(f, theta, epsilon=1e-5):
    """Gradient of f at theta, element by element: (f(θ + εe_k) - f(θ - εe_k)) / 2ε. float64 (N,).

    Truncation costs ~ε², cancellation ~1e-16/ε: the best ε is near 1e-5, and the best error near 1e-10.
    """
    theta = np.asarray(theta, np.float64)
    ends = ((theta + epsilon * unit, theta - epsilon * unit) for unit in _units(theta.size))
    return np.array([(f(up) - f(down)) / (2 * epsilon) for up, down in ends])


def _units(N):
    return (np.arange(N) == k for k in range(N))


def projection(f, theta, gradient, rng, epsilon=1e-30):
    """Compare one number: the slope of f along a random unit direction v, by complex step, with gradient · v.

    One evaluation of f, however many parameters. Returns (slope, gradient · v).
    """
    v = rng.standard_normal(np.size(theta))
    v /= np.linalg.norm(v)
    slope = np.imag(f(np.asarray(theta, np.complex128) + 1j * epsilon * v)) / epsilon
    return float(slope), float(gradient @ v)


def relative_error(a, b):
    """max |a - b| / max(|a|, |b|) over two arrays; 0 where both are all zero."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        raise ValueError(f"b: expected the shape of a, {a.shape}, got {b.shape}")
    scale = max(np.abs(a).max(), np.abs(b).max())
    return float(np.abs(a - b).max() / scale) if scale else 0.0
