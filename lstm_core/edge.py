"""The edge: what users hand in beside x, made into what the inside takes: targets, and sequences padded in front."""

from typing import Any

import numpy as np

from .arrays import namespace
from .checks import check_labels, check_shape


def as_target(y: Any, axes: dict, outputs: int, dtype: Any) -> Any:
    """The targets `y` as class labels, integers with `axes`, or as values of `dtype` with an axis C = `outputs` more.

    axes: letter -> size, of an example, and of a step if every step has a target

    Any integers are labels, and so are booleans, 0 and 1; any real numbers and booleans are values. Raises TypeError or
    ValueError for others.

    >>> as_target(np.array([True, False]), {"B": 2}, 3, np.float32).tolist()
    [1, 0]
    >>> as_target(np.array([[1.0, 0.5]]), {"B": 1}, 2, np.float32).dtype.name
    'float32'
    """
    namespace(y=y)
    kind, more = y.dtype.kind, y.ndim - len(axes)
    fits = more == 0 or (more == 1 and y.shape[-1] == outputs)
    are_labels = more == 0 if fits else kind in "iub"
    if are_labels and kind not in "iub":
        raise TypeError(f"y: expected integer class labels, or values with an axis C, got dtype {y.dtype}")
    check_shape("y", y, axes | ({} if are_labels else {"C": outputs}))
    if are_labels:
        return y.astype(np.uint8) if kind == "b" else y
    if kind not in "iubf":
        raise TypeError(f"y: expected real numbers, got dtype {y.dtype}")
    return y.astype(dtype, copy=False)


def check_classes(y: Any, outputs: int, ignore_index: int | None = None) -> None:
    """Raise ValueError unless the labels `y` are in 0 … `outputs` - 1, or are `ignore_index`.

    >>> check_classes(np.array([0, 2, -100]), 3, ignore_index=-100)
    """
    y = y if ignore_index is None else y[y != ignore_index]
    if outputs == 1 and y.size and int(y.max()) > 0:
        raise ValueError(
            "y: expected values with an axis C=1 for a model with one output, got labels: pass y[..., None]"
        )
    if y.size:
        check_labels("y", y, outputs)


def looks_onehot(y: Any) -> bool:
    """Whether `y` (…, C) has one 1 in each row, else 0, and more than one column.

    >>> looks_onehot(np.array([[0, 1, 0], [1, 0, 0]])), looks_onehot(np.array([[0, 1, 1]]))
    (True, False)
    """
    return y.shape[-1] > 1 and bool(((y == 0) | (y == 1)).all()) and bool((y.sum(axis=-1) == 1).all())


def refusal(error: Exception, y: Any, there: Any, axes: dict, outputs: int) -> Exception:
    """What to raise where a loss refuses the targets `y`, of which those of some steps are `there`: words that help.

    >>> onehot = np.eye(3)[[[0, 2]]]
    >>> str(refusal(ValueError("target: expected shape (1, 1)"), onehot, onehot, {"B": 1, "T": 2}, 3))
    'y: expected class labels (B, T), got what looks one-hot: pass y.argmax(axis=-1)'
    """
    letters = ", ".join(axes)
    if not str(error).startswith("target: expected shape"):
        return error
    if y.dtype.kind in "iu":
        return ValueError(f"y: expected values ({letters}, C={outputs}) for this loss, got labels ({letters})")
    if looks_onehot(there):
        return ValueError(f"y: expected class labels ({letters}), got what looks one-hot: pass y.argmax(axis=-1)")
    return ValueError(f"y: expected class labels ({letters}) for this loss, got values ({letters}, C={outputs})")


def to_front(x: Any, lengths: Any) -> Any:
    """The last n steps of each example first: x (B, T, …), n of the integers `lengths` (B,). What `to_end` undoes.

    >>> to_front(np.array([[0, 0, 7, 8], [0, 4, 5, 6]]), np.array([2, 3])).tolist()
    [[7, 8, 0, 0], [4, 5, 6, 0]]
    """
    return _turned(x, lengths, lambda t, n: t - n)


def to_end(x: Any, lengths: Any) -> Any:
    """The first n steps of each example last: x (B, T, …), n of the integers `lengths` (B,). What `to_front` undoes.

    >>> to_end(np.array([[7, 8, 0, 0], [4, 5, 6, 0]]), np.array([2, 3])).tolist()
    [[0, 0, 7, 8], [0, 4, 5, 6]]
    """
    return _turned(x, lengths, lambda t, n: t + n)


def _turned(x, lengths, source):
    """x (B, T, …), at step t what stood at step `source(t, n)`, counted modulo T."""
    xp, (B, T) = namespace(x=x, lengths=lengths), x.shape[:2]
    return x[xp.arange(B)[:, None], source(xp.arange(T), lengths.astype(np.int64)[:, None]) % T]
