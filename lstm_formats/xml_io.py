"""Models as XML, in the manner of TMVA (ROOT): an element for every layer, and in it one for every gate's matrix.

    <Layer layer="recurrent" cell="lstm" features="3" hidden="4" own="false">
      <InputWeights gate="i" rows="4" columns="3">0.25 -0.5 …</InputWeights>

A layer's attributes are its config ("of.cell" is the cell of the layer that a bidirectional or reverse one is made of).
Names say what is in them: gate is the gate's name in the cell ("f.i", in full gate recurrence: what f receives from i),
and the element of a cell's own parameters is called as the cell calls them, Peepholes or RecurrentBiases. Numbers stand
row by row and with all digits: what is read is what was written, to the last bit.
"""

import json
import math
from itertools import islice, zip_longest
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from defusedxml.ElementTree import fromstring

from lstm_core.arrays import to_host
from lstm_core.checks import check_choice
from lstm_core.files import write_atomic
from lstm_core.layers import make

from .configs import DAMAGE, DTYPES, config_of, model_from, reason

WORDS = "layer", "cell", "function"  # options of layers that are words; the others are numbers, true or false
END = ElementTree.Element("nothing more")


def save(model, path):
    """Write `model` to the file `path`, whole or not at all.

    Raises as `checkpoint.save` does, and ValueError for a cell with a name in it that XML cannot hold.
    """
    root = _tree(config_of(model), to_host(model.theta).tolist())
    ElementTree.indent(root)
    write_atomic(path, ElementTree.tostring(root, "utf-8", xml_declaration=True))


def load(path):
    """The model that `save` has written to the file `path`.

    Raises OSError if there is no such file, and ValueError, naming the file and the element, for one that is not what
    `save` writes. Document types, and with them entities and references to other files, are refused.
    """
    raw, place = Path(path).read_bytes(), "<Model>"
    try:
        root = fromstring(raw, forbid_dtd=True)
        config, theta = {"dtype": root.get("dtype", ""), "loss": root.get("loss", ""), "layers": []}, []
        check_choice("dtype", config["dtype"], DTYPES)
        for node in root:
            place = _start(node)
            config["layers"].append(make(_config(node)).config)
        for found, expected in zip_longest(root.iter(), _tree(config).iter(), fillvalue=END):
            place = _start(found)
            if place != _start(expected):
                raise ValueError(f"expected {_start(expected)}")
            with np.errstate(over="ignore"):  # what is too large for the dtype is not finite
                numbers = np.array(f"{found.text or ''} {found.tail or ''}".split(), config["dtype"])
            size = int(expected.get("rows", 0)) * int(expected.get("columns", 0))
            if len(numbers) != size or not np.isfinite(numbers).all():
                raise ValueError(f"expected {size} finite numbers, got {len(numbers)}")
            theta.append(numbers)
        return model_from(config, np.concatenate(theta))
    except (*DAMAGE, ElementTree.ParseError) as error:
        raise ValueError(f"{path}: {place}: {type(error).__name__}: {reason(error)}") from error


def _tree(config, theta=None):
    """The elements of a model, with the numbers `theta`; without any if it is None."""
    root = ElementTree.Element("Model", version="1", dtype=config["dtype"], loss=config["loss"])
    numbers = iter(theta or ())
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


def _config(node):
    """The other way: the config of a layer from the attributes of its element, of whatever kind they are."""
    config, within = {}, {}
    for key, text in node.items():
        name = key.removeprefix("of.")
        is_word = name in WORDS or not (text in ("true", "false") or text[:1].isdigit())
        (config if name == key else within)[name] = text if is_word else json.loads(text)
    return config | ({"of": within} if within else {})


def _start(element):
    """How `element` begins, its attributes in alphabetical order."""
    return f"<{' '.join([element.tag, *(f'{k}={v!r}' for k, v in sorted(element.items()))])}>"
