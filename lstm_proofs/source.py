"""Source: the syntax tree of a function, and which equations the comment on each of its lines cites."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable
from typing import cast

LABEL = re.compile(r"\b(?:sigmoid|exp|sqrt|positive|[a-z]+(?:-[a-zA-Z]+)+)")


def tree(function: Callable) -> ast.FunctionDef:
    """The syntax tree of a function, an `ast.FunctionDef`.

    >>> from lstm_proofs.source import tree
    >>> tree(cells.rnn_back).args.args[0].arg
    'ds'
    """
    return cast(ast.FunctionDef, ast.parse(textwrap.dedent(inspect.getsource(function))).body[0])


def cited(source: str) -> dict[int, tuple[str, ...]]:
    """The labels in the comment of each line: line number -> labels, in order. `# lstm-i, lstm-f` cites two.

    >>> from lstm_proofs.source import cited
    >>> cited("h = tanh(au)  # rnn-h")
    {1: ('rnn-h',)}
    """
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: tuple(LABEL.findall(t.string)) for t in tokens if t.type == tokenize.COMMENT}
