"""The book's page of its equations."""

import re
import time
from collections.abc import Callable
from typing import Any

from .book import CHAPTERS, NOTEBOOKS, ROOT, equations, title
from .citations import citations, kinds, place
from .kinds import KINDS
from .latex import sides
from .marks import MARKS, marked
from .prove import is_absolute, level, prove

PAGE = ROOT / "chapters" / "back" / "ledger.md"
CELLS = {"rnn": "RNN", "lstm": "LSTM, $\\mathbf p = 0$", "peephole": "peephole LSTM", "gru": "GRU, reset after",
         "gru-before": "GRU, reset before", "rnn-relu": "RNN with relu", "nas": "NAS cell", "mingru": "minGRU",
         "minlstm": "minLSTM", "slstm": "sLSTM",
         "diagonal": "diagonal, factor in (0, 1)", "diagonal-signed": "diagonal, factor in (−1, 1)",
         "scan": "scan, any cell", "scan, masked": "scan, any cell, masked"}  # fmt: skip
SIZES = ["", ", one example", ", one unit"]
HEAD = """# Equation ledger

Displayed equations of the book. {count} of them, in {{doc}}`notation` and the parts *Start*, *Derive* and *Beyond*,
were taken out of their chapter as they are typeset there, read by a parser, and proven on symbols to be what the
shipped code computes. Read in the same way, and proven by a cell of their chapter for the values that it says:
{by_cell}. Definitions, and formulas of somebody else's who is cited beside them: {others}. {{doc}}`../start/proofs`
tells how. {{doc}}`proof-map` shows what each of them stands on. This page is written by that proof (`make ledger`),
and `make test` fails if an equation, a line of code or this page has changed without the others.

*Code* is the function of `lstm_core` that computes the equation, and what it assigns where it does; that line says so
in its comment. There is a dash where the equation is a step on the way: it is proven all the same, but no line computes
just that. *Proven for* names the cell. A variant of the LSTM has most of its lines in common with the peephole LSTM;
where they cite an equation of that cell, it was proven for the variant as well. *Seconds* were measured when the page
was written.

"""


def proven_for(equation):
    """In words, the kinds of an equation, and how many examples and units it was proven for."""
    first, *others = kinds(equation.label)
    if first is None:
        return "numbers"
    trees = [side.tree for side in sides(equation.latex, KINDS[first])]
    words = [CELLS.get(first, first.upper()), *(kind.upper() for kind in others if KINDS[kind].mask is None)]
    size = SIZES[max(level(tree, KINDS[first]) for tree in trees)]
    return ", ".join(words) + size + (", three steps" if any(map(is_absolute, trees)) else "")


def page(prove: Callable[[str, str], Any] = prove) -> str:
    """The text of the page; raises Unproven if an equation is not.

    >>> from lstm_proofs.ledger import page
    >>> page(prove=lambda label, latex: None)[:17]  # nothing is proven, and the page is the same but for the seconds
    '# Equation ledger'
    """
    found, others, lines, parts = equations(CHAPTERS), marked(NOTEBOOKS), citations(), []
    for chapter in NOTEBOOKS:
        rows = [_row(equation, lines, prove) for equation in found if equation.chapter == chapter]
        rows += [_marked_row(equation) for equation in others if equation.chapter == chapter]
        if rows:
            parts.append(
                f"## {title(chapter)}\n\nFrom {{doc}}`../{chapter.parent.name}/{chapter.stem}`.\n\n"
                "| label | code | proven for | seconds | equation |\n|---|---|---|--:|---|\n" + "\n".join(rows)
            )
    by_cell = sum(equation.mark == "by-cell" for equation in others)
    head = HEAD.format(count=len(found), by_cell=by_cell, others=len(others) - by_cell)
    return head + "\n\n".join(parts) + "\n"


def _row(equation, lines, prove):
    start = time.perf_counter()
    prove(equation.label, equation.latex)
    seconds = time.perf_counter() - start
    return (
        f"| {{eq}}`eq-{equation.label}` `{equation.label}` | {place(equation, lines)} "
        f"| {proven_for(equation)} | {seconds:.2f} | {_in_a_line(equation.latex)} |"
    )


def _marked_row(equation):
    words = f"| – | {MARKS[equation.mark]} | – | {_in_a_line(equation.latex)} |"
    return f"| {{eq}}`eq-{equation.label}` `{equation.label}` {words}"


def _in_a_line(latex):
    latex = re.sub(r"\\begin\{aligned\}|\\end\{aligned\}|&|\\\\(?!begin)(?=\s*\n)", " ", latex)
    return f"${' '.join(latex.split()).rstrip('.,').rstrip()}$"


def without_times(text: str) -> str:
    """The page without its seconds, to be compared with another.

    >>> from lstm_proofs.ledger import without_times
    >>> without_times("| RNN | 0.26 | $h$ |")
    '| RNN | | $h$ |'
    """
    return re.sub(r"\| \d+\.\d\d \|", "| |", text)
