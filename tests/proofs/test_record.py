"""The recorder: a record is its cell, on numbers bit by bit and in its derivatives; what is no cell is refused."""

import ast
from dataclasses import replace

import numpy as np
import pytest
import sympy

from lstm_core import cells, scan, symbols, variants
from lstm_core.record import Node, elementary, played, record
from lstm_core.variants import CELLS
from lstm_proofs import is_zero
from lstm_proofs.source import tree
from lstm_proofs.spoil import spoilt

each_cell = pytest.mark.parametrize(
    "cell, own",
    [(cell, own) for cell in CELLS.values() for own in ([True, False] if cell.own else [False])],
    ids=lambda value: value.name if isinstance(value, cells.Cell) else "with p" if value else "without p",
)


def form(recorded):
    """What records say, without the objects: for each node what it is, of which others, and its names."""
    said = []
    for one in (one for stage in recorded for one in stage):
        number = {node: k for k, node in enumerate(one.nodes)}
        known = lambda x, number=number: number[x] if isinstance(x, Node) else str(x)
        nodes = [(node.op, [known(x) for x in node.args], node.names) for node in one.nodes]
        said.append((nodes, {name: [known(x) for x in planes] for name, planes in one.outputs.items()}))
    return said


@each_cell
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_playing_the_record_gives_bit_for_bit_what_the_functions_give(cell, own, dtype):
    T, B, D, H = 4, 3, 2, 5
    rng = np.random.default_rng(0)
    draw = lambda *shape: rng.standard_normal(shape).astype(dtype)
    P = {name: draw(*shape) for name, shape in scan.parameter_shapes(cell, D, H, own).items()}
    x, dh = draw(T, D, B), draw(T, H, B)
    state, dstate = (tuple(draw(H, B) for _ in cell.states) for _ in range(2))
    mask = rng.random((T, B)) < 0.7

    def arrays(cell):
        h, final, cache = scan.forward(cell, P, x, state, mask=mask)
        grads, dx, dstate0 = scan.backward(cell, P, cache, dh, dstate)
        kept = [plane for step in cache.steps for of_stage in step for plane in of_stage]
        return [h, *final, *kept, *grads.values(), dx, *dstate0]

    seen = []
    again = played(cell, lambda stage, record, node, value: seen.append(node) or value, own=own)
    for found, expected in zip(arrays(again), arrays(cell), strict=True):
        assert found.dtype == expected.dtype == dtype
        np.testing.assert_array_equal(found, expected, strict=True)
    assert len(seen) == T * sum(len(one.nodes) for stage in record(cell, own) for one in stage)


def test_what_step_keeps_has_its_names_when_it_is_played():
    cell = played(cells.LSTM, lambda stage, record, node, value: value)
    a, u, s, p = (np.ones((n, 2, 3)) for n in (4, 4, 2, 3))
    _, kept = cell.stages[0].step(a, u, s, p, np.tanh)
    assert type(kept) is cells.LSTMKept and kept.c.shape == (2, 3)


def test_a_hook_stands_for_the_value_from_then_on():
    """As a symbol would: with o = 1, h is tanh(c); and tanh is what `apply` makes of it."""
    one = lambda stage, record, node, value: np.ones_like(value) if node.names[:1] == ["o"] else value
    apply = lambda tanh, node, x: x if node.op == "tanh" else elementary(tanh, node, x)
    step = played(cells.LSTM, one, apply).stages[0].step
    a, u, s, p = (np.full((n, 1, 1), 0.5) for n in (4, 4, 2, 3))
    (h, c), kept = step(a, u, s, p, np.tanh)
    assert h == c == kept.tanh_c and kept.g == 1 and kept.o == 1


@each_cell
def test_sums_of_partial_derivatives_along_the_arrows_are_what_back_returns(cell, own):
    """Rung 1 once more, by another way: from what a step returns back to what it is given, arrow by arrow."""
    of_symbols = {"positive": symbols.positive, "exp": sympy.exp, "sqrt": sympy.sqrt}
    apply = lambda tanh, node, x: of_symbols[node.op](x) if node.op in of_symbols else elementary(tanh, node, x)
    for stage, (step, back) in zip(cell.stages, record(cell, own), strict=True):
        values = {}
        given = {name: [step.symbol(x) if isinstance(x, Node) else x for x in xs] for name, xs in step.inputs.items()}
        after, kept = step.play(given, sympy.tanh, apply, see=values.setdefault)
        known = {step.symbol(node): values[node] for node in step.nodes if node.names}

        w = sympy.symbols(f"w:{len(after)}", real=True)
        total = {node: 0 for node in step.nodes}
        for node, w_k in zip(step.outputs["s"], w, strict=True):
            total[node] += w_k
        for node in reversed(step.nodes):
            for x in step.arguments(node) if total[node] != 0 else ():
                total[x] += total[node] * step.partial(node, x).xreplace(known)

        returned = back.play({"ds": w, "kept": kept, "p": given["p"]}, None, apply)
        compared = 0
        for name, derivatives in zip(("a", "u", "s", *["p"] * own), returned):
            for node, derivative in zip(step.inputs[name], derivatives):
                assert is_zero(total[node] - derivative), f"{stage.back.__name__}: d{node}"
                compared += 1
        counts = (len(stage.inputs), len(stage.recurs), len(step.inputs["s"]), own * len(returned[3]))
        assert compared == sum(counts)


