"""What flows along the edges of a graph that another program wrote, and the operators that only move numbers.

A value is one of three.

* A NumPy array: known numbers, or sizes of axes; where such a size is free the array holds a `Size`.
* `Uniform`: one number, as often as it may be: zeros for initial states.
* `Stream`: what depends on x. Of it only the axes are kept: for each, the parts that it is made of, in their order. So
  Transpose, Reshape and their like are understood exactly, without a number, and for every size that is free.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from lstm_core.checks import brief, listed


class Node(NamedTuple):
    """A node: its operator, the values that it is given (None where one is left out), its attributes, the opset."""

    op: str
    given: list
    attributes: dict
    opset: int

    def value(self, k):
        """Input number k, or None."""
        return self.given[k] if k < len(self.given) else None

    def known(self, k, what):
        """Input number k, an array; ValueError if that depends on x."""
        value = self.value(k)
        if not isinstance(value, np.ndarray):
            raise ValueError(f"expected {what} that is a number or an array in the file, got {_kind(value)}")
        return value

    def integers(self, k, name, default=None):
        """What was an attribute, an integer for each axis, and is input number k in younger opsets."""
        found = self.attributes.get(name)
        if found is None and self.value(k) is not None:
            found = self.known(k, name).ravel()
            check_rank(len(found))
            found = found.tolist()
        if found is None:
            return default
        return [found] if isinstance(found, int) else [*found]


@dataclass(frozen=True)
class Size:
    """The size of an axis, or a product of sizes, that is free: a number times the sizes of axes of x."""

    number: int
    free: tuple

    def __mul__(self, other):
        other = other if isinstance(other, Size) else Size(int(other), ())
        return Size(self.number * other.number, tuple(sorted(self.free + other.free)))

    __rmul__ = __mul__


class Uniform(NamedTuple):
    """An array with the same number everywhere; of its shape only the last size is kept, None if that is not known."""

    number: Any
    last: Any = None


class Row(NamedTuple):
    """One direction's h or c, or a whole output: which layer made it, the how manieth of how many."""

    made: int
    k: int = 0
    of: int = 1
    state: str = "h"


class Stream(NamedTuple):
    """An array that depends on x.

    axes:  of each axis its parts, outer ones first: "0", "1", "2" are axes of x, "rows" those below, "units" what each
           row has; () for an axis of size 1. Of a single row "rows" is not there
    rows:  what it is of
    units: how many each row has; None: x, as labels
    sizes: of the axes of x, by part
    at:    "every" step, the "last" one, or where each direction is "final"
    """

    axes: tuple
    rows: tuple
    units: int | None
    sizes: dict
    at: str = "every"

    @property
    def features(self):
        """The parts of an axis that has all of a step."""
        return ("rows", "units") if len(self.rows) > 1 else ("units",)

    def size(self, parts):
        """The size of an axis with these parts: an integer or a `Size`."""
        own = {"rows": len(self.rows), "units": self.units} | self.sizes
        return math.prod(own[part] for part in parts)

    def axis(self, k):
        """The axis number k, which may count from the end, as a number from the beginning."""
        if not -len(self.axes) <= k < len(self.axes):
            raise ValueError(f"expected an axis of {len(self.axes)}, got {brief(k)}")
        return k % len(self.axes)

    def __str__(self):
        words = {part: f"axis {part} of x" for part in self.sizes}
        return f"axes ({', '.join(' * '.join(words.get(part, part) for part in axis) or '1' for axis in self.axes)})"


def _kind(value):
    """A value as it stands in a message."""
    if value is None:
        return "none"
    return {"ndarray": "known numbers", "Uniform": "one number", "Stream": "what depends on x"}[type(value).__name__]


# ---- known numbers and sizes -----------------------------------------------------------------------------------------


def shape_of(node):
    """Shape: of a stream or of known numbers."""
    value = node.value(0)
    if isinstance(value, Stream):
        sizes = [value.size(axis) for axis in value.axes]
    else:
        sizes = [*node.known(0, "an array").shape]
    return as_array(sizes[node.attributes.get("start", 0) : node.attributes.get("end")])


def as_array(sizes):
    """Sizes as an array of integers, or of objects if one of them is free."""
    found = np.empty(len(sizes), object)
    for k, size in enumerate(sizes):
        found[k] = size
    return found if any(isinstance(size, Size) for size in sizes) else found.astype(np.int64)


def sizes_in(array):
    """The sizes in an array: a list of integers and `Size`s."""
    return [size if isinstance(size, Size) else int(size) for size in array.ravel()]


