"""XML: a round trip is exact, names say what is in them, and anything but what `save` writes is refused."""

import os
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checkpoint import each_network, network, same_model

from lstm_core import (
    Model,
    activation,
    bidirectional,
    dense,
    dropout,
    gru,
    last,
    lstm,
    mse,
    recurrent,
    rnn,
    softmax_cross_entropy,
)
from lstm_formats import xml_io


@each_network
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("loss", [mse, softmax_cross_entropy])
def test_what_is_loaded_is_what_was_saved(layers, dtype, loss, tmp_path):
    model = network(layers, loss, dtype)
    xml_io.save(model, tmp_path / "model.xml")
    same_model(xml_io.load(tmp_path / "model.xml"), model)


@given(st.sampled_from([np.float32, np.float64]), st.data())
def test_every_finite_number_comes_back(tmp_path_factory, dtype, data):
    """The smallest, the largest and -0.0 among them, to the last bit."""
    model = network([dense(1, 2)], dtype=dtype)
    numbers = st.floats(allow_nan=False, allow_infinity=False, width=8 * model.theta.itemsize)
    model.theta[...] = data.draw(st.lists(numbers, min_size=4, max_size=4))
    path = tmp_path_factory.mktemp("xml") / "m"
    xml_io.save(model, path)
    same_model(xml_io.load(path), model)


def test_a_model_on_a_device_is_saved_from_there(xp, tmp_path):
    xml_io.save(network([lstm(3, 4)]).to(xp), tmp_path / "m")
    same_model(xml_io.load(tmp_path / "m"), network([lstm(3, 4)]))


# What the equations call W_i, R_f, p_o, …: element, gate, and where it is in our arrays.
LSTM = [("InputWeights", "W"), ("RecurrentWeights", "R"), ("Biases", "b")]
NAMES = {
    "lstm": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("iofg")]
    + [("Peepholes", gate, "p", k) for k, gate in enumerate("iof")],
    "gru": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("zrn")]
    + [("RecurrentBiases", "n", "p", 0)],
    "nig": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("ofg")]
    + [("Peepholes", gate, "p", k) for k, gate in enumerate("of")],
    "nog": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("ifg")]
    + [("Peepholes", gate, "p", k) for k, gate in enumerate("if")],
    "cifg": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("iog")]
    + [("Peepholes", gate, "p", k) for k, gate in enumerate("io")],
    "fgr": [(tag, gate, key, k) for tag, key in LSTM for k, gate in enumerate("iofg")]
    + [("RecurrentWeights", f"{to}.{of}", "R", k)
       for k, (of, to) in enumerate(((of, to) for of in "iof" for to in "iof"), start=4)]
    + [("Peepholes", gate, "p", k) for k, gate in enumerate("iof")],
    "rnn": [(tag, "h", key, 0) for tag, key in LSTM],
}  # fmt: skip


@pytest.mark.parametrize("cell", NAMES)
def test_names_match_their_content(cell, tmp_path):
    """Read by nothing but the names: each element holds the rows of its gate, row by row."""
    D, H = 2, 3
    model = network([recurrent(cell, D, H)], dtype=np.float64)
    xml_io.save(model, tmp_path / "m")
    (layer,) = ElementTree.parse(tmp_path / "m").getroot()
    assert dict(layer.attrib) == {"layer": "recurrent", "cell": cell, "features": "2", "hidden": "3", "own": "true"}
    found = {(e.tag, e.get("gate")): e for e in layer}
    assert len(found) == len(layer) == len(NAMES[cell])
    for tag, gate, key, k in NAMES[cell]:
        element, x = found[tag, gate], model.params[f"{cell}.{key}"]
        block = (x.reshape(-1, H, x.shape[-1]))[k]
        assert (int(element.get("rows")), int(element.get("columns"))) == block.shape
        assert [float(word) for word in element.text.split()] == block.ravel().tolist()


