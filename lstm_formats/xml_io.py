"""Models as XML, in the manner of TMVA (ROOT): an element for every layer, and in it one for every gate's matrix.

    <Layer layer="recurrent" cell="lstm" features="3" hidden="4" own="false">
      <InputWeights gate="i" rows="4" columns="3">0.25 -0.5 …</InputWeights>

A layer's attributes are its config ("of.cell" is the cell of the layer that a bidirectional or reverse one is made of).
Names say what is in them: gate is the gate's name in the cell ("f.i", in full gate recurrence: what f receives from i),
and the element of a cell's own parameters is called as the cell calls them, Peepholes or RecurrentBiases. Numbers stand
row by row and with all digits: what is read is what was written, to the last bit. The sha256 of <Model> is the digest
of configs and numbers. Older files have none; who changes a number by hand removes it.
"""

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping
from itertools import islice
from xml.etree import ElementTree

import numpy as np
from defusedxml.ElementTree import DefusedXMLParser

from lstm_core.arrays import to_host
from lstm_core.checks import brief, check_choice, listed
from lstm_core.files import read, write_atomic
from lstm_core.layers import make
from lstm_core.model import Model

from .configs import DAMAGE, DTYPES, check_losses, check_number_of, check_order, config_of, model_from, reason

WORDS = "layer", "cell", "function"  # options of layers that are words; the others are numbers, true or false
PIECE = 2**16  # bytes that are parsed at a time, and that a tag has at most


def save(model: Model, path: str | os.PathLike) -> None:
    """Write `model` to the file `path`, whole or not at all.

    Raises as `checkpoint.save` does, and ValueError for a cell with a name in it that XML cannot hold.

    >>> model = Model([dense(2, 1)], mse, rng=rng)
    >>> xml_io.save(model, "model.xml")
    >>> files.read("model.xml").decode().splitlines()[2].strip()
    '<Layer layer="dense" features="2" outputs="1">'
    """
    check_order(model, path)
    config, theta = config_of(model), to_host(model.theta)
    root = _tree(config, theta.tolist())
    root.set("sha256", _digest(config, theta))
    ElementTree.indent(root)
    write_atomic(path, ElementTree.tostring(root, "utf-8", xml_declaration=True))


def load(path: str | os.PathLike, losses: Mapping[str, Callable] | None = None) -> Model:
    """The model that `save` has written to the file `path`.

    losses: name -> function, for a model whose loss is one of your own

    Raises OSError if there is no such file, and ValueError, naming the file and the element, for one that is not what
    `save` writes, or has other numbers than those of its digest. Document types, and with them entities and references
    to other files, are refused.

    >>> model = Model([gru(3, 4), dense(4, 2)], mse, rng=rng)
    >>> xml_io.save(model, "model.xml")
    >>> np.array_equal(xml_io.load("model.xml").theta, model.theta)  # to the last bit
    True
    """
    losses, raw, reader = check_losses(losses), read(path), _Reader()
    try:
        if re.search(rb"<[^<>]{%d}" % PIECE, raw):
            raise ValueError(f"expected tags of less than {PIECE} bytes, got a longer one")
        parser = DefusedXMLParser(target=reader, encoding="utf-8", forbid_dtd=True)
        for k in range(0, len(raw), PIECE):
            parser.feed(raw[k : k + PIECE])
        del raw
        config, theta, digest = parser.close()
        model = model_from(config, theta, losses)
        if digest is not None and digest != _digest(config, theta):
            raise ValueError(f"expected content with SHA-256 {listed([digest])}, got another: it was altered")
        return model
    except (*DAMAGE, ElementTree.ParseError) as error:
        raise ValueError(f"{path}: {listed([reader.place])}: {type(error).__name__}: {reason(error)}") from error


class _Reader:
    """What the parser hands elements and text to, in the order of the file.

    Each element is held against the one that stands in its place in a file that `save` writes, and its numbers are
    kept; nothing is built of what does not belong there.
    """

    def __init__(self):
        self.place, self.depth, self.config, self.digest = "<Model>", 0, {}, None
        self.matrices = iter(())  # those of the layer that are still to come
        self.dtype, self.theta = np.float64, []  # the numbers so far, in arrays of a piece each: none is grown
        self.size, self.found = 0, 0  # how many numbers are expected behind the last tag, and were found
        self.text = bytearray()  # what stands there and was not yet read: less than two pieces

    def start(self, tag, attributes):
        self._take_numbers()
        self.depth, self.place = self.depth + 1, _start(tag, attributes)
        if self.depth == 1:
            self.digest = attributes.pop("sha256", None)
            self.place = _start(tag, attributes)
            loss = attributes.get("loss", "")
            loss = json.loads(loss) if loss.startswith("{") else loss
            self.config = {"dtype": attributes.get("dtype", ""), "loss": loss, "layers": []}
            check_choice("dtype", self.config["dtype"], DTYPES)
            self.dtype = self.config["dtype"]
            expected = _start("Model", _root(self.config))
        elif self.depth == 2:
            layer = make(_config(attributes))
            self.config["layers"].append(layer.config)
            check_number_of(self.config["layers"])
            self.matrices = _matrices(layer)
            expected = _start("Layer", _attributes(layer.config))
        else:
            name, whose, rows, columns = next(self.matrices, ("nothing more", {}, "", ""))
            expected = _start(name, whose | {"rows": str(rows), "columns": str(columns)} if rows else {})
            self.size = rows * columns if rows else 0
        if self.place != expected or self.depth > 3:
            raise ValueError(f"expected {expected if self.depth < 4 else 'no element within a matrix'}")

    def data(self, text):
        self.text += text.encode()
        if len(self.text) > PIECE:
            stop = max(self.text.rfind(blank) for blank in b" \n\t\r") + 1
            if not stop:
                raise ValueError(f"expected numbers, got a word of more than {PIECE} characters")
            self._read_words(stop)

    def end(self, tag):
        self.text += b" "
        self.depth -= 1
        if self.depth < 2:  # what stands behind a matrix is counted with it
            self._take_numbers()
            missing = next(self.matrices, None)
            if missing is not None:
                self.place, (name, whose, *_) = f"</{tag}>", missing
                raise ValueError(f"expected {_start(name, whose)}")

    def close(self):
        return self.config, np.concatenate([*self.theta, np.zeros(0)], dtype=self.dtype), self.digest

    def _take_numbers(self):
        """The numbers since the last tag that began: as many as it says."""
        self._read_words(len(self.text))
        if self.found != self.size:
            raise ValueError(f"expected {brief(self.size)} finite numbers, got {self.found}")
        self.size, self.found = 0, 0

    def _read_words(self, stop):
        """The numbers before `stop` in the text, which are finite."""
        words = self.text[:stop].split()
        self.found += len(words)
        if self.found > self.size:
            raise ValueError(f"expected {brief(self.size)} finite numbers, got {self.found} or more")
        with np.errstate(over="ignore"):
            numbers = np.fromiter(map(float, words), np.float64, len(words)).astype(self.dtype)
        if not np.isfinite(numbers).all():  # one too large for the dtype is infinite
            raise ValueError(f"expected {brief(self.size)} finite numbers, got one that is not")
        self.theta.append(numbers)
        del self.text[:stop]


