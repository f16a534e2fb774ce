"""Compiled cells: the plan of a cell, with one loop over all units between two calls of tanh or exp. Needs Numba.

What a plan does in a call for each operation, a loop does in one pass over memory: it reads a number of each plane,
computes all that needs no tanh or exp, and writes what is needed further on. These stay NumPy's, which are the fastest
at hand. The text of the loops runs as it is on symbols, and is proven there; Numba compiles the same text for floats.
"""

import functools
import math
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from ._fused import INFIX
from .cells import Cell
from .checks import check_cell, check_flag
from .operations import Calculation, is_number
from .plan import framed, made, plan, planned, registers, written

CALLS = {"tanh": "tanh", "exp": "xp.exp"}  # operation -> what it is called in the text


def is_available() -> bool:
    """Whether Numba is installed: pip install "lstm-core[fast]".

    >>> isinstance(is_available(), bool)
    True
    """
    return find_spec("numba") is not None


def preparation(compiled: bool | None) -> Callable[[Cell], Cell]:
    """What makes a cell fast: `compile_cell` if that is asked for (None: if Numba is installed), else `plan.plan`.

    Raises ImportError if it is asked for and Numba is missing.

    >>> preparation(False) is plan
    True
    """
    wanted = is_available() if compiled is None else check_flag("compiled", compiled)
    if not wanted:
        return plan
    _check_available()
    return compile_cell


def _check_available():
    if not is_available():
        raise ImportError('compiled: need Numba: pip install "lstm-core[fast]"')


def compile_cell(cell: Cell) -> Cell:
    """`cell`, compiled when it first runs, which takes some seconds; as it is, if it cannot be recorded.

    Arrays of symbols run through the same loops, which Python then runs itself; complex numbers and arrays of other
    modules through the plan. Raises ImportError without Numba.

    >>> cell = compile_cell(cells.LSTM) if is_available() else plan(cells.LSTM)
    >>> len(prove_cell(cell))
    13
    """
    check_cell(cell)
    _check_available()
    return _compiled(cell)


@functools.cache
def _compiled(cell):
    return planned(cell, looped)


def text(found: Calculation) -> str:
    """The loops, Python text of functions `loop0`, `loop1`, …, and a function like the cell's that calls them.

    >>> from lstm_core.operations import calculation
    >>> from lstm_core.record import record
    >>> print(text(calculation(record(cells.RNN)[0].back)))
    def loop0(kept0, ds0, r0):
        n0 = r0.dtype.type(1)
        for i in range(r0.shape[0]):
            for j in range(r0.shape[1]):
                v0 = kept0[i, j] * kept0[i, j]
                v1 = n0 - v0
                v2 = ds0[i, j] * v1
                r0[i, j] = v2
    <BLANKLINE>
    def rnn_back(ds, kept, p):
        ds0, = ds
        kept0, = kept
        xp = namespace(ds0)
        r0 = xp.empty(ds0.shape, ds0.dtype)
        loop0(full(kept0, ds0), full(ds0, ds0), r0)
        return (r0,), (r0,), (0,), ()
    """
    level = dict.fromkeys(found.planes, 0)  # how many calls lie before a value
    for op in found.operations:
        level[op.name] = max(level.get(x, 0) for x in op.args) + (op.call in CALLS)
    read: dict[str, float] = {}  # the last level at which a value is read; before the calls of a level, in its loop
    for op in found.operations:
        at = level[op.args[0]] + 0.5 if op.call in CALLS else level[op.name]
        read |= {x: max(at, read.get(x, 0)) for x in op.args}
    read |= dict.fromkeys(found.returned, math.inf)
    holders = {x: x for key in ("a", "u") for x in found.inputs.get(key, ())}  # place -> its value
    place: dict[str, str] = {}

    def put(name, now, wish, but_for=0.0):
        """A place for a value: one of `wish` that is free, though read so much later, or any that is, or a new one."""
        free = [x for x in holders if read.get(holders[x], -1) <= now + but_for * (x in wish)]
        wanted = [x for x in free if x in wish]
        place[name] = (wanted or free or [f"r{len(registers(place))}"])[0]
        holders[place[name]] = name

    functions: list[str] = []
    lines: list[str] = []
    for now in range(max([*level.values(), 0]) + 1):
        here = [op for op in found.operations if op.call not in CALLS and level[op.name] == now]
        called = [op for op in found.operations if op.call in CALLS and level[op.name] == now + 1]
        sources = {x: place.get(x, x) for x in _read_by(here)}
        for op in here:
            if read.get(op.name, 0) > now:
                put(op.name, now, [place.get(x, x) for x in op.args])
        if here:
            function, line = _loop(f"loop{len(functions)}", found, here, sources, place)
            functions, lines = [*functions, function], [*lines, line]
        for op in called:
            put(op.name, now, [place.get(x, x) for x in op.args], but_for=0.5)
        for call in CALLS:
            pairs = [(place.get(op.args[0], op.args[0]), place[op.name]) for op in called if op.call == call]
            lines += _calls(CALLS[call], pairs)
    return "\n".join([*functions, framed(found, place, lines)])


