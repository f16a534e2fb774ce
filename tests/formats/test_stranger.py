"""A cell of a stranger's goes through XML and checkpoint without losing a number, or is refused by name."""

import dataclasses
from collections import namedtuple
from xml.etree import ElementTree

import numpy as np
import pytest
from test_checkpoint import network, same_model

from lstm_core import bidirectional, cells, dense, gradcheck, recurrent, reverse, variants
from lstm_core.cells import Cell, Stage, sigmoid
from lstm_formats import checkpoint, onnx_io, torch_io, xml_io

Kept = namedtuple("Kept", "i o f g k c_prev c tanh_c")


def step(a, u, s, p, tanh):
    """An LSTM whose output passes a fifth gate, k, which does not see the input."""
    (a_i, a_o, a_f, a_g, *a_k), (u_i, u_o, u_f, u_g, u_k), (_, c_prev), (p_i, p_o, p_k) = a, u, s, p
    i, f, g = sigmoid(a_i + u_i + p_i * c_prev, tanh), sigmoid(a_f + u_f, tanh), tanh(a_g + u_g)
    k = sigmoid(sum(a_k, u_k) + p_k * c_prev, tanh)
    c = f * c_prev + i * g
    o, tanh_c = sigmoid(a_o + u_o + p_o * c, tanh), tanh(c)
    return (o * k * tanh_c, c), Kept(i, o, f, g, k, c_prev, c, tanh_c)


def back(ds, kept, p):
    (dh, dc), (i, o, f, g, k, c_prev, c, tanh_c), (p_i, p_o, p_k) = ds, kept, p
    do_bar = dh * k * tanh_c * o * (1 - o)
    dk_bar = dh * o * tanh_c * k * (1 - k)
    dc = dc + dh * o * k * (1 - tanh_c * tanh_c) + p_o * do_bar
    di_bar, df_bar, dg_bar = dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g * g)
    dc_prev = dc * f + p_i * di_bar + p_k * dk_bar
    dp = di_bar * c_prev, do_bar * c, dk_bar * c_prev
    return (di_bar, do_bar, df_bar, dg_bar), (di_bar, do_bar, df_bar, dg_bar, dk_bar), (0, dc_prev), dp


def five_back(ds, kept, p):
    """`back` for the form in which k does see the input."""
    _, du, ds, dp = back(ds, kept, p)
    return du, du, ds, dp


def stranger(name, gates="iofgk", back=back, own="iok", inputs="iofg", forget="f", **fields):
    return Cell(name, [Stage(gates, step, back, inputs=inputs)], states="hc", own=own, forget=forget, **fields)


GATES = ["in", 'o"<&>', "for get", "ĝ", "5"]
OWN = [GATES[0], GATES[1], GATES[4]]
STRANGERS = {
    "five gates": stranger("five gates", back=five_back, inputs=None),
    "a gate without input": stranger("Sans entrée", own_name="leaks"),
    "names of all kinds": stranger("2 <Cells> & 'more'", GATES, own=OWN, inputs=GATES[:4], forget="for get"),
    "true": stranger("true", own_name="input biases"),
    "other p": stranger("12", own=["x", "y", "z"]),
}
RUNS = {
    "forward": lambda of: [of],
    "reverse": lambda of: [reverse(of)],
    "both": lambda of: [bidirectional(of), dense(6, 2)],
    "ends": lambda of: [bidirectional(of, last=True)],
    "two": lambda of: [of, recurrent(of.cell, 3, 1)],
}
every_stranger = pytest.mark.parametrize("cell", STRANGERS.values(), ids=STRANGERS.keys())
every_run = pytest.mark.parametrize("run", RUNS.values(), ids=RUNS.keys())


@pytest.fixture
def known(monkeypatch):
    """A function that puts a cell among the known ones, as the stranger would in `variants`."""
    return lambda cell: monkeypatch.setitem(variants.CELLS, cell.name, cell)


def numbers_in(path):
    """How many numbers stand in an XML file."""
    return sum(len((element.text or "").split()) for element in ElementTree.parse(path).getroot().iter())


