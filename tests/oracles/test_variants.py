"""The variants compute what their papers print, and where one is an LSTM in disguise, they are that LSTM."""

import formulas
import numpy as np
import pytest
from ladder import SIZES, TOLERANCE

from lstm_core import cells, gradcheck, plan, scan, variants

each_variant = pytest.mark.parametrize("name", [name for name in variants.CELLS if name in formulas.FORMULAS])


def drawn(cell, sizes, own=True, seed=0):
    """Random parameters, input and initial state."""
    (T, B, D, H), rng = sizes, np.random.default_rng(seed)
    P = {name: rng.standard_normal(shape) for name, shape in scan.parameter_shapes(cell, D, H, own).items()}
    return P, rng.standard_normal((T, D, B)), formulas.drawn_state(rng, cell.states, H, B)


def test_every_cell_is_in_the_list_under_its_name():
    for module in (cells, variants):
        for cell in vars(module).values():
            assert not isinstance(cell, cells.Cell) or variants.CELLS[cell.name] is cell
    assert all(cell.name == name for name, cell in variants.CELLS.items()) and len(variants.CELLS) >= 13


def test_every_variant_has_a_formula_or_is_named(shown):
    """The cells of `cells` are compared with ONNX instead. A cell with a relu has to have one: see test_mutants.py."""
    without = [name for name, cell in variants.CELLS.items() if name not in formulas.FORMULAS]
    of_cells = {cell.name for cell in vars(cells).values() if isinstance(cell, cells.Cell)}
    assert formulas.FORMULAS.keys() < variants.CELLS.keys() and of_cells == {"rnn", "lstm", "gru", "gru before"}
    assert of_cells <= {*without}
    others = ", ".join(name for name in without if name not in of_cells) or "none"
    shown(f"variants whose forward pass is compared with no formula of a paper: {others}")


@each_variant
def test_the_names_of_the_gates_are_those_of_the_formula(name):
    cell = variants.CELLS[name]
    names = {"W": cell.inputs, "R": cell.recurs, "b": cell.inputs, "p": cell.own}
    if name in formulas.GATES:
        P = {key: np.arange(len(gates)) for key, gates in names.items()}  # one row a gate
        assert [tuple(rows) for rows in formulas.named(name, P)] == [*names.values()]
    else:
        gates = tuple({"rnn relu": "h", "nas": "01234567", "minlstm": "ifg", "rglru": "rig", "lru": "gj",
                       "slstm": "iofg"}[name])  # fmt: skip
        own = tuple({"rglru": "r", "lru": "fr"}.get(name, ""))
        assert [*names.values()] == [gates, gates if cell.recurs else (), gates, own]


@pytest.mark.parametrize("own", [True, False], ids=["p", "no p"])
@pytest.mark.parametrize("sizes", SIZES, ids=lambda s: "T{}-B{}-D{}-H{}".format(*s))
@each_variant
def test_forward_is_the_formula_of_the_paper(name, sizes, own):
    cell = variants.CELLS[name]
    P, x, state = drawn(cell, sizes, own)
    h, final, _ = scan.forward(cell, P, x, state)
    expected, last = formulas.forward(name, P, x, state)
    for found, wanted in zip([h, *final], [expected, *last], strict=True):
        assert gradcheck.relative_error(found, wanted) <= TOLERANCE


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("made", [lambda cell: cell, plan.plan], ids=["as it is", "planned"])
def test_an_slstm_without_an_old_value_does_not_weigh_it(made, dtype):
    """In the first step exp(i_bar - m) would be 0, and c / n with it 0 / 0, had the forget gate a say: m_1 is i_bar."""
    P = {name: np.zeros(shape, dtype) for name, shape in scan.parameter_shapes(variants.CELLS["slstm"], 1, 3).items()}
    i, o, f, g = range(0, 3), range(3, 6), range(6, 9), range(9, 12)
    P["b"][f] = np.array([[0], [1000], [-1000]])
    P["b"][i], P["b"][g] = 1, 0.5
    cell = made(variants.CELLS["slstm"])
    with np.errstate(all="raise", under="ignore"):
        h, (_, _, n, m), cache = scan.forward(cell, P, np.zeros((4, 1, 2), dtype))
        grads, _, _ = scan.backward(cell, P, cache, np.ones_like(h))
    assert np.allclose(h, 0.5 * np.tanh(0.5), rtol=1e-6) and n.min() >= 1
    assert np.allclose(m[:, 0], [1, 3001, 1]) and not grads["b"][f].any() and np.isfinite(grads["b"]).all()
    slope = 4 * 2 * 0.25 * np.tanh(0.5)
    assert np.allclose(grads["b"][o], slope, rtol=1e-6)


