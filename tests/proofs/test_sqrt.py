"""The square root in the alphabet of a cell: floats, complex numbers, symbols, and all readings of a record."""

import math
import sys
from collections import namedtuple
from pathlib import Path

import numpy as np
import pytest
import standin
import sympy
from ladder import SIZES, TOLERANCE, gradient_errors
from test_plan import LOOPED, in_python, run
from test_two_step import differences

from lstm_core import cells, compiled, gradcheck, operations, plan, scan, symbols
from lstm_core._fused import kernel_text
from lstm_core.arrays import ZERO
from lstm_core.cells import Cell, Stage, exp, sqrt
from lstm_core.record import record
from lstm_proofs import Disproof, is_zero, prove_cell
from lstm_proofs.ledger import Code, prove
from lstm_proofs.ledger.latex import Unproven
from lstm_proofs.ledger.zero import Symbols

ROOT = Path(__file__).parents[2]
if not (ROOT / "tools").is_dir():
    pytest.skip("tools/ is not in this copy of the project", allow_module_level=True)
sys.path[:0] = [str(ROOT / folder) for folder in ("figures", "tools")]
import javascript  # noqa: E402
from graph import two_steps  # noqa: E402

pytestmark = pytest.mark.proof


# ---- a cell for the test: the length of (1, a + u, e^(p/2) h_prev), shortened ---------------------------------------

Kept = namedtuple("Kept", "au w h h_prev")


def root_step(a, u, s, p, tanh):
    (au,), (h_prev,), (p_h,) = a + u, s, p
    w = sqrt(1 + au * au + exp(p_h) * h_prev * h_prev)
    h = w / (1 + w)
    return (h,), Kept(au, w, h, h_prev)


def root_back(ds, kept, p):
    (dh,), (au, w, h, h_prev), (p_h,) = ds, kept, p
    dw = dh * (1 - h) / (1 + w)
    dau = dw * au / w
    dh_prev = dw * exp(p_h) * h_prev / w
    dp = dh_prev * h_prev / 2
    return (dau,), (dau,), (dh_prev,), (dp,)


def wrong_back(ds, kept, p):
    (dau,), _, before, dp = root_back(ds, kept, p)
    return (dau / kept.w,), (dau / kept.w,), before, dp


ROOT = Cell("root", [Stage("h", root_step, root_back)], own="h")
each_reading = pytest.mark.parametrize("reading", [lambda cell: cell, plan.plan, LOOPED], ids=["cell", "plan", "loops"])


@each_reading
def test_a_back_through_a_root_is_proven_and_a_wrong_one_is_not(reading):
    assert len(prove_cell(reading(ROOT))) == 4
    with pytest.raises(Disproof, match=r"da_0|v_0"):
        prove_cell(reading(ROOT.altered(back=wrong_back)))


@pytest.mark.parametrize("own", [True, False], ids=["p", "no p"])
@pytest.mark.parametrize("reading", [lambda cell: cell, plan.plan], ids=["cell", "plan"])
def test_gradients_agree_with_the_complex_step(reading, own):
    assert max(error for sizes in SIZES for error in gradient_errors(reading(ROOT), sizes, own).values()) <= TOLERANCE


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_sqrt_is_numpys_in_every_dtype(dtype):
    x = np.array([[0.25, 4.0, 1e-30]], dtype)
    assert sqrt(x).dtype == dtype and (sqrt(x) == np.sqrt(x)).all()
    assert (sqrt(standin.asarray(x)).get() == np.sqrt(x)).all()


def test_without_p_exp_of_it_is_1_and_leaves_no_trace():
    assert exp(ZERO) == 1
    assert "exp" in {node.op for node in record(ROOT)[0].step.nodes}
    assert "exp" not in {node.op for one in record(ROOT, own=False)[0] for node in one.nodes}


# ---- symbols ---------------------------------------------------------------------------------------------------------


def test_sqrt_of_symbols_has_the_derivative_that_its_docstring_states():
    (x,) = symbols.array("x", 1)
    (root,) = sqrt(symbols.array("x", 1))
    assert is_zero(root.diff(x) - 1 / (2 * root)) and not is_zero(root.diff(x) - 1 / root)


def test_zero_knows_that_the_square_of_a_root_is_what_it_is_of():
    x, y = symbols.array("x", 2)
    root, inner = sympy.sqrt(1 + sympy.tanh(x)), sympy.sqrt(sympy.sqrt(x) + y)
    same = [root**2 - 1 - sympy.tanh(x), 1 / root - root / (1 + sympy.tanh(x)), inner**4 - x - y * y - 2 * y * inner**2
            + 2 * y * y, sympy.sqrt(x) ** 3 - x * sympy.sqrt(x), sympy.tanh(root) - sympy.tanh(root)]  # fmt: skip
    other = [root - 1, sympy.sqrt(x) - sympy.sqrt(y), inner - sympy.sqrt(y - sympy.sqrt(x)), root**2 - root]
    assert all(map(is_zero, same)) and not any(map(is_zero, other))


def test_the_ring_of_a_run_replaces_a_root_squared_and_divides_by_a_root():
    S = Symbols({"x": symbols.array("x", 2)}, spare=9)
    x, y = S.arrays["x"]
    w = S.sqrt(np.array([x + y]))[0]
    assert S.sqrt(np.array([y + x]))[0] == w and S.sqrt(np.array([x]))[0] != w
    over = S.divide(S.ring(1), np.array([w]))[0]
    assert S.is_zero(w * w - x - y) and S.is_zero(w**3 - w * (x + y)) and S.is_zero(over * (x + y) - w)
    assert not S.is_zero(w * w - x) and not S.is_zero(w - 1) and not S.is_zero(over - w)
    (d,) = S.define(np.array([w * w]))
    assert S.is_zero(d - x - y) and not S.is_zero(d - x)


def length_step(a, u, s, p, tanh):
    (au,) = a + u
    h = sqrt(1 + au * au)
    return (h,), Kept(au, h, h, h)


def length_back(ds, kept, p):
    dau = ds[0] * kept.au / kept.h
    return (dau,), (dau,), (0,), ()


def test_the_ledger_reads_a_root_and_proves_it():
    """As if it were the vanilla RNN, so that a label speaks of it."""
    code = Code([cells.RNN.altered(step=length_step, back=length_back)])
    prove("rnn-h", r"\mathbf h_t = \sqrt{1 + (\mathbf a_t + \mathbf u_t)^2}", code)
    prove("rnn-h-squared", r"\mathbf h_t^2 = 1 + (\mathbf a_t + \mathbf u_t)^2", code)
    slope = r"\frac{\mathbf a_t + \mathbf u_t}{\mathbf h_t}"
    prove("rnn-da", rf"\mathrm d\mathbf a_t = \mathrm d\mathbf h_t \odot {slope}", code)
    jacobian = r"\frac{\partial^+ \mathbf h_t}{\partial \mathbf h_{t-1}} = \operatorname{diag}(" + slope + r")\, R"
    prove("rnn-jacobian", jacobian, code)
    for wrong in (r"2 + (\mathbf a_t + \mathbf u_t)^2", r"1 - (\mathbf a_t + \mathbf u_t)^2", "1"):
        with pytest.raises(Unproven):
            prove("rnn-h", rf"\mathbf h_t = \sqrt{{{wrong}}}", code)
    with pytest.raises(Unproven):
        prove("rnn-jacobian", jacobian.replace(r"\mathbf a_t +", r"\mathbf a_t -"), code)


# ---- the other readings ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [True, False], ids=["p", "no p"])
@pytest.mark.parametrize("reading", [plan.plan, in_python], ids=["plan", "loops"])
def test_a_planned_root_computes_what_the_cell_does(reading, own):
    for found, expected in zip(run(reading(ROOT), own), run(ROOT, own), strict=True):
        assert gradcheck.relative_error(found, expected) <= TOLERANCE


@pytest.mark.skipif(not compiled.is_available(), reason='Numba is not installed: pip install -e ".[fast]"')
@pytest.mark.parametrize("dtype, tolerance", [(np.float32, 2e-5), (np.float64, TOLERANCE)])
def test_a_compiled_root_computes_what_the_cell_does(dtype, tolerance):
    for found, expected in zip(run(compiled.compile_cell(ROOT), dtype=dtype), run(ROOT, dtype=dtype), strict=True):
        assert found.dtype == dtype and gradcheck.relative_error(found, expected) <= tolerance


def test_a_kernel_takes_the_root():
    assert "= sqrt(" in kernel_text(operations.calculation(record(ROOT)[0].step))[2]
    rng, cell = np.random.default_rng(0), plan.plan(ROOT)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(ROOT, 2, 3).items()}
    x, dh = rng.standard_normal((4, 2, 5)), rng.standard_normal((4, 3, 5))
    expected, _, cache = scan.forward(cell, P, x)
    gradients = scan.backward(cell, P, cache, dh)[0]
    there = {name: standin.asarray(array) for name, array in P.items()}
    found, _, cache = scan.forward(cell, there, standin.asarray(x))
    assert (found.get() == expected).all()
    for name, array in scan.backward(cell, there, cache, standin.asarray(dh))[0].items():
        assert (array.get() == gradients[name]).all()


def test_javascript_takes_the_root():
    """The text of the step for one unit, read as Python, gives the cell's numbers; test_play.py has a browser."""
    text = javascript.cell_text(ROOT)
    lines = [line.strip() for line in text.split("step(")[1].split("back(")[0].splitlines()]
    names = {"sqrt": math.sqrt, "exp": math.exp, "j": 0}
    names |= {"a_h": [0.3], "u_h": [0.4], "h": [0.5], "p_h": [0.1], "h_prev": [0.5], "after": [[0]], "kept": [[0]] * 4}
    for line in lines:
        if line.startswith("const ") and "[" not in line.split("=")[0]:
            exec(line.removeprefix("const ").rstrip(";"), names)
    a, u, s, p = (np.full((1, 1, 1), x) for x in (0.3, 0.4, 0.5, 0.1))
    _, kept = root_step(a, u, s, p, np.tanh)
    assert names["w"] == pytest.approx(kept.w.item(), rel=1e-15)


@pytest.mark.parametrize("own", [True, False], ids=["p", "no p"])
def test_the_two_step_graph_has_the_slope_of_the_root(own):
    assert differences(two_steps(ROOT, own), own) == set()