def test_both_directions_and_layers_without_gates(tmp_path):
    model = network([bidirectional(rnn(2, 3)), dropout(0.25), activation("tanh"), dense(6, 2)])
    xml_io.save(model, tmp_path / "m")
    both, drop, tanh, affine = ElementTree.parse(tmp_path / "m").getroot()
    assert [e.get("direction") for e in both] == 3 * ["forward"] + 3 * ["reverse"]
    text = both.find("RecurrentWeights[@direction='reverse']").text
    assert np.array_equal(np.array(text.split(), np.float32), model.params["bidirectional rnn.reverse.R"].ravel())
    assert dict(drop.attrib) == {"layer": "dropout", "rate": "0.25"} and len(drop) == 0
    assert dict(tanh.attrib) == {"layer": "activation", "function": "tanh"}
    assert [(e.tag, dict(e.attrib)) for e in affine] == [
        ("Weights", {"rows": "2", "columns": "6"}),
        ("Biases", {"rows": "2", "columns": "1"}),
    ]


# ---- files that are something else -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("xml") / "m"
    xml_io.save(made_for_text(), path)
    return path.read_text()


def made_for_text():
    return network([lstm(2, 1, peepholes=True), last(), dense(1, 2)])


def refused(path, text, *messages):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError) as caught:
        xml_io.load(path)
    assert type(caught.value) is ValueError and str(caught.value).startswith(f"{path}: ")
    assert all(message in str(caught.value) for message in messages), str(caught.value)


def one_element(change):
    """A file in which `change` was at work on the recurrent weights of the gate f."""

    def whole(text):
        root = ElementTree.fromstring(text)
        change(root, root[0], root[0].find("RecurrentWeights[@gate='f']"))
        return ElementTree.tostring(root)

    return whole


