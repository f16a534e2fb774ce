"""lstm_formats: models of lstm_core in files and in other programs' terms.

`checkpoint` (safetensors: a run to go on with, bit for bit), `onnx_io` (a graph that other programs run, and back; and
graphs that they write), `torch_io` and `keras_io` (PyTorch's state dicts and Keras's weights, as NumPy arrays) and
`xml_io` (in the manner of TMVA); `configs` is what they share, `_places` what the two in the middle share, `states`
what a checkpoint holds of a run. Beside `onnx_io` stand `onnx_nodes` (one operator), `_onnx_graph` (what is written),
`_onnx_read` and `_onnx_values` (what others wrote), and `onnx_checks` (what an ONNX file may not hold). Every `save`
takes the model, then the path. Files are written whole or not at all, and read without pickle. What does not fit
together is refused, and so is, by a checksum, what was altered; arrays for PyTorch and Keras have none, nor has another
program's graph. A reader opens no other file, and takes memory in proportion to the file's size.
"""

from . import checkpoint, configs, keras_io, onnx_io, torch_io, xml_io
from .checkpoint import load, save

__all__ = [
    "checkpoint", "configs", "keras_io", "load", "onnx_io", "save", "torch_io", "xml_io",
]  # fmt: skip
