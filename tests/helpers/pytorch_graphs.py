"""Graphs that PyTorch's two exporters write of small networks: for the tests of `onnx_io.load_graph`.

    python tests/helpers/pytorch_graphs.py        writes tests/formats/pytorch/*.onnx anew; needs torch and onnxscript

`NETWORKS` says what each is; their numbers are random, from PyTorch's seed 0. Everything is as PyTorch writes it, but
the exporter of dynamo=True notes beside each node where it came from, in paths of the machine: `without_notes` takes
these out. Every fifth network is kept, if its graph has at most 4,000 bytes; where torch is installed, others are
written afresh.
"""

import contextlib
import io
import itertools
import logging
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parents[1] / "formats" / "pytorch"
B, T, C, H, D = 6, 5, 4, 3, 2
LARGEST = 4_000  # bytes of a file that is kept
OPSETS = {False: (9, 13, 14, 20), True: (18, 20, 23)}  # by exporter, dynamo or not


class Network(NamedTuple):
    """kind:   of torch.nn, with `layers` of them, in both directions if `both`; bias, batch_first as there
    tail:   what stands behind: "", "linear", "softmax" or "log_softmax" (behind a Linear)
    reads:  "every" step; the last "index", or a "slice" of it; the final h, "state"
    dynamo: which exporter; opset: in which opset; free: the axes of free size
    """

    kind: str
    layers: int = 1
    both: bool = False
    bias: bool = True
    batch_first: bool = True
    tail: str = "linear"
    reads: str = "index"
    dynamo: bool = False
    opset: int = 20
    free: tuple = ()

    @property
    def name(self):
        words = [self.kind.replace(" ", "-"), *(["2"] if self.layers > 1 else []), *(["both"] if self.both else [])]
        words += ["bias"] if self.bias else []
        words += [*(["batch-first"] if self.batch_first else []), self.reads, self.tail or "bare", *self.free]
        return "-".join([*words, "dynamo" if self.dynamo else "script", str(self.opset)])


def networks():
    """Every kind, depth, direction and order of axes, bias or none, by both exporters, 160; the rest in turn."""
    found = []
    kinds = "RNN", "RNN relu", "LSTM", "GRU", "LSTM"
    options = itertools.product((False, True), kinds, (1, 2), (False, True), (True, False), (True, False))
    for k, (dynamo, kind, layers, both, batch_first, bias) in enumerate(options):
        reads = ("state", "every") if both else ("index", "slice", "state", "every", "index")
        tail = ("linear", "log_softmax", "softmax", "", "linear", "softmax", "log_softmax")[k % 7]
        free = ((), ("batch",), ("batch", "time"))[k % 3]
        opset = OPSETS[dynamo][k // 2 % len(OPSETS[dynamo])]
        found.append(Network(kind, layers, both, bias, batch_first, tail, reads[k % len(reads)], dynamo, opset, free))
    return found


NETWORKS = {network.name: network for network in networks()}


def is_step_by_step(name):
    """The exporter with dynamo=True has no operator for nn.RNN."""
    return NETWORKS[name].dynamo and NETWORKS[name].kind.startswith("RNN")


def exported(network):
    """The bytes that PyTorch's exporter writes of a network, in evaluation mode."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            kind, *activation = network.kind.split()
            options = {"nonlinearity": activation[0]} if activation else {}
            self.recurrent = getattr(torch.nn, kind)(
                D, H, network.layers, bias=network.bias, batch_first=network.batch_first, bidirectional=network.both,
                **options,
            )  # fmt: skip
            self.linear = torch.nn.Linear(2 * H if network.both else H, C, bias=network.bias)

        def forward(self, x):
            y, h = self.recurrent(x)
            h = h[0] if network.kind == "LSTM" else h
            if network.reads == "state":
                y = torch.cat([h[-2], h[-1]], 1) if network.both else h[-1]
            elif network.reads != "every":
                y = y if network.batch_first else y.transpose(0, 1)
                y = y[:, -1] if network.reads == "index" else y[:, -1:][:, 0]
            y = self.linear(y) if network.tail else y
            return getattr(torch, network.tail)(y, -1) if "softmax" in network.tail else y

    torch.manual_seed(0)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # of what the exporter itself calls, and that it is the older one
        logging.disable(logging.WARNING)
        try:
            _export(torch, network, Net().eval(), f"{folder}/net.onnx")
        finally:
            logging.disable(logging.NOTSET)
        return Path(folder, "net.onnx").read_bytes()


def _export(torch, network, net, path):
    x = torch.randn(*((B, T, D) if network.batch_first else (T, B, D)))
    axes = {"batch": 0 if network.batch_first else 1, "time": 1 if network.batch_first else 0}
    options = {"opset_version": network.opset, "input_names": ["x"], "output_names": ["y"], "dynamo": network.dynamo}
    if network.dynamo:
        shapes = {axes[name]: torch.export.Dim(name) for name in network.free}
        options |= {"dynamic_shapes": (shapes,) if shapes else None, "external_data": False, "verbose": False}
    else:
        free = {axes[name]: name for name in network.free}
        options |= {"dynamic_axes": {"x": free} if free else None}
    torch.onnx.export(net, (x,), path, **options)


def without_notes(raw):
    """A graph without what is noted of its nodes and values."""
    import onnx

    proto = onnx.load_model_from_string(raw)
    proto.ClearField("metadata_props")
    proto.graph.ClearField("metadata_props")
    proto.graph.ClearField("value_info")
    for part in (*proto.graph.node, *proto.graph.initializer, *proto.graph.input, *proto.graph.output):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return proto.SerializeToString(deterministic=True)


def main():
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.onnx"):
        path.unlink()
    for name in [*NETWORKS][::5]:
        raw = without_notes(exported(NETWORKS[name]))
        if len(raw) <= LARGEST:
            (FOLDER / f"{name}.onnx").write_bytes(raw)
        print(f"{len(raw):7,} bytes  {name}", flush=True)


if __name__ == "__main__":
    main()