@every_stranger
@every_run
@pytest.mark.parametrize("own", [True, False], ids=["p", "no p"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_number_is_lost(cell, run, own, dtype, known, tmp_path):
    known(cell)
    model = network(run(recurrent(cell, 2, 3, own=own)), dtype=dtype)
    xml_io.save(model, tmp_path / "xml")
    checkpoint.save(model, tmp_path / "checkpoint")
    assert numbers_in(tmp_path / "xml") == model.theta.size
    x = np.random.default_rng(0).standard_normal((4, 5, 2)).astype(dtype)
    for found in (xml_io.load(tmp_path / "xml"), checkpoint.load(tmp_path / "checkpoint")[0]):
        same_model(found, model)
        np.testing.assert_array_equal(found.predict(x), model.predict(x), strict=True)


def test_a_fifth_gate_is_ninety_numbers(known, tmp_path):
    """With the letters of the LSTM it would be 72."""
    known(STRANGERS["five gates"])
    xml_io.save(network([recurrent("five gates", 2, 3, own=False)]), tmp_path / "m")
    assert numbers_in(tmp_path / "m") == 90


def test_the_names_are_the_stranger_s(known, tmp_path):
    known(STRANGERS["a gate without input"])
    model = network([recurrent("Sans entrée", 2, 3)], dtype=np.float64)
    xml_io.save(model, tmp_path / "m")
    (layer,) = ElementTree.parse(tmp_path / "m").getroot()
    rows = {"W": ("InputWeights", "iofg"), "R": ("RecurrentWeights", "iofgk"), "b": ("Biases", "iofg"),
            "p": ("Leaks", "iok")}  # fmt: skip
    assert [(e.tag, e.get("gate")) for e in layer] == [(tag, gate) for tag, gates in rows.values() for gate in gates]
    found = {(e.tag, e.get("gate")): [float(word) for word in e.text.split()] for e in layer}
    for key, (tag, gates) in rows.items():
        for k, gate in enumerate(gates):
            block = model.params[f"Sans entrée.{key}"].reshape(len(gates), -1)[k]
            assert found[tag, gate] == block.tolist()


@every_stranger
@pytest.mark.parametrize("run", [RUNS["forward"], RUNS["both"]], ids=["forward", "both"])
def test_onnx_and_pytorch_refuse_by_name(cell, run, known, tmp_path):
    known(cell)
    model = network(run(recurrent(cell, 2, 3)))
    with pytest.raises(ValueError) as caught:
        onnx_io.save(model, tmp_path / "m")
    assert cell.name in str(caught.value) and not list(tmp_path.iterdir())
    for call in (torch_io.state_dict, lambda model: torch_io.load_state_dict(model, {})):
        with pytest.raises(ValueError, match="expected such as PyTorch has") as caught:
            call(model)
        assert cell.name in str(caught.value)


def saved(model, path):
    """Each format's way out: name -> function."""
    return {
        "checkpoint": lambda: checkpoint.save(model, path),
        "XML": lambda: xml_io.save(model, path),
        "ONNX": lambda: onnx_io.save(model, path),
        "PyTorch": lambda: torch_io.state_dict(model),
    }


FORMATS = saved(None, None)
five = stranger("lstm", back=five_back, inputs=None)
UNKNOWN = {
    "not among the known": (STRANGERS["five gates"], "cell: expected one of .*'five gates'"),
    "a fifth gate, called lstm": (five, "lstm: expected the layer that its config makes"),
    "another step, called gru": (dataclasses.replace(cells.RNN, name="gru"), "gru: expected the layer"),
    "another back, called lstm": (cells.LSTM.altered(back=back), "lstm: expected the layer"),
}


@pytest.mark.parametrize("cell, message", UNKNOWN.values(), ids=UNKNOWN.keys())
@every_run
@pytest.mark.parametrize("name", FORMATS)
def test_an_unknown_cell_is_refused_whatever_it_is_called(name, run, cell, message, tmp_path):
    model = network(run(recurrent(cell, 2, 3, own=False)))
    with pytest.raises(ValueError, match=message):
        saved(model, tmp_path / "m")[name]()
    assert not list(tmp_path.iterdir())


def test_an_unknown_cell_is_not_made_a_node_of_onnx():
    layer = recurrent(cells.LSTM.altered(back=back), 2, 3)
    with pytest.raises(ValueError, match="lstm: ONNX has no operator"):
        onnx_io.to_node(layer, {})


ALTERED = {
    "a fifth gate": five,
    "another order": dataclasses.replace(cells.LSTM.altered(gates="ifog", inputs="ifog", recurs="ifog"), own="iof"),
    "p in another order": dataclasses.replace(cells.LSTM, own="ifo"),
}


@pytest.mark.parametrize("cell", ALTERED.values(), ids=ALTERED.keys())
def test_onnx_checks_the_order_of_gates(cell, known, tmp_path):
    """Its arrays are copies, so our letters have to stand as ONNX's."""
    known(cell)
    with pytest.raises(ValueError, match="lstm: expected the gates iofg"):
        onnx_io.save(network([recurrent("lstm", 2, 3)]), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_pytorch_locates_gates_by_name(known):
    """Rows in another order in a cell come out in PyTorch's order all the same; a fifth gate does not come out."""
    H, before = 3, network([recurrent("lstm", 2, 3, own=False)])
    order = [0, 2, 1, 3]  # of i o f g: now i f o g
    expected = torch_io.state_dict(before)
    known(ALTERED["another order"])
    after = network([recurrent("lstm", 2, 3, own=False)])
    for key, array in before.params.items():
        after.params[key][...] = array.reshape(4, H, -1)[order].reshape(array.shape)
    found = torch_io.state_dict(after)
    assert found.keys() == expected.keys() and all((found[key] == expected[key]).all() for key in found)
    known(five)
    with pytest.raises(ValueError, match="expected such as PyTorch has"):
        torch_io.state_dict(network([recurrent("lstm", 2, 3, own=False)]))


NAMELESS = {
    "a control character": (stranger("a\x00b"), "a\x00b"),
    "a line break in a gate": (dataclasses.replace(STRANGERS["five gates"], own=["i", "o", "k\n"]), "k\n"),
    "no element": (stranger("five", own_name="<p>"), "<p>"),
    "a number": (stranger("five", own_name="5th weights"), "5th weights"),
    "nothing": (stranger("five", own_name=""), ""),
    "a name that is taken": (stranger("five", own_name="biases"), "biases"),
}


@pytest.mark.parametrize("cell, name", NAMELESS.values(), ids=NAMELESS.keys())
def test_names_that_xml_cannot_hold_are_refused(cell, name, known, tmp_path):
    known(cell)
    with pytest.raises(ValueError) as caught:
        xml_io.save(network([recurrent(cell, 2, 3)]), tmp_path / "m")
    assert str(caught.value).startswith(f"{cell.name}: expected ") and str(caught.value).endswith(f"got {name!r}")
    assert not list(tmp_path.iterdir())


@every_stranger
def test_where_the_cell_is_not_known_its_file_is_refused(cell, tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(variants.CELLS, cell.name, cell)
        model = network([recurrent(cell, 2, 3)])
        xml_io.save(model, tmp_path / "xml")
        checkpoint.save(model, tmp_path / "checkpoint")
    for path, load in ((tmp_path / "xml", xml_io.load), (tmp_path / "checkpoint", checkpoint.load)):
        with pytest.raises(ValueError, match="cell: expected one of"):
            load(path)


@every_stranger
def test_the_strangers_are_right(cell):
    """Their `back` is the derivative of their `step`."""
    problem = gradcheck.problem(cell, (5, 4, 2, 3), np.random.default_rng(1))
    expected = gradcheck.complex_step(problem.loss, problem.theta)
    assert gradcheck.relative_error(problem.gradient(), expected) < 1e-13  # rounding: see TOLERANCE in ladder


@pytest.mark.parametrize("save", [checkpoint.save, onnx_io.save, xml_io.save], ids=lambda save: save.__module__)
def test_model_and_path_the_other_way_round_is_said(save, tmp_path):
    with pytest.raises(TypeError, match=r"^save: expected \(model, path\), got them the other way round$"):
        save(tmp_path / "m", network([dense(1, 1)]))
    assert not list(tmp_path.iterdir())