def moved(node, room):
    """What an operator that moves numbers makes of known ones; `room` says how many bytes it may take."""
    kinds = {value.dtype for value in node.given if value is not None}
    return np.asarray(_moved(node, room), object if object in kinds else None)  # NumPy makes a number of 0 axes none


def _moved(node, room):
    given = [value for value in node.given if value is not None]
    first = given[0] if given else None
    match node.op:
        case "Transpose":
            return first.transpose(node.attributes.get("perm"))
        case "Reshape":
            room.take(first.nbytes)
            return first.reshape(asked_for(node).tolist())
        case "Squeeze":
            return first.squeeze(tuple(node.integers(1, "axes", [k for k, n in enumerate(first.shape) if n == 1])))
        case "Unsqueeze":
            axes = node.integers(1, "axes")
            check_rank(first.ndim + len(axes))
            return np.expand_dims(first, tuple(axes))
        case "Slice":
            index = [slice(None)] * first.ndim
            for axis, start, stop, step in cuts(node, first.ndim):
                index[axis] = slice(start, stop, step)
            return first[tuple(index)]
        case "Concat":
            room.take(sum(array.nbytes for array in given))
            return np.concatenate(given, node.attributes["axis"])
        case "Gather":
            axis = node.attributes.get("axis", 0)
            room.take(first.nbytes // first.shape[axis] * max(1, given[1].size))
            return first.take(given[1], axis)
        case "Mul" if first.dtype.kind in "iO" and given[1].dtype.kind in "iO":
            room.take(8 * first.size * given[1].size)
            return first * given[1]
    raise ValueError("expected what depends on x, got known numbers only")


def cuts(node, ndim):
    """Where Slice cuts: axis, start, stop and step of each."""
    starts, stops = node.integers(1, "starts"), node.integers(2, "ends")
    axes = node.integers(3, "axes", [*range(len(starts))])
    steps = node.integers(4, "steps", [1] * len(starts))
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        if not -ndim <= axis < ndim or step == 0:
            raise ValueError(f"expected one of {ndim} axes and a step, got axis {brief(axis)}, step {brief(step)}")
        yield axis % ndim, start, stop, step


class Room:
    """How many bytes may yet be taken for arrays that are not in the file as they are."""

    def __init__(self, left):
        self.left = left

    def take(self, more):
        self.left -= more
        if self.left < 0:
            raise ValueError("expected arrays no larger than the file, got more and more of them")


# ---- streams ---------------------------------------------------------------------------------------------------------


def check_rank(axes):
    if axes > 64:  # as many as NumPy has
        raise ValueError(f"expected at most 64 axes, got {axes}")


def transpose(node, stream):
    order = node.attributes.get("perm", [*range(len(stream.axes))][::-1])
    if sorted(order) != [*range(len(stream.axes))]:
        raise ValueError(f"expected an order of {len(stream.axes)} axes, got {brief(order)}")
    return stream._replace(axes=tuple(stream.axes[k] for k in order))


def squeeze(node, stream):
    one = [k for k, axis in enumerate(stream.axes) if stream.size(axis) == 1]
    axes = [stream.axis(k) for k in node.integers(1, "axes", one)]
    wrong = [stream.axes[k] for k in axes if stream.axes[k]]
    if wrong:
        raise ValueError(f"expected to drop axes that are 1 of all x, got {wrong} of {stream}")
    return stream._replace(axes=tuple(axis for k, axis in enumerate(stream.axes) if k not in axes))


def unsqueeze(node, stream):
    axes = node.integers(1, "axes")
    total = len(stream.axes) + len(axes)
    check_rank(total)
    axes = sorted(k % total for k in axes if -total <= k < total)
    found = [*stream.axes]
    for k in axes:
        found.insert(k, ())
    if len(found) != total or len({*axes}) != len(axes):
        raise ValueError(f"expected new axes of {total}, got {brief(node.integers(1, 'axes'))}")
    return stream._replace(axes=tuple(found))


def asked_for(node):
    """The shape that a Reshape makes."""
    shape = node.known(1, "a shape")
    check_rank(shape.size)
    return shape


def reshape(node, stream):
    """The parts of all axes, in their order, put together to axes of the sizes that are asked for."""
    parts, shape = [part for axis in stream.axes for part in axis], sizes_in(asked_for(node))
    try:
        if not node.attributes.get("allowzero", 0):
            shape = [stream.size(stream.axes[k]) if size == 0 else size for k, size in enumerate(shape)]
        cut = shape.index(-1) if -1 in shape else len(shape)
        front = _grouped(stream, parts, shape[:cut])
        parts.reverse()
        back = [axis[::-1] for axis in _grouped(stream, parts, shape[:cut:-1])][::-1]
        parts.reverse()
        if cut < len(shape):
            return stream._replace(axes=(*front, tuple(parts), *back))
        if all(stream.size([part]) == 1 for part in parts):
            return stream._replace(axes=(*front[:-1], front[-1] + tuple(parts)))
    except IndexError:  # too few axes, or parts
        pass
    raise ValueError(f"expected a shape that keeps {stream} or puts axes together, got {brief(shape)}")


def _grouped(stream, parts, sizes):
    """Axes of these sizes, of `parts` from the first one on, which are taken away. IndexError if there are none."""
    axes = []
    for size in sizes:
        axis, found = [], 1
        if size == 1 and parts and stream.size(parts[:1]) == 1:
            axis.append(parts.pop(0))
        while found != size:
            axis.append(parts.pop(0))
            found = found * stream.size(axis[-1:])
        axes.append(tuple(axis))
    return axes


def flatten(node, stream):
    k = node.attributes.get("axis", 1)
    k = k if k == len(stream.axes) else stream.axis(k)
    return stream._replace(axes=(sum(stream.axes[:k], ()), sum(stream.axes[k:], ())))


def gather(node, stream, time):
    """One index of an axis: the last step of `time`, an axis of x, or one of the rows."""
    index = node.known(1, "an index")
    if index.size != 1 or index.ndim > 1:
        raise ValueError(f"expected one index, got {index.size}")
    k, at = stream.axis(node.attributes.get("axis", 0)), int(index.ravel()[0])
    return _cut(stream, k, at, at + 1 if at != -1 else None, time, drop=not index.ndim)


def sliced(node, stream, time):
    for k, start, stop, step in cuts(node, len(stream.axes)):
        if step != 1:
            raise ValueError(f"expected steps of 1, got {brief(step)}: to turn an axis round is no layer")
        size = stream.size(stream.axes[k])
        if start == 0 and _ends(stop, size):
            continue
        stream = _cut(stream, k, start, stop, time, drop=False)
    return stream


def _ends(stop, size):
    """Whether `stop` is at or beyond the end of an axis of that size; exporters write 2**63 - 1, and 2**31 - 1."""
    return stop in (None, size) or (isinstance(stop, int) and stop >= (size if isinstance(size, int) else 2**31 - 1))


def _cut(stream, k, start, stop, time, drop):
    """The stream from `start` to `stop` of axis k; `drop`: that axis is dropped, there is one index of it."""
    axis, size = stream.axes[k], stream.size(stream.axes[k])
    if axis and axis[0] in stream.sizes:
        last = start == -1 or (isinstance(size, int) and start == size - 1)
        if axis != time or not (last and _ends(stop, size)):
            raise ValueError(
                f"expected all steps or the last one of what a layer makes, got a piece of axis {k} of {stream}. (A "
                "recurrence that is written step by step, as PyTorch's exporter with dynamo=True writes nn.RNN, is no "
                "layer; with dynamo=False it writes RNN)"
            )
        stream = stream._replace(at="last")
    elif axis == ("rows",):
        stream = stream._replace(rows=stream.rows[start:stop])
        if not stream.rows:
            raise ValueError(f"expected some of {size} directions, got {brief(start)} … {brief(stop)}")
        if len(stream.rows) == 1:
            stream = stream._replace(axes=tuple(tuple(p for p in a if p != "rows") for a in stream.axes))
    elif axis or [0][start:stop] != [0]:
        raise ValueError(f"expected the last step or some of the directions, got a piece of axis {k} of {stream}")
    kept = () if drop else (stream.axes[k] if axis == ("rows",) else (),)
    return stream._replace(axes=(*stream.axes[:k], *kept, *stream.axes[k + 1 :]))


def concat(node, streams):
    """Directions put side by side, along an axis of their own or along the features."""
    first = streams[0]
    k = first.axis(node.attributes["axis"])
    other = lambda s: (s.axes[:k], s.axes[k + 1 :], s.units, s.at)
    along = {stream.axes[k] for stream in streams}
    if any(other(stream) != other(first) for stream in streams):
        raise ValueError(f"expected arrays that are alike, got {listed(streams)}")
    rows = sum((stream.rows for stream in streams), ())
    if along <= {(), ("rows",)} and all(stream.axes[k] or len(stream.rows) == 1 for stream in streams):
        new = ("rows",)
    elif all(stream.axes[k] == stream.features for stream in streams):
        new = ("rows", "units")
    else:
        raise ValueError(f"expected directions side by side, got {listed(streams)} along axis {k}")
    new = new if len(rows) > 1 else first.axes[k]
    return first._replace(axes=(*first.axes[:k], new, *first.axes[k + 1 :]), rows=rows)
