"""Draws nas.svg: the cell that a search has found, a tree. Run from anywhere: python figures/nas.py"""

from draw import BLUE, GREEN, ORANGE, PINK, Drawing

d = Drawing("nas", 8.8, 7.05)
LEAVES, FIRST, PAIRS, SECOND, JOIN, THIRD, CELL, OUT, ROOT, LAST = 6.7, 5.92, 5.1, 4.35, 3.55, 2.8, 2.0, 1.62, 1.2, 0.45
FUNCTIONS = ("sigma", "relu", "sigma", "relu", "tanh", "sigma", "tanh", "sigma")
COLUMNS = [1.0 + 1.03 * k for k in range(8)]


def squash(x, y, function, name):
    """A box with the function, pink if it is a σ, and at the arrow that will leave it the name of its result."""
    text, color = (r"$\sigma$", PINK) if function == "sigma" else (function, GREEN)
    node = d.box(x, y, 0.72, 0.44, text, color, size=15)
    d.word(x + 0.1, y - 0.39, name, color, size=15, ha="left")
    return node, color


def join(operator, x, y, *inputs):
    """An operator, with an arrow from each input above it, which goes down and then sideways."""
    node = operator(x, y)
    for source, color in inputs:
        if abs(source.x - x) < 0.01:
            d.arrow(source.bottom(), node.top(), color=color)
        else:
            d.arrow(source.bottom(), (source.x, y), node.left() if source.x < x else node.right(), color=color)
    return node


first = []
for k, (x, function) in enumerate(zip(COLUMNS, FUNCTIONS)):
    text, color, lw = (rf"$\mathbf{{a}}_{k} + \mathbf{{u}}_{k}$", BLUE, 1.8)
    if k == 3:
        text, color, lw = (text.replace("+", r"\odot"), ORANGE, 3)
    leaf = d.box(x, LEAVES, 0.92, 0.44, text, color, size=13.5, lw=lw)
    node, tint = squash(x, FIRST, function, rf"$\mathbf{{n}}_{k}$")
    d.arrow(leaf.bottom(), node.top(), color=color, lw=lw)
    first.append((node, tint))

second = []
for k, (operator, function) in enumerate(zip("*+*+", ("tanh", "tanh", "tanh", "sigma"))):
    x = (COLUMNS[2 * k] + COLUMNS[2 * k + 1]) / 2
    node = join(d.times if operator == "*" else d.plus, x, PAIRS, *first[2 * k : 2 * k + 2])
    second.append(squash(x, SECOND, function, rf"$\mathbf{{m}}_{k}$"))
    d.arrow(node.bottom(), second[k][0].top(), color=GREEN)

left, right = second[0][0].x, (second[2][0].x + second[3][0].x) / 2
old = join(d.plus, left, JOIN, second[0])
c_prev = d.word(0.42, JOIN, r"$\mathbf{c}_{t-1}$", width=0.66)
d.arrow(c_prev.right(), old.left())
q = squash(left, THIRD, "tanh", r"$\mathbf{q}$")
d.arrow(old.bottom(), q[0].top(), color=GREEN)

both = join(d.plus, right, JOIN, *second[2:])
r = squash(right, THIRD, "tanh", r"$\mathbf{r}$")
d.arrow(both.bottom(), r[0].top(), color=GREEN)

memory = join(d.times, second[1][0].x, CELL, q, second[1])
root = d.times(right, ROOT)
d.arrow(r[0].bottom(), root.top(), color=GREEN)
d.arrow(memory.bottom(), (memory.x, ROOT), root.left(), color=GREEN)
c = d.word(0.42, OUT, r"$\mathbf{c}_t$")
d.arrow(d.fork(memory.x, OUT, GREEN), c.right())
h_bar, _ = squash(right, LAST, "tanh", "")
d.arrow(root.bottom(), h_bar.top(), color=GREEN)
h = d.word(8.45, LAST, r"$\mathbf{h}_t$")
d.arrow(h_bar.right(), h.left())
d.save()
