"""A module whose functions' local variables all have other names: what depends on such a name fails with it."""

import ast
import importlib.util
import inspect


def renamed(module, functions, folder):
    """`module`, with every local variable of the named `functions` renamed; comments stay. Arguments keep their names.

    The module is written into `folder` and imported from there.
    """
    lines = inspect.getsource(module).encode().splitlines(keepends=True)  # a column counts bytes
    tree = ast.parse(b"".join(lines))
    places = {}
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in functions]:
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        arguments = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
        local = sorted({node.id for node in names if isinstance(node.ctx, ast.Store)} - arguments)
        new = {name: f"local_{k}" for k, name in enumerate(local)}
        places |= {(node.lineno, node.col_offset): (node.id, new[node.id]) for node in names if node.id in new}
    for (line, column), (was, now) in sorted(places.items(), reverse=True):
        text = lines[line - 1]
        assert text[column:].startswith(was.encode())
        lines[line - 1] = text[:column] + now.encode() + text[column + len(was.encode()) :]
    name = f"renamed_{module.__name__.rpartition('.')[2]}"
    (folder / f"{name}.py").write_bytes(b"".join(lines))
    spec = importlib.util.spec_from_file_location(f"{module.__package__}.{name}", folder / f"{name}.py")
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh
