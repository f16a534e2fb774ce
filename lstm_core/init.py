"""Initialisers. Each takes a `numpy.random.Generator`, and a shape (rows, columns) = (fan out, fan in)."""

import numpy as np

from .checks import check_count, check_fraction, check_not_negative, check_number, check_rng
from .types import Initialiser


def xavier_uniform(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Uniform on ±sqrt(6 / (rows + columns)) (Glorot & Bengio 2010), float64 (rows, columns).

    >>> W = init.xavier_uniform(rng, 100, 50)
    >>> W.shape, bool(abs(W).max() <= 0.2)  # sqrt(6 / 150)
    ((100, 50), True)
    """
    rows, columns = _checked(rng, rows, columns)
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Random matrix with orthonormal rows or columns, whichever are fewer; float64 (rows, columns).

    Saxe, McClelland & Ganguli (2014). The Q of a QR factorisation of a Gaussian matrix, its signs fixed so that Q is
    uniform over such matrices.

    >>> R = init.orthogonal(rng, 4, 4)
    >>> np.allclose(R @ R.T, np.eye(4))
    True
    """
    rows, columns = _checked(rng, rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T


def xavier_normal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Normal with variance 2 / (rows + columns) (Glorot & Bengio 2010), float64 (rows, columns).

    >>> round(float(init.xavier_normal(rng, 300, 500).std()), 2)  # sqrt(2 / 800)
    0.05
    """
    rows, columns = _checked(rng, rows, columns)
    return rng.standard_normal((rows, columns)) * np.sqrt(2 / (rows + columns))


def he_normal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Normal with variance 2 / columns, for relu (He et al. 2015), float64 (rows, columns).

    >>> round(float(init.he_normal(rng, 300, 800).std()), 2)  # sqrt(2 / 800)
    0.05
    """
    rows, columns = _checked(rng, rows, columns)
    return rng.standard_normal((rows, columns)) * np.sqrt(2 / columns)


def identity(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """The identity matrix, with relu the start of the IRNN (Le, Jaitly & Hinton 2015).

    >>> init.identity(rng, 2, 2)
    array([[1., 0.],
           [0., 1.]])
    """
    return np.eye(*_checked(rng, rows, columns))


def zeros(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Zeros.

    >>> init.zeros(rng, 1, 2)
    array([[0., 0.]])
    """
    return np.zeros(_checked(rng, rows, columns))


def uniform(limit: float) -> Initialiser:
    """An initialiser: uniform on ±limit. PyTorch's recurrent layers take 1/sqrt(H).

    >>> layer = rnn(3, 100, W=init.uniform(0.1), R=init.uniform(0.1))
    >>> bool(abs(Model([layer], mse, rng=rng).theta).max() <= 0.1)
    True
    """
    limit = check_not_negative("limit", limit)
    return lambda rng, rows, columns: rng.uniform(-limit, limit, _checked(rng, rows, columns))


def normal(deviation: float) -> Initialiser:
    """An initialiser: normal with that standard deviation; 0 gives zeros.

    >>> init.normal(0.0)(rng, 1, 3) == 0
    array([[ True,  True,  True]])
    """
    deviation = check_not_negative("deviation", deviation)
    return lambda rng, rows, columns: deviation * rng.standard_normal(_checked(rng, rows, columns))


def ring(low: float = 0.9, high: float = 0.999, turn: float = 2 * np.pi) -> Initialiser:
    """An initialiser for p of an LRU: factors λ in a ring of the complex plane (Orvieto et al. 2023).

    low <= |λ| <= high, every part of the ring as likely as another of its size; angles from 0 up to `turn`, 2π at most,
    all as likely. It gives rows p_f and p_r, (2, hidden). Raises ValueError for other rows, or for a ring that is none.

    >>> p_f, p_r = init.ring(0.5, 0.9)(rng, 2, 100)
    >>> length = abs(np.tanh(p_f))
    >>> bool(0.5 <= length.min()), bool(length.max() <= 0.9)
    (True, True)
    """
    low, high, turn = check_fraction("low", low), check_fraction("high", high), check_number("turn", turn)
    if low > high:
        raise ValueError(f"high: expected a number >= low = {low}, got {high}")
    if not 0 <= turn <= 2 * np.pi:
        raise ValueError(f"turn: expected an angle from 0 to 2π, got {turn}")

    def start(rng, rows, columns):
        rows, columns = _checked(rng, rows, columns)
        if rows != 2:
            raise ValueError(f"rows: expected 2, p_f and p_r of an LRU, got {rows}")
        squares, angles = rng.uniform(low**2, high**2, columns), rng.uniform(0, turn, columns)
        return np.stack([-np.arctanh(np.sqrt(squares)), np.tan(angles / 2)])

    return start


def _checked(rng, rows, columns):
    """(rows, columns), two positive ints. Raises as `checks.check_rng` and `checks.check_count` do."""
    check_rng(rng)
    return check_count("rows", rows), check_count("columns", columns)
