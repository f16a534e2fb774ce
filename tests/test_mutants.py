"""Rung 5: no mutant of a cell or of the scan survives rungs 1 to 3."""

from collections import Counter

import numpy as np
import pytest
from ladder import problem
from mutants import mutants

from lstm_core import cells, check, scan, symbolic

FUNCTIONS = {
    "rnn": ["sigmoid", "rnn_step", "rnn_back"],
    "lstm": ["sigmoid", "lstm_step", "lstm_back"],
    "gru": ["sigmoid", "gru_step", "gru_back"],
}


def survives_gradients(cell, scan=scan):
    """Whether a cell in a scan passes rung 3 along one random direction; an exception is as good as a wrong slope."""
    rng = np.random.default_rng(0)
    try:
        with np.errstate(all="ignore"):
            for own in (True, False):
                loss, theta, gradient, _ = problem(cell, (3, 2, 5, 4), own, scan)
                slope, along = check.projection(loss, theta, gradient, rng)
                if not abs(slope - along) <= 1e-12 * abs(slope):  # one sum over all variables: some cancellation
                    return False
    except Exception:  # a mutant may fail in any way
        return False
    return True


def survives_proof(prove):
    """Whether rung 1 or 2 passes."""
    try:
        prove()
    except Exception:  # Disproof, or whatever else a mutant runs into
        return False
    return True


def hunt(generated, survives):
    """Counts the mutants by kind, prints the count, and fails with the list of survivors."""
    kinds, alive = Counter(), []
    for mutant in generated:
        kinds[mutant.kind] += 1
        if survives(mutant.module):
            alive.append(f"{mutant.function}, {mutant.kind}: {mutant.change}")
    total = sum(kinds.values())
    print(f"  mutants killed: {total - len(alive)} of {total}: {dict(kinds)}")
    assert not alive, "mutants that no rung caught:\n" + "\n".join(alive)
    return total


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_mutants_of_cells(cell):
    functions = FUNCTIONS[cell][cell == "rnn" :]  # an RNN has no sigmoid

    def survives(module):
        mutant = getattr(module, cell.upper())
        return survives_gradients(mutant) and survives_proof(lambda: symbolic.prove_cell(mutant))

    assert all(survives(m.module) for m in mutants(cells, functions, identity=True))
    assert hunt(mutants(cells, functions), survives) >= {"rnn": 10, "lstm": 150, "gru": 100}[cell]


def test_mutants_of_the_scan():
    def survives(module):
        return survives_gradients(symbolic.PROBE, module) and survives_proof(
            lambda: symbolic.prove_scan(module.forward, module.backward, T=3, D=1, H=2, B=1)
        )

    assert all(survives(m.module) for m in mutants(scan, ["forward", "backward"], identity=True))
    assert hunt(mutants(scan, ["forward", "backward", "parameter_shapes"]), survives) >= 150


@pytest.mark.parametrize("cell", [cells.RNN, cells.LSTM, cells.GRU], ids=lambda cell: cell.name)
def test_what_ships_survives(cell):
    """The hunters spare the right code: they do not kill everything."""
    assert survives_gradients(cell) and survives_proof(lambda: symbolic.prove_cell(cell))
