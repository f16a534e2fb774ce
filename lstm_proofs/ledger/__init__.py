"""Rung 6 of the ladder: the printed equations are what the shipped code computes.

    book        the displayed equations, out of the chapters
    latex       their LaTeX -> a tree for each side
    kinds       which cell a label speaks of, and its letters
    citations   which line of the code cites which equation
    zero        symbols, and the test whether a polynomial is zero
    runs        the shipped code, run on symbols for T = 3 steps; all that it computes
    graph       derivatives of the shipped forward pass, by SymPy
    evaluate    a tree -> its value in a run
    marks       the equations that are proven by a cell of their chapter, or are definitions or cited
    here        what such a cell calls
    prove       both sides of an equation are the same polynomials, for each kind and at t = 1, 2 and 3
    page        the book's page of all that, written by `python -m lstm_proofs.ledger`

A partial derivative is SymPy's, of the shipped forward pass: with a plus, of one printed equation, its other variables
held fixed; without, by every path. What lies outside t = 1, ..., T: a state begins at t = 0, a derivative at T + 1 is
zero, anything else is arbitrary.
"""

from .book import CHAPTERS, NOTEBOOKS, ROOT, Equation, equations
from .citations import Line, borrowed, citations, kinds, place
from .here import on_page, prove_here
from .kinds import KINDS, MASKED, kind_of
from .latex import TOKEN, Unproven, sides, tokens
from .marks import MARKS, marked, unsettled
from .page import PAGE, page, without_times
from .prove import SHIPPED, is_absolute, level, prove
from .runs import SIZES, Code

__all__ = [
    "CHAPTERS", "KINDS", "MARKS", "MASKED", "NOTEBOOKS", "PAGE", "ROOT", "SHIPPED", "SIZES", "TOKEN", "Code",
    "Equation", "Line", "Unproven", "borrowed", "citations", "equations", "is_absolute", "kind_of", "kinds", "level",
    "marked", "on_page", "page", "place", "prove", "prove_here", "sides", "tokens", "unsettled", "without_times",
]  # fmt: skip
