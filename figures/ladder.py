"""Draws ladder.svg: one cell, printed, shipped, proven, trained and checked.

Run from anywhere: python figures/ladder.py
"""

import inspect
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from palette import BLUE, GREEN, GREY, INK
from palette import LIT as ORANGE

from lstm_core import Model, cells, constant, data, dense, fit, lstm, softmax_cross_entropy
from lstm_proofs import prove_cell

HERE = Path(__file__).parent
plt.style.use(HERE / "book.mplstyle")
plt.rcParams.update({"svg.hashsalt": "ladder", "figure.constrained_layout.use": False})

# What the picture claims is done here, not drawn.
proven = len(prove_cell(cells.LSTM))
rng = np.random.default_rng(0)
model = Model([lstm(2, 32), dense(32, 2)], softmax_cross_entropy, rng=rng)
strings = data.parity(rng, count=16_000, length=50)
history = fit(model, *strings, epochs=1, batch=32, rate=constant(5e-3), clip=1.0, rng=rng, progress=False)
printed = (HERE.parent / "formal" / "printed.txt").read_text(encoding="utf-8")
assert re.search(r"^bptt_peephole\s+: bptt peephole\.cell$", printed, re.MULTILINE)


def lines_of(function, wanted):
    """The source lines of `function` that begin with the wanted words, comments dropped."""
    lines = (line.split("  #")[0].strip() for line in inspect.getsource(function).splitlines())
    return [line for line in lines if line.startswith(tuple(wanted))]


WIDTH, HEIGHT = 7.4, 8.3
fig = plt.figure(figsize=(WIDTH, HEIGHT))
page = fig.add_axes((0, 0, 1, 1))
page.set(xlim=(0, WIDTH), ylim=(0, HEIGHT))
page.axis("off")
inside = []  # texts, and the card that each must stay in


def card(x, y, width, height, title, color):
    box = page.add_patch(plt.Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=2))
    write(box, x + 0.14, y + height - 0.32, title, color=color, weight="bold")
    return box


def write(box, x, y, words, size=17, **style):
    inside.append((page.text(x, y, words, size=size, **({"va": "center", "color": INK} | style)), box))


def arrow(start, end, words=""):
    page.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 2, "mutation_scale": 18})
    page.text(start[0] + 0.15, (start[1] + end[1]) / 2, words, va="center", size=17, color=INK)


equations = card(0.1, 6.28, 7.2, 1.92, "printed", BLUE)
write(
    equations, 0.3, 7.35, r"$\mathbf{c}_t = \mathbf{f}_t \odot \mathbf{c}_{t-1} + \mathbf{i}_t \odot \mathbf{g}_t$", 19
)
last = r"$\mathrm{d}\bar{\mathbf{g}}_t = \mathrm{d}\mathbf{c}_t \odot \mathbf{i}_t \odot (1 - \mathbf{g}_t^2)$"
write(equations, 0.3, 6.7, last, 19)

shipped = card(0.1, 3.28, 7.2, 2.4, "shipped", ORANGE)
step, back = lines_of(cells.lstm_step, ("c =",)), lines_of(cells.lstm_back, ("dg_bar =",))
code = ["def lstm_step(…):", *(f"  {line}" for line in step), "def lstm_back(…):", *(f"  {line}" for line in back)]
for k, line in enumerate(code):
    write(shipped, 0.3, 4.92 - 0.44 * k, line, 16, family="monospace")

middle = {"ha": "center"}
symbols = card(0.1, 0.1, 2.3, 2.5, "on symbols", GREEN)
write(symbols, 1.25, 1.48, r"$\frac{\partial}{\partial v}\sum w s' = \mathrm{d}v$", 21, **middle)
write(symbols, 1.25, 0.82, "proven,", **middle)
write(symbols, 1.25, 0.42, f"{proven} times", **middle)
numbers = card(2.55, 0.1, 2.3, 2.5, "on numbers", GREEN)
curve = fig.add_axes((2.95 / WIDTH, 0.92 / HEIGHT, 1.75 / WIDTH, 1.05 / HEIGHT))
curve.semilogy(history.batch_loss, color=GREEN, linewidth=2)
curve.set(xticks=[], yticks=[])
curve.minorticks_off()
curve.set_ylabel("loss", size=16)
write(numbers, 3.7, 0.42, "trained", **middle)
kernel = card(5.0, 0.1, 2.3, 2.5, "in Coq", GREEN)
write(kernel, 6.15, 1.58, "∀ T, D, H, B", 18, **middle)
write(kernel, 6.15, 0.82, "checked", **middle)
write(kernel, 6.15, 0.42, "by a kernel", **middle)

arrow((3.55, 6.2), (3.55, 5.76), "equal")
for x in (1.25, 3.7, 6.15):
    arrow((x, 3.2), (x, 2.68))
page.text(2.47, 2.95, "the same code", va="center", ha="center", size=17, color=INK)

fig.canvas.draw()
for text, box in inside:
    outer, inner = box.get_window_extent(), text.get_window_extent()
    if not (outer.x0 < inner.x0 and inner.x1 < outer.x1 and outer.y0 < inner.y0 and inner.y1 < outer.y1):
        sys.exit(f"crosses its box: {text.get_text()}")
fig.savefig(HERE / "ladder.svg", metadata={"Date": None, "Creator": None})