@pytest.mark.parametrize("seed", range(20))
def test_what_an_slstm_divides_by_is_never_below_1(seed):
    cell, rng = variants.CELLS["slstm"], np.random.default_rng(seed)
    P, x, _ = drawn(cell, (30, 4, 3, 5), seed=seed)
    P = {name: array * 10.0 ** rng.uniform(-2, 3) for name, array in P.items()}
    h, _, cache = scan.forward(cell, P, x)
    assert cache.planes("n").min() >= 1 and np.isfinite(h).all()


def of_decays(y, dtype, i=0.0, g=1.0):
    """An RG-LRU's P without weights, each unit of which has r e^p = y; i, g: biases of input gate and candidate."""
    y = np.asarray(y, dtype)
    shapes = scan.parameter_shapes(variants.CELLS["rglru"], 1, len(y))
    P = {name: np.zeros(shape, dtype) for name, shape in shapes.items()}
    P["b"][len(y) : 2 * len(y)], P["b"][2 * len(y) :] = i, g
    P["p"][0, :, 0] = np.log(2 * y)  # r = 1/2
    return P


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_rglru_keeps_its_digits_where_nearly_nothing_is_forgotten(dtype):
    """For y < 1e-8 the paper's 1 - a², 1 - exp(-4y), is 0 in float32; the cell's sqrt(1 - f²) is right, and dp."""
    y = 10.0 ** np.arange(-30, 1)
    cell, P = variants.CELLS["rglru"], of_decays(y, dtype)
    h, _, cache = scan.forward(cell, P, np.zeros((1, 1, 1), dtype), (np.zeros((31, 1), dtype),))
    y = np.exp(P["p"][0].astype(float)) / 2
    true = np.sqrt(-np.expm1(-4 * y))  # of what float32 has for p
    rounded = 8 * np.finfo(dtype).eps * (1 + abs(np.log(y)).max())
    assert abs(cache.planes("m")[0] / true - 1).max() <= rounded
    dp = scan.backward(cell, P, cache, np.ones_like(h))[0]["p"][0]
    assert abs(dp / (0.5 * 2 * y * np.exp(-4 * y) / true) - 1).max() <= 4 * rounded


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("made", [lambda cell: cell, plan.plan], ids=["as it is", "planned"])
@pytest.mark.parametrize("shut", ["gate", "rate"])
def test_an_rglru_that_forgets_nothing_divides_by_nothing(made, dtype, shut):
    """Where r or e^p is rounded to 0 it hands on h as it is, takes nothing in, and no derivative is infinite."""
    cell, P = made(variants.CELLS["rglru"]), of_decays(np.full(3, 0.5), dtype)
    if shut == "gate":
        P["b"][:3] = -1000
    else:
        P["p"][:] = -1000
    start = np.array([[0.5], [-2], [0]], dtype)
    with np.errstate(all="raise", under="ignore"):
        h, _, cache = scan.forward(cell, P, np.ones((4, 1, 1), dtype), (start,))
        grads, _, (dh,) = scan.backward(cell, P, cache, np.ones_like(h))
    assert (h == start).all() and (dh == 4).all()
    assert not any(array.any() for array in grads.values())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_lru_keeps_the_digits_of_what_it_takes_in(dtype):
    """Where f is rounded to 1, sqrt(1 - f²) would be 0; m is 1 / cosh p_f and dp_f -m tanh p_f, to the last digit."""
    p_f = np.linspace(-40, 40, 33).astype(dtype)
    cell = variants.CELLS["lru"]
    P = {name: np.zeros(shape, dtype) for name, shape in scan.parameter_shapes(cell, 1, 33).items()}
    P["p"][0, :, 0], P["b"][:33] = p_f, 1
    h, _, cache = scan.forward(cell, P, np.zeros((1, 1, 1), dtype))
    rounded = 8 * np.finfo(dtype).eps
    true = 1 / np.cosh(p_f.astype(float))
    assert abs(h[0, :, 0] / true - 1).max() <= rounded
    dp = scan.backward(cell, P, cache, np.ones_like(h))[0]["p"][0, :, 0]
    slope = -true * np.tanh(p_f.astype(float))
    assert (abs(dp - slope) <= rounded * abs(slope)).all() and abs(slope).min() == 0


