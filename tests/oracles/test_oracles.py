"""Rung 4: independent oracles, written by other people.

Forward: ONNX's reference evaluator in float64 and onnxruntime in float32. Gradients, in float64: the layers of PyTorch,
and the equations as the book prints them, written once more below and differentiated by PyTorch and by JAX. Those two
are optional.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import onnx
import onnx.reference
import onnxruntime
import pytest
from ladder import SIZES, TOLERANCE

from lstm_core import cells, scan
from lstm_core.cells import Cell
from lstm_core.gradcheck import relative_error

# ---- the equations as the book prints them, gate by gate ---------------------------------------------------------
# W, R and b are dicts: gate -> rows. `act` is torch or jax.nn: it brings sigmoid and tanh.


def rnn(W, R, b, p, x, h, act):
    return (act.tanh(W["h"] @ x + R["h"] @ h + b["h"]),)


def lstm(W, R, b, p, x, h, c, act):
    p_i, p_o, p_f = p
    i = act.sigmoid(W["i"] @ x + R["i"] @ h + p_i * c + b["i"])
    f = act.sigmoid(W["f"] @ x + R["f"] @ h + p_f * c + b["f"])
    g = act.tanh(W["g"] @ x + R["g"] @ h + b["g"])
    c = f * c + i * g
    o = act.sigmoid(W["o"] @ x + R["o"] @ h + p_o * c + b["o"])
    return o * act.tanh(c), c


def gru(W, R, b, p, x, h, act):
    (p_n,) = p
    z = act.sigmoid(W["z"] @ x + R["z"] @ h + b["z"])
    r = act.sigmoid(W["r"] @ x + R["r"] @ h + b["r"])
    n = act.tanh(W["n"] @ x + b["n"] + r * (R["n"] @ h + p_n))
    return ((1 - z) * n + z * h,)


def gru_before(W, R, b, p, x, h, act):
    z = act.sigmoid(W["z"] @ x + R["z"] @ h + b["z"])
    r = act.sigmoid(W["r"] @ x + R["r"] @ h + b["r"])
    n = act.tanh(W["n"] @ x + R["n"] @ (r * h) + b["n"])
    return ((1 - z) * n + z * h,)


class Case(NamedTuple):
    """A cell as this package, ONNX and PyTorch know it."""

    cell: Cell
    own: bool  # with the cell's own parameters p
    equations: Callable
    onnx: dict  # operator and attributes
    torch: str | None = None  # layer, if there is one


CASES = {
    "RNN": Case(cells.RNN, False, rnn, dict(op_type="RNN"), "RNN"),
    "LSTM": Case(cells.LSTM, False, lstm, dict(op_type="LSTM"), "LSTM"),
    "peephole LSTM": Case(cells.LSTM, True, lstm, dict(op_type="LSTM")),
    "GRU, reset after": Case(cells.GRU, True, gru, dict(op_type="GRU", linear_before_reset=1), "GRU"),
    "GRU, reset before": Case(cells.GRU_BEFORE, False, gru_before, dict(op_type="GRU", linear_before_reset=0)),
}

# The order in which they stack the gates' blocks of H rows, in our letters. (ONNX calls our g c, and our n h.)
ORDER = {
    #           RNN         LSTM            GRU
    "ONNX":    {"RNN": "h", "LSTM": "iofg", "GRU": "zrn"},
    "PyTorch": {"RNN": "h", "LSTM": "ifgo", "GRU": "rzn"},
}  # fmt: skip


def order(case, framework=None):
    """The gates in the order of the framework; without one, in the order of the cell's own rows."""
    return ORDER[framework][case.onnx["op_type"]] if framework else "".join(case.cell.inputs)


each_case = pytest.mark.parametrize("name", CASES)


def blocks(rows, gates):
    """(G*H, ...) -> dict: gate -> its H rows."""
    H = len(rows) // len(gates)
    return {gate: rows[k * H : (k + 1) * H] for k, gate in enumerate(gates)}


def reorder(rows, ours, theirs):
    """(G*H, ...), its blocks stacked in the order `ours` -> the same blocks in the order `theirs`."""
    return np.concatenate([blocks(rows, ours)[gate] for gate in theirs])


def recurrent_bias(case, P):
    """What ONNX and PyTorch add to R h: p_n in a GRU's candidate, else 0. (G*H, 1)"""
    u_b = np.zeros_like(P["b"])
    if case.cell is cells.GRU and "p" in P:
        blocks(u_b, order(case))["n"][:] = P["p"][0]
    return u_b


def problem(case, sizes, seed=0):
    """Random P, x, state, all float64, and what the loss weighs h and the final state with."""
    T, B, D, H = sizes
    rng = np.random.default_rng(seed)
    P = {name: rng.standard_normal(s) for name, s in scan.parameter_shapes(case.cell, D, H, case.own).items()}
    x, dh = rng.standard_normal((T, D, B)), rng.standard_normal((T, H, B))
    state, dstate = (tuple(rng.standard_normal((len(case.cell.states), H, B))) for _ in range(2))
    return P, x, state, dh, dstate


def largest(errors, tolerance=TOLERANCE):
    """The largest of the relative errors (name -> error), none of which may be above `tolerance`."""
    assert all(error <= tolerance for error in errors.values()), errors  # max() would pass over a NaN
    return max(errors.values())


def forward_errors(found, expected):
    """Relative errors of all h and of the final state, where found and expected are (h, final state)."""
    (h, final), (h_expected, final_expected) = found, expected
    errors = {f"s{k}": relative_error(*pair) for k, pair in enumerate(zip(final, final_expected, strict=True))}
    return {"h": relative_error(h, h_expected)} | errors


# ---- ONNX --------------------------------------------------------------------------------------------------------
# Measured, onnx 1.23.2 and onnxruntime 1.31.1: peepholes, nonzero initial states and both GRUs are right in both. The
# reference evaluator ignores sequence_lens, clip, input_forget and the activations of LSTM and GRU without a word, and
# knows only Tanh and Affine for RNN; onnxruntime honours them, but refuses float64: no RNN at all, and LSTM and GRU
# fail when run. So no model here uses those, and each oracle has the precision that it can.


def onnx_model(case, P, x, state):
    """(model, inputs): one ONNX node with the weights as initializers, x and the initial state as inputs.

    An example is a row; the first axis of weights and states counts the directions, of which there is one. B holds two
    biases, of the input's part and of the recurrent part: only in a GRU's candidate is the second one not redundant.
    """
    operator, (T, _, B), H = case.onnx["op_type"], x.shape, P["R"].shape[1]
    to_onnx = lambda rows: reorder(rows, order(case), order(case, "ONNX"))[None]
    weights = {
        "W": to_onnx(P["W"]),
        "R": to_onnx(P["R"]),
        "B": np.concatenate([to_onnx(b)[..., 0] for b in (P["b"], recurrent_bias(case, P))], axis=1),
    }
    if operator == "LSTM" and "p" in P:
        weights["P"] = P["p"].reshape(1, 3 * H)  # in the order i, o, f, as ours
    inputs = {"X": x.transpose(0, 2, 1)} | {f"initial_{key}": s.T[None] for key, s in zip("hc", state)}
    outputs = {"Y": (T, 1, B, H)} | {f"Y_{key}": (1, B, H) for key, _ in zip("hc", state)}

    names = ["X", "W", "R", "B", "sequence_lens", "initial_h"] + ["initial_c", "P"] * (operator == "LSTM")
    names = [name if name in weights | inputs else "" for name in names]  # "": an optional input left out
    node = onnx.helper.make_node(inputs=names, outputs=list(outputs), hidden_size=H, **case.onnx)
    dtype = onnx.helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = onnx.helper.make_graph(
        [node],
        "layer",
        [onnx.helper.make_tensor_value_info(name, dtype, array.shape) for name, array in inputs.items()],
        [onnx.helper.make_tensor_value_info(name, dtype, shape) for name, shape in outputs.items()],
        [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 22)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model, {name: np.ascontiguousarray(array) for name, array in inputs.items()}


def reference_evaluator(case, P, x, state):
    """h and final state by ONNX's reference evaluator."""
    model, inputs = onnx_model(case, P, x, state)
    if len(model.graph.output) == 3 and tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 23):
        pytest.skip("the reference evaluator of ONNX before 1.23 gives no Y_c")
    return from_onnx(*onnx.reference.ReferenceEvaluator(model).run(None, inputs))


def runtime(case, P, x, state):
    """h and final state by onnxruntime, on one thread."""
    model, inputs = onnx_model(case, P, x, state)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return from_onnx(*session.run(None, inputs))


def from_onnx(Y, *final):
    return Y[:, 0].transpose(0, 2, 1), tuple(s[0].T for s in final)


def ours(case, P, x, state):
    return scan.forward(case.cell, P, x, state)[:2]


def rounded(dtype, P, x, state):
    return (
        {key: array.astype(dtype) for key, array in P.items()},
        x.astype(dtype),
        tuple(s.astype(dtype) for s in state),
    )


# In float64 each side rounds T steps of D + H products and a few operations: some 1e-15, and rung 3's 1e-13 is ample.
# In float32 one rounding costs 6e-8, and onnxruntime's tanh and σ are rational approximations: 7e-7 measured.
ORACLES = {"reference evaluator": (reference_evaluator, np.float64, TOLERANCE), "runtime": (runtime, np.float32, 3e-6)}


@pytest.mark.parametrize("oracle", ORACLES)
@each_case
def test_forward_is_that_of_onnx(name, oracle, shown):
    case, errors, (run, dtype, tolerance) = CASES[name], {}, ORACLES[oracle]
    for sizes in SIZES:
        P, x, state = rounded(dtype, *problem(case, sizes)[:3])
        found, expected = ours(case, P, x, state), run(case, P, x, state)
        assert found[0].dtype == expected[0].dtype == dtype
        errors |= {(sizes, key): error for key, error in forward_errors(found, expected).items()}
    shown(f"rung 4  {name}: forward = ONNX {oracle}, {dtype.__name__}, to {largest(errors, tolerance):.1e} relative")


def mistakes(case, P, state):
    """What a conversion of weights may get wrong: what was done, and the (case, P, state) that came of it."""
    for one, other in itertools.combinations(order(case), 2):
        swapped = order(case).translate(str.maketrans(one + other, other + one))
        for key in "WRb":
            yield f"{one} and {other} swapped in {key}", case, P | {key: reorder(P[key], order(case), swapped)}, state
    if "p" in P:
        K = len(P["p"])
        yield "p left out", case, {key: P[key] for key in "WRb"}, state
        for k in range(K):
            yield f"p[{k}] left out", case, P | {"p": P["p"] * (np.arange(K) != k).reshape(K, 1, 1)}, state
        for k in itertools.permutations(range(K)):
            if sorted(k) != list(k):
                yield f"p in the order {k}", case, P | {"p": P["p"][list(k)]}, state
    if case.onnx["op_type"] == "GRU":
        reset = {"linear_before_reset": 1 - case.onnx["linear_before_reset"]}
        yield "the other place of the reset", case._replace(onnx=case.onnx | reset), P, state
    for k in range(len(state)):
        yield f"s{k} starts at 0", case, P, tuple(s * (j != k) for j, s in enumerate(state))
    R = {gate: rows.T for gate, rows in blocks(P["R"], order(case)).items()}
    yield "R transposed", case, P | {"R": np.concatenate(list(R.values()))}, state


@pytest.mark.parametrize("oracle", ORACLES)
@each_case
def test_the_comparison_notices_a_mistake(name, oracle):
    """Each alone changes the result by more than 1e-3, far above the tolerance."""
    case, (run, dtype, _) = CASES[name], ORACLES[oracle]
    P, x, state = rounded(dtype, *problem(case, SIZES[0])[:3])
    found = ours(case, P, x, state)
    noticed = {
        what: max(forward_errors(found, run(wrong_case, wrong_P, x, wrong_state)).values())
        for what, wrong_case, wrong_P, wrong_state in mistakes(case, P, state)
    }
    assert len(noticed) > 1 and min(noticed.values()) > 1e-3, noticed


# ---- gradients: PyTorch and JAX ----------------------------------------------------------------------------------
# To the tolerance of rung 3, for the reason given there: each side rounds sums of T*G*H products.


@pytest.fixture
def torch():
    return optional("torch", "PyTorch")


@pytest.fixture
def jax():
    return optional("jax", "JAX")


def optional(module, name):
    reason = f'{name} is not installed: .venv/bin/python -m pip install -e ".[{module}]"'
    return pytest.importorskip(module, reason=reason)


def values(P, x, state):
    """All that the loss is differentiated by, in one dict."""
    return {**P, "x": x, **{f"s{k}": s for k, s in enumerate(state)}}


def our_gradients(case, P, x, state, dh, dstate):
    """(h, final state), gradients by name."""
    h, final, cache = scan.forward(case.cell, P, x, state)
    grads, dx, dstate0 = scan.backward(case.cell, P, cache, dh, dstate)
    return (h, final), values(grads, dx, dstate0)


def one_step(case, V, act):
    """The equations as a function (x_t, s_{t-1}) -> s_t, with the weights in V."""
    W, R, b = (blocks(V[key], order(case)) for key in "WRb")
    p = V.get("p", (0.0,) * len(case.cell.own))
    return lambda x, s: case.equations(W, R, b, p, x, *s, act=act)


def torch_gradients(torch, case, P, x, state, dh, dstate):
    """The equations, differentiated by PyTorch."""
    V = {key: torch.tensor(value, requires_grad=True) for key, value in values(P, x, state).items()}
    step, s, h = one_step(case, V, torch), [V[f"s{k}"] for k in range(len(state))], []
    for x_t in V["x"]:
        s = step(x_t, s)
        h.append(s[0])
    loss = sum((torch.tensor(w) * v).sum() for w, v in zip([*dh, *dstate], [*h, *s], strict=True))
    loss.backward()
    h, *s = (v.detach().numpy() for v in (torch.stack(h), *s))
    return (h, s), {key: v.grad.numpy() for key, v in V.items()}


