"""Rung 5: no mutant of a cell or of the scan survives rungs 1 to 3 (and, of a cell with a relu, its formula)."""

import sys
from collections import Counter

import formulas
import numpy as np
import pytest
from ladder import SIZES, TOLERANCE, checked_problem
from mutants import mutants

from lstm_core import _chunks, cells, gradcheck, modern, scan, variants
from lstm_core.cells import Cell, Stage
from lstm_core.plan import plan
from lstm_proofs import PROBE, Disproof, prove_cell, prove_scan

SCAN = ["forward", "backward", "_of_each", "_own", "parameter_shapes"]
CHUNKS = ["parts_of", "countdown", "chunks", "put", "flat", "columns", "steps_of"]
NAMES = ["Stage.__post_init__", "Cell.__post_init__", "Cell.inputs", "Cell.recurs", "Cell.altered"]


def functions_of(cell):
    """The steps and backs of a cell, `sigmoid` or `lru_factor` if it stands beside them; names, as in the source."""
    functions = [function for stage in cell.stages for function in (stage.step, stage.back)]
    for helper in (cells.sigmoid, modern.lru_factor):
        if any(calls(function, helper) for function in functions) and module_of(cell) is sys.modules[helper.__module__]:
            functions = [helper, *functions]
    return [*dict.fromkeys(function.__name__ for function in functions)]


def module_of(cell):
    return sys.modules[cell.stages[0].step.__module__]


def calls(function, other):
    return other.__name__ in function.__code__.co_names


def has_relu(cell):
    return any(calls(stage.step, cells.positive) for stage in cell.stages)


def cell_in(module, name):
    """The cell called `name` of a module."""
    return next(value for value in vars(module).values() if isinstance(value, module.Cell) and value.name == name)


def judged_by_numbers(cell, scan=scan, masked=(False,)):
    """Rung 3 along one random direction: how a mutant dies, or None. Any exception is a death."""
    rng = np.random.default_rng(0)
    try:
        with np.errstate(all="ignore"):
            for own, mask in [(own, mask) for mask in masked for own in {len(cell.own) > 0, False}]:
                problem = checked_problem(cell, SIZES[0], own, scan, masked=mask)
                slope, along = gradcheck.projection(problem.loss, problem.theta, problem.gradient(), rng)
                if not abs(slope - along) <= 1e-12 * abs(slope):  # one sum over all variables: some cancellation
                    return "a wrong gradient"
    except Exception:
        return "an exception"
    return None


def judged_by_values(cell):
    """A relu's k has the derivative 0, so that a wrong k goes with a right gradient: its formula is asked, too."""
    T, B, D, H = SIZES[0]
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    x, state = rng.standard_normal((T, D, B)), formulas.drawn_state(rng, cell.states, H, B)
    for steps in (1, T):  # after one step the state tells most of where it comes from
        h, final, _ = scan.forward(cell, P, x[:steps], state)
        expected, last = formulas.forward(cell.name, P, x[:steps], state)
        if not max(map(gradcheck.relative_error, [h, *final], [expected, *last])) <= TOLERANCE:
            return "a wrong value"
    return None


def judged_by_shut_gates(cell):
    """With gates wide open or shut, and rates of nearly 0, values and derivatives are numbers."""
    T, B, D, H = SIZES[0]
    rng = np.random.default_rng(0)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    P["b"] *= 1000
    if "p" in P:
        P["p"][:, ::2] = -1000
    with np.errstate(all="ignore"):
        h, _, cache = scan.forward(cell, P, rng.standard_normal((T, D, B)))
        grads, _, _ = scan.backward(cell, P, cache, np.ones_like(h))
    return None if all(np.isfinite(array).all() for array in (h, *grads.values())) else "no number"


def judged_by_planes(cell):
    """What a step returns and keeps are planes, (H, B); a tuple of one plane would broadcast, and be right by luck."""
    T, B, D, H = SIZES[0]
    P = {name: np.ones(shape) for name, shape in scan.parameter_shapes(cell, D, H).items()}
    shapes = set()
    for k, stage in enumerate(cell.stages):

        def watched(*args, step=stage.step):
            state, kept = step(*args)
            shapes.update(np.shape(plane) for plane in (*state, *kept))
            return state, kept

        cell = cell.altered(k, step=watched)
    scan.forward(cell, P, np.ones((T, D, B)))
    return None if shapes == {(H, B)} else "no plane"


def judged_by_proof(prove):
    """Rung 1 or 2: how a mutant dies, or None."""
    try:
        prove()
    except Disproof:
        return "disproof"
    except Exception:
        return "an exception"
    return None


