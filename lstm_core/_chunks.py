"""Chunks: how the products of the scan are put together. Nothing is computed here, all of it is which rows and columns.

Of every step the products read one column for each example: h_{t-1}, x_t, 1 and what each stage hands over to the next,
one above the other (`scan.Cache.read`). The gradients of the matrices are sums over all steps. A product for each step
would read and write the whole matrix each time, and one for all steps would not stay in the processor's cache: so it is
one for some steps, a chunk.
"""

import math
from typing import NamedTuple

from .cells import Stage
from .types import Array

CHUNK = 10  # steps


class Part(NamedTuple):
    """A stage with its products.

    inputs, recurs: its gates among the cell's inputs and recurs, slices
    rows:  its rows of R
    q:     where in `Cache.read` stands h_{t-1}, or what the stage before hands over
    W_b:   its rows of [W b], which read x_t and 1; None where the step asks for the sum a + u: it is one product then
    own:   its rows of R; none where no gate sees q
    R:     the same, which reads q; of a sum of [R W b]
    reads: what these read
    """

    stage: Stage
    inputs: slice
    recurs: slice
    rows: slice
    q: slice
    W_b: Array | None
    own: Array
    R: Array
    reads: slice


def parts_of(xp, cell, P, H):
    """The `Part` of each stage, and where in `Cache.read` x_t and 1 stand."""
    D = P["W"].shape[1]
    W_b, x_1 = xp.concatenate([P["W"], P["b"]], axis=1), slice(H, H + D + 1)
    found, i, r, q, end = [], 0, 0, slice(0, H), x_1.stop
    for stage in cell.stages:
        inputs, recurs = slice(i, i + len(stage.inputs)), slice(r, r + len(stage.recurs))
        rows_W, rows = (slice(gates.start * H, gates.stop * H) for gates in (inputs, recurs))
        own = P["R"][rows] if "R" in P else xp.zeros((0, H), W_b.dtype)
        part = Part(stage, inputs, recurs, rows, q, W_b[rows_W], own, own, q)
        if stage.sums:  # then it is the first: h_{t-1}, x_t and 1 lie one above the other
            sums = xp.concatenate([own, part.W_b], axis=1)
            part = part._replace(W_b=None, R=sums, reads=slice(0, x_1.stop))
        found.append(part)
        i, r, q, end = inputs.stop, recurs.stop, slice(end, end + H), end + H
    return found, x_1


def countdown(T):
    """The steps t, the last first, each with its place in its chunk and, where that is complete, the chunk's length."""
    for t in reversed(range(T)):
        k = t % CHUNK
        yield t, k, 0 if k else min(CHUNK, T - t)


def chunks(xp, cell, dh):
    """Room for da and du of a chunk, (G, H, CHUNK, B); None for da where it is du."""
    _, H, B = dh.shape
    du = xp.empty((len(cell.recurs), H, CHUNK, B), dh.dtype)
    shared = len(cell.stages) == 1 and cell.stages[0].sums
    return None if shared else xp.empty((len(cell.inputs), H, CHUNK, B), dh.dtype), du


def put(chunk, gates, k, planes):
    """Write the planes of step k into the chunk, if there is one."""
    for place, plane in zip(chunk[gates], planes, strict=True) if chunk is not None else ():
        place[:, k] = plane


def flat(planes):
    """(G, H, n, B), or (G, H, B) of one step, as a matrix: a column for each example, or for each step of each."""
    return planes.reshape(planes.shape[0] * planes.shape[1], math.prod(planes.shape[2:]))


def columns(read, t, n):
    """n steps of (T, N, B) as a matrix, a column for each step of each example."""
    return read[t : t + n].swapaxes(0, 1).reshape(read.shape[1], -1)


def steps_of(matrix, n):
    """The reverse: n steps of such a matrix, (n, N, B)."""
    return matrix.reshape(len(matrix), n, -1).swapaxes(0, 1)
