"""Initialisers. Each takes a `numpy.random.Generator`, and a shape (rows, columns) = (fan out, fan in)."""

import numpy as np


def xavier_uniform(rng, rows, columns):
    """Uniform on ±sqrt(6 / (rows + columns)) (Glorot & Bengio 2010), float64 (rows, columns)."""
    limit = np.sqrt(6 / (rows + columns))
    return rng.uniform(-limit, limit, (rows, columns))


def orthogonal(rng, rows, columns):
    """Random matrix with orthonormal rows or columns, whichever are fewer (Saxe, McClelland & Ganguli 2014).

    The Q of a QR factorisation of a Gaussian matrix, its signs fixed so that Q is uniform over such matrices.
    """
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return q if rows >= columns else q.T