def judge_cell(name):
    def judge(module):
        cell = cell_in(module, name)
        return (
            judged_by_numbers(cell)
            or (judged_by_values(cell) or judged_by_shut_gates(cell) if has_relu(cell) else None)
            or judged_by_planes(cell)
            or judged_by_proof(lambda: prove_cell(cell))
        )

    return judge


def waiting_step(a, u, s, p, tanh):
    (u_0,), (h, c) = u, s
    return (h + 2 * u_0, c), ()


def waiting_back(ds, kept, p):
    dh, dc = ds
    return (), (2 * dh,), (dh, dc), ()


# The probe behind a stage without input: whoever takes the rows of R for those of W is found out.
WAITING = Stage("w", waiting_step, waiting_back, inputs=())
LATE_PROBE = Cell("late probe", (WAITING, *PROBE.stages), states="hc", own="01")


def judged_by_use(cell, scan):
    """Every element of every parameter, of x and of the state makes a difference."""
    gradient = checked_problem(cell, SIZES[0], scan=scan).gradient()
    return None if gradient.all() else "a parameter that nobody reads"


def judged_by_room(module):
    """What the products read is as large as it has to be; b is added once; dx is made where it is asked for, only."""
    T, B, D, H = SIZES[4]
    P, x = {k: np.ones(shape) for k, shape in scan.parameter_shapes(LATE_PROBE, D, H).items()}, np.ones((T, D, B))
    h, final, cache = module.forward(LATE_PROBE, P, x)
    if cache.read.shape != (T + 1, 3 * H + D + 1, B):
        return "a room of another size"
    dx, none = (module.backward(LATE_PROBE, P, cache, h, final, inputs)[1] for inputs in (True, False))
    if dx.shape != x.shape or none is not None:
        return "no dx, or one that nobody has asked for"
    P = {"W": np.zeros((1, 1)), "R": np.zeros((1, 1)), "b": np.ones((1, 1))}
    return None if module.forward(cells.RNN, P, np.ones((1, 1, 1)))[0] == np.tanh(1) else "a wrong value"


def judged_by_use_of_room(module):
    try:
        return judged_by_room(module)
    except Exception:
        return "an exception"


def judged_by_sharing(module):
    """da has no room of its own where, and only where, it is du: in a cell of one stage that takes the sum."""
    shared = [module.chunks(np, plan(cell), np.ones((1, 2, 3)))[0] is None for cell in (cells.LSTM, cells.GRU_BEFORE)]
    return None if shared == [True, False] else "da shares its room"


def judge_chunks(module):
    """The scan, with the changed functions."""
    module.CHUNK = 2  # so that three steps are a whole chunk and a part of one
    (changed,) = [mutant.load() for mutant in mutants(scan, SCAN[:1], identity=True)]
    vars(changed).update({name: getattr(module, name) for name in CHUNKS})
    return judge_scan(changed) or judged_by_sharing(module)


def judged_by_names(module):
    """There is a gradient of each parameter and of nothing else, without R and without p too."""
    P = {name: np.ones(shape) for name, shape in scan.parameter_shapes(modern.QRNN, 2, 3).items()}
    try:
        h, _, cache = module.forward(modern.QRNN, P, np.ones((2, 2, 1)))
        grads, _, _ = module.backward(modern.QRNN, P, cache, h)
    except Exception:
        return "an exception"
    return None if [*grads] == [*P] else "a gradient of nothing"


def judge_scan(module):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_chunks, "CHUNK", 2)
        return (
            judged_by_numbers(LATE_PROBE, module, masked=(False, True, "units"))
            or judged_by_numbers(cells.LSTM, module)  # one stage
            or judged_by_numbers(modern.QRNN, module)  # without R
            or judged_by_numbers(plan(cells.LSTM), module)  # which takes the sum
            or judged_by_numbers(plan(cells.GRU_BEFORE), module)  # and of two stages the first
            or judged_by_names(module)
            or judged_by_use(LATE_PROBE, module)
            or judged_by_use_of_room(module)
            or judged_by_proof(lambda: prove_scan(module.forward, module.backward, T=2, D=1, H=1, B=2))
        )


HUNTS = [
    pytest.param(module_of(cell), functions_of(cell), judge_cell(name), id=f"cell {name}")
    for name, cell in variants.CELLS.items()
]
HUNTS += [pytest.param(scan, SCAN, judge_scan, id="scan"), pytest.param(_chunks, CHUNKS, judge_chunks, id="chunks")]


