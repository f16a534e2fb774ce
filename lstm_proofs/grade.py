"""Grading: a student's own `step` and `back`, or own scan, proven right, or refuted in words with the smallest numbers.

Nothing that is handed in makes `grade` fail. Whose code stops with an error, or returns something of a wrong shape, is
told so. The code runs on symbols, so what is proven is proven for all numbers; and as arrays of symbols have several
units and examples, code that mixes these up is found, too.
"""

import itertools
import re
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import sympy
from sympy.polys.rings import PolyElement

from lstm_core import scan, symbols
from lstm_core.arrays import ZERO
from lstm_core.cells import Cell
from lstm_core.checks import brief, check_cell, check_flag
from lstm_core.types import Array

from .proof import is_zero
from .prove_scan import PROBE

H, B = 2, 3  # units and examples that a step is tried with
SIZES = ((1, 1, 1, 1), (2, 1, 1, 1), (3, 1, 1, 1), (2, 1, 2, 1), (2, 2, 1, 1), (2, 1, 1, 2), (3, 2, 1, 2))  # T, D, H, B
# What errors say that only symbols make.
SYMBOLIC = re.compile("truth value|no callable|expression to|'(Add|Mul|Pow|Symbol|tanh|PolyElement)'")
NONZERO = 4  # a small counterexample has at most so many numbers that are not zero


class Grade(NamedTuple):
    """What `grade` found: whether the code is proven right, and the same in words.

    >>> bool(grade(cells.rnn_step, cells.rnn_back, cells.RNN))
    True
    """

    right: bool
    words: str

    def __bool__(self) -> bool:
        return self.right

    def __repr__(self) -> str:
        return self.words


class _Wrong(Exception):
    """What is wrong with the code, in words."""


# ---- a cell -------------------------------------------------------------------------------------------------------


def grade(step: Callable, back: Callable, cell: Cell, own: bool = True) -> Grade:
    """Grade a `step` and a `back` against a cell of the book.

    step: a, u, s, p, tanh -> s', kept, as in `cells.Stage`
    back: ds', kept, p -> da, du, ds, dp
    cell: the cell that `step` should be, of one stage. Its gates and states say what the two are given
    own:  whether the cell has its own parameters p; if not, p is 0, and dp is not asked for

    Says that both are right, which is then proven for all numbers, or what is wrong: an error, a shape, or one
    derivative with the smallest numbers that show it. For a cell of your own, `cell` is a `Cell` made of the two.

    >>> def back(ds, kept, p):
    ...     (dh,), (h,) = ds, kept
    ...     d = dh * (1 + h * h)
    ...     return (d,), (d,), (0,), ()
    >>> grade(cells.rnn_step, cells.rnn_back, cells.RNN)
    Right, for all numbers: step is that of the cell rnn, and back is its derivative (3 derivatives proven).
    >>> grade(cells.rnn_step, back, cells.RNN)
    Wrong: da[0], the derivative with respect to a_h. With dh = 1, a_h = 1, and 0 for all else,
    expected 0.42, found 1.58.
    """
    check_cell(cell)
    check_flag("own", own)
    if len(cell.stages) != 1:
        raise ValueError(f"cell: expected a cell of one stage, got {cell.name}, which has {len(cell.stages)}")
    try:
        return Grade(True, _cell(step, back, cell, own))
    except _Wrong as wrong:
        return Grade(False, f"Wrong: {wrong}")


