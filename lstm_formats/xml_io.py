"""Models as XML, in the manner of TMVA (ROOT): an element for every layer, and in it one for every gate's matrix.

    <Layer layer="recurrent" cell="lstm" features="3" hidden="4" own="false">
      <InputWeights gate="i" rows="4" columns="3">0.25 -0.5 …</InputWeights>

A layer's attributes are its config ("of.cell" is the cell of the layer that a bidirectional or reverse one is made of).
Names say what is in them: gate is a gate's letter in the equations ("f.i", in full gate recurrence: what f receives
from i). Numbers stand row by row and with all digits: what is read is what was written, to the last
bit.
"""

import json
import math
from itertools import islice, zip_longest
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from defusedxml.ElementTree import fromstring

from lstm_core.arrays import to_host
from lstm_core.files import write_atomic
from lstm_core.layers import make

from .checkpoint import config_of, model_from

TAGS = {"W": "InputWeights", "R": "RecurrentWeights", "b": "Biases", "p": "Peepholes",
        "gru p": "RecurrentBiases", " W": "Weights"}  # fmt: skip
GATES = {"": " ", "rnn": "h", "rnn relu": "h", "gru": "zrn", "gru before": "zrn", "gru p": "n", "nas": "01234567",
         "nig": "ofg", "nfg": "iog", "nog": "ifg", "cifg": "iog",
         "fgr R": [*"iofg", *(f"{to}.{of}" for of in "iof" for to in "iof")]}  # fmt: skip
END = ElementTree.Element("nothing more")


def save(model, path):
    """Write `model` to the file `path`, whole or not at all. Raises as `checkpoint.save` does."""
    root = _tree(config_of(model), to_host(model.theta).tolist())
    ElementTree.indent(root)
    write_atomic(path, ElementTree.tostring(root, "utf-8", xml_declaration=True))


def load(path):
    """The model that `save` has written to the file `path`.

    Raises OSError if there is no such file, and ValueError, naming the file and the element, for one that is not what
    `save` writes. Document types, and with them entities and references to other files, are refused.
    """
    raw, at = Path(path).read_bytes(), "<Model>"
    try:
        root = fromstring(raw, forbid_dtd=True)
        config, theta = {"dtype": root.get("dtype", ""), "loss": root.get("loss", ""), "layers": []}, []
        for node in root:
            at = _start(node)
            plain = lambda v: json.loads(v) if v in ("true", "false") or v[:1].isdigit() else v
            options = {k: plain(v) for k, v in node.items() if k[:3] != "of."}
            of = {k[3:]: plain(v) for k, v in node.items() if k[:3] == "of."}
            config["layers"].append(make(options | ({"of": of} if of else {})).config)
        for found, expected in zip_longest(root.iter(), _tree(config).iter(), fillvalue=END):
            at = _start(found)
            if at != _start(expected):
                raise ValueError(f"expected {_start(expected)}")
            numbers = np.array(f"{found.text or ''} {found.tail or ''}".split(), config["dtype"])
            size = int(expected.get("rows", 0)) * int(expected.get("columns", 0))
            if len(numbers) != size or not np.isfinite(numbers).all():
                raise ValueError(f"expected {size} finite numbers, got {len(numbers)}")
            theta.append(numbers)
        return model_from(config, np.concatenate(theta))
    except Exception as error:  # whatever such a file leads to
        raise ValueError(f"{path}: {at}: {type(error).__name__}: {error}") from error


def _tree(config, theta=()):
    """The elements of a model, with the numbers `theta`."""
    root, theta = ElementTree.Element("Model", version="1", dtype=config["dtype"], loss=config["loss"]), iter(theta)
    for layer in map(make, config["layers"]):
        of = layer.config.get("of", {})
        options = {k: v for k, v in layer.config.items() if k != "of"} | {f"of.{k}": v for k, v in of.items()}
        node = ElementTree.SubElement(root, "Layer", {k: str(v).lower() for k, v in options.items()})
        cell, hidden = ((of or options).get(k, "") for k in ("cell", "hidden"))
        for key, shape in layer.shapes.items():
            *side, kind = key.split(".")
            rows, columns = hidden or shape[0], shape[-1]
            gates = GATES.get(f"{cell} {kind}") or GATES.get(cell, "iofg")
            for _, gate in zip(range(math.prod(shape) // (rows * columns)), gates, strict=False):
                place = ({"direction": side[0]} if side else {}) | ({"gate": gate} if cell else {})
                tag = TAGS.get(f"{cell} {kind}") or TAGS[kind]
                element = ElementTree.SubElement(node, tag, place, rows=str(rows), columns=str(columns))
                element.text = " ".join(map(repr, islice(theta, rows * columns)))
    return root


def _start(element):
    """How `element` begins, its attributes in alphabetical order."""
    return f"<{' '.join([element.tag, *(f'{k}={v!r}' for k, v in sorted(element.items()))])}>"