def torch_layer_gradients(torch, case, P, x, state, dh, dstate, gates=None):
    """PyTorch's own layer and its derivative, in our names, shapes and order of the gates."""
    ours, theirs = order(case), gates or order(case, "PyTorch")
    layer = getattr(torch.nn, case.torch)(x.shape[1], P["R"].shape[1], dtype=torch.float64)
    weights = {"weight_ih_l0": P["W"], "weight_hh_l0": P["R"]}
    weights |= {"bias_ih_l0": P["b"][:, 0], "bias_hh_l0": recurrent_bias(case, P)[:, 0]}
    layer.load_state_dict({key: torch.tensor(reorder(rows, ours, theirs)) for key, rows in weights.items()})
    X = torch.tensor(x.transpose(0, 2, 1), requires_grad=True)
    state = [torch.tensor(s.T[None], requires_grad=True) for s in state]
    h, final = layer(X, state[0] if len(state) == 1 else tuple(state))
    final = (final,) if len(state) == 1 else final
    loss = (torch.tensor(dh).mT * h).sum() + sum((torch.tensor(d).T * s).sum() for d, s in zip(dstate, final))
    loss.backward()

    W, R, b, u_b = (reorder(getattr(layer, key).grad.numpy(), theirs, ours) for key in weights)
    grads = {"W": W, "R": R, "b": b[:, None]}
    if "p" in P:
        grads["p"] = blocks(u_b, ours)["n"][None, :, None]
    grads = values(grads, X.grad.numpy().transpose(0, 2, 1), [s.grad.numpy()[0].T for s in state])
    return (h.detach().numpy().transpose(0, 2, 1), [s.detach().numpy()[0].T for s in final]), grads


def jax_gradients(jax, case, P, x, state, dh, dstate):
    """The equations in JAX's scan, differentiated by JAX."""

    def loss(V):
        step = one_step(case, V, jax.nn)
        final, h = jax.lax.scan(lambda s, x: (step(x, s),) * 2, tuple(V[f"s{k}"] for k in range(len(state))), V["x"])
        return (dh * h[0]).sum() + sum((d * s).sum() for d, s in zip(dstate, final, strict=True)), (h[0], final)

    with jax.enable_x64(True):  # for this call only
        (_, (h, final)), grads = jax.jit(jax.value_and_grad(loss, has_aux=True))(values(P, x, state))
    return (np.asarray(h), [np.asarray(s) for s in final]), {key: np.asarray(g) for key, g in grads.items()}


def gradient_errors(found, expected):
    """Relative errors of h, final state and every gradient."""
    assert found[1].keys() == expected[1].keys()
    assert all(g.dtype == np.float64 for g in expected[1].values())
    gradients = {f"d{key}": relative_error(found[1][key], expected[1][key]) for key in found[1]}
    return forward_errors(found[0], expected[0]) | gradients


@each_case
def test_gradients_are_those_of_pytorch(name, torch, shown):
    case, errors = CASES[name], {}
    for sizes in SIZES:
        made = case, *problem(case, sizes)
        found = gradient_errors(our_gradients(*made), torch_gradients(torch, *made))
        errors |= {(sizes, key): error for key, error in found.items()}
    shown(f"rung 4  {name}: gradients = PyTorch's of the printed equations, to {largest(errors):.1e} relative")


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.torch])
def test_gradients_are_those_of_pytorchs_layer(name, torch, shown):
    case, errors = CASES[name], {}
    for sizes in SIZES:
        made = case, *problem(case, sizes)
        mine = our_gradients(*made)
        found = gradient_errors(mine, torch_layer_gradients(torch, *made))
        errors |= {(sizes, key): error for key, error in found.items()}
    shown(f"rung 4  {name}: gradients = those of torch.nn.{case.torch}, to {largest(errors):.1e} relative")
    if order(case) != order(case, "PyTorch"):
        untranslated = gradient_errors(mine, torch_layer_gradients(torch, *made, gates=order(case)))
        assert min(untranslated.values()) > 1e-3, untranslated


@each_case
def test_gradients_are_those_of_jax(name, jax, shown):
    case, errors = CASES[name], {}
    for sizes in SIZES[:2]:  # JAX compiles for each
        made = case, *problem(case, sizes)
        found = gradient_errors(our_gradients(*made), jax_gradients(jax, *made))
        errors |= {(sizes, key): error for key, error in found.items()}
    shown(f"rung 4  {name}: gradients = JAX's of the printed equations, to {largest(errors):.1e} relative")
