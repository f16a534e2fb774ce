"""Records: what a cell's `step` and `back` compute, as named operations.

`record(cell)` runs the functions once, on objects that write down what is done to them. One record has many readings:
it can be played again on any kind of number (`Record.play`), its operations can be differentiated (`Record.partial`),
and what draws, speeds up or translates a cell starts from it. Nothing else traces.
"""

import itertools
import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .arrays import ZERO
from .cells import Cell, exp, positive, sigmoid, sqrt
from .checks import check_cell, check_flag, check_function
from .types import Planes, Tanh

if TYPE_CHECKING:
    import sympy

ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}


class _NoArray:
    """What NumPy may not take for an array of objects: what it did to one would leave no trace."""

    __array_ufunc__ = None

    def __array__(self, *args, **kwargs):
        raise TypeError("an array of NumPy's")


class Node(_NoArray):
    """A value: an input, a number, or what one operation makes of others.

    op:    "input", "number", "+", "-", "*", "/", "tanh", "sigmoid", "exp", "sqrt" or "positive"
    args:  the nodes it is made of; of a number, the number
    order: nodes made later have a greater number
    names: what the function calls it, in order; of an input, first what it is: "a_i", "u_i", "c" of the state, "p_i";
           in `back` "dh", "dc" for the upstream gradient, and the names of what `step` kept

    >>> from lstm_core.record import record
    >>> step = record(cells.RNN)[0].step
    >>> [(node.op, node.names) for node in step.nodes]
    [('input', ['a_h']), ('input', ['u_h']), ('input', ['h']), ('+', ['au']), ('tanh', ['h'])]
    """

    _number = itertools.count()

    def __init__(self, op: str, *args: Any, names: Iterable[str] = ()):
        self.op, self.args, self.names, self.order = op, args, [*names], next(self._number)

    def __repr__(self):
        return self.names[-1] if self.names else str(self.args[0]) if self.op == "number" else self.op

    def __eq__(self, other):
        raise TypeError("a comparison; whether two nodes are one, `is` tells")

    __ne__, __hash__ = __eq__, object.__hash__

    def __array_namespace__(self):
        return _Recording

    @property
    def divides(self) -> bool:
        """Whether it is a division by a plane: that could be 0, and a polynomial does not stay one."""
        return self.op == "/" and self.args[1].op != "number"

    @property
    def real(self) -> "_Real":
        """The real part, by which `cells.positive` goes."""
        return _Real(self)


class _Real(NamedTuple):
    """The real part of a node, for `cells.positive` and for nothing else."""

    node: Node


class _Recording:
    """The array module of nodes, for `cells.exp`, `cells.sqrt` and `cells.positive`."""

    __name__ = "record"

    @staticmethod
    def heaviside(x, at_zero):
        if not isinstance(x, _Real) or at_zero != 0:
            raise TypeError("another heaviside than that of cells.positive")
        return Node("positive", x.node)

    @staticmethod
    def exp(x):
        return Node("exp", x)

    @staticmethod
    def sqrt(x):
        return Node("sqrt", x)


class _Planes(_NoArray, tuple):
    """A tuple of nodes."""


class _Array(_Planes):
    """Nodes in one array: what is done to it is done to each, and `a + u` adds them one by one."""


def _tanh(x):
    if not isinstance(x, Node):
        raise TypeError(f"tanh of {x!r}")
    return Node("tanh", x)