def _digest(config, theta):
    """SHA-256 of a model: its config as JSON, then its numbers, little-endian."""
    found = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    found.update(np.ascontiguousarray(theta, theta.dtype.newbyteorder("<")))
    return found.hexdigest()


def _root(config):
    """The attributes of <Model>; the loss is a word, or JSON."""
    loss = config["loss"] if isinstance(config["loss"], str) else json.dumps(config["loss"])
    if len(loss) > PIECE // 2:
        raise ValueError(f"loss: expected no more than a tag in XML can hold, got {len(loss)} bytes of class weights")
    return {"version": "1", "dtype": config["dtype"], "loss": loss}


def _tree(config, theta):
    """The elements of a model, with the numbers `theta`."""
    root = ElementTree.Element("Model", _root(config))
    numbers = iter(theta)
    for layer in map(make, config["layers"]):
        node = ElementTree.SubElement(root, "Layer", _attributes(layer.config))
        for tag, attributes, rows, columns in _matrices(layer):
            element = ElementTree.SubElement(node, tag, attributes, rows=str(rows), columns=str(columns))
            element.text = " ".join(map(repr, islice(numbers, rows * columns)))
    return root


def _matrices(layer):
    """The elements of `layer`, in the order of its numbers: (tag, whose they are, rows, columns)."""
    cell = layer.cell
    if cell is None:
        for key, (rows, columns) in layer.shapes.items():
            yield {"W": "Weights", "b": "Biases"}[key], {}, rows, columns
        return
    hidden = layer.config.get("of", layer.config)["hidden"]
    names = {  # of an element, and of the gates whose rows it holds, H each
        "W": ("InputWeights", cell.inputs),
        "R": ("RecurrentWeights", cell.recurs),
        "b": ("Biases", cell.inputs),
        "p": (cell.own_name.title().replace(" ", ""), cell.own),
    }
    _check_names(cell, names)
    for key, shape in layer.shapes.items():
        *direction, letter = key.split(".")  # "forward.W"
        tag, gates = names[letter]
        if math.prod(shape[:-1]) != len(gates) * hidden:
            raise ValueError(f"{layer.name}: expected {key} with {hidden} rows for each of {gates}, got shape {shape}")
        attributes = {"direction": direction[0]} if direction else {}
        for gate in gates:
            yield tag, attributes | {"gate": gate}, hidden, shape[-1]


def _check_names(cell, names):
    """Raise ValueError if XML cannot hold the names of `cell`: what was written could not be read again."""
    tags = [tag for tag, _ in names.values()]
    if not all(tag.isascii() and tag.isidentifier() for tag in tags) or len({*tags}) < len(tags):
        raise ValueError(f"{cell.name}: expected an own_name that can be an element in XML, got {cell.own_name!r}")
    for name in (cell.name, *cell.inputs, *cell.recurs, *cell.own):
        if not name.isprintable():
            raise ValueError(f"{cell.name}: expected names that XML can hold, got {name!r}")


def _attributes(config):
    """The config of a layer as attributes; {"of": {"cell": "lstm"}} is of.cell="lstm"."""
    within = {f"of.{key}": value for key, value in config.get("of", {}).items()}
    flat = {key: value for key, value in config.items() if key != "of"} | within
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in flat.items()}


def _config(attributes):
    """The other way: the config of a layer from the attributes of its element, of whatever kind they are."""
    config, within = {}, {}
    for key, text in attributes.items():
        name = key.removeprefix("of.")
        is_word = name in WORDS or not (text in ("true", "false") or text[:1].isdigit())
        (config if name == key else within)[name] = text if is_word else json.loads(text)
    return config | ({"of": within} if within else {})


def _start(tag, attributes):
    """How an element begins, its attributes in alphabetical order."""
    return f"<{' '.join([tag, *(f'{k}={v!r}' for k, v in sorted(attributes.items()))])}>"
