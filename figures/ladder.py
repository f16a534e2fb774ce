"""Draws ladder.svg: one cell, printed, proven and trained. Run from anywhere: python figures/ladder.py"""

import inspect
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from palette import BLUE, GREEN, GREY
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


def lines_of(function, wanted):
    """The source lines of `function` that begin with the wanted words, comments dropped."""
    lines = (line.split("  #")[0].strip() for line in inspect.getsource(function).splitlines())
    return [line for line in lines if line.startswith(tuple(wanted))]


fig = plt.figure(figsize=(10, 4.3))
page = fig.add_axes((0, 0, 1, 1))
page.set(xlim=(0, 10), ylim=(0, 4.3))
page.axis("off")


def card(x, y, width, height, title, color):
    page.add_patch(plt.Rectangle((x, y), width, height, fill=False, edgecolor=color, linewidth=1.5))
    page.text(x + 0.12, y + height - 0.1, title, color=color, va="top", weight="bold", size=10)


def arrow(start, end, words, at, **style):
    page.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "lw": 1.5})
    page.text(*at, words, ha="center", va="center", size=9, **style)


card(0.1, 0.75, 2.75, 2.8, "the equations, as printed", BLUE)
equations = [
    r"$\mathbf{c}_t = \mathbf{f}_t \odot \mathbf{c}_{t-1} + \mathbf{i}_t \odot \mathbf{g}_t$",
    r"$\mathbf{h}_t = \mathbf{o}_t \odot \tanh\,\mathbf{c}_t$",
    r"$\mathrm{d}\bar{\mathbf{g}}_t = \mathrm{d}\mathbf{c}_t \odot \mathbf{i}_t \odot (1 - \mathbf{g}_t^2)$",
]
for k, equation in enumerate(equations):
    page.text(0.25, 2.8 - 0.7 * k, equation, size=13.5, va="center")

card(3.75, 0.75, 2.6, 2.8, "the code, as shipped", ORANGE)
step = lines_of(cells.lstm_step, ("c =", "tanh_c =", "h ="))
back = lines_of(cells.lstm_back, ("do_bar =", "dg_bar ="))
code = ["def lstm_step(…):", *(f"  {line}" for line in step), "", "def lstm_back(…):", *(f"  {line}" for line in back)]
for k, line in enumerate(code):
    page.text(3.87, 3.02 - 0.25 * k, line, family="monospace", size=8.5, va="center")

center = {"ha": "center", "va": "center"}
card(7.2, 2.5, 2.7, 1.7, "run on symbols: proven", GREEN)
page.text(8.55, 3.35, r"$\dfrac{\partial}{\partial v}\sum_k w_k s'_k - \mathrm{d}v \equiv 0$", **center, size=12)
page.text(8.55, 2.72, f"for all {proven} variables, exactly", **center, size=9)

card(7.2, 0.1, 2.7, 2.2, "run on numbers: trained", GREEN)
curve = fig.add_axes((0.785, 0.135, 0.19, 0.275))
curve.semilogy(history.batch_loss, color=GREEN, linewidth=1.5)
curve.set_xlabel("batch", size=8, labelpad=1)
curve.set_ylabel("loss", size=8, labelpad=1)
curve.tick_params(labelsize=7)

arrow((2.9, 2.15), (3.7, 2.15), "equal", (3.3, 2.32))
arrow((6.4, 2.5), (7.15, 3.2), "same\ncode", (6.63, 3.15))
arrow((6.4, 1.8), (7.15, 1.1), "same\ncode", (6.63, 1.12))

fig.savefig(HERE / "ladder.svg", metadata={"Date": None, "Creator": None})