def test_a_partial_derivative_is_one_formula_with_its_other_arguments_held_fixed():
    ((step, back),) = record(cells.LSTM)
    node = {node.names[-1]: node for node in step.nodes if node.names}
    assert [str(x) for x in step.arguments(node["c"])] == ["f", "c_prev", "i", "g"]
    assert str(step.partial(node["c"], node["f"])) == "c_prev"
    assert str(step.expression(node["h"])) == "o*tanh_c"
    assert step.partial(node["h"], node["c"]) == 0  # through tanh_c, which is held fixed
    first, last = (node for node in back.nodes if node.names[-1:] == ["dc"])
    assert back.symbol(first) != back.symbol(last) and back.partial(last, first) == 1


def faults(function):
    """Copies of a step or back, with one operator another one, or one term or factor left out; and what it became."""
    definition = tree(function)
    others = {ast.Add: ast.Sub(), ast.Sub: ast.Add(), ast.Mult: ast.Div(), ast.Div: ast.Mult()}
    for node in [node for node in ast.walk(definition) if isinstance(node, ast.BinOp)]:
        same = dict(vars(node))
        for change in (ast.BinOp(node.left, others[type(node.op)], node.right), node.left, node.right):
            node.__class__, node.__dict__ = type(change), {**vars(change), "lineno": same["lineno"]}
            known = dict(function.__globals__)
            exec(ast.unparse(definition), known)
            yield known[function.__name__], ast.unparse(node)
            node.__class__, node.__dict__ = ast.BinOp, same


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_fault_in_a_step_or_back_changes_the_record(cell, shown):
    """Every operator that is another one, every term left out."""
    shipped, changed = form(record(cell)), 0
    for k, stage in enumerate(cell.stages):
        for field in ("step", "back"):
            for wrong, what in faults(getattr(stage, field)):
                try:
                    now = form(record(cell.altered(k, **{field: wrong})))
                except TypeError:  # exp of a plain number is refused
                    now = None
                assert now != shipped, f"{wrong.__name__}: {what}"
                changed += 1
    assert changed >= 9
    shown(f"record  {cell.name}: {changed} of {changed} faults change it")


def test_a_record_of_the_same_code_is_the_same_and_of_other_code_is_not():
    assert form(record(cells.LSTM)) == form(record(cells.LSTM)) != form(record(cells.LSTM, own=False))
    wrong = cells.LSTM.altered(back=spoilt(cells.lstm_back, ("lstm-dc", "A * f", "A * i")))
    assert form(record(wrong)) != form(record(cells.LSTM))


def test_the_sigmoid_is_one_operation_and_what_is_nearly_one_is_not():
    ((step, _),) = record(cells.LSTM)
    assert [node.names[-1] for node in step.nodes if node.op == "sigmoid"] == ["i", "f", "o"]
    other = spoilt(cells.lstm_step, sigmoid=lambda x, tanh: (1 + tanh(x / 3)) / 2)
    ((step, _),) = record(cells.LSTM.altered(step=other))
    assert not any(node.op == "sigmoid" for node in step.nodes)


def rnn_with(step=cells.rnn_step, back=cells.rnn_back):
    return replace(cells.RNN.altered(step=step, back=back), name="mine")


def steps_that_do_something_else():
    def sums_over_the_units(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(au) / np.sum(au)
        return (h,), cells.RNNKept(h)

    def sums_over_the_gates(a, u, s, p, tanh):
        h = tanh(np.sum(a + u))
        return (h,), cells.RNNKept(h)

    def stacks(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(np.stack([au, au]).sum(axis=0))
        return (h,), cells.RNNKept(h)

    def asks_whether_it_is_positive(a, u, s, p, tanh):
        (au,) = a + u
        h = au if au > 0 else 0 * au
        return (h,), cells.RNNKept(h)

    def asks_whether_it_is_zero(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(au) * (au == 0)
        return (h,), cells.RNNKept(h)

    def takes_another_tanh(a, u, s, p, tanh):
        (au,) = a + u
        h = np.tanh(au)
        return (h,), cells.RNNKept(h)

    def takes_a_power(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(au) ** 2
        return (h,), cells.RNNKept(h)

    def takes_the_real_part(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(au.real)
        return (h,), cells.RNNKept(h)

    def multiplies_by_an_array(a, u, s, p, tanh):
        (au,) = a + u
        h = np.arange(3.0) * tanh(au)
        return (h,), cells.RNNKept(h)

    def has_a_method(a, u, s, p, tanh):
        (au,) = a + u
        h = tanh(au) * au.mean()
        return (h,), cells.RNNKept(h)

    def returns_no_plane(a, u, s, p, tanh):
        (au,) = a + u
        return ("h",), cells.RNNKept(au)

    return [value for value in locals().values() if callable(value)]


@pytest.mark.parametrize("step", steps_that_do_something_else(), ids=lambda step: step.__name__)
def test_a_step_that_does_something_else_is_refused_by_name(step):
    with pytest.raises(TypeError, match=rf"^{step.__name__}: .*expected"):
        record(rnn_with(step=step))


def test_a_back_that_does_something_else_is_refused_by_name():
    def sums(ds, kept, p):
        (dh,), (h,) = ds, kept
        dh_bar = dh * np.sum(1 - h * h)
        return (dh_bar,), (dh_bar,), (0,), ()

    with pytest.raises(TypeError, match=r"^sums: expected"):
        record(rnn_with(back=sums))


def test_positive_is_an_operation_and_another_step_function_is_not():
    ((step, _),) = record(variants.RNN_RELU)
    assert [node.op for node in step.nodes] == ["input", "input", "input", "+", "positive", "*"]

    def other(a, u, s, p, tanh):
        (au,) = a + u
        h = au.__array_namespace__().heaviside(au, 0)
        return (h,), variants.RNNReluKept(h)

    with pytest.raises(TypeError, match=r"^other: .*another heaviside"):
        record(rnn_with(step=other))
