"""Rung 5: no mutant of a cell or of the scan survives rungs 1 to 3 (and, of a cell with a relu, its formula)."""

from collections import Counter

import formulas
import numpy as np
import pytest
from ladder import TOLERANCE, problem
from mutants import mutants

from lstm_core import cells, check, scan, symbolic, variants

CELLS = {
    "rnn": ["rnn_step", "rnn_back"],
    "lstm": ["sigmoid", "lstm_step", "lstm_back"],
    "gru": ["sigmoid", "gru_step", "gru_back"],
    "gru before": ["sigmoid", "gru_gates_step", "gru_gates_back", "gru_candidate_step", "gru_candidate_back"],
}
VARIANTS = {
    name: [f for f in vars(variants) if f.startswith(name.replace(" ", "_") + "_") and f.endswith(("_step", "_back"))]
    for name in variants.CELLS
    if name not in CELLS
}
SCAN = ["forward", "backward", "_stages", "inputs", "parameter_shapes"]


def judged_by_numbers(cell, scan=scan, masked=(False,)):
    """Rung 3 along one random direction: how a mutant dies, or None. Any exception is a death."""
    rng = np.random.default_rng(0)
    try:
        with np.errstate(all="ignore"):
            for own, mask in [(own, mask) for mask in masked for own in {cell.own > 0, False}]:
                loss, theta, gradient, _ = problem(cell, (3, 2, 5, 4), own, scan, masked=mask)
                slope, along = check.projection(loss, theta, gradient, rng)
                if not abs(slope - along) <= 1e-12 * abs(slope):  # one sum over all variables: some cancellation
                    return "a wrong gradient"
    except Exception:
        return "an exception"
    return None


def judged_by_values(cell):
    """A relu's k has the derivative 0, so that a wrong k goes with a right gradient: its formula is asked, too."""
    T, B, D, H = 3, 2, 5, 4
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    x, state = rng.standard_normal((T, D, B)), tuple(rng.standard_normal((cell.states, H, B)))
    found, expected = scan.forward(cell, P, x, state)[0], formulas.forward(cell, P, x, state)[0]
    return None if check.relative_error(found, expected) <= TOLERANCE else "a wrong value"


def judged_by_proof(prove):
    """Rung 1 or 2: how a mutant dies, or None."""
    try:
        prove()
    except symbolic.Disproof:
        return "disproof"
    except Exception:
        return "an exception"
    return None


def judge_cell(name):
    def judge(module):
        cell = getattr(module, name.replace(" ", "_").upper())
        return (
            judged_by_numbers(cell)
            or (judged_by_values(cell) if name in ("rnn relu", "nas") else None)
            or judged_by_proof(lambda: symbolic.prove_cell(cell))
        )

    return judge


def waiting_step(a, u, s, p, tanh):
    (u_0,), (h, c) = u, s
    return (h + 2 * u_0, c), ()


def waiting_back(ds, saved, p):
    dh, dc = ds
    return (), (2 * dh,), (dh, dc), ()


# The probe behind a stage without input: whoever takes the rows of R for those of W is found out.
WAITING = cells.Cell(gates=1, own=0, states=2, step=waiting_step, back=waiting_back, name="waiting", inputs=0)
STAGES = (WAITING, *symbolic.PROBE.stages)
LATE_PROBE = symbolic.PROBE._replace(gates=sum(stage.gates for stage in STAGES), stages=STAGES, name="late probe")


def judged_by_use(cell, scan):
    """Every element of every parameter, of x and of the state makes a difference."""
    _, _, gradient, _ = problem(cell, (3, 2, 5, 4), scan=scan)
    return None if gradient.all() else "a parameter that nobody reads"


def judge_scan(module):
    return (
        judged_by_numbers(LATE_PROBE, module, masked=(False, True))
        or judged_by_numbers(cells.LSTM, module)  # one stage
        or judged_by_use(LATE_PROBE, module)
        or judged_by_proof(lambda: symbolic.prove_scan(module.forward, module.backward, T=2, D=1, H=1, B=2))
    )


HUNTS = [pytest.param(cells, functions, judge_cell(name), id=f"cell {name}") for name, functions in CELLS.items()]
HUNTS += [pytest.param(variants, VARIANTS[name], judge_cell(name), id=f"cell {name}") for name in VARIANTS]
HUNTS += [pytest.param(scan, SCAN, judge_scan, id="scan")]


@pytest.mark.parametrize("module, functions, judge", HUNTS)
def test_every_mutant_dies(module, functions, judge, shown, request):
    kinds, deaths, alive = Counter(), Counter(), []
    for mutant in mutants(module, functions):
        kinds[mutant.kind] += 1
        death = judge(mutant.module)
        deaths[death] += 1
        if death is None:
            alive.append(f"{mutant.function}, {mutant.kind}: {mutant.change}")
    assert not alive, "mutants that no rung caught:\n" + "\n".join(alive)
    assert min(kinds[kind] for kind in ("operator", "dropped term", "number", "name")) > 0
    assert deaths["a wrong gradient"] >= 15  # not all by exceptions: RNN has the fewest
    made, died = (", ".join(f"{n} {what}" for what, n in count.most_common()) for count in (kinds, deaths))
    name = request.node.callspec.id
    shown(f"rung 5  {name}: {deaths.total()} of {kinds.total()} mutants killed (made: {made}; died of: {died})")


def judge_positive(module):
    def is_right(x):
        found = module.positive(x)
        return found.dtype == x.real.dtype and (found == (x.real > 0)).all()

    try:
        x = np.array([-2, -0.0, 0, 3])
        right = all(is_right(x) for x in (x, x.astype(np.float32), x + 1j))
    except Exception:
        return "an exception"
    return None if right else "a wrong value"


def test_every_mutant_of_positive_dies(shown):
    deaths = Counter(judge_positive(mutant.module) for mutant in mutants(cells, ["positive"]))
    assert judge_positive(cells) is None and None not in deaths and deaths["a wrong value"] > 0
    shown(f"rung 5  positive: {deaths.total()} of {deaths.total()} mutants killed")


@pytest.mark.parametrize("module, functions, judge", HUNTS)
def test_the_hunters_spare_what_ships(module, functions, judge):
    """The module unchanged, but taken apart and put together in the same way, survives."""
    for mutant in mutants(module, functions, identity=True):
        assert judge(mutant.module) is None
