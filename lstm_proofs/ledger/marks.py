"""What every displayed equation of the book is: proven against the code, proven by a cell, or marked as neither.

    ```{math}
    :label: eq-softmax-gradient
    :class: by-cell
    …

without a class: `prove` reads the LaTeX and compares it with what the code computes; the label says of which cell.
`by-cell`:       a cell of the same chapter proves it from its LaTeX: it calls `prove_here("softmax-gradient", …)`.
`by-definition`: it says what a letter means, or what is done; there is nothing to prove.
`by-citation`:   a formula of somebody else's, who is cited beside it.
"""

import ast
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat

from .book import CHAPTERS, DISPLAYED, LOOSE, Equation, displayed

MARKS = {"by-cell": "a cell of the chapter", "by-definition": "definition", "by-citation": "cited"}
ALONE = re.compile(r"(?:>\s*)*(?:[-*]\s+)?(?:\$[^$]+\$[\s.,;:]*)+")  # a paragraph of formulas and nothing else


def marked(chapters: Iterable[Path]) -> list[Equation]:
    """The displayed equations of the notebooks that have a mark.

    >>> from lstm_proofs.ledger import NOTEBOOKS, marked
    >>> next(equation.mark for equation in marked(NOTEBOOKS) if equation.label == "softmax-gradient")
    'by-cell'
    """
    return [equation for path in chapters for equation in displayed(path, _text(path)) if equation.mark]


def unsettled(chapter: Path) -> list[str]:
    """What a chapter displays that is none of the four, each in a line; [] if it keeps the book's promise.

    >>> from lstm_proofs.ledger import CHAPTERS, unsettled
    >>> unsettled(CHAPTERS[0])
    []
    """
    text, cells = _text(chapter), _proven_by_cells(chapter)
    without = DISPLAYED.sub("", text)
    wrong = [f"without a label: {loose[0]!r}" for loose in LOOSE.finditer(without)]
    paragraphs = (paragraph.strip() for paragraph in re.split(r"\n\s*\n", without))
    wrong += [f"a formula as a paragraph: {alone}" for alone in paragraphs if ALONE.fullmatch(alone)]
    for label, _, _, mark in displayed(chapter, text):
        if mark and mark not in MARKS:
            wrong.append(f"eq-{label}: expected one of {', '.join(MARKS)}, got {mark}")
        if mark == "by-cell" and label not in cells:
            wrong.append(f"eq-{label}: no cell calls prove_here({label!r}, …)")
        if not mark and chapter not in CHAPTERS:
            wrong.append(f"eq-{label}: neither read by the ledger nor marked")
    return [f"{chapter.name}: {line}" for line in wrong]


def _text(chapter):
    cells = nbformat.read(chapter, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def _proven_by_cells(chapter):
    """The labels that code cells of a chapter hand to `prove_here`; a solution's count, too."""
    found = set()
    for cell in nbformat.read(chapter, as_version=4).cells:
        if cell.cell_type == "code" and "prove_here" in cell.source:
            calls = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Call)]
            first = [call.args[0] for call in calls if ast.unparse(call.func).endswith("prove_here") and call.args]
            found |= {label for one in first if isinstance(one, ast.Constant) for label in one.value.split()}
    return found