def _cell(step, back, cell, own):
    (stage,) = cell.stages
    named = {"a": stage.inputs, "u": stage.recurs, "s": cell.states, "p": cell.own}
    planes = {letter: [_plane(letter, name) for name in names] for letter, names in named.items()}
    if not own:
        planes["p"] = [ZERO] * len(cell.own)
    given = lambda: [_stacked(planes["a"]), _stacked(planes["u"]), _copies(planes["s"]), _copies(planes["p"])]

    after, kept = _parts(_run("step", step, *given(), symbols.namespace.tanh), 2, "step", "s', kept")
    after = _planes("step returned s'", after, [f"{name} of step t" for name in cell.states])
    expected, _ = stage.step(*given(), symbols.namespace.tanh)
    for name, found, right in zip(cell.states, after, expected, strict=True):
        _compare(f"step gives another {name} than the cell {cell.name}", right, found)

    upstream = [_plane("d", name) for name in cell.states]
    found = _parts(_run("back", back, _copies(upstream), kept, _copies(planes["p"])), 4, "back", "da, du, ds, dp")
    loss = sum((d * s).sum() for d, s in zip(upstream, after, strict=True))
    count = 0
    for letter, grads in zip("ausp", found, strict=True):
        if letter == "p" and not own:
            break
        names = [f"{name} of step t-1" if letter == "s" else f"{letter}_{name}" for name in named[letter]]
        grads = _planes(f"back returned d{letter}", grads, names)
        for k, (name, dv, plane) in enumerate(zip(names, grads, planes[letter], strict=True)):
            what = f"d{letter}[{k}], the derivative with respect to {name}"
            _compare(what, _derivatives(loss, plane, upstream), dv)
            count += 1
    return (
        f"Right, for all numbers: step is that of the cell {cell.name}, and back is its derivative "
        f"({count} derivatives proven)."
    )


def _plane(letter, name):
    """Symbols (H, B), for p (H, 1): a_f, h, p_f or dh for the first element; the others have their places behind it."""
    word = {"s": name, "d": f"d{name}"}.get(letter, f"{letter}_{name}")
    plane = _array(word, H, 1 if letter == "p" else B)
    plane[0, 0] = sympy.Symbol(word, real=True)
    return plane


def _array(word, *shape):
    """Symbols called as NumPy calls the elements: R[1, 0]. One alone has the array's name."""
    array = np.empty(shape, dtype=object)
    for index in np.ndindex(*shape):
        array[index] = sympy.Symbol(f"{word}[{', '.join(map(str, index))}]" if array.size > 1 else word, real=True)
    return array


def _stacked(planes):
    return np.array(planes, dtype=object).reshape(-1, H, B)


def _copies(planes):
    """The planes again, which the code may write into."""
    return tuple(np.copy(plane) if np.ndim(plane) else plane for plane in planes)


def _derivatives(loss, plane, upstream):
    """∂loss/∂v of each element; of p as a cell gives it, for each example, before they are summed."""
    of = np.frompyfunc(loss.diff, 1, 1)(plane)
    if plane.shape[1] == B:
        return of
    column = lambda n: {d: 0 for planes in upstream for d in np.delete(planes, n, axis=1).flat}
    return np.stack([[e.subs(column(n)) for e in of[:, 0]] for n in range(B)], axis=1)


# ---- a scan -------------------------------------------------------------------------------------------------------


def grade_scan(forward: Callable, backward: Callable, cell: Cell = PROBE) -> Grade:
    """Grade a `forward` and a `backward` through time, called as those of `lstm_core.scan`.

    forward:  cell, P, x, state -> h, final state, cache
    backward: cell, P, cache, dh, dstate -> grads, dx, dstate0
    cell:     the cell that they are given: a polynomial one in which no product or index can hide, with two stages and
              two states, or a simpler one such as `cells.RNN`

    Both are compared with what they should compute, for one to three steps and up to two features, units and examples;
    the first that differs is the smallest. Says what `grade` says.

    >>> grade_scan(scan.forward, scan.backward, cells.RNN).right
    True
    """
    check_cell(cell)
    try:
        count = sum(_scan(forward, backward, cell, *sizes) for sizes in SIZES)
    except _Wrong as wrong:
        return Grade(False, f"Wrong: {wrong}")
    steps = max(T for T, *_ in SIZES)
    return Grade(True, f"Right, for all numbers and up to {steps} steps ({count} derivatives proven).")


