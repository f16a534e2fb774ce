"""Rung 1: for arbitrary state, parameters and upstream gradient, a cell's `back` is the derivative of its `step`."""

from lstm_core import symbols
from lstm_core.arrays import ZERO
from lstm_core.cells import Cell
from lstm_core.checks import check_cell

from .proof import Disproof, Proof, prove_derivatives


def prove_cell(cell: Cell) -> list[Proof]:
    """Rung 1: each stage's `back` is the derivative of its `step`, for all values of all variables.

    With symbols a, u, s, p and upstream w, proves ∂(Σ_k w_k s'_k)/∂v = dv for every v among a, u, s, p. A cell is
    elementwise, so one hidden unit and one example stand for any number of them. What a stage is given as s is as many
    arrays as the stage before hands over. Where a stage `sums`, u stands for a + u and da = du.
    Returns a list of `Proof`; raises `Disproof` at the first variable that fails.

    >>> len(prove_cell(cells.LSTM))
    13
    """
    check_cell(cell)
    proofs, handed_over = [], len(cell.states)
    for stage in cell.stages:
        counts = {"a": len(stage.inputs), "u": len(stage.recurs), "s": handed_over, "p": len(cell.own)}
        variables = {name: symbols.array(name, count, 1, 1) for name, count in counts.items()}
        a, u, s, p = variables.values()
        given = (ZERO if stage.sums else a.copy()), u.copy()  # a step may write into them
        after, kept = stage.step(*given, tuple(s), tuple(p), symbols.namespace.tanh)
        w = symbols.array("w", len(after), 1, 1)
        da, du, ds, dp = stage.back(tuple(w), kept, tuple(p))
        loss = sum((w_k * s_k).item() for w_k, s_k in zip(w, after, strict=True))
        name = cell.name + (f", {stage.name}" if stage.name else "")
        if len(dp) == 0 and {*loss.free_symbols} & {*p.flat}:
            raise Disproof(f"cell {name}: dp is (), but step uses p")
        grads = {"a": da, "u": du, "s": ds} | ({"p": dp} if len(dp) else {})
        if stage.sums:
            v = symbols.array("v", len(u), 1, 1)
            for k, (da_k, du_k) in enumerate(zip(grads.pop("a"), du, strict=True)):
                proofs.append(prove_derivatives(f"cell {name}: da_{k} = du_{k}", (v[k] * du_k).item(), v[k], da_k))
        for letter, dv in grads.items():
            for k, (v_k, dv_k) in enumerate(zip(variables[letter], dv, strict=True)):
                statement = f"cell {name}: ∂(Σ w·s')/∂{letter}_{k} = d{letter}_{k}"
                proofs.append(prove_derivatives(statement, loss, v_k, dv_k))
        handed_over = len(after)
    return proofs
