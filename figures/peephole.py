"""Draws peephole.svg: the LSTM cell whose gates see its memory. Run from anywhere: python figures/peephole.py"""

from draw import GREY, ORANGE, Drawing
from palette import GATES as COLOUR
from palette import INK

d = Drawing("peephole", 8.8, 4.75)
SKY, RAIL, MIX, ROW, SUMS, PRODUCTS = 4.35, 3.55, 3.5, 2.35, 1.6, 0.9  # heights of the rows

x = d.word(4.25, 0.2, r"$\mathbf{x}_t$", INK)
h_prev = d.word(0.45, PRODUCTS, r"$\mathbf{h}_{t-1}$", INK, width=0.7)
c_prev = d.word(0.45, SKY, r"$\mathbf{c}_{t-1}$", INK, width=0.7)
c = d.word(8.45, SKY, r"$\mathbf{c}_t$", INK)
h = d.word(8.45, 2.95, r"$\mathbf{h}_t$", INK)

products = d.box(4.25, PRODUCTS, 5.4, 0.52, r"$W\mathbf{x}_t + R\,\mathbf{h}_{t-1} + \mathbf{b}$", GREY)
f = d.box(2.27, ROW, 0.6, 0.5, r"$\sigma$", COLOUR["f"])
i = d.box(3.87, ROW, 0.6, 0.5, r"$\sigma$", COLOUR["i"])
g = d.box(4.93, ROW, 0.86, 0.5, "tanh", COLOUR["g"])
o = d.box(6.7, ROW, 0.6, 0.5, r"$\sigma$", COLOUR["o"])
keep, add = d.times(f.x, SKY, INK, radius=0.2), d.plus(4.4, SKY, INK, radius=0.2)
write = d.times(add.x, MIX, INK)
squash = d.box(7.6, 3.65, 0.86, 0.5, "tanh", INK)
read = d.times(squash.x, h.y, INK)

d.arrow(h_prev.right(), products.left())
d.arrow(x.top(), products.bottom())
d.arrow((g.x, products.top()[1]), g.bottom())
for gate, letter, left in ((f, "f", 1.43), (i, "i", 3.03), (o, "o", 5.86)):
    total = d.plus(gate.x, SUMS, COLOUR[letter])
    d.arrow((gate.x, products.top()[1]), total.bottom())
    d.arrow(total.top(), gate.bottom(), color=COLOUR[letter])
    peephole = d.box(left, ROW, 0.72, 0.5, rf"$\odot\,\mathbf{{p}}_{letter}$", ORANGE)
    d.arrow(peephole.bottom(), (left, SUMS), total.left(), color=ORANGE)

memory = {"color": INK, "lw": 4.5}
d.arrow(c_prev.right(), keep.left(), **memory)
d.arrow(keep.right(), add.left(), **memory)
d.arrow(add.right(), c.left(), **memory)

d.fork(1.43, RAIL, ORANGE)
d.arrow((1.43, SKY), (1.43, ROW + 0.25), color=ORANGE)
d.arrow((1.43, RAIL), (f.x - 0.1, RAIL), color=ORANGE, head=False)  # beneath f_t
d.arrow((f.x + 0.1, RAIL), (3.03, RAIL), (3.03, ROW + 0.25), color=ORANGE)
d.arrow((5.86, SKY), (5.86, ROW + 0.25), color=ORANGE)

d.arrow(f.top(), keep.bottom(), color=COLOUR["f"])
d.arrow(i.top(), (i.x, MIX), write.left(), color=COLOUR["i"])
d.arrow(g.top(), (g.x, MIX), write.right(), color=COLOUR["g"])
d.arrow(write.top(), add.bottom(), color=INK)
d.arrow((squash.x, SKY), squash.top(), color=INK)
d.arrow(squash.bottom(), read.top(), color=INK)
d.arrow(o.top(), (o.x, read.y), read.left(), color=COLOUR["o"])
d.arrow(read.right(), h.left(), color=INK)

for node, letter, shift in ((f, "f", 0.26), (i, "i", 0.24), (g, "g", 0.28), (o, "o", -0.26)):
    d.word(node.x + shift, 2.95, rf"$\mathbf{{{letter}}}_t$", COLOUR[letter])
d.save()
