"""What a step or back computes, as a list of operations: its record, with sigmoids written out and numbers as text.

`plan`, `compiled` and the GPU's kernels are written from it.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from .arrays import ZERO
from .record import Node, Record

CALLS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}


class Operation(NamedTuple):
    """One call: add, subtract, multiply, divide, tanh, exp, sqrt or positive.

    args: names of values, "u0" or "v3", or numbers as text
    name: of the value that it makes

    >>> Operation("divide", ("u0", "2"), "v0").name
    'v0'
    """

    call: str
    args: tuple[str, ...]
    name: str


class Calculation(NamedTuple):
    """What a step or back computes, sigmoids written out, and nothing that it does not return.

    function:   the `step` or `back`
    inputs:     argument -> names of its planes, "u0", "u1", …; () where it is not asked for
    operations: in the order of the function
    outputs:    what it returns -> names of values, or numbers as text
    kept:       the class of what a step keeps

    >>> from lstm_core.record import record
    >>> found = calculation(record(cells.RNN)[0].step)
    >>> found.inputs["a"], found.operations[0], found.outputs["s"]
    (('a0',), Operation(call='add', args=('a0', 'u0'), name='v0'), ('v1',))
    """

    function: Callable
    inputs: dict[str, tuple[str, ...]]
    operations: list[Operation]
    outputs: dict[str, tuple[str, ...]]
    kept: Callable

    @property
    def planes(self) -> list[str]:
        """All that it is given."""
        return [x for planes in self.inputs.values() for x in planes]

    @property
    def like(self) -> str:
        """One that is an array (H, B), always."""
        return self.inputs[[*self.inputs][self.where]][0]

    @property
    def where(self) -> int:
        """Which argument has it: u, or a where the step has no u; ds of a back."""
        return 1 if self.inputs.get("u") else 0

    @property
    def returned(self) -> set[str]:
        """The values and numbers that it returns."""
        return {x for planes in self.outputs.values() for x in planes}


def calculation(recorded: Record, sums: Iterable[Node] = ()) -> Calculation:
    """The `Calculation` of a record.

    sums: nodes a_k + u_k that are handed in, u0, u1, …, instead of a and u; none for a back

    >>> from lstm_core.record import record
    >>> [operation.call for operation in calculation(record(cells.LSTM, own=False)[0].step).operations][:5]
    ['add', 'add', 'add', 'add', 'divide']
    """
    names: dict[Any, str] = {}
    operations: list[Operation] = []
    given = {name: [*planes] for name, planes in recorded.inputs.items()}
    if sums and "u" in given:
        given["a"], given["u"] = [], [*sums]
    inputs = {}
    for argument, planes in given.items():
        inputs[argument] = tuple(f"{argument}{k}" for k, node in enumerate(planes) if isinstance(node, Node))
        names |= zip([node for node in planes if isinstance(node, Node)], inputs[argument])

    def name(x):
        if isinstance(x, Node):
            return names[x]
        return "0" if x is ZERO or x == 0 else repr(int(x) if isinstance(x, int) else float(x))

    def operation(call, *args):
        operations.append(Operation(call, args, f"v{len(operations)}"))
        return operations[-1].name

    for node in recorded.nodes:
        if node.op == "number":
            names[node] = repr(node.args[0])
        elif node.op == "sigmoid":  # (1 + tanh(x / 2)) / 2
            half = operation("tanh", operation("divide", name(node.args[0]), "2"))
            names[node] = operation("divide", operation("add", "1", half), "2")
        elif node not in names and node.op != "input":
            names[node] = operation(CALLS.get(node.op, node.op), *map(name, node.args))
    outputs = {key: tuple(map(name, planes)) for key, planes in recorded.outputs.items()}
    if "dp" in outputs and not inputs["p"]:
        outputs["dp"] = ()
    kept = getattr(type(recorded.outputs.get("kept")), "_make", tuple)
    found = Calculation(recorded.function, inputs, operations, outputs, kept)
    needed, used = found.returned, []
    for op in reversed(operations):
        if op.name in needed:
            needed |= {*op.args}
            used.append(op)
    return found._replace(operations=used[::-1])


def is_number(name: str) -> bool:
    """Whether the name of a value is a number.

    >>> is_number("-1.5"), is_number("u1")
    (True, False)
    """
    return name[0].isdigit() or name[0] == "-"