def hunted(module, functions, judge):
    """How many mutants of which kind were made, and how many died of what; AssertionError if one is alive."""
    kinds, deaths, alive = Counter(), Counter(), []
    for mutant in mutants(module, functions):
        kinds[mutant.kind] += 1
        try:
            changed = mutant.load()
        except Exception:  # it cannot even be imported
            death = "an exception"
        else:
            death = judge(changed)
        deaths[death] += 1
        if death is None:
            alive.append(f"{mutant.function}, {mutant.kind}: {mutant.change}")
    assert not alive, "mutants that no rung caught:\n" + "\n".join(alive)
    return kinds, deaths


def report(name, kinds, deaths):
    made, died = (", ".join(f"{n} {what}" for what, n in count.most_common()) for count in (kinds, deaths))
    return f"rung 5  {name}: {deaths.total()} of {kinds.total()} mutants killed (made: {made}; died of: {died})"


@pytest.mark.parametrize("module, functions, judge", HUNTS)
def test_every_mutant_dies(module, functions, judge, shown, request):
    kinds, deaths = hunted(module, functions, judge)
    assert min(kinds[kind] for kind in ("operator", "dropped term", "number", "name")) > 0
    assert deaths["a wrong gradient"] >= 15  # not all by exceptions: RNN has the fewest
    shown(report(request.node.callspec.id, kinds, deaths))


def test_every_cell_with_a_relu_has_a_formula():
    """Proofs and derivatives are blind to a wrong k = positive(x); so a hunter asks the formula."""
    with_relu = {name for name, cell in variants.CELLS.items() if has_relu(cell)}
    assert {"rnn relu", "nas"} <= with_relu <= formulas.FORMULAS.keys()


# ---- what is not a cell's arithmetic, nor the scan's ------------------------------------------------------------


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


def judge_names(module):
    """The late probe once more, of this module's classes, a step altered and altered back: a cell that is right.

    The first of its stages may take the sum, the second may not.
    """

    def is_refused(stages):
        try:
            module.Cell("sums late", stages, states="hc")
        except ValueError as error:
            return str(error) == "stages: expected sums of the first stage only, got ('w',)"

    step = LATE_PROBE.stages[1].step
    try:
        summed = module.Stage("w", waiting_step, waiting_back, sums=True)
        plain = module.Stage("v", waiting_step, waiting_back)
        module.Cell("sums first", (summed, plain), states="hc")
        if not is_refused((plain, summed)):
            return "sums of a stage that waits"
        stages = [module.Stage(s.gates, s.step, s.back, s.inputs, s.recurs) for s in LATE_PROBE.stages]
        cell = module.Cell("late probe", stages, states="hc", own="01", forget="2")
        hash(cell)  # its stages are a tuple now
        cell = cell.altered(1, step=waiting_step).altered(1, step=step)
    except Exception:
        return "an exception"
    return judged_by_numbers(cell)


def judge_planes(module):
    """What the cache calls c and n is what the equations call so; where two stages kept z, it is there once."""
    problems = [gradcheck.problem(cell, SIZES[0], np.random.default_rng(0)) for cell in (cells.LSTM, cells.GRU_BEFORE)]

    def is_refused(name):
        try:
            lstm.planes(name)
        except ValueError as error:
            return str(error) == f"name: expected something that the cell kept at each step, got {name!r}"

    try:
        (_, _, final, lstm), (_, h, _, gru) = (problem.run(problem.theta) for problem in problems)
        lstm, gru = module.Cache(*lstm), module.Cache(*gru)
        c = lstm.planes("c")
        r, z, n, h_prev = map(gru.planes, ("r", "z", "n", "h_prev"))
        right = (
            (c[1:-1] == lstm.planes("c_prev")[2:]).all() and (c[-1] == final[1]).all() and len(c) == len(h)
            and ((1 - z) * n + z * h_prev == h).all() and r.shape == h.shape and is_refused("k")
        )  # fmt: skip
    except Exception:
        return "an exception"
    return None if right else "a wrong value"


OTHERS = {
    "positive": (cells, ["positive"], judge_positive),
    "names of cells": (cells, NAMES, judge_names),
    "planes": (scan, ["Cache.planes"], judge_planes),
}


@pytest.mark.parametrize("what", OTHERS)
def test_every_other_mutant_dies(what, shown):
    module, functions, judge = OTHERS[what]
    kinds, deaths = hunted(module, functions, judge)
    assert what == "names of cells" or deaths["a wrong value"] > 0  # a cell with wrong names does not even come about
    shown(report(what, kinds, deaths))


@pytest.mark.parametrize("module, functions, judge", [*HUNTS, *(pytest.param(*v, id=k) for k, v in OTHERS.items())])
def test_the_hunters_spare_what_ships(module, functions, judge):
    """The module unchanged, but taken apart and put together in the same way, survives."""
    for mutant in mutants(module, functions, identity=True):
        assert judge(mutant.load()) is None
