"""The code's side: which line of it cites which equation.

A citation is a function, the name that it assigns there, and the label of an equation; not a line's number, and not its
text. Every line that computes has to cite one.
"""

import ast
import functools
import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from lstm_core import cells, modern, scan, variants
from lstm_proofs.source import cited

from .book import Equation
from .kinds import MASKED, kind_of, kinds_with
from .latex import Unproven


class Line(NamedTuple):
    """A statement that computes.

    labels:    of the equations that its comment cites
    kinds:     those whose cell has the function; none for the sigmoid and the scan
    statement: its syntax tree

    >>> from lstm_proofs.ledger import citations
    >>> line = next(line for line in citations() if "gru-m" in line.labels)
    >>> line.file, line.function, line.names
    ('cells.py', 'gru_step', ('m',))
    """

    file: str
    function: str
    labels: tuple[str, ...]
    kinds: tuple[str, ...]
    statement: ast.stmt

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the statement assigns; none of the scan's, whose variables may be called anything."""
        targets = getattr(self.statement, "targets", ()) if self.kinds else ()
        return tuple(node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name))

    def names_for(self, label: str) -> tuple[str, ...]:
        """Those of its names that an equation is about: of as many names as labels, the one in the label's place.

        >>> from lstm_proofs.ledger import citations
        >>> line = next(line for line in citations() if "peephole-dp-o" in line.labels and line.function == "lstm_back")
        >>> line.names_for("peephole-dp-o")
        ('dp',)
        """
        if len(self.names) == len(self.labels):
            return (self.names[self.labels.index(label)],)
        return self.names


def citations(modules: Iterable[Any] = (cells, modern, variants, scan)) -> list[Line]:
    """The computing lines of every step and back, of the sigmoid, and of the scan's forward and backward.

    And of what a step and a back have in common, if its name ends in `_factor`.

    >>> from lstm_proofs.ledger import citations
    >>> {line.file for line in citations()} == {"cells.py", "modern.py", "variants.py", "scan.py"}
    True
    """
    lines = []
    for module in modules:
        source = inspect.getsource(module)
        labels, body = cited(source), ast.parse(source).body
        kept = _named_tuples(body)
        for function in body:
            if not isinstance(function, ast.FunctionDef):
                continue
            if module.__name__.endswith(("cells", "modern", "variants")):
                _check_plain(function, kept)
            if function.name.endswith(OF_A_CELL) or function.name in ("forward", "backward"):
                nodes: list[Any] = [*ast.walk(function)]
                lines += [
                    Line(Path(module.__file__).name, function.name, labels.get(statement.lineno, ()),
                         kinds_with(function.name), statement)
                    for statement in nodes if _computes(statement, kept)
                ]  # fmt: skip
    return lines


@functools.cache
def borrowed() -> dict[str, list[str]]:
    """For each label, the kinds that its own is not, and whose lines cite it: a variant's, where it is as the LSTM.

    >>> from lstm_proofs.ledger import borrowed
    >>> borrowed()["peephole-c"]
    ['nog', 'niaf', 'noaf', 'cifg', 'fgr']
    """
    found: dict[str, list[str]] = {}
    for line in citations():
        for label in line.labels:
            if kind_of(label) not in line.kinds:
                found[label] = [*dict.fromkeys([*found.get(label, ()), *line.kinds])]
    return found


def kinds(label: str) -> Sequence[str | None]:
    """The kinds for which an equation has to hold: its own, and those whose code cites it.

    With `mask` or `hat` in its label: the scan with either mask.

    >>> from lstm_proofs import ledger
    >>> ledger.kinds("gru-h"), ledger.kinds("scan-mask")
    (['gru'], ['scan, masked', 'scan, masked the other way'])
    """
    own = kind_of(label)
    if own == "scan" and {"mask", "hat"} & {*label.split("-")}:
        return MASKED
    return [own, *borrowed().get(label, ())]


def place(equation: Equation, lines: Iterable[Line] | None = None) -> str:
    """Where the code computes the equation, as text: "cells.py: lstm_step, c"; a dash if it does so nowhere.

    >>> from lstm_proofs.ledger import Equation, place
    >>> place(Equation("gru-m", "", None)), place(Equation("rnn-three-paths", "", None))
    ('cells.py: gru_step, m', '–')
    """
    found: dict[str, dict[str, None]] = {}
    for line in lines or citations():
        if equation.label in line.labels:
            names = found.setdefault(f"{line.file}: {line.function}", {})
            names.update(dict.fromkeys(line.names_for(equation.label)))
    return "; ".join(", ".join([function, *names]) for function, names in found.items()) or "–"


