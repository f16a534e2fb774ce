"""Experiments show what they measured: no fixed sentence as a result, no bare True, no long cell; almost all compared.

Of the chapters of *Check*, *Run* and *Beyond*.
"""

import ast
import re
from pathlib import Path

import nbformat
import pytest
from test_book import CHAPTERS, is_ignored
from test_telling import plan

ROOT = Path(__file__).parents[2]
PARTS = "check", "run", "beyond"
LONGEST = 25  # visible lines of a cell
UNCOMPARED = 0.05  # at most, of the cells


def code(name):
    return [cell for cell in plan.cells_of(name) if cell.cell_type == "code"]


NAMES = sorted(f"{part}/{path.stem}" for part in PARTS for path in (ROOT / "chapters" / part).glob("*.ipynb"))


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


# ---- fixed sentences ------------------------------------------------------------------------------------------------


def is_constant(node):
    """Whether an expression is the same whatever was measured: text, put together of texts."""
    if isinstance(node, ast.JoinedStr):
        return all(isinstance(part, ast.Constant) or is_constant(part.value) for part in node.values)
    if isinstance(node, ast.BinOp):
        return is_constant(node.left) and is_constant(node.right)
    if isinstance(node, ast.Call):  # "text".ljust(9), str("text")
        parts = [*node.args, *([node.func.value] if isinstance(node.func, ast.Attribute) else [])]
        return bool(parts) and all(map(is_constant, parts))
    if isinstance(node, ast.IfExp):  # one of two sentences, and neither says how much
        return is_constant(node.body) and is_constant(node.orelse)
    return isinstance(node, ast.Constant)


def is_print(node):
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"


def prints_nothing_measured(call):
    return bool(call.args) and all(map(is_constant, call.args))


def is_head(text, after):
    """Words in columns, or a line that ends with a colon; and what comes after prints what was measured."""
    measured = any(is_print(node) and not prints_nothing_measured(node) for node in ast.walk(after)) if after else False
    in_columns = re.search(r"(?:^|\S)(?: {2,}|\s*\|\s*|\t)\S", text)
    return measured and (bool(in_columns) or text.rstrip().endswith(":"))


def fixed_sentences(source):
    """Each call of print that prints only constants, but heads of tables."""
    found = []
    for node in ast.walk(ast.parse(source)):
        for block in (getattr(node, field, None) for field in ("body", "orelse", "finalbody")):
            found += fixed_in(block) if isinstance(block, list) else []
    return found


def fixed_in(block):
    """Those of one block of lines. A head may have two lines, so what comes after it is looked for beyond both."""
    calls = [line.value if isinstance(line, ast.Expr) and is_print(line.value) else None for line in block]
    fixed = [call is not None and prints_nothing_measured(call) for call in calls]
    found = []
    for k, call in enumerate(calls):
        if fixed[k]:
            text = " ".join(str(part.value) for part in ast.walk(call) if isinstance(part, ast.Constant))
            after = next((line for line, is_fixed in zip(block[k + 1 :], fixed[k + 1 :]) if not is_fixed), None)
            if not is_head(text, after):
                found.append(ast.unparse(call))
    return found


def verdicts(cell):
    """Lines of the outputs that end with True or False; not of source code, nor of a printed table of settings."""
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    lines = [line for text in texts for line in text.splitlines()]
    return [line for line in lines if re.search(r"(?<!=)(?<!': )\b(?:True|False)\W*$", line)]


def test_nothing_fixed_is_printed_as_a_result(name):
    found = [call for cell in code(name) for call in fixed_sentences(cell.source)]
    assert not found, "\n".join(found)


def test_no_verdict_is_printed(name):
    found = [line for cell in code(name) for line in verdicts(cell)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", [
    "print('the two agree')", "print(f'the two agree')", "for k in range(3):\n    print('learns')",
    "def f():\n    print('learns' + '!')", "print('a', 'b')", "print('=' * 40)", "print('it learns'.ljust(9))",
    "print('learns' if x else 'fails')", "print(True)", "print('error below 5 %:', True)", "print(f'{True}')",
    "print('error  loss')", "print('error  loss')\nx = 1", "print('Measured:')\nprint('learns')",  # no table follows
    "print('it learns')\nprint(x)", "if a:\n    pass\nelse:\n    print('learns')",
])  # fmt: skip
def test_a_fixed_sentence_is_found(source):
    assert fixed_sentences(source)


@pytest.mark.parametrize("source", [
    "print(x)", "print(f'loss {x:.3f}')", "print('loss', x)", "print()", "print('error  loss')\nprint(x, y)",
    "print('T | error')\nfor x in y:\n    print(x)", "print('Seeds:')\nfor x in y:\n    print(x)", "a.print('b')",
    "print('learns' if x else y)", "print('a'.join(x))", "print('       by rung')\nprint('what   which')\nprint(x)",
])  # fmt: skip
def test_what_is_measured_and_heads_of_tables_pass(source):
    assert not fixed_sentences(source)


def test_a_verdict_is_found():
    cell = lambda **output: nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output(**output)])
    printed = lambda text: verdicts(cell(output_type="stream", text=text))
    assert verdicts(cell(output_type="execute_result", data={"text/plain": "True"}))
    assert printed("1\nall equal: True\n2") == ["all equal: True"] and printed("equal: [True, False]")
    assert printed("error <= 1e-14: True") and not printed("True 3") and not printed("{'last': True}")
    assert not printed("axis=1, keepdims=True)") and not printed("a\nb")


# ---- lengths --------------------------------------------------------------------------------------------------------


def too_long(cells):
    return [cell.source for cell in cells if not plan.is_hidden(cell) and len(cell.source.splitlines()) > LONGEST]


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_no_cell_is_too_long(chapter):
    """Of any chapter. Those of solutions, too: they are seen as soon as the solution is opened."""
    found = too_long(code(f"{chapter.parent.name}/{chapter.stem}"))
    assert not found, "\n\n".join(found)


def test_a_long_cell_is_found():
    cells = [nbformat.v4.new_code_cell("a = 1\n" * lines) for lines in (25, 26, 26)]
    cells[2].metadata["tags"] = ["hide-input"]
    assert too_long(cells) == ["a = 1\n" * 26]


# ---- what is compared -----------------------------------------------------------------------------------------------


def share(cells):
    """How many of the cells are not compared, and what share of all."""
    ignored = sum(map(is_ignored, cells))
    return ignored, ignored / max(1, len(cells))


def test_almost_all_cells_of_the_book_are_compared(shown):
    cells = [cell for path in CHAPTERS for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    ignored, part = share(cells)
    tolerant = sum("tolerance" in cell.metadata for cell in cells)
    shown(f"experiments  of {len(cells)} cells {tolerant} are compared within a tolerance, {ignored} not ({part:.1%})")
    assert part <= UNCOMPARED


def test_almost_all_outputs_of_the_experiments_are_compared():
    """Of those cells that print or show something."""
    cells = [cell for name in NAMES for cell in code(name) if cell.outputs]
    ignored, part = share(cells)
    assert part <= UNCOMPARED, f"{ignored} of {len(cells)}"


def test_an_ignored_cell_is_counted():
    cells = [nbformat.v4.new_code_cell("a") for _ in range(4)]
    cells[0].metadata["tags"], cells[1].source = ["nbval-ignore-output"], "# NBVAL_IGNORE_OUTPUT"
    assert share(cells) == (2, 0.5)