@pytest.mark.parametrize("made", [lambda cell: cell, plan.plan], ids=["as it is", "planned"])
def test_an_lru_turns_and_shrinks_its_state(made):
    """What is taken in at the first step comes back as λ^t: a hundred steps of a unit with a period of 12."""
    cell, length, period = made(variants.CELLS["lru"]), 0.98, 12
    P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(cell, 1, 1).items()}
    P["W"][0], P["p"][:, 0, 0] = 1, (-np.arctanh(length), np.tan(np.pi / period))
    x = np.zeros((100, 1, 1))
    x[0] = 1
    h, (h_T, c_T), _ = scan.forward(cell, P, x)
    powers = (length * np.exp(2j * np.pi / period)) ** np.arange(100) * np.sqrt(1 - length**2)
    assert abs(h.ravel() - powers.real).max() <= TOLERANCE
    assert abs(h_T.item() + 1j * c_T.item() - powers[-1]) <= TOLERANCE


@each_variant
def test_the_formula_notices_wrong_gates(name):
    """The order of the gates, in W, R, b and p, is not free: with two blocks of rows exchanged, the numbers differ."""
    cell = variants.CELLS[name]
    P, x, state = drawn(cell, (3, 2, 5, 4))
    expected, _ = formulas.forward(name, P, x, state)
    for parameter, array in P.items():
        blocks = list(array) if parameter == "p" else np.split(array, len(array) // 4)
        for k in range(1, len(blocks)):
            blocks[k - 1], blocks[k] = blocks[k], blocks[k - 1]
            swapped = P | {parameter: np.stack(blocks) if parameter == "p" else np.concatenate(blocks)}
            blocks[k - 1], blocks[k] = blocks[k], blocks[k - 1]
            assert gradcheck.relative_error(scan.forward(cell, swapped, x, state)[0], expected) > 1e-3


def results(cell, P, x, state):
    """Everything a forward and a backward pass give, of the state h and c, which alone are weighed by the loss."""
    rng = np.random.default_rng(1)
    h, final, cache = scan.forward(cell, P, x, state)
    dh, *dstate = rng.standard_normal(h.shape), *rng.standard_normal((2, *final[0].shape))
    more = [np.zeros_like(s) for s in final[2:]]
    grads, dx, dstate0 = scan.backward(cell, P, cache, dh, (*dstate, *more))
    grads = {f"d{name}": grad for name, grad in grads.items()}
    return {"h": h, "c": final[1], "dx": dx, "dh0": dstate0[0], "dc0": dstate0[1], **grads}


@pytest.mark.parametrize("name, gate", [("nig", "i"), ("nog", "o"), ("nfg", "f")])
def test_a_gate_that_is_not_there_is_one_that_is_always_open(name, gate):
    """An LSTM whose gate has no weights and the bias 100, for σ(100) = 1 to rounding: same values, same gradients."""
    cell, H = variants.CELLS[name], 2
    P, x, state = drawn(cell, (4, 3, 5, H))
    at, p_at = "iofg".index(gate), "iof".index(gate)
    open_gate = {n: np.zeros((H, P[n].shape[1])) for n in "WR"} | {"b": np.full((H, 1), 100.0)}
    full = {n: np.concatenate([P[n][: at * H], open_gate[n], P[n][at * H :]]) for n in "WRb"}
    full["p"] = np.insert(P["p"], p_at, 0, axis=0)
    found, expected = results(cell, P, x, state), results(cells.LSTM, full, x, state)
    for n in "WRb":
        expected[f"d{n}"] = np.delete(expected[f"d{n}"], np.s_[at * H : (at + 1) * H], axis=0)
    expected["dp"] = np.delete(expected["dp"], p_at, axis=0)
    for n, value in found.items():
        assert gradcheck.relative_error(value, expected[n]) <= TOLERANCE, n


def test_full_gate_recurrence_with_nine_matrices_of_zeros_is_the_lstm():
    sizes = _, _, D, H = 4, 3, 5, 2
    P, x, state = drawn(variants.FGR, sizes)
    assert P["R"].shape == (13 * H, H) and P["W"].shape == (4 * H, D)  # 4 + 9 matrices
    P["R"][4 * H :] = 0
    found = results(variants.FGR, P, x, state)
    expected = results(cells.LSTM, P | {"R": P["R"][: 4 * H]}, x, state[:2])
    assert found["dR"][4 * H :].all()  # zero they are, but the loss would like them otherwise
    found["dR"] = found["dR"][: 4 * H]
    for n, value in found.items():
        assert gradcheck.relative_error(value, expected[n]) <= TOLERANCE, n
