"""Judges a reader's step and back in the page: proven, or refuted with the numbers that show it. SymPy alone, no NumPy.

`tools/play.py` puts the sources of the two imported functions into the place of their imports; the rest runs as it is,
in the browser and here.
"""

import itertools
import math
import re
import time
import traceback
from collections import namedtuple

import sympy

from lstm_core.cells import sigmoid
from lstm_proofs import is_zero

UNSHOWN = "no numbers were found for which it differs, but it is written in a way that is not proven."
NONZERO = 3  # a small counterexample has at most so many numbers that are not zero


class Planes(tuple):
    """One symbol for each gate; what is done to it is done to each."""

    def __add__(self, other):
        return Planes(x + y for x, y in zip(self, other, strict=True))


class Wrong(Exception):
    """What is wrong, in words."""


def judge(text, cell):
    """The verdict on a text that defines a step and a back: kind ("proven", "refuted" or "stopped"), words, seconds.

    cell: what it should be: name, step and back (what the functions are called), text (as shipped), inputs, recurs,
          states, own, and kept, the name and the fields of what step keeps
    """
    start = time.perf_counter()
    text = text.replace("\N{MINUS SIGN}", "-")  # as it comes from print
    try:
        words, kind = _proven(text, cell), "proven"
    except Wrong as wrong:
        words, kind = str(wrong), "refuted"
    except Exception as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<yours>"]
        line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else lines[-1] if lines else None
        written = [*text.splitlines(), ""]
        place = f" in line {line}: {written[min(line, len(written)) - 1].strip()}" if line else ""
        said = error.msg if isinstance(error, SyntaxError) else error
        words, kind = f"Python stopped{place}\n{type(error).__name__}: {said}", "stopped"
    return {"kind": kind, "words": words, "seconds": time.perf_counter() - start}


def _functions(text, cell):
    names = {"sigmoid": sigmoid, cell["kept"][0]: namedtuple(*cell["kept"])}
    exec(compile(text, "<yours>", "exec"), names)
    for word in (cell["step"], cell["back"]):
        if not callable(names.get(word)):
            raise Wrong(f"There is no function {word} any more.")
    return names[cell["step"]], names[cell["back"]]


def _proven(text, cell):
    named = {"a": cell["inputs"], "u": cell["recurs"], "s": cell["states"], "p": cell["own"]}
    given = {
        letter: Planes(
            sympy.Symbol(f"{name}_prev" if letter == "s" else f"{letter}_{name}", real=True) for name in names
        )
        for letter, names in named.items()
    }
    step, back = _functions(text, cell)
    after, kept = step(*given.values(), sympy.tanh)
    after = _exact("step", "s'", after, cell["states"])
    upstream = tuple(sympy.Symbol(f"d{name}", real=True) for name in cell["states"])
    loss = sum(d * s for d, s in zip(upstream, after, strict=True))
    found = back(upstream, kept, given["p"])
    if not isinstance(found, tuple | list) or len(found) != 4:
        raise Wrong("back should return four tuples: da, du, ds, dp.")
    count, wrong = 0, {}
    for letter, grads in zip("ausp", found, strict=True):
        grads = grads[: len(named[letter])] if letter == "p" else grads
        derivatives = _exact("back", f"d{letter}", grads, named[letter])
        for k, (v, dv) in enumerate(zip(given[letter], derivatives, strict=True)):
            count += 1
            words = _difference(sympy.diff(loss, v), dv, "the derivative of step", "back gives")
            if words:
                wrong[f"d{letter}[{k}]"] = f"the derivative with respect to {v}", words
    if wrong:
        raise Wrong(_told(wrong, count, text))
    words = f"{count} derivatives proven, for all numbers: back is the derivative of step."
    shipped, _ = _functions(cell["text"], cell)
    for name, mine, theirs in zip(cell["states"], after, shipped(*given.values(), sympy.tanh)[0], strict=True):
        other = _difference(theirs, mine, f"that of the {cell['name']}", "yours")
        if other:
            words += f"\nBut step is no longer that of the {cell['name']}: the new {name}."
            return f"{words}\n{other}{_here(other, text)}"
    return f"{words} And step is that of the {cell['name']}."


def _exact(function, what, values, names):
    """The values as expressions with fractions in place of decimals."""
    if not isinstance(values, tuple | list) or len(values) != len(names):
        raise Wrong(f"{function} should return {what} as a tuple of {len(names)}.")
    values = [sympy.sympify(value) for value in values]
    return [e.xreplace({x: sympy.Rational(str(x)) for x in e.atoms(sympy.Float)}) for e in values]


def _told(wrong, count, text):
    """All that are wrong, and the first of them with its numbers."""
    shown = [name for name, (_, words) in wrong.items() if words != UNSHOWN]
    first = shown[0] if shown else next(iter(wrong))
    what, words = wrong[first]
    if not shown:
        return f"{first}, {what}: {words}"
    again = f"; the first: {first}" if len(shown) > 1 else ""
    return f"Wrong: {', '.join(shown)} ({len(shown)} of {count}){again}, {what}.\n{words}{_here(words, text)}"


def _here(words, text):
    """What the names of a counterexample mean, where the text does not have them."""
    meant = []
    for name in re.findall(r"(\w+) = ", words):
        part = {"a_": "input's", "u_": "recurrent"}.get(name[:2])
        whole = next((sum_ for sum_ in (f"au{name[1:]}", "au") if re.search(rf"\b{sum_}\b", text)), None)
        if part and whole:
            meant.append(f"{name} is the {part} part of {whole}")
        elif name.endswith("_prev"):
            meant.append(f"{name} is the state before the step")
    return f"\nHere {', and '.join(meant)}." if meant else ""


def _difference(right, ours, first, second):
    """Numbers that show it, in words, unless the two are the same for all numbers."""
    if is_zero(right - ours):
        return ""
    free = sorted(right.free_symbols | ours.free_symbols, key=lambda v: (not v.name.startswith("d"), v.name))
    both = sympy.lambdify([free], [right, ours], modules="math")
    few = (dict.fromkeys(some, 1) for n in range(NONZERO + 1) for some in itertools.combinations(free, n))
    mixed = ({v: sympy.Rational(k % 7 - 3, 2 + k % 3) for k, v in enumerate(free, shift)} for shift in range(9))
    for numbers in itertools.chain(few, mixed):
        try:
            a, b = (float(value) for value in both([float(numbers.get(v, 0)) for v in free]))
        except (ArithmeticError, TypeError, ValueError):
            continue
        if math.isfinite(a) and math.isfinite(b) and abs(a - b) > 1e-9 * max(1, abs(a)):
            given = ", ".join(f"{v} = {number}" for v, number in numbers.items() if number) or "all at 0"
            rest = " and 0 for all else" if re.search("=", given) else ""
            digits = next(n for n in range(3, 18) if f"{a:.{n}g}" != f"{b:.{n}g}")
            return f"With {given}{rest}: {first} is {a:.{digits}g}, {second} {b:.{digits}g}."
    return UNSHOWN