def _scan(forward, backward, cell, T, D, units, examples):
    """The number of derivatives proven for these sizes."""
    sizes = f"T = {T}, D = {D}, H = {units}, B = {examples}: "
    parameters = scan.parameter_shapes(cell, D, units)
    state = {f"{name}_0": (units, examples) for name in cell.states}
    shapes = parameters | {"x": (T, D, examples)} | state | {"dh": (T, units, examples)}
    shapes |= {f"d{name}_T": (units, examples) for name in cell.states}
    V = {name: _array(name, *shape) for name, shape in shapes.items()}
    if cell is PROBE:  # its polynomials are many; as such they are fast
        ring = sympy.ring([v for array in V.values() for v in array.flat], sympy.QQ)[0]
        V = {name: np.frompyfunc(ring.from_expr, 1, 1)(array) for name, array in V.items()}
    dh, dstate = V.pop("dh"), tuple(V.pop(f"d{name}_T") for name in cell.states)
    P, start = {name: V[name] for name in parameters}, tuple(V[name] for name in state)
    right_h, right_final, _ = scan.forward(cell, P, V["x"], start)

    arguments = [{name: v.copy() for name, v in P.items()}, V["x"].copy(), _copies(start)]
    found = _run(f"{sizes}forward", forward, cell, *arguments)
    h, final, cache = _parts(found, 3, f"{sizes}forward", "h, final state, cache")
    _compare(f"{sizes}h of forward", right_h, _shaped(f"{sizes}forward returned h", h, right_h.shape))
    finals = _planes(f"{sizes}forward returned the final state", final, list(cell.states), right_final[0].shape)
    for name, one, right in zip(cell.states, finals, right_final, strict=True):
        _compare(f"{sizes}{name} of the final state", right, one)

    found = _run(f"{sizes}backward", backward, cell, arguments[0], cache, dh.copy(), _copies(dstate))
    grads, dx, dstate0 = _parts(found, 3, f"{sizes}backward", "grads, dx, dstate0")
    if not isinstance(grads, dict) or grads.keys() != parameters.keys():
        raise _Wrong(f"{sizes}backward should return grads as a dict with {', '.join(parameters)}; got {brief(grads)}.")
    ends = _planes(f"{sizes}backward returned dstate0", dstate0, list(cell.states), right_final[0].shape)
    loss: Any = (dh * right_h).sum() + sum((d * s).sum() for d, s in zip(dstate, right_final, strict=True))
    for name, dv in {**grads, "x": dx, **dict(zip(state, ends, strict=True))}.items():
        dv = _shaped(f"{sizes}backward returned d{name}", dv, V[name].shape)
        _compare(f"{sizes}d{name}, the derivative with respect to {name}", np.frompyfunc(loss.diff, 1, 1)(V[name]), dv)
    return sum(v.size for v in V.values())


# ---- running it ---------------------------------------------------------------------------------------------------


