"""lstm_formats: models of lstm_core in files and in other programs' terms.

`checkpoint` (safetensors: a run to go on with, bit for bit), `onnx_io` (a graph that other programs run, and back),
`torch_io` (PyTorch's state dicts, as dicts of NumPy arrays) and `xml_io` (in the manner of TMVA); `configs` is what
they share. Files are written whole or not at all, and read without pickle. What does not fit together is refused; that
a number was changed into another, only a checkpoint can tell, which has a checksum.
"""

from . import checkpoint, configs, onnx_io, torch_io, xml_io
from .checkpoint import load, save
