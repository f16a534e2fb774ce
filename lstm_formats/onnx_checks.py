"""What an ONNX file of ours holds and what not, seen to before a library walks through it.

ONNX has functions that call functions, graphs within nodes and numbers in other files, and its own checker follows all
of these, so that a file of some thousand bytes keeps it busy for minutes. None of this is in a file that `onnx_io.save`
has written. So `check_wire` goes through the bytes, before they are parsed, and `check_graph` through the graph.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

from lstm_core.checks import brief, listed

OPERATORS = {
    "Add", "Cast", "Gather", "GatherND", "GRU", "LogSoftmax", "LSTM", "MatMul", "Relu", "Reshape", "RNN", "Sigmoid",
    "Softmax", "Sub", "Tanh", "Transpose", "Unsqueeze",
}  # fmt: skip
MESSAGES = {  # the fields that hold messages, in a file of ours
    "ModelProto.graph", "ModelProto.opset_import", "ModelProto.metadata_props",
    "GraphProto.node", "GraphProto.initializer", "GraphProto.input", "GraphProto.output", "GraphProto.value_info",
    "NodeProto.attribute",
    "ValueInfoProto.type", "TypeProto.tensor_type", "TypeProto.Tensor.shape", "TensorShapeProto.dim",
}  # fmt: skip
MORE_MESSAGES = {  # in a file of others
    "GraphProto.metadata_props", "NodeProto.metadata_props", "ValueInfoProto.metadata_props",
    "TensorProto.metadata_props", "AttributeProto.t", "AttributeProto.g",
}  # fmt: skip
DATA = {  # data type: where it is, bytes of a number
    1: ("float_data", 4), 11: ("double_data", 8), 7: ("int64_data", 8), 6: ("int32_data", 4), 9: ("int32_data", 1),
}  # fmt: skip
OURS = 1, 11, 7

# About how many bytes a message, any other field, and a byte of packed integers take when they are parsed.
MESSAGE, FIELD, PACKED = 160, 32, 16


def check_wire(raw: bytes, descriptor: Any, messages: Iterable[str] = MESSAGES) -> None:
    """Raise ValueError if the message `raw`, protobuf's bytes of the type `descriptor`, cannot be a file to read.

    It holds messages other than those of these names, is cut short, or would take much more memory than it has bytes.
    Protobuf: a message is fields, one after the other; a field is a key, 8 * number + kind, and a value.

    >>> import onnx
    >>> from lstm_formats.onnx_checks import check_wire
    >>> check_wire(b"\\xff\\xff", onnx.ModelProto.DESCRIPTOR)
    Traceback (most recent call last):
    ValueError: protobuf: expected a whole integer: it is cut short
    """
    room, todo = 10_000_000 + len(raw), [(descriptor, 0, len(raw))]
    while todo:
        message, at, end = todo.pop()
        while at < end:
            key, at = _varint(raw, at)
            field, kind = message.fields_by_number.get(key >> 3), key & 7
            room -= FIELD
            if kind == 0:
                _, at = _varint(raw, at)
            elif kind in (1, 5):
                at += {1: 8, 5: 4}[kind]
            elif kind == 2:
                size, begin = _varint(raw, at)
                at = begin + size
                if field is not None and field.message_type is not None:
                    name = field.full_name.removeprefix("onnx.")
                    if name not in messages:
                        raise ValueError(f"{name}: expected none in a model to be read")
                    room -= MESSAGE
                    todo.append((field.message_type, begin, at))
                elif field is not None and field.cpp_type <= field.CPPTYPE_UINT64:
                    room -= PACKED * size
            else:
                raise ValueError(f"protobuf: expected fields, got one of kind {kind}")
            if at > end:
                raise ValueError(f"protobuf: expected {brief(at - end)} more bytes in {message.name}: it is cut short")
            if room < 0:
                raise ValueError(f"protobuf: expected no more than a model needs, got {len(raw)} bytes in tiny parts")


def _varint(raw, at):
    """An integer, seven bits a byte, the low ones first; and where it ends."""
    value = 0
    for k, byte in enumerate(raw[at : at + 10]):
        value |= (byte & 127) << 7 * k
        if byte < 128:
            return value, at + k + 1
    raise ValueError("protobuf: expected a whole integer: it is cut short")


def check_graph(graph: Any) -> None:
    """Raise ValueError if an ONNX graph has other operators than ours, or weights that are not all there.

    >>> import onnx
    >>> from lstm_formats.onnx_checks import check_graph
    >>> check_graph(onnx.GraphProto(node=[onnx.NodeProto(op_type="Loop")]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: graph: expected the operators Add, ..., got  Loop
    """
    for node in graph.node:
        if node.op_type not in OPERATORS or node.domain:
            found = listed([f"{node.domain} {node.op_type}"])
            raise ValueError(f"graph: expected the operators {', '.join(sorted(OPERATORS))}, got {found}")
    for tensor in graph.initializer:
        check_tensor(tensor, OURS)


def check_tensor(tensor: Any, types: Iterable[int] = tuple(DATA)) -> None:
    """Raise ValueError unless the numbers of a tensor are in the file, all of them and no more, and of these types.

    >>> import onnx
    >>> from lstm_formats.onnx_checks import check_tensor
    >>> check_tensor(onnx.helper.make_tensor("W", onnx.TensorProto.FLOAT16, [1], [0]))
    Traceback (most recent call last):
    ValueError: W: expected data of type 1, 11, 7, 6, 9 in the file, got type 10 at location 0
    """
    name = listed([tensor.name])
    if tensor.data_type not in types or tensor.data_location:
        kind = f"type {tensor.data_type} at location {tensor.data_location}"
        raise ValueError(f"{name}: expected data of type {', '.join(map(str, types))} in the file, got {kind}")
    place, bytes_each = DATA[tensor.data_type]
    found = len(tensor.raw_data) / bytes_each if tensor.HasField("raw_data") else len(getattr(tensor, place))
    size = math.prod(tensor.dims)
    if found != size or min(tensor.dims, default=1) < 1:
        raise ValueError(f"{name}: expected {brief(size)} numbers for dims {brief([*tensor.dims])}, got {found:g}")


def digest(meta: Mapping[str, str], parts: Iterable[Any]) -> str:
    """SHA-256 of the metadata and the parts of a graph, each protobuf's message.

    >>> from lstm_formats.onnx_checks import digest
    >>> digest({"loss": "mse"}, []) == digest({"loss": "MSE"}, [])
    False
    """
    found = hashlib.sha256(json.dumps({k: v for k, v in meta.items() if k != "sha256"}, sort_keys=True).encode())
    for part in parts:
        raw = part.SerializeToString(deterministic=True)
        found.update(len(raw).to_bytes(8, "little"))
        found.update(raw)
    return found.hexdigest()
