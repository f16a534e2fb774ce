"""Initialisers. Each takes a `numpy.random.Generator`, and a shape (rows, columns) = (fan out, fan in)."""

import numpy as np

from .checks import check_count, check_not_negative, check_rng


def xavier_uniform(rng, rows, columns):
    """Uniform on ±sqrt(6 / (rows + columns)) (Glorot & Bengio 2010), float64 (rows, columns)."""
    rows, columns = _checked(rng, rows, columns)
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def orthogonal(rng, rows, columns):
    """Random matrix with orthonormal rows or columns, whichever are fewer (Saxe, McClelland & Ganguli 2014).

    The Q of a QR factorisation of a Gaussian matrix, its signs fixed so that Q is uniform over such matrices.
    """
    rows, columns = _checked(rng, rows, columns)
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T


def xavier_normal(rng, rows, columns):
    """Normal with variance 2 / (rows + columns) (Glorot & Bengio 2010)."""
    rows, columns = _checked(rng, rows, columns)
    return rng.standard_normal((rows, columns)) * np.sqrt(2 / (rows + columns))


def he_normal(rng, rows, columns):
    """Normal with variance 2 / columns, for relu (He et al. 2015)."""
    rows, columns = _checked(rng, rows, columns)
    return rng.standard_normal((rows, columns)) * np.sqrt(2 / columns)


def identity(rng, rows, columns):
    """The identity matrix, with relu the start of the IRNN (Le, Jaitly & Hinton 2015)."""
    return np.eye(*_checked(rng, rows, columns))


def uniform(limit):
    """An initialiser: uniform on ±limit. PyTorch's recurrent layers take 1/sqrt(H)."""
    limit = check_not_negative("limit", limit)
    return lambda rng, rows, columns: rng.uniform(-limit, limit, _checked(rng, rows, columns))


def normal(deviation):
    """An initialiser: normal with that standard deviation; 0 gives zeros."""
    deviation = check_not_negative("deviation", deviation)
    return lambda rng, rows, columns: deviation * rng.standard_normal(_checked(rng, rows, columns))


def _checked(rng, rows, columns):
    """(rows, columns), two positive ints. Raises as `checks.check_rng` and `checks.check_count` do."""
    check_rng(rng)
    return check_count("rows", rows), check_count("columns", columns)
