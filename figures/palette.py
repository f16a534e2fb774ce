"""The colours of every figure, in one place. Figures are drawn for a white page.

In the dark theme the page turns them around, `invert(1) hue-rotate(180deg)`: what was dark becomes light and keeps its
hue (`_static/custom.css`). So one form serves both, and the PDF, GitHub and Jupyter, too. `tests/book/test_figures.py`
measures the contrast of each colour in each form.
"""

INK = "#24292f"  # letters, the state, the loss
GREY = "#5c646d"  # forward arrows, and whatever a frame does not speak of: still legible
LINE = "#8a929b"  # the outlines of those
LIT = "#b84300"  # what a picture is about, and every arrow back
BLUE, GREEN, VIOLET, PINK = "#0067a5", "#00704c", "#7440b8", "#b0246c"

# A colour for each gate, in every cell. Gates of different cells that do the same work share one: what lets the new in
# (i, r), what keeps the old (f, z), what is new itself (g, n); m and q are what a reset gate acts on.
GATES = {"i": BLUE, "f": GREEN, "o": VIOLET, "g": PINK, "r": BLUE, "z": GREEN, "n": PINK, "m": VIOLET, "q": VIOLET}


def colour(name: str) -> str:
    """Of a letter of a cell, "i_bar", "c", "W_i": that of its gate, or of ink.

    >>> colour("W_i") == colour("i_bar") == BLUE, colour("c") == INK
    (True, True)
    """
    letter, _, rest = name.partition("_")
    return GATES.get(letter if rest in ("", "bar") else rest, INK)
