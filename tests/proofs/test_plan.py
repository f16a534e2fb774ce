"""Plans and compiled loops: the cell's own arithmetic, proven again, and its numbers."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import standin
from ladder import SIZES, TOLERANCE, gradient_errors

from lstm_core import _chunks, cells, compiled, gradcheck, operations, plan, scan, variants
from lstm_core.arrays import ZERO
from lstm_core.cells import Cell, Stage
from lstm_core.record import record
from lstm_proofs import PROBE, Disproof, prove_cell, prove_scan

pytestmark = pytest.mark.proof
LOOPED = lambda cell: plan.planned(cell, compiled.looped)  # needs no Numba: it is asked for when floats come
READINGS = [pytest.param(plan.plan, id="planned"), pytest.param(LOOPED, id="loops")]
each_cell = pytest.mark.parametrize("cell", variants.CELLS.values(), ids=variants.CELLS)
each_reading = pytest.mark.parametrize("reading", READINGS)


def in_python(cell):
    """The cell with its loops run by Python, on numbers, too."""

    def writer(found):
        full, positive = compiled._full, compiled._positive_of_floats
        return plan.made(found, compiled.text(found), full=full, positive=positive, sqrt=np.sqrt)

    return plan.planned(cell, writer)


@each_reading
@each_cell
def test_a_planned_cell_is_proven_with_and_without_p(cell, reading):
    fast = reading(cell)
    assert len(prove_cell(fast)) == len(prove_cell(cell))
    prove_cell(replace(fast, own=()))


@each_reading
@pytest.mark.parametrize("T, chunk", [(2, 10), (3, 2)])
def test_the_scan_is_proven_with_a_planned_probe(reading, T, chunk, monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK", chunk)
    prove_scan(cell=reading(PROBE), T=T, D=1, B=1)


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
@pytest.mark.parametrize("masked", [False, True, "units"])
def test_chunks_of_any_length_give_the_gradient(chunk, masked, monkeypatch):
    monkeypatch.setattr(_chunks, "CHUNK", chunk)
    for sizes in SIZES:
        for cell in (cells.LSTM, plan.plan(cells.LSTM), cells.GRU_BEFORE):
            assert max(gradient_errors(cell, sizes, masked=masked).values()) <= TOLERANCE


@each_cell
def test_planned_gradients_agree_with_the_complex_step(cell):
    for sizes in SIZES:
        for own in {len(cell.own) > 0, False}:
            assert max(gradient_errors(plan.plan(cell), sizes, own).values()) <= TOLERANCE


def run(cell, own=True, dtype=np.float64, T=13):
    """h, final state, gradients, dx and dstate0 of random numbers, in one list; the gradients twice."""
    rng = np.random.default_rng(0)
    shapes = scan.parameter_shapes(cell, 4, 5, own)
    P = {name: rng.standard_normal(shape).astype(dtype) for name, shape in shapes.items()}
    x, dh = rng.standard_normal((T, 4, 3)).astype(dtype), rng.standard_normal((T, 5, 3)).astype(dtype)
    state = [rng.standard_normal((5, 3)).astype(dtype) for _ in cell.states]
    h, final, cache = scan.forward(cell, P, x, state)
    grads, dx, dstate0 = scan.backward(cell, P, cache, dh, state)
    again = scan.backward(cell, P, cache, dh, state)[0]
    assert all((grads[name] == again[name]).all() for name in grads)
    assert scan.backward(cell, P, cache, dh, state, inputs=False)[1] is None
    return [h, *final, *grads.values(), dx, *dstate0]


@pytest.mark.parametrize("part", [plan.PART, 16], ids=["whole", "in parts"])
@pytest.mark.parametrize("reading", [pytest.param(plan.plan, id="planned"), pytest.param(in_python, id="loops")])
@each_cell
def test_a_planned_cell_computes_what_the_cell_does(cell, reading, part, monkeypatch):
    """Up to rounding: R h + W x + b is one sum. `part` is small, so that planes are worked on in pieces."""
    monkeypatch.setattr(plan, "PART", part)
    for own in {len(cell.own) > 0, False}:
        for found, expected in zip(run(reading(cell), own), run(cell, own), strict=True):
            assert gradcheck.relative_error(found, expected) <= TOLERANCE


@pytest.mark.skipif(not compiled.is_available(), reason='Numba is not installed: pip install -e ".[fast]"')
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-5), (np.float64, TOLERANCE)])
@each_cell
def test_a_compiled_cell_computes_what_the_cell_does(cell, dtype, tolerance):
    for found, expected in zip(run(compiled.compile_cell(cell), dtype=dtype), run(cell, dtype=dtype), strict=True):
        assert found.dtype == dtype and gradcheck.relative_error(found, expected) <= tolerance


@each_cell
def test_a_kernel_computes_what_the_plan_does_bit_for_bit(cell, monkeypatch):
    """As the strict stand-in for CuPy runs it: at most a launch for a stage and direction, the rest is the scan's."""
    launched = []
    launch = standin.ElementwiseKernel.__call__

    def counted(kernel, *args):
        launched.append(kernel.name)
        return launch(kernel, *args)

    monkeypatch.setattr(standin.ElementwiseKernel, "__call__", counted)
    fast, rng, (T, D, H, B) = plan.plan(cell), np.random.default_rng(0), (3, 2, 4, 5)
    for own in {len(cell.own) > 0, False}:
        P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H, own).items()}
        x, dh = rng.standard_normal((T, D, B)), rng.standard_normal((T, H, B))
        h, final, cache = scan.forward(fast, P, x)
        expected = [h, *final, *scan.backward(fast, P, cache, dh)[0].values()]
        launched.clear()
        P, x, dh = {name: standin.asarray(array) for name, array in P.items()}, standin.asarray(x), standin.asarray(dh)
        h, final, cache = scan.forward(fast, P, x)
        found = [h, *final, *scan.backward(fast, P, cache, dh)[0].values()]
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_array_equal(a.get(), b)
        assert 2 * T <= len(launched) <= 2 * T * len(cell.stages)  # a back that only hands on needs none


