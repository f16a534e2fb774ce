"""Spoilt code: a function of the package with a mistake in it, for chapters and tests that show what catches it.

    spoilt(scan.backward, ("scan-dp", "A += B", "A[...] = B"))

is `backward` with `=` where it has `+=` in the line that computes eq-scan-dp. The place is found in the syntax tree, by
the equation that the line's comment cites and by the shape of the code; no text is quoted, and a local variable may
have any name.
"""

import ast
import copy
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from .source import cited, tree


def spoilt(function: Callable, *changes: tuple[Any, ...], **names: Any) -> Callable:
    """A copy of `function` with all `changes` made, in a copy of its module's namespace to which `names` are added.

    A change is a tuple (label, was, becomes, *where):

    label:   the equation that the statement cites in its comment, such as "scan-dR"; None: anywhere in the function
    was:     an expression, such as "A.T @ B", or statements, such as "A += B" or "A = B; C = D", that stand there
             exactly once. A single capital letter is any expression, the same one wherever it is repeated; longer
             names are themselves
    becomes: what to put in its place, of the same kind; the letters are what they were found to be
    where:   more patterns, each of which stands exactly once anywhere in the function, and tells what more letters are:
             with "A, B = F(C)" what else the function gave that gave C

    Returns the function; `__globals__` is the new namespace. Raises ValueError if a pattern is not there exactly once,
    or if `becomes` has a letter that stands for nothing.

    >>> from lstm_proofs.spoil import spoilt
    >>> wrong = spoilt(scan.backward, ("scan-dp", "A += B", "A[...] = B"))  # only step 1 counts
    >>> prove_scan(backward=wrong)
    Traceback (most recent call last):
    lstm_proofs.proof.Disproof: scan of probe, T=2: ∂loss/∂p = dp does not hold for p_0_0_0
    """
    definition, labels = tree(function), cited(textwrap.dedent(inspect.getsource(function)))
    for statement in ast.walk(definition):
        if isinstance(statement, ast.stmt) and not hasattr(statement, "body"):
            lines = range(statement.lineno, (statement.end_lineno or 0) + 1)
            vars(statement)["labels"] = {label for line in lines for label in labels.get(line, ())}
    for label, was, becomes, *where in changes:
        place, letters = _found(definition, label, _parsed(was), was, {})
        for more in where:
            _, letters = _found(definition, None, _parsed(more), more, letters)
        _put(definition, place, _parsed(becomes), becomes, letters)
    namespace = {**function.__globals__, **names}
    exec(compile(ast.unparse(definition), f"<{function.__name__}, spoilt>", "exec"), namespace)
    return namespace[function.__name__]


def _parsed(text):
    """The nodes of a pattern: one expression, or statements."""
    body = ast.parse(text).body
    if not body:
        raise ValueError("change: expected code, got ''; `pass` does nothing")
    return [body[0].value] if len(body) == 1 and isinstance(body[0], ast.Expr) else body


def _found(definition, label, pattern, text, letters):
    """The one place of a pattern, a list of nodes, and what its letters stand for there."""
    found = []
    for nodes in _candidates(definition, label, pattern):
        bound = dict(letters)
        if _matches(pattern, nodes, bound):
            found.append((nodes, bound))
    if len(found) != 1:
        there = f"in a statement that cites {label}" if label else "in it"
        those = "".join(f"; `{'; '.join(ast.unparse(node) for node in nodes)}`" for nodes, _ in found)
        raise ValueError(f"{definition.name}: expected `{text}` once {there}, found it {len(found)} times{those}")
    return found[0]


def _candidates(definition, label, pattern):
    """All expressions, or all runs of as many statements as the pattern has, where the label is cited."""
    if isinstance(pattern[0], ast.expr):
        within = [definition] if label is None else [n for n in ast.walk(definition) if label in _labels(n)]
        return [[node] for statement in within for node in ast.walk(statement) if isinstance(node, ast.expr)]
    bodies = [v for n in ast.walk(definition) for _, v in ast.iter_fields(n) if isinstance(v, list)]
    runs = [body[k : k + len(pattern)] for body in bodies for k in range(len(body) - len(pattern) + 1)]
    return [run for run in runs if label is None or any(label in _labels(node) for node in run)]


def _labels(node):
    return getattr(node, "labels", ())


def _matches(pattern, node, letters):
    """Whether the node looks like the pattern; notes in `letters` what each letter stands for."""
    if isinstance(pattern, ast.Name) and _is_letter(pattern.id):
        return isinstance(node, ast.expr) and ast.unparse(letters.setdefault(pattern.id, node)) == ast.unparse(node)
    if type(pattern) is not type(node):
        return False
    if isinstance(pattern, list):
        return len(pattern) == len(node) and all(_matches(p, n, letters) for p, n in zip(pattern, node, strict=True))
    if isinstance(pattern, ast.AST):
        fields = [name for name in pattern._fields if name != "ctx"]  # to load or to store: that is where it stands
        return all(_matches(getattr(pattern, name), getattr(node, name), letters) for name in fields)
    return pattern == node


def _is_letter(name):
    return len(name) == 1 and name.isupper()


def _put(definition, place, nodes, text, letters):
    """Put `nodes`, their letters replaced, in the place of others; statements keep the labels of those."""

    class Letters(ast.NodeTransformer):
        def visit_Name(self, node):
            if not _is_letter(node.id):
                return node
            if node.id not in letters:
                raise ValueError(f"{definition.name}: in `{text}`, {node.id} stands for nothing")
            return copy.deepcopy(letters[node.id])

    class Exchange(ast.NodeTransformer):
        def visit(self, node):
            if node is place[0]:
                return new
            return None if any(node is other for other in place) else self.generic_visit(node)

    if isinstance(place[0], ast.stmt) and isinstance(nodes[0], ast.expr):
        nodes = [ast.Expr(nodes[0])]
    if isinstance(place[0], ast.expr) and isinstance(nodes[0], ast.stmt):
        raise ValueError(f"{definition.name}: expected an expression in the place of an expression, got `{text}`")
    new = [Letters().visit(node) for node in nodes]
    for node in new:
        node.labels = {label for old in place for label in _labels(old)}
    new = new if isinstance(place[0], ast.stmt) else new[0]
    Exchange().visit(definition)