WRONG = {
    "a number too few": (one_element(lambda root, layer, e: setattr(e, "text", "")), "RecurrentWeights", "gate='f'",
                         "expected 1 finite numbers, got 0"),
    "a number too many": (one_element(lambda root, layer, e: setattr(e, "text", "1 2")), "gate='f'", "got 2"),
    "a number behind": (one_element(lambda root, layer, e: setattr(e, "tail", "1")), "gate='f'", "got 2"),
    "NaN": (one_element(lambda root, layer, e: setattr(e, "text", "nan")), "gate='f'", "finite"),
    "infinity": (one_element(lambda root, layer, e: setattr(e, "text", "-inf")), "gate='f'", "finite"),
    "beyond float32": (one_element(lambda root, layer, e: setattr(e, "text", "1e39")), "gate='f'"),
    "a word": (one_element(lambda root, layer, e: setattr(e, "text", "one")), "gate='f'", "one"),
    "a missing matrix": (one_element(lambda root, layer, e: layer.remove(e)), "expected <RecurrentWeights", "gate='f'"),
    "a matrix twice": (one_element(lambda root, layer, e: layer.append(e)), "<RecurrentWeights"),
    "an unknown element": (one_element(lambda root, layer, e: setattr(e, "tag", "Weight")), "<Weight ", "expected"),
    "an element inside": (one_element(lambda root, layer, e: ElementTree.SubElement(e, "b")), "<b>", "expected"),
    "an element behind": (one_element(lambda root, layer, e: ElementTree.SubElement(root[-1], "b")), "<b>", "nothing"),
    "an unknown attribute": (one_element(lambda root, layer, e: e.set("scale", "2")), "scale='2'", "expected"),
    "an unknown gate": (one_element(lambda root, layer, e: e.set("gate", "c")), "gate='c'", "expected"),
    "wrong rows": (one_element(lambda root, layer, e: e.set("rows", "2")), "rows='2'", "expected"),
    "an unknown layer": (one_element(lambda root, layer, e: layer.set("layer", "exec")), "layer='exec'", "config"),
    "an unknown option": (one_element(lambda root, layer, e: layer.set("clip", "1")), "clip='1'", "config"),
    "an option of no layer": (one_element(lambda root, layer, e: layer.set("of.cell", "rnn")), "of.cell"),
    "an unknown cell": (one_element(lambda root, layer, e: layer.set("cell", "eval")), "eval"),
    "another size": (one_element(lambda root, layer, e: layer.set("hidden", "2")), "expected"),
    "a size beyond all memory": (one_element(lambda root, layer, e: layer.set("hidden", "9" * 8)), "expected"),
    "a size beyond all numbers": (one_element(lambda root, layer, e: layer.set("hidden", "9" * 99)),),
    "half a unit": (one_element(lambda root, layer, e: layer.set("hidden", "1.5")), "hidden", "positive integer"),
    "no size": (one_element(lambda root, layer, e: layer.attrib.pop("hidden")), "config"),
    "layers that do not fit": (one_element(lambda root, layer, e: root.append(root[2])), "layers"),
    "no layers": (one_element(lambda root, layer, e: root.clear()), "Model"),
    "another root": (one_element(lambda root, layer, e: setattr(root, "tag", "MethodSetup")), "<MethodSetup", "<Model"),
    "another version": (one_element(lambda root, layer, e: root.set("version", "2")), "version='2'", "version='1'"),
    "an unknown loss": (one_element(lambda root, layer, e: root.set("loss", "eval")), "loss: expected one of"),
    "an unknown dtype": (one_element(lambda root, layer, e: root.set("dtype", "float16")), "dtype: expected"),
    "a dtype that NumPy would read": (one_element(lambda root, layer, e: root.set("dtype", "1 2,")), "dtype: expected"),
    "no dtype": (one_element(lambda root, layer, e: root.attrib.pop("dtype")), "Model"),
    "a letter behind the digits": (one_element(lambda root, layer, e: setattr(e, "text", f"{e.text}f")), "gate='f'"),
    "a digit in the next line": (one_element(lambda root, layer, e: setattr(e, "text", f"{e.text}\n1")), "got 2"),
    "text between layers": (one_element(lambda root, layer, e: setattr(layer, "tail", "1")), "expected 0 finite"),
    "half a file": (lambda text: text[: len(text) // 2],),
    "nothing": (lambda text: "",),
    "no XML": (lambda text: b"\x00\xff",),
}  # fmt: skip


@pytest.mark.parametrize("row", WRONG.values(), ids=WRONG.keys())
def test_what_save_does_not_write_is_refused(tmp_path, text, row):
    change, *messages = row
    refused(tmp_path / "m", change(text), *messages)


def test_every_truncation_is_refused(tmp_path, text):
    for length in range(len(text.rstrip())):
        refused(tmp_path / "m", text[:length])


def without_digest(text):
    """What a file from before there was a digest is like, and one that somebody has changed on purpose."""
    return re.sub(' sha256="[0-9a-f]{64}"', "", text)


@given(st.integers(0, 10_000), st.binary(max_size=4), st.integers(0, 4))
@settings(max_examples=300)
def test_altered_bytes_are_the_same_model_or_refused(tmp_path_factory, text, k, put, cut):
    """And without the digest another model, or refused: nothing else comes out."""
    path, model = tmp_path_factory.mktemp("xml") / "m", made_for_text()
    for whole in (text.encode(), without_digest(text).encode()):
        at = k % len(whole)
        path.write_bytes(whole[:at] + put + whole[at + cut :])
        try:
            found = xml_io.load(path)
        except ValueError as error:
            assert str(error).startswith(f"{path}: ")
        else:
            assert np.isfinite(found.theta).all() and found.theta.size == 23
            if found.theta.tobytes() != model.theta.tobytes():
                assert b"sha256" not in path.read_bytes()


def test_another_number_is_refused_and_without_the_digest_read(tmp_path, text):
    number = text.split("</RecurrentWeights>")[0].split(">")[-1]
    for old, new in ((number, "7.0"), ('loss="mse"', 'loss="softmax_cross_entropy"')):
        assert text.count(old) == 1
        refused(tmp_path / "m", text.replace(old, new), "SHA-256", "it was altered")
        (tmp_path / "m").write_text(without_digest(text).replace(old, new))
        xml_io.load(tmp_path / "m")
    refused(tmp_path / "m", re.sub('sha256="[0-9a-f]{64}"', 'sha256=""', text), "SHA-256")


LAUGHS = "".join(f'<!ENTITY l{k + 1} "{10 * f"&l{k};"}">' for k in range(9))
TRICKS = {
    "billion laughs": f'<!DOCTYPE Model [<!ENTITY l0 "lol">{LAUGHS}]><Model>&l9;</Model>',
    "quadratic blow-up": f'<!DOCTYPE Model [<!ENTITY a "{"1 " * 10_000}">]><Model>{"&a;" * 10_000}</Model>',
    "an external entity": '<!DOCTYPE Model [<!ENTITY a SYSTEM "SECRET">]><Model>&a;</Model>',
    "an external parameter entity": '<!DOCTYPE Model [<!ENTITY % a SYSTEM "SECRET"> %a;]><Model/>',
    "an external document type": '<!DOCTYPE Model SYSTEM "SECRET"><Model/>',
    "a public document type": '<!DOCTYPE Model PUBLIC "-//x//y" "http://localhost:9/x.dtd"><Model/>',
    "a harmless document type": "<!DOCTYPE Model [<!ELEMENT Model ANY>]><Model/>",
    "an undeclared entity": "<Model>&a;</Model>",
}


@pytest.mark.parametrize("head", TRICKS.values(), ids=TRICKS.keys())
def test_entities_and_document_types_are_refused(tmp_path, text, head):
    """In a short file, and in front of, or within, one that would be accepted without them."""
    secret = tmp_path / "secret"
    secret.write_text("1234567")
    head = head.replace("SECRET", secret.as_uri())
    refused(tmp_path / "m", head)
    body = text.split("?>", 1)[1]
    body = body if "DOCTYPE" in head else body.replace("</Biases>", "&a;</Biases>")
    refused(tmp_path / "m", head[: head.find("<Model")] + body)
    with pytest.raises(ValueError) as caught:
        xml_io.load(tmp_path / "m")
    assert "1234567" not in str(caught.value)


def test_an_include_is_no_include(tmp_path, text):
    include = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{tmp_path / "m"}" parse="text"/>'
    refused(tmp_path / "n", text.replace("</Model>", include + "</Model>"), "include")


def test_comments_and_white_space_do_not_matter(tmp_path, text):
    (tmp_path / "a").write_text(text)
    (tmp_path / "b").write_text(text.replace("\n", "<!-- 1 2 3 -->\n\t ").replace("?><!-- 1 2 3 -->", "?>"))
    same_model(xml_io.load(tmp_path / "b"), xml_io.load(tmp_path / "a"))


def test_the_order_of_attributes_does_not_matter(tmp_path, text):
    root = ElementTree.fromstring(text)
    for element in root.iter():
        items = list(element.attrib.items())
        element.attrib.clear()
        element.attrib.update(reversed(items))
    (tmp_path / "a").write_bytes(ElementTree.tostring(root))
    xml_io.load(tmp_path / "a")


# ---- saving ------------------------------------------------------------------------------------------------------


def test_what_cannot_be_loaded_is_not_saved(tmp_path):
    path, model = tmp_path / "m", network([gru(1, 1)])
    xml_io.save(model, path)
    raw = path.read_bytes()
    own = Model([dense(1, 1)], lambda y, target: mse(y, target), rng=np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"^loss: expected one of"):
        xml_io.save(own, path)
    model.theta[0] = np.inf
    with pytest.raises(ValueError, match=r"^gru.W: expected finite"):
        xml_io.save(model, path)
    assert path.read_bytes() == raw


def test_a_crash_leaves_the_old_file_whole(tmp_path, monkeypatch):
    path, model = tmp_path / "m", network([gru(1, 1)])
    xml_io.save(model, path)
    raw = path.read_bytes()

    def crash(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", crash)
    with pytest.raises(OSError, match="No space left"):
        xml_io.save(network([gru(2, 2)]), path)
    assert path.read_bytes() == raw and os.listdir(tmp_path) == ["m"]


def test_no_file_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        xml_io.load(tmp_path / "none")
