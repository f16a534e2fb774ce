"""Source: the syntax tree of a function, and which equations the comment on each of its lines cites."""

import ast
import inspect
import io
import re
import textwrap
import tokenize

LABEL = re.compile(r"\b(?:sigmoid|positive|[a-z]+(?:-[a-zA-Z]+)+)")


def tree(function):
    """The syntax tree of a function, an `ast.FunctionDef`."""
    return ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]


def cited(source):
    """The labels in the comment of each line: line number -> labels, in order. `# lstm-i, lstm-f` cites two."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: tuple(LABEL.findall(t.string)) for t in tokens if t.type == tokenize.COMMENT}