def _operation(op, swapped):
    def method(self, other):
        if isinstance(other, int | float):
            other = Node("number", int(other) if other == other // 1 else other)  # 2 / (1 + 1), of p = 0, is whole
        if not isinstance(other, Node):
            return NotImplemented  # `ZERO` knows the answer
        return Node(op, *((other, self) if swapped else (self, other)))

    return method


def _each(op, swapped):
    def method(self, other):
        others = other if isinstance(other, _Array) else (other,) * len(self)
        return _Array(ARITHMETIC[op](*((y, x) if swapped else (x, y))) for x, y in zip(self, others, strict=True))

    return method


for _op, _name in {"+": "add", "-": "sub", "*": "mul", "/": "truediv"}.items():
    for _class, _make in (Node, _operation), (_Array, _each):
        setattr(_class, f"__{_name}__", _make(_op, swapped=False))
        setattr(_class, f"__r{_name}__", _make(_op, swapped=True))


def elementary(tanh: Tanh, node: Node, x: Any) -> Any:
    """The value of a node that is tanh, sigmoid, exp, sqrt or positive of x.

    >>> from lstm_core.record import elementary, record
    >>> h = record(cells.RNN)[0].step.nodes[-1]
    >>> elementary(np.tanh, h, np.zeros(2))
    array([0., 0.])
    """
    of = {"tanh": tanh, "sigmoid": lambda x: sigmoid(x, tanh), "exp": exp, "sqrt": sqrt, "positive": positive}
    return of[node.op](x)


class Record(NamedTuple):
    """One function of one stage, recorded.

    function: the `step` or `back`
    inputs:   "a", "u", "s", "p" of a step, "ds", "kept", "p" of a back -> its planes, nodes (or `ZERO` for p)
    outputs:  "s", "kept" of a step, "da", "du", "ds", "dp" of a back -> nodes, or numbers: 0, as a rule
    nodes:    the inputs and all that the outputs are made of, in the order of the calculation

    >>> from lstm_core.record import record
    >>> back = record(cells.RNN)[0].back
    >>> back.inputs, back.outputs["da"]
    ({'ds': (dh,), 'kept': RNNKept(h=h), 'p': ()}, (dh_bar,))
    """

    function: Callable
    inputs: dict[str, Planes]
    outputs: dict[str, Planes]
    nodes: list[Node]

    def play(
        self,
        inputs: Mapping[str, Planes],
        tanh: Tanh | None,
        apply: Callable[[Any, Node, Any], Any] = elementary,
        see: Callable[[Node, Any], Any] = lambda node, value: value,
        divide: Callable[[Any, Any], Any] = operator.truediv,
    ) -> tuple[Planes, ...]:
        """What the function returns for other `inputs`, planes by name as in `inputs`.

        apply: tanh, node, x -> the value of a node that is tanh, sigmoid, exp, sqrt or positive of x
        see:   node, value -> what stands for the value from then on; called for each node, in order
        divide: x, y -> x / y, where y is no number of the function's own

        >>> from lstm_core.record import record
        >>> step = record(cells.RNN)[0].step
        >>> zero = np.zeros((1, 1))
        >>> step.play({"a": [zero], "u": [zero], "s": [zero], "p": []}, np.tanh)
        ((array([[0.]]),), RNNKept(h=array([[0.]])))
        """
        values: dict[Node, Any] = {}
        for name, nodes in self.inputs.items():
            values |= {n: v for n, v in zip(nodes, inputs[name], strict=True) if isinstance(n, Node)}
        for node in self.nodes:
            if node.op == "number":
                values[node] = node.args[0]
            elif node.divides:
                values[node] = divide(*(values[x] for x in node.args))
            elif node.op in ARITHMETIC:
                values[node] = ARITHMETIC[node.op](*(values[x] for x in node.args))
            elif node.op != "input":
                values[node] = apply(tanh, node, values[node.args[0]])
            values[node] = see(node, values[node])
        planes = {name: [values.get(node, node) for node in nodes] for name, nodes in self.outputs.items()}
        return tuple(_like(self.outputs[name], found) for name, found in planes.items())

    def arguments(self, node: Node) -> list[Node]:
        """The named nodes that `node` is computed from directly: where the arrows come from that lead to it.

        >>> from lstm_core.record import record
        >>> step = record(cells.LSTM)[0].step
        >>> c = next(node for node in step.nodes if node.names == ["c"])
        >>> sorted(str(node) for node in step.arguments(c))
        ['c_prev', 'f', 'g', 'i']
        """
        found, todo = {}, [*node.args]
        while todo:
            x = todo.pop(0)
            if isinstance(x, Node) and x.names:
                found[x] = None
            elif isinstance(x, Node) and x.op != "number":
                todo = [*x.args, *todo]
        return list(found)

    def expression(self, node: Node) -> "sympy.Expr":
        """SymPy's expression for `node` in the symbols of its `arguments`.

        >>> from lstm_core.record import record
        >>> step = record(cells.LSTM)[0].step
        >>> step.expression(next(node for node in step.nodes if node.names == ["c"]))
        c_prev*f + g*i
        """
        return _expression(node, self.symbol, top=True)

    def partial(self, node: Node, argument: Node) -> "sympy.Expr":
        """∂⁺node/∂argument: the derivative of `node`'s own formula, its other arguments held fixed. By SymPy.

        >>> from lstm_core.record import record
        >>> step = record(cells.LSTM)[0].step
        >>> c = next(node for node in step.nodes if node.names == ["c"])
        >>> {str(argument): step.partial(c, argument) for argument in step.arguments(c)}["f"]
        c_prev
        """
        return self.expression(node).diff(self.symbol(argument))

    def symbol(self, node: Node) -> "sympy.Symbol":
        """The symbol that stands for a named node; two nodes of one name (dc, before and after) get two symbols.

        >>> from lstm_core.record import record
        >>> back = record(cells.LSTM)[0].back
        >>> [back.symbol(node) for node in back.nodes if "dc" in node.names]
        [dc, dc']
        """
        from .symbols import sympy  # which says what to install where it is missing

        same = [n for n in self.nodes if n.names and n.names[-1] == node.names[-1]]
        k = next(k for k, n in enumerate(same) if n is node)
        return sympy.Symbol(node.names[-1] + "'" * k, real=True)


class Recorded(NamedTuple):
    """A stage's `Record`s of step and back.

    >>> from lstm_core.record import record
    >>> [recorded] = record(cells.GRU)
    >>> recorded.step.function.__name__, recorded.back.function.__name__
    ('gru_step', 'gru_back')
    """

    step: Record
    back: Record


def record(cell: Cell, own: bool = True) -> list[Recorded]:
    """The `Recorded` of each stage of `cell`. own: whether p is there; if not it is `ZERO`, and leaves no trace.

    Raises TypeError, with the function's name, if a step or back does more than + - * /, tanh, exp, sqrt and positive.

    >>> from lstm_core.record import record
    >>> [len(stage.step.nodes) for stage in record(cells.GRU_BEFORE)]
    [10, 12]
    """
    check_cell(cell)
    check_flag("own", own)
    found, state = [], cell.states
    for stage in cell.stages:
        p: list[Any] = [Node("input", names=[f"p_{k}"]) if own else ZERO for k in cell.own]
        inputs = {"a": _Array(_inputs(stage.inputs, "a_")), "u": _Array(_inputs(stage.recurs, "u_"))}
        inputs |= {"s": _inputs(state), "p": _Array(p)}
        after, kept = _traced(stage.step, *inputs.values(), _tanh)
        step = _finished(stage.step, inputs, {"s": after, "kept": kept})

        names = [getattr(node, "names", ()) for node in after]
        state = [of_node[-1] if of_node else f"s{k}" for k, of_node in enumerate(names)]  # for the next stage
        fields = getattr(kept, "_fields", [f"kept{k}" for k in range(len(kept))])
        p = [Node("input", names=node.names[:1]) if own else ZERO for node in p]
        inputs = {"ds": _inputs(state, "d"), "kept": _like(kept, _inputs(fields)), "p": _Array(p)}
        grads = dict(zip(("da", "du", "ds", "dp"), _traced(stage.back, *inputs.values()), strict=True))
        found.append(Recorded(step, _finished(stage.back, inputs, grads)))
    return found


def played(
    cell: Cell,
    see: Callable[[int, Record, Node, Any], Any],
    apply: Callable[[Any, Node, Any], Any] = elementary,
    own: bool = True,
    divide: Callable[[Any, Any], Any] = operator.truediv,
) -> Cell:
    """`cell`, but its steps and backs are played from its record: the same arithmetic, open to hooks.

    see:   the stage's number, record, node, value -> what stands for the value from then on
    apply, divide: as in `Record.play`

    >>> from lstm_core.record import played
    >>> seen = []
    >>> spy = played(cells.RNN, lambda stage, record, node, value: seen.append(node.op) or value)
    >>> P = {name: np.zeros(shape) for name, shape in scan.parameter_shapes(spy, 1, 1).items()}
    >>> h, _, _ = scan.forward(spy, P, np.zeros((1, 1, 1)))
    >>> seen
    ['input', 'input', 'input', '+', 'tanh']
    """

    check_function("see", see, "a function of stage, record, node and value", 4)
    check_function("apply", apply, "a function of tanh, node and x", 3)
    check_function("divide", divide, "a function of x and y", 2)

    def play(k, record, tanh, **inputs):
        return record.play(inputs, tanh, apply, lambda node, value: see(k, record, node, value), divide)

    def stage(k, recorded):
        def step(a, u, s, p, tanh):
            return play(k, recorded.step, tanh, a=a, u=u, s=s, p=p)

        def back(ds, kept, p):  # a back takes no tanh
            return play(k, recorded.back, None, ds=ds, kept=kept, p=p)

        return replace(cell.stages[k], step=step, back=back)

    return replace(cell, stages=[stage(k, recorded) for k, recorded in enumerate(record(cell, own))])


def _inputs(names, prefix=""):
    return _Planes(Node("input", names=[prefix + name]) for name in names)


def _like(planes, found):
    """`found` as a tuple, named as `planes` is if that is a named tuple."""
    return type(planes)(*found) if hasattr(planes, "_fields") else tuple(found)


def _traced(function, *args):
    """What the function returns for nodes `args`; the nodes are given the names of the local variables they are in.

    And in those of a function beside it that it calls, as `modern.lru_factor`, but for the elementary ones of `cells`.
    """
    known = {}
    elementary = {f.__code__ for f in (sigmoid, exp, sqrt, positive)}

    def look(frame, event, value):
        for name, local in frame.f_locals.items():
            if isinstance(local, Node) and name != "_" and known.get(name) is not local:
                known[name] = local
                if name not in local.names:
                    local.names.append(name)
        return look

    tracer = sys.gettrace()

    def enter(frame, event, value):
        return look if frame.f_globals is function.__globals__ and frame.f_code not in elementary else None

    sys.settrace(enter)
    try:
        return function(*args)
    except (AttributeError, TypeError, ValueError) as error:
        raise TypeError(
            f"{function.__name__}: expected + - * / of planes, tanh, exp, sqrt and positive, "
            f"and nothing else; got {error}"
        ) from error
    finally:
        sys.settrace(tracer)


def _finished(function, inputs, outputs):
    """The record; what `cells.sigmoid` computed is one operation in it."""
    for name, planes in outputs.items():
        if strange := [x for x in planes if not isinstance(x, Node | int | float) and x is not ZERO]:
            raise TypeError(f"{function.__name__}: {name}: expected planes, got {strange[0]!r}")
    given = [node for planes in inputs.values() for node in planes if isinstance(node, Node)]
    nodes, todo = {*given}, [node for planes in outputs.values() for node in planes if isinstance(node, Node)]
    while todo:
        node = todo.pop()
        if node not in nodes:
            if (x := _argument_of_sigmoid(node)) is not None:
                node.op, node.args = "sigmoid", (x,)
            nodes.add(node)
            todo += node.args if node.op != "number" else ()
    return Record(function, inputs, outputs, sorted(nodes, key=lambda node: node.order))


_X = Node("input")
_SIGMOID = sigmoid(_X, _tanh)


def _argument_of_sigmoid(node):
    """x, if `node` is what `cells.sigmoid` makes of x; else None."""
    found = []

    def same(pattern, node):
        if pattern is _X:
            found.append(node)
            return True
        if not isinstance(pattern, Node) or not isinstance(node, Node):
            return type(pattern) is type(node) and pattern == node
        return pattern.op == node.op and all(map(same, pattern.args, node.args))

    return found[0] if same(_SIGMOID, node) else None


def _expression(node, symbol, top=False):
    from . import symbols
    from .symbols import sympy

    if node.names and not top:
        return symbol(node)
    if node.op == "number":
        return sympy.sympify(node.args[0])
    parts = [_expression(x, symbol) for x in node.args]
    if node.op in ARITHMETIC:
        return ARITHMETIC[node.op](*parts)
    functions = {"tanh": sympy.tanh, "exp": sympy.exp, "sqrt": sympy.sqrt, "positive": symbols.positive,
                 "sigmoid": lambda x: sigmoid(x, sympy.tanh)}  # fmt: skip
    return functions[node.op](*parts) if node.op != "input" else symbol(node)
