"""Plans: the same cell, faster. Its record says what is computed; a plan says where each result is put.

A cell as it is written makes a new plane for every operation. A planned one makes no more planes than are needed at one
time: an operation writes over a plane that nobody reads any more. And where a step asks for the sum a + u only, it says
so, and `scan` makes the sum in one matrix product. The operations are the cell's own, one by one and in its order, so
that a planned cell is proven as any other: on symbols, by the complex step, in the scan.

Nothing is kept between two calls: each makes its planes anew, and hands over those that it returns.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from ._fused import fused
from .arrays import ZERO, namespace
from .cells import Cell, positive
from .checks import check_cell
from .operations import Calculation, calculation, is_number
from .record import Node, record
from .types import Array

PART = 2**16  # bytes of a plane that are worked on at a time, so that what a step reads and writes stays in the cache


def plan(cell: Cell) -> Cell:
    """`cell`, planned; a cell whose functions do what cannot be recorded comes back as it is.

    A planned step writes over the a and u that it is given, which `scan` makes anew for each step. Where p is left out
    there is another plan, without what is 0 then.

    >>> fast = plan(cells.LSTM)
    >>> fast.stages[0].sums, len(prove_cell(fast))
    (True, 13)
    """
    check_cell(cell)
    return _plan(cell)


@functools.cache
def _plan(cell):
    return planned(cell, written)


def planned(cell: Cell, writer: Callable[[Calculation], Callable]) -> Cell:
    """The cell, with functions that `writer` makes of its calculations; as it is, if they cannot be recorded.

    >>> [stage.sums for stage in planned(cells.GRU_BEFORE, written).stages]
    [True, False]
    """
    try:
        whole, bare = record(cell), record(cell, own=False)
    except TypeError:
        return cell
    stages = []
    for k, stage in enumerate(cell.stages):
        sums = [[] if k else _sums(stage, recorded[k]) for recorded in (whole, bare)]
        sums = sums if all(sums) else [[], []]
        steps, backs = (
            [writer(calculation(recorded[k][j], added)) for recorded, added in zip((whole, bare), sums, strict=True)]
            for j in range(2)
        )
        functions = _with_or_without_p(*steps, *backs)
        stages.append(replace(stage, step=functions[0], back=functions[1], sums=bool(sums[0])))
    return replace(cell, stages=tuple(stages))


def _with_or_without_p(step, bare_step, back, bare_back):
    """A step and a back that ask whether p is there."""

    def is_there(p):
        return len(p) > 0 and p[0] is not ZERO

    def planned_step(a, u, s, p, tanh):
        return (step if is_there(p) else bare_step)(a, u, s, p, tanh)

    def planned_back(ds, kept, p):
        return (back if is_there(p) else bare_back)(ds, kept, p)

    return planned_step, planned_back


def _sums(stage, recorded):
    """The nodes a_k + u_k of all gates, if a step asks for nothing else of a and u and da is du; else none."""
    step, back = recorded
    pairs = [*zip(step.inputs["a"], step.inputs["u"])]
    readers = {x: [n for n in step.nodes if any(x is y for y in n.args)] for pair in pairs for x in pair}
    returned = {x for planes in step.outputs.values() for x in planes if isinstance(x, Node)}
    if stage.inputs != stage.recurs or returned & readers.keys():
        return []
    if not all(x is y for x, y in zip(back.outputs["da"], back.outputs["du"], strict=True)):
        return []
    sums = [readers[a][0] for a, u in pairs if len(readers[a]) == 1 and {*readers[a]} == {*readers[u]}]
    return sums if len(sums) == len(pairs) and all(n.op == "+" for n in sums) else []


def places(found: Calculation) -> dict[str, str]:
    """Where each value is put: name -> "u0", of an input that may be written over, or "r0", "r1", …

    >>> from lstm_core.record import record
    >>> places(calculation(record(cells.RNN)[0].back))
    {'v0': 'r0', 'v1': 'r0', 'v2': 'r0'}
    """
    writable, returned = {*found.inputs.get("a", ()), *found.inputs.get("u", ())}, found.returned
    last = {x: k for k, op in enumerate(found.operations) for x in op.args}
    place: dict[str, str] = {}
    free, count = sorted(writable - last.keys() - returned), 0
    for k, op in enumerate(found.operations):
        done = [x for x in dict.fromkeys(op.args) if last[x] == k and x not in returned]
        freed = [place.get(x, x) for x in done if x in place or x in writable]
        if freed:
            place[op.name] = freed.pop(0)
        elif free:
            place[op.name] = free.pop()
        else:
            place[op.name], count = f"r{count}", count + 1
        free += freed
    return place


def text(found: Calculation) -> str:
    """The plan: Python text of a function like the cell's.

    >>> from lstm_core.record import record
    >>> print(text(calculation(record(cells.RNN)[0].back)))
    def rnn_back(ds, kept, p):
        ds0, = ds
        kept0, = kept
        xp = namespace(ds0)
        r0 = xp.empty(ds0.shape, ds0.dtype)
        n0 = number(xp, ds0.dtype, 1)
        for ds0_, kept0_, r0_ in parts(ds0, ds0, kept0, r0):
            xp.multiply(kept0_, kept0_, r0_)
            xp.subtract(n0, r0_, r0_)
            xp.multiply(ds0_, r0_, r0_)
        return (r0,), (r0,), (0,), ()
    """
    place = places(found)
    asked = dict.fromkeys(x for op in found.operations for x in op.args if is_number(x))
    numbers = {x: f"n{k}" for k, x in enumerate(asked)}
    arrays = [*found.planes, *registers(place)]
    lines = [f"{name} = number(xp, {found.like}.dtype, {x})" for x, name in numbers.items()]
    lines += [f"for {', '.join(f'{x}_' for x in arrays)} in parts({', '.join([found.like, *arrays])}):"]
    for op in found.operations:
        args = [numbers.get(x) or place.get(x, x) + "_" for x in op.args]
        out = place[op.name] + "_"
        if op.call == "positive":
            lines.append(f"    {out}[...] = positive({args[0]})")
        else:
            lines.append(f"    {'' if op.call == 'tanh' else 'xp.'}{op.call}({', '.join(args)}, {out})")
    return framed(found, place, lines if found.operations else [])


def framed(found: Calculation, place: dict[str, str], lines: list[str]) -> str:
    """Python text of a function like the cell's: what it is given, its planes, `lines`, what it returns.

    >>> from lstm_core.record import record
    >>> print(framed(calculation(record(cells.RNN)[0].back), {"v2": "r0"}, ["..."]))
    def rnn_back(ds, kept, p):
        ds0, = ds
        kept0, = kept
        xp = namespace(ds0)
        r0 = xp.empty(ds0.shape, ds0.dtype)
        ...
        return (r0,), (r0,), (0,), ()
    """
    head = f"def {found.function.__name__}({', '.join(found.inputs)}{', tanh' if 'u' in found.inputs else ''}):"
    given = [f"{', '.join(planes)}, = {argument}" for argument, planes in found.inputs.items() if planes]
    made = [f"{r} = xp.empty({found.like}.shape, {found.like}.dtype)" for r in registers(place)]
    results = []
    for key, values in found.outputs.items():
        whole = f"({''.join(f'{place.get(x, x)}, ' for x in values)[:-1]})" if values else "()"
        results.append(f"Kept({whole})" if key == "kept" else whole)
    body = [*given, f"xp = namespace({found.like})", *made, *lines, f"return {', '.join(results)}"]
    return "\n    ".join([head, *body])


def registers(place: dict[str, str]) -> list[str]:
    """The planes among the places that a function makes.

    >>> registers({"v0": "u0", "v1": "r0"})
    ['r0']
    """
    return [*dict.fromkeys(r for r in place.values() if r.startswith("r"))]


def written(found: Calculation) -> Callable:
    """The function that the plan's `text` is; on a GPU, one kernel.

    >>> from lstm_core.record import record
    >>> back = written(calculation(record(cells.RNN)[0].back))
    >>> back([np.ones((1, 1))], [np.full((1, 1), 0.5)], ())[0]  # dh (1 - h²)
    (array([[0.75]]),)
    """
    return fused(found, made(found, text(found), number=_number, parts=_parts, positive=positive))


def made(found: Calculation, text: str, **names: Any) -> Callable:
    """The function of a text, in which `names` and what `framed` asks for are known.

    >>> from lstm_core.record import record
    >>> back = calculation(record(cells.RNN)[0].back)
    >>> made(back, framed(back, {}, [])).__name__
    'rnn_back'
    """
    scope: dict[str, Any] = {}
    exec(compile(text, f"<plan of {found.function.__name__}>", "exec"), scope)
    function = scope.pop(found.function.__name__)  # which may have the name of one of the others
    scope |= names | dict(namespace=namespace, Kept=found.kept)
    return function


@functools.cache
def _number(xp, dtype, value):
    """The number as an array without axes, which NumPy need not convert at each call; elsewhere as it is."""
    if xp is not np:
        return value
    number = np.array(value, dtype)
    number.flags.writeable = False
    return number


def _parts(like: Array, *arrays: Any) -> Iterable[tuple[Array, ...]]:
    """The same rows of all arrays, some at a time; a number, or what has no rows of its own, is whole each time."""
    size = 0 if like.dtype.hasobject else like.nbytes
    if size <= PART:
        return [arrays]
    rows = max(1, len(like) * PART // size)
    starts = range(0, len(like), rows)
    return (tuple(x[r : r + rows] if getattr(x, "ndim", 0) == 2 else x for x in arrays) for r in starts)
