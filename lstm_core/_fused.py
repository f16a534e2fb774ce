"""One kernel for a whole step or back, on a GPU: the third reading of a cell's `Calculation`.

There each operation of a plan would be a launch of its own, which takes longer than the operation. CuPy compiles the
text of an elementwise kernel, and all operations are in one; tanh too, which is a function like any other there.
"""

import ast
from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import namespace

INFIX = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}


def kernel_text(found: Any) -> tuple[str, str, str]:
    """What `cupy.ElementwiseKernel` asks for: the parameters in, those out, and the statements, of a `Calculation`.

    >>> from lstm_core.operations import calculation
    >>> from lstm_core.record import record
    >>> for part in kernel_text(calculation(record(cells.RNN)[0].back)):
    ...     print(part)
    T ds0, T kept0
    T out_v2
    T v0 = kept0 * kept0; T v1 = T(1) - v0; T v2 = ds0 * v1; out_v2 = v2
    """
    values = {op.name for op in found.operations}
    read = [x for x in found.planes if any(x in op.args for op in found.operations)]
    made = [x for planes in found.outputs.values() for x in planes if x in values]
    lines = [f"T {op.name} = {_formula(op)}" for op in found.operations]
    lines += [f"out_{x} = {x}" for x in dict.fromkeys(made)]
    results = [f"out_{x}" for x in dict.fromkeys(made)]
    return ", ".join(f"T {x}" for x in read), ", ".join(f"T {x}" for x in results), "; ".join(lines)


def _formula(op):
    args = [x if x.isidentifier() else f"T({x})" for x in op.args]
    if op.call in ("tanh", "exp", "sqrt"):
        return f"{op.call}({args[0]})"
    if op.call == "positive":
        return f"T({args[0]} > T(0))"
    return f" {INFIX[op.call]} ".join(args)


def fused(found: Any, otherwise: Callable) -> Callable:
    """The function of a `Calculation`, as one kernel where the arrays are CuPy's and real; `otherwise` where not.

    >>> from lstm_core.operations import calculation
    >>> from lstm_core.record import record
    >>> back = fused(calculation(record(cells.RNN)[0].back), cells.RNN.stages[0].back)
    >>> back([np.ones((1, 1))], [np.full((1, 1), 0.5)], ())[0]  # on the host
    (array([[0.75]]),)
    """
    given, made, statements = kernel_text(found)
    names, results = ([part.split()[1] for part in text.split(", ") if part] for text in (given, made))
    kernels: dict[Any, Callable] = {}
    where = found.where

    def call(*arguments):
        like = arguments[where][0]
        xp = np if type(like) is np.ndarray else namespace(like)
        if xp is np or not results or like.dtype.kind != "f" or not hasattr(xp, "ElementwiseKernel"):
            return otherwise(*arguments)
        if xp not in kernels:
            kernels[xp] = xp.ElementwiseKernel(given, made, statements, found.function.__name__)
        values = {}
        for wanted, planes in zip(found.inputs.values(), arguments):  # tanh, the last argument, is the kernel's own
            values |= zip(wanted, planes) if wanted else ()
        arrays = kernels[xp](*(values[x] for x in names))
        values |= zip((x.removeprefix("out_") for x in results), arrays if len(results) > 1 else [arrays], strict=True)
        returned = {
            key: tuple(values[x] if x in values else ast.literal_eval(x) for x in planes)
            for key, planes in found.outputs.items()
        }
        return tuple(found.kept(planes) if key == "kept" else planes for key, planes in returned.items())

    return call