@each_reading
def test_a_mistake_of_the_cell_is_one_of_its_plan(reading):
    def wrong(ds, kept, p):
        da, du, (dh, dc), dp = cells.lstm_back(ds, kept, p)
        return da, du, (dh, -dc), dp

    with pytest.raises(Disproof, match="ds_1"):
        prove_cell(reading(cells.LSTM.altered(back=wrong)))


def test_a_changed_cell_has_another_plan():
    texts = {compiled.text(operations.calculation(record(cell)[0].step)) for cell in variants.CELLS.values()}
    plans = {plan.text(operations.calculation(record(cell)[0].step)) for cell in variants.CELLS.values()}
    assert len(texts) == len(plans) == len(variants.CELLS)


def test_who_asks_for_more_than_the_sum_is_given_both():
    alone = {cell.name for cell in variants.CELLS.values() if not cell.recurs}  # there is nothing to add
    fast = {name: plan.plan(cell).stages[0].sums for name, cell in variants.CELLS.items()}
    assert {name for name, sums in fast.items() if not sums} == {"gru", "nas", *alone}

    def step(a, u, s, p, tanh):
        return (tanh(a[0] + u[0]) + a[0],), ()

    def back(ds, kept, p):
        return ds, ds, (0,), ()

    assert not plan.plan(Cell("more", [Stage("h", step, back)])).stages[0].sums


def test_sums_are_for_the_first_stage():
    second = replace(cells.GRU_BEFORE.stages[1], sums=True)
    with pytest.raises(ValueError, match="stages: expected sums of the first stage only, got candidate"):
        replace(cells.GRU_BEFORE, stages=[cells.GRU_BEFORE.stages[0], second])


def test_a_stage_that_says_sums_and_is_none_is_refused():
    """It is handed a = 0, and then its derivative by the sum is not what it says."""

    def step(a, u, s, p, tanh):
        return (2 * a[0] + u[0],), ()

    def back(ds, kept, p):
        return [2 * ds[0]], ds, (0,), ()

    honest = Cell("twice", [Stage("h", step, back)])
    prove_cell(honest)
    with pytest.raises((Disproof, TypeError)):
        prove_cell(honest.altered(sums=True))


def test_what_cannot_be_recorded_stays_as_it_is():
    def step(a, u, s, p, tanh):
        return (np.sin(a[0] + u[0]),), (a[0] + u[0],)

    def back(ds, kept, p):
        d = ds[0] * np.cos(kept[0])
        return (d,), (d,), (0,), ()

    cell = Cell("sine", [Stage("h", step, back)])
    assert plan.plan(cell) is cell


def test_a_plan_keeps_nothing_between_two_threads():
    """Four threads run one planned cell at a time, each on numbers of its own, and get what one would."""
    fast, found = plan.plan(cells.LSTM), {}

    def work(T):
        for _ in range(20):
            found.setdefault(T, []).append(run(fast, T=T))

    threads = [threading.Thread(target=work, args=(T,)) for T in (5, 9, 14, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for T, runs in found.items():
        assert len(runs) == 20
        expected = run(fast, T=T)
        assert all((a == b).all() for one in runs for a, b in zip(one, expected, strict=True))


def test_a_plan_needs_no_more_planes_than_the_cell():
    """Planes that are made for a step or back of the LSTM, u's own aside: of 18 and 27 operations."""
    step, back = record(cells.LSTM, own=False)[0]
    sums = plan._sums(cells.LSTM.stages[0], (step, back))
    made = [len(plan.registers(plan.places(operations.calculation(r, sums)))) for r in (step, back)]
    assert made[0] <= 4 and made[1] <= 6


def test_a_cell_may_have_any_name_and_any_number():
    """A step called like one of the plan's helpers; whole numbers that Numba does not know; numbers that are kept."""
    large = 1e20

    def number(a, u, s, p, tanh):
        return (tanh((a[0] + u[0]) * large / large),), (large, 0.5, 3)

    def parts(ds, kept, p):
        d = ds[0] * kept[0] * kept[1] * kept[2]
        return (d,), (d,), (0.25,), ()

    cell, a = Cell("large", [Stage("h", number, parts)]), np.full((1, 2, 3), 0.5)
    for reading in (plan.plan, in_python, *([compiled.compile_cell] if compiled.is_available() else [])):
        fast = reading(cell).stages[0]
        (h,), kept = fast.step(ZERO, a.copy(), (a[0],), (), np.tanh)
        np.testing.assert_allclose(h, np.tanh(0.5))
        assert tuple(kept) == (1e20, 0.5, 3)
        (da,), _, (dh,), _ = fast.back((a[0],), kept, ())
        np.testing.assert_allclose(da, 0.75e20)
        assert dh == 0.25
    assert "dtype.type(1e+20)" in compiled.text(operations.calculation(record(cell)[0].step))
