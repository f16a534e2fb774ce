"""Zoneout, rungs 1 to 5: the cell that is expected, of every cell; the scan with a mask of units is in test_proofs."""

import numpy as np
import pytest
from ladder import SIZES, TOLERANCE, gradient_errors
from mutants import mutants

from lstm_core import scan, variants, zoneout
from lstm_core.cells import Cell, Stage
from lstm_proofs import PROBE, Disproof, prove_cell

RATES = 0.25, 0.5  # powers of two: exact on symbols


def rates_of(cell, rates=RATES):
    """These of h and c, 0 of whatever else there is in the state."""
    return tuple(dict(zip("hc", rates)).get(name, 0.0) for name in cell.states)


def expected(cell):
    return zoneout.expected(cell, rates_of(cell))


each_cell = pytest.mark.parametrize("cell", variants.CELLS.values(), ids=variants.CELLS.keys())


@pytest.mark.proof
@each_cell
def test_rung_1_the_expected_cell(cell, shown):
    proofs = prove_cell(expected(cell))
    assert len(proofs) >= len(cell.inputs) + len(cell.recurs) + len(cell.states)
    seconds = sum(proof.seconds for proof in proofs)
    shown(f"rung 1  {expected(cell).name}: {len(proofs)} derivatives  ({seconds:.2f} s)")


@each_cell
def test_rung_3_the_expected_cell(cell, shown):
    errors = gradient_errors(expected(cell), SIZES[0], len(cell.own) > 0)
    assert all(error <= TOLERANCE for error in errors.values()), errors
    shown(f"rung 3  {expected(cell).name}: backward = complex step to {max(errors.values()):.1e} relative")


@each_cell
def test_it_is_the_share_of_what_was_and_of_what_the_cell_proposes(cell):
    """Step by step, by the formula; a rate of 0 leaves an array of the state to the cell alone."""
    T, B, D, H = SIZES[0]
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    x, state = rng.standard_normal((T, D, B)), tuple(abs(rng.standard_normal((len(cell.states), H, B))))  # n > 0
    for rates in (RATES, (0.25, 0.0), (0.0, 0.5)):
        rates = rates_of(cell, rates)
        h, final, _ = zoneout.forward(cell, rates, P, x, state)
        now = state
        for t in range(T):
            _, proposed, _ = scan.forward(cell, P, x[t : t + 1], now)
            now = tuple(r * old + (1 - r) * new for r, old, new in zip(rates, now, proposed))
            np.testing.assert_allclose(h[t], now[0], rtol=0, atol=1e-14)  # sums in another order
        np.testing.assert_allclose(final, now, rtol=0, atol=1e-14)


WAITING = Stage("w", lambda a, u, s, p, tanh: ((s[0] + 2 * u[0], s[1]), ()),
                lambda ds, kept, p: ((), (2 * ds[0],), (ds[0], ds[1]), ()), inputs=())  # fmt: skip
SIMPLE = Stage("01", lambda a, u, s, p, tanh: ((a[0] + 2 * u[1] + s[1], 3 * a[1] + 5 * u[0] + s[0]), ()),
               lambda ds, kept, p: ((ds[0], 3 * ds[1]), (5 * ds[1], 2 * ds[0]), (ds[1], ds[0]), ()))  # fmt: skip
PROBES = [Cell("one", (SIMPLE,), "hc"), PROBE, Cell("three", (WAITING, *PROBE.stages), "hc", "01")]


def judge(module):
    """How a mutant of `zoneout` dies, or None. Of one stage, of two, and of three: one is neither first nor last."""
    _, B, D, H = SIZES[0]
    rng = np.random.default_rng(0)
    try:
        for cell in PROBES:
            made = module._expected.__wrapped__(cell, RATES)
            P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
            x, state = rng.standard_normal((1, D, B)), tuple(rng.standard_normal((2, H, B)))
            proposed = scan.forward(cell, P, x, state)[1]
            by_hand = [r * old + (1 - r) * new for r, old, new in zip(RATES, state, proposed)]
            if not np.allclose(scan.forward(made, P, x, state)[1], by_hand, rtol=0, atol=1e-14):
                return "a wrong value"
            prove_cell(made)
            if made.name != f"zoneout {cell.name}":
                return "a wrong name"
        if module._expected.__wrapped__(PROBE, (0.0, 0.0)) is not PROBE:
            return "not the cell itself"
    except Disproof:
        return "disproof"
    except Exception:
        return "an exception"
    return None


@pytest.mark.parametrize("identity", [False, True], ids=["mutants", "what ships"])
def test_rung_5_every_mutant_dies(identity, shown):
    found = [(m, judge(m.load())) for m in mutants(zoneout, ["_expected", "_zoned"], identity=identity)]
    if identity:
        assert [death for _, death in found] == [None, None]
        return
    alive = [f"{m.function}, {m.kind}: {m.change}" for m, death in found if death is None]
    assert not alive, "mutants that no rung caught:\n" + "\n".join(alive)
    deaths = [death for _, death in found]
    assert deaths.count("disproof") > 5 and deaths.count("a wrong value") > 0
    shown(f"rung 5  zoneout: {len(found)} of {len(found)} mutants killed")