def _run(name, function, *arguments):
    """What the function returns; `_Wrong` if it is none, or if it stops with an error."""
    if not callable(function):
        raise _Wrong(f"{name} should be a function; got {brief(function)}.")
    try:
        return function(*arguments)
    except (Exception, SystemExit) as error:
        file = getattr(getattr(function, "__code__", None), "co_filename", None)
        lines = [frame.line for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
        where = f" at `{lines[-1]}`" if lines and lines[-1] else ""
        hint = ""
        if isinstance(error, TypeError | AttributeError) and SYMBOLIC.search(str(error)):
            hint = " It runs on symbols: only + - * /, the tanh that it is given, and functions made of these will do."
        raise _Wrong(f"{name} stopped{where} with {type(error).__name__}: {str(error)[:200]}.{hint}") from None


def _parts(found, count, name, expected):
    """What a function returned, as a tuple of so many things."""
    if not isinstance(found, tuple | list) or len(found) != count:
        got = f"{len(found)} things" if isinstance(found, tuple | list) else brief(found)
        raise _Wrong(f"{name} should return {count} things, {expected}; got {got}.")
    return tuple(found)


def _planes(what, found, names, shape=(H, B)):
    """A tuple with an array for each name, all of that shape."""
    if not isinstance(found, tuple | list | np.ndarray) or len(found) != len(names):
        got = f"{len(found)}" if isinstance(found, tuple | list) else brief(found)
        raise _Wrong(f"{what}: expected a tuple with {len(names)} ({', '.join(names) or 'none'}), got {got}.")
    return [_shaped(f"{what}: {name}", one, shape) for name, one in zip(names, found, strict=True)]


def _shaped(what, found, shape):
    """An array of exact expressions of that shape; a plain number counts for all its elements."""
    try:
        array = np.array(found, dtype=object)
        array = np.full(shape, array.item(), object) if array.ndim == 0 else array
        right = array.shape == shape
        for index in np.ndindex(*shape) if right else ():
            array[index] = _exact(array[index])
    except (TypeError, ValueError, AttributeError, sympy.SympifyError):
        raise _Wrong(f"{what}: expected numbers of shape {shape}, got {brief(found)}.") from None
    if not right:
        raise _Wrong(f"{what}: expected shape {shape}, got {array.shape}.")
    return array


def _exact(value):
    """The expression, with fractions in place of decimals: 0.5 is 1/2. TypeError unless it is one, of real numbers."""
    if isinstance(value, PolyElement):
        return value
    value = sympy.sympify(value, strict=True)
    if not isinstance(value, sympy.Expr) or value.has(sympy.nan, sympy.oo, -sympy.oo, sympy.zoo, sympy.I):
        raise TypeError
    return value.xreplace({number: sympy.Rational(str(number)) for number in value.atoms(sympy.Float)})


# ---- the smallest counterexample ------------------------------------------------------------------------------------


def _compare(what, expected: Array, found: Array) -> None:
    """`_Wrong`, with the smallest numbers that show it, unless the two are the same."""
    for index in np.ndindex(*expected.shape):
        right, ours = expected[index], found[index]
        if is_zero(right - ours):
            continue
        right, ours = (e.as_expr() if isinstance(e, PolyElement) else sympy.sympify(e) for e in (right, ours))
        element = f"[{', '.join(map(str, index))}]" if any(index) else ""
        for numbers, a, b in _tries(right, ours):
            if not abs(a - b) <= 1e-9 * max(1, abs(a)):
                given = "".join(f"{v} = {number}, " for v, number in numbers.items() if number)
                digits = next(n for n in range(3, 18) if f"{a:.{n}g}" != f"{b:.{n}g}")
                raise _Wrong(
                    f"{what}{element and f', element {element}'}. With {given}and 0 for all else,\n"
                    f"expected {a:.{digits}g}, found {b:.{digits}g}."
                )
        raise _Wrong(
            f"{what}: this may be right, but it is written in a way that cannot be proven. No numbers were found for "
            f"which it differs.\nexpected {right}\nfound {ours}"
        )


def _tries(right: sympy.Expr, ours: sympy.Expr) -> Iterator[tuple[dict, float, float]]:
    """Numbers for the symbols, those with the most zeros first, and what the two expressions are then."""
    free = sorted(right.free_symbols | ours.free_symbols, key=lambda v: (not v.name.startswith("d"), v.name))
    both = sympy.lambdify([free], [right, ours], modules=[{"positive": lambda x: float(x > 0)}, "numpy"])
    few = (dict.fromkeys(some, 1) for n in range(NONZERO + 1) for some in itertools.combinations(free, n))
    mixed = ({v: sympy.Rational(k % 7 - 3, 2 + k % 3) for k, v in enumerate(free, shift)} for shift in range(9))
    for numbers in itertools.chain(few, mixed):
        with np.errstate(all="ignore"):
            try:
                a, b = (float(value) for value in both([float(numbers.get(v, 0)) for v in free]))
            except (ArithmeticError, TypeError, ValueError, NameError):
                continue
        if np.isfinite(a) and np.isfinite(b):
            yield numbers, a, b
