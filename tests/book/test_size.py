"""lstm_core can be read in one sitting."""

import ast
import io
import tokenize
from pathlib import Path

LIMIT = 1500
NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source):
    """How many lines hold code: no blank lines, no comments, no docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Module, ast.FunctionDef, ast.ClassDef)) and ast.get_docstring(node) is not None:
            lines -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return len(lines)


def test_counting():
    source = '"""Doc\nstring."""\n\n# a comment\nx = [\n    1,\n]  # and\ndef f():\n    "Doc."\n    return """a\nb"""\n'
    assert code_lines(source) == 6


def test_the_package_is_small(shown):
    package = Path(__file__).parents[2] / "lstm_core"
    total = sum(code_lines(path.read_text(encoding="utf-8")) for path in package.rglob("*.py"))
    shown(f"size  lstm_core has {total:,} lines of code (limit {LIMIT:,})")
    assert total <= LIMIT
