"""Rung 5 of the ladder: every small mistake one could make in a cell or in `scan.py`, made, one at a time.

`mutants(module, functions)` yields the changed modules. Left alone are: docstrings, the checks of the input and what
they raise (their tests are in test_bad_input.py), `x.dtype`, which is the dtype of every array there, and the 1 in -1,
for NumPy reads any negative size as -1.
"""

import ast
import copy
import inspect
import types
from collections.abc import Callable
from typing import NamedTuple


class Mutant(NamedTuple):
    """A change: the function it is in, its kind, and what became of what, on which line. `load()` gives the module."""

    function: str
    kind: str
    change: str
    load: Callable


FLIPS = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div, ast.Add],
    ast.Div: [ast.Mult],
    ast.MatMult: [ast.Mult],
    ast.Mod: [ast.FloorDiv],
}


def mutants(module, functions, identity=False):
    """All mutants of the named `functions` of `module`; a method is called as in "Cell.inputs".

    A mutant's module has its own copies of all functions, of the class whose method was changed, and of the values that
    were made with them (cells, say, which hold functions); the rest is the module's.
    identity: instead, the module unchanged but built the same way; the hunters must spare it
    """
    tree = ast.parse(inspect.getsource(module))
    definitions, values = {}, []  # the name of a function -> the definition to run again, the function within it
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            definitions[node.name] = node, node
        elif isinstance(node, ast.ClassDef):
            methods = [method for method in node.body if isinstance(method, ast.FunctionDef)]
            definitions |= {f"{node.name}.{method.name}": (node, method) for method in methods}
        elif isinstance(node, ast.Assign) and not _makes_named_tuple(node):
            values.append(node)
    code = {"functions": [node for node in tree.body if isinstance(node, ast.FunctionDef)], "values": values}
    code = {part: compile(ast.Module(nodes, []), module.__file__, "exec") for part, nodes in code.items()}
    for name in functions:
        definition, function = definitions[name]
        for kind, node, replacement in [*_changes(function)] if not identity else [("none", function, function)]:
            was = ast.unparse(node)
            saved = copy.copy(node.__dict__), node.__class__
            node.__class__, node.__dict__ = replacement.__class__, dict(replacement.__dict__, lineno=node.lineno)
            ast.fix_missing_locations(definition)
            change = f"line {saved[0]['lineno']}: {was}  →  {ast.unparse(node)}"
            changed = compile(ast.Module([definition], []), module.__file__, "exec")
            node.__dict__, node.__class__ = saved
            yield Mutant(name, kind, change, _loader(module, code["functions"], changed, code["values"]))


def _makes_named_tuple(node):
    return isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "namedtuple"


def _loader(module, *parts):
    def load():
        changed = types.ModuleType(module.__name__)
        changed.__dict__.update(vars(module))
        for part in parts:
            exec(part, changed.__dict__)
        return changed

    return load


def _changes(function):
    """Pairs of a node and what to put in its place, with the kind of mistake."""
    bound = [node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names = sorted({*bound, *(a.arg for a in function.args.args)} - {"_", "tanh", "xp"})
    for node in list(_arithmetic(function)):
        if isinstance(node, ast.BinOp):
            for op in FLIPS[type(node.op)]:
                yield "operator", node, ast.BinOp(node.left, op(), node.right)
            yield "dropped term", node, node.left
            yield "dropped term", node, node.right
        elif isinstance(node, ast.AugAssign):
            yield "operator", node, ast.AugAssign(node.target, ast.Sub(), node.value)
            yield "dropped term", node, ast.Pass()
            yield "dropped term", node, ast.Assign([node.target], node.value)
        elif isinstance(node, ast.UnaryOp):
            yield "operator", node, node.operand
        elif isinstance(node, ast.Constant) and type(node.value) is int:
            yield "number", node, ast.Constant(node.value + 1)
            if node.value:
                yield "number", node, ast.Constant(node.value - 1)
        elif isinstance(node, ast.Name) and node.id in names:
            for other in names:
                if other != node.id:
                    yield "name", node, ast.Name(other, ast.Load())
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and isinstance(node.slice, ast.Name):
            for op in (ast.Add(), ast.Sub()):
                index = ast.BinOp(node.slice, op, ast.Constant(1))
                yield "index", node, ast.Subscript(node.value, index, node.ctx)
        elif isinstance(node, ast.Attribute) and node.attr == "T":
            yield "transpose", node, node.value
        elif isinstance(node, ast.Attribute) and node.attr == "real":
            yield "dropped term", node, node.value
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "reversed":
            yield "order", node, node.args[0]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "xp.where":
            condition, one, other = node.args
            yield "order", node, ast.Call(node.func, [condition, other, one], [])
            yield "dropped term", node, one
            yield "dropped term", node, other
        elif isinstance(node, ast.If | ast.IfExp):
            yield "condition", node, type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)


def _arithmetic(node):
    """The nodes under `node` that compute, outermost first: no stores, no checks, no annotations, no dtypes."""
    for child in ast.iter_child_nodes(node):
        is_check = isinstance(child, ast.Call) and ast.unparse(child.func).startswith(("_check", "check_"))
        is_dtype = isinstance(child, ast.Attribute) and child.attr == "dtype"
        is_store = isinstance(getattr(child, "ctx", None), ast.Store) and isinstance(child, ast.Name)
        is_hint = child is getattr(node, "returns", None)
        if is_check or is_dtype or is_store or is_hint or isinstance(child, ast.arguments | ast.Raise):
            continue
        yield child
        if isinstance(child, ast.UnaryOp) and isinstance(child.operand, ast.Constant):
            continue
        yield from _arithmetic(child)
