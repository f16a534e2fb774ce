"""The proof of an equation: both sides are the same polynomials, at every step, for every cell that it speaks of.

For whom it is proven. The beginning of its label names a cell. If a line of another cell cites the equation, too, it
has to hold for that cell as well. An equation with a mask (`mask` or `hat` in its label) is proven with two masks, one
the opposite of the other: at each step there are examples with a step and examples without. An element is one of the
two, and the code treats all examples alike.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy

from .citations import kinds as kinds_for
from .evaluate import Evaluation, is_number, matrix, number, plane
from .kinds import KINDS, Kind
from .latex import Derivative, Diagonal, Index, Letter, Many, Positive, Transposed, Unproven, sides, walk
from .runs import Code

SHIPPED = Code()


def prove(label: str, latex: str, code: Code = SHIPPED, kinds: Sequence[str | None] | None = None) -> None:
    """Raise `Unproven` unless the equation is what the code computes, at every step t.

    kinds: for which kinds; those of the label if None

    >>> from lstm_proofs.ledger import prove
    >>> prove("sigmoid", r"\\sigma(x) = \\frac{1}{1 + e^{-x}}")
    >>> prove("gru-h", r"\\mathbf h_t = \\mathbf n_t")
    Traceback (most recent call last):
    lstm_proofs.ledger.latex.Unproven: eq-gru-h: \\mathbf h _ t is not \\mathbf n _ t, at t = 1
    """
    try:
        for kind in kinds_for(label) if kinds is None else kinds:
            if kind is None:
                _prove_identity(sides(latex, None), code)
            else:
                _prove(sides(latex, KINDS[kind]), kind, code)
    except Unproven as error:
        raise Unproven(f"eq-{label}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unproven(f"eq-{label}: does not make sense: {type(error).__name__}: {error}") from error


def _prove(members, kind, code):
    levels = [level(side.tree, KINDS[kind]) for side in members]
    every_step = any("t" in _steps(side.tree) for side in members)
    for k in sorted({*levels}):  # at the size of each member: it, and all that can be had at that size
        few = [side for side, mine in zip(members, levels) if mine <= k]
        if len(few) == 1:
            continue
        D, H, B = code.sizes[k]
        run = code.run(kind, "tanh", D, H, B)
        graph = lambda cut, D=D, H=H: code.graph(kind, cut, D, H)
        for t in range(1, code.T + 1) if every_step else [None]:
            first, *others = (Evaluation(run, graph, {"t": t}).value(side.tree) for side in few)
            shapes = {np.shape(matrix(v)) for v in others if not is_number(v) and not getattr(v, "elementwise", 0)}
            if len(shapes) > 1:
                raise Unproven(f"the shapes differ: {shapes}")
            for side, value in zip(few[1:], others):
                if not _same(run, first, value):
                    raise Unproven(f"{few[0].text} is not {side.text}, at t = {t}")
    _check_meaning(members, max(levels), KINDS[kind])


def _same(run, a, b):
    if np.shape(matrix(a)) == np.shape(matrix(b)):
        a, b = matrix(a), matrix(b)
    a, b = plane(a), plane(b)
    if np.shape(a) != np.shape(b) and not is_number(a) and not is_number(b):
        raise Unproven(f"the shapes differ: {a.shape} and {b.shape}")
    return all(run.symbols.is_zero(e) for e in np.ravel(a - b))


def _prove_identity(members, code):
    """An identity of functions of numbers: both sides in exponentials, and the difference cancels."""
    first, *others = (number(side.tree, code.sigmoid) for side in members)
    for value in others:
        if sympy.cancel((first - value).rewrite(sympy.exp)) != 0:
            raise Unproven(f"{first} is not {value}")


# ---- what an equation speaks of -------------------------------------------------------------------------------------


def level(tree: Any, kind: Kind) -> int:
    """Which of a code's sizes: Jacobians are of one example, derivatives of a vector by a parameter of one unit.

    And so are derivatives of the loss along all paths of an LSTM: for more units they take too long.

    >>> from lstm_proofs.ledger import KINDS, level, sides
    >>> [side] = sides(r"\\mathrm dR = \\mathrm d\\mathbf u_t", KINDS["rnn"])[:1]
    >>> level(side.tree, KINDS["rnn"])
    0
    """
    found = [0]
    for node in walk(tree):
        match node:
            case Derivative(y, x, immediate):
                by_parameter = y.name != "L" and x.name[0] in "WRbp"
                slow = y.name == "L" and not immediate and len(kind.cell.states) > 1
                found.append(2 if by_parameter or slow else 0 if y.name == "L" and immediate else 1)
            case Letter("J") | Diagonal():
                found.append(1)
    return max(found)


def is_absolute(tree: Any) -> bool:
    """Whether it names a step 2, 3, … by its number: then it holds for T = 3, and nothing is said of other T.

    >>> from lstm_proofs.ledger import KINDS, is_absolute, sides
    >>> [is_absolute(side.tree) for side in sides(r"\\mathbf h_3 = \\mathbf h_t", KINDS["rnn"])]
    [True, False]
    """
    indices = [node.index for node in walk(tree) if isinstance(node, Letter)]
    indices += [node.final for node in walk(tree) if isinstance(node, Many)]
    return any(isinstance(index, Index) and index.start in range(2, 100) for index in indices)


def _steps(tree):
    """The letters that stand for steps in it."""
    return {node.start for node in walk(tree) if isinstance(node, Index)} | {
        node.variable for node in walk(tree) if isinstance(node, Many)
    }


def _computed(tree):
    """The names in it of what the code computes: of variables, gradients, and what is differentiated."""
    match tree:
        case Derivative(y, _, immediate):
            return {y.name} - ({"L"} if immediate else set())
        case Letter(name):
            base = name.partition("_")[0]
            return set() if base in (*"xWRbpv1I",) else {"h" if base == "J" else name}
    return {name for part in tree if isinstance(part, tuple) for name in _computed(part)}


def _check_meaning(members, highest, kind):
    """Refuse what can be evaluated, and yet would say less than it seems to."""
    nodes = list(itertools.chain.from_iterable(walk(side.tree) for side in members))
    bases = {node.name.partition("_")[0] for node in nodes if isinstance(node, Letter)}
    total_of_loss = any(isinstance(n, Derivative) and n.y.name == "L" and not n.immediate for n in nodes)
    if highest and bases & {"1", "db", "dp"}:
        raise Unproven("a sum over examples beside a derivative of one example")
    beside = bases & {"R", "W", "dR", "dW"} or any(isinstance(node, (Transposed, Positive)) for node in nodes)
    if len(kind.cell.states) > 1 and total_of_loss and beside:
        raise Unproven("takes too long for more than one unit, and for one it says too little")
    if any({"t", "T"} & _steps(side.tree) for side in members) and any(is_absolute(side.tree) for side in members):
        raise Unproven("for any T, and yet a step with a number")
    if not any(_computed(side.tree) for side in members):
        raise Unproven("says nothing of what the code computes")