# ---- what computes --------------------------------------------------------------------------------------------------

PLAIN = (ast.Assign, ast.Return, ast.Expr, ast.Name, ast.Tuple, ast.BinOp, ast.Constant, ast.Call, ast.Load, ast.Store,
         ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Starred, ast.arguments, ast.arg, ast.FunctionDef)  # fmt: skip
OF_A_CELL = ("_step", "_back", "_factor", "sigmoid")  # how the names of functions end that compute
FUNCTIONS = ("sigmoid", "tanh", "exp", "sqrt", "positive")
ELEMENTARY = {"positive": "return namespace(x).heaviside(x.real, 0)", "exp": "return namespace(x).exp(x)",
              "sqrt": "return namespace(x).sqrt(x)"}  # fmt: skip


def _named_tuples(body):
    """The names of the named tuples that a module makes, of what a step keeps; and of what step and back share."""
    calls = [node for node in body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)]
    shared = {node.name for node in body if isinstance(node, ast.FunctionDef) and node.name.endswith("_factor")}
    return shared | {node.targets[0].id for node in calls if ast.unparse(node.value.func) == "namedtuple"}


def _check_plain(function, kept):
    """A function of `cells` says all that it does in assignments of names and + - * / of them: nothing is hidden."""
    if ast.unparse(function.body[-1]) == ELEMENTARY.get(function.name) and len(function.body) <= 2:
        return  # no formula, but an elementary function as tanh is; here it is a symbol
    if not function.name.endswith(OF_A_CELL):
        known = "steps, backs, factors, sigmoid, exp, sqrt, positive"
        raise Unproven(f"{function.name}: a module of cells has {known}, and nothing else")
    known = {*FUNCTIONS, *kept}
    for node in ast.walk(function):
        strange = not isinstance(node, PLAIN) or (isinstance(node, ast.Call) and ast.unparse(node.func) not in known)
        if strange or (isinstance(node, ast.Expr) and not isinstance(node.value, ast.Constant)):
            raise Unproven(f"{function.name}: line {getattr(node, 'lineno', '?')} is more than + - * / of names")


# Calls that compute nothing: functions by their names, methods by theirs, whatever they are called on. Of ROOM the
# arguments do not either: they are shapes.
OF_PYTHON = {"range", "reversed", "tuple", "zip"}
OF_THE_SCAN = {"check_forward", "_check_backward", "_own", "_of_each", "parts_of", "countdown", "chunks", "put", "flat",
               "columns"}  # fmt: skip
HARMLESS = {*OF_PYTHON, *OF_THE_SCAN, "Cache"}
ROOM = {"empty", "zeros", "reshape"}
HARMLESS_METHODS = {"step", "back", "get", "items", "empty_like", "zeros_like", "concatenate", "append", *ROOM}
ARITHMETIC = (ast.BinOp, ast.UnaryOp, ast.NamedExpr, ast.Compare, ast.Lambda)


def _computes(statement, kept):
    """Whether a statement does arithmetic on arrays; of a loop or a condition, its head. kept: calls that do not."""
    if not isinstance(statement, ast.stmt) or isinstance(statement, ast.FunctionDef):
        return False
    if isinstance(statement, ast.AugAssign):
        return True
    nodes = [node for child in ast.iter_child_nodes(statement) if not isinstance(child, ast.stmt)
             for node in ast.walk(child)]  # fmt: skip
    indices = getattr(statement, "targets", ())  # h[t + 1] = ...: an index, no arithmetic
    shapes = [argument for node in nodes if _is_call(node, ROOM) for argument in node.args]
    apart = {node for part in (*indices, *shapes) for node in ast.walk(part)}
    return any(_is_arithmetic(node, HARMLESS | kept) for node in nodes if node not in apart)


def _is_call(node, methods):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods


def _is_arithmetic(node, harmless):
    if isinstance(node, ast.Compare):
        return not all(isinstance(operator, ast.IsNot) for operator in node.ops)
    if isinstance(node, ast.Call):
        return not (_is_call(node, HARMLESS_METHODS) or getattr(node.func, "id", None) in harmless)
    return isinstance(node, ARITHMETIC)