def _read_by(operations):
    """The values that operations read and do not make themselves, in order."""
    made = {op.name for op in operations}
    return [x for x in dict.fromkeys(x for op in operations for x in op.args) if x not in made and not is_number(x)]


def _loop(name, found, operations, sources, place):
    """The text of a loop, and of its call. sources, place: where the values stand that it reads, and that it writes."""
    stored = [op.name for op in operations if op.name in place]
    asked = [x for op in operations for x in (*op.args, *(("0", "1") if op.call == "positive" else ())) if is_number(x)]
    numbers = {x: f"n{k}" for k, x in enumerate(dict.fromkeys(asked))}
    index = {x: "[i, 0]" if x.startswith("p") else "[i, j]" for x in sources}
    value = numbers | {x: f"{sources[x]}{index[x]}" for x in sources}
    arrays = [*dict.fromkeys([*sources.values(), *(place[x] for x in stored)])]
    like = place[stored[0]]
    lines = [f"def {name}({', '.join(arrays)}):"]
    lines += [f"    {n} = {like}.dtype.type({_literal(x)})" for x, n in numbers.items()]
    lines += [f"    for i in range({like}.shape[0]):", f"        for j in range({like}.shape[1]):"]
    for op in operations:
        args = [value.get(x, x) for x in op.args]
        if op.call == "positive":
            formula = f"positive({args[0]}, {numbers['0']}, {numbers['1']})"
        else:
            formula = f"sqrt({args[0]})" if op.call == "sqrt" else f" {INFIX[op.call]} ".join(args)
        lines.append(f"            {op.name} = {formula}")
    lines += [f"            {place[x]}[i, j] = {x}" for x in stored]
    outside = {*found.planes} - {*found.inputs.get("u", ()), *found.inputs.get("a", ()), *found.inputs.get("p", ())}
    given = [f"full({x}, {found.like})" if x in outside else x for x in arrays]
    return "\n".join([*lines, ""]), f"{name}({', '.join(given)})"


def _literal(number):
    """A number as Numba can read it: it knows no whole number from 2**64 on."""
    return number if "." in number or "e" in number or abs(int(number)) < 2**63 else repr(float(number))


def _calls(call, pairs):
    """Calls of a function, from place to place; one for all that stay where they are, one beside the other in u."""
    stay = sorted(x for x, y in pairs if x == y and x.startswith("u"))
    first = int(stay[0][1:]) if stay else 0
    if len(stay) < 2 or stay != [f"u{k}" for k in range(first, first + len(stay))]:
        stay = []
    whole = [f"{call}(u[{first}:{first + len(stay)}], u[{first}:{first + len(stay)}])"] if stay else []
    return whole + [f"{call}({x}, {y})" for x, y in pairs if x not in stay]


def looped(found: Calculation) -> Callable:
    """The function that runs the loops: compiled for floats, as they are for symbols; for all else, the plan.

    >>> from lstm_core import symbols
    >>> from lstm_core.operations import calculation
    >>> from lstm_core.record import record
    >>> back = looped(calculation(record(cells.RNN)[0].back))
    >>> h = symbols.array("h", 1, 1)
    >>> back([symbols.array("dh", 1, 1)], [h], ())[0]
    (array([[dh_0_0*(1 - h_0_0**2)]], dtype=object),)
    """
    source, on_numbers = text(found), written(found)
    symbolic = made(found, source, full=_full, **_of_symbols())
    fast, where = None, found.where

    def call(*given):
        nonlocal fast
        like = given[where][0]
        if type(like) is not np.ndarray or like.dtype.char not in "fdO":
            return on_numbers(*given)
        if like.dtype == object:
            return symbolic(*given)
        fast = fast or _compile(found, source)
        return fast(*given)

    return call


def _compile(found, source):
    """The function of a text whose loops Numba compiles."""
    import numba

    function = made(found, source, full=_full, sqrt=np.sqrt)
    names = function.__globals__
    names["positive"] = numba.njit(_positive_of_floats)
    for name in [x for x in names if x.startswith("loop")]:
        names[name] = numba.njit(names[name], error_model="numpy", nogil=True)
    return function


def _full(x, like):
    """x as an array of the shape of `like`, its numbers one behind the other."""
    if getattr(x, "shape", None) == like.shape and x.flags.c_contiguous:
        return x
    return np.ascontiguousarray(np.broadcast_to(np.asarray(x, like.dtype), like.shape))


def _of_symbols():
    """What loops call, by its name, for symbols."""

    def function(name):
        def call(x, *_):  # behind x, `positive` is given 0 and 1
            from . import symbols

            return {"positive": symbols.positive, "sqrt": symbols.sympy.sqrt}[name](x)

        return call

    return {name: function(name) for name in ("positive", "sqrt")}


def _positive_of_floats(x, zero, one):
    return one if x > zero else zero
