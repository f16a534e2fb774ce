"""Draws lstm.svg: the LSTM cell, its memory along the top. Run from anywhere: python figures/lstm.py"""

from draw import GREY, Drawing
from palette import GATES as COLOUR
from palette import INK

d = Drawing("lstm", 8.4, 4.15)
SKY, MIX, ROW, PRODUCTS = 3.7, 2.85, 1.9, 1.0  # heights of the rows

x = d.word(3.85, 0.2, r"$\mathbf{x}_t$", INK)
h_prev = d.word(0.45, PRODUCTS, r"$\mathbf{h}_{t-1}$", INK, width=0.7)
c_prev = d.word(0.45, SKY, r"$\mathbf{c}_{t-1}$", INK, width=0.7)
c = d.word(8.0, SKY, r"$\mathbf{c}_t$", INK)
h = d.word(8.0, 2.4, r"$\mathbf{h}_t$", INK)

products = d.box(3.85, PRODUCTS, 5.2, 0.52, r"$W\mathbf{x}_t + R\,\mathbf{h}_{t-1} + \mathbf{b}$", GREY)
f = d.box(1.9, ROW, 0.64, 0.5, r"$\sigma$", COLOUR["f"])
i = d.box(3.1, ROW, 0.64, 0.5, r"$\sigma$", COLOUR["i"])
g = d.box(4.5, ROW, 0.86, 0.5, "tanh", COLOUR["g"])
o = d.box(5.8, ROW, 0.64, 0.5, r"$\sigma$", COLOUR["o"])
keep, add = d.times(f.x, SKY, INK, radius=0.2), d.plus(3.8, SKY, INK, radius=0.2)
write = d.times(add.x, MIX, INK)
squash = d.box(7.0, 3.05, 0.86, 0.5, "tanh", INK)
read = d.times(squash.x, h.y, INK)

d.arrow(h_prev.right(), products.left())
d.arrow(x.top(), products.bottom())
for gate in (f, i, g, o):
    d.arrow((gate.x, products.top()[1]), gate.bottom())

memory = {"color": INK, "lw": 4.5}  # the constant error carousel
d.arrow(c_prev.right(), keep.left(), **memory)
d.arrow(keep.right(), add.left(), **memory)
d.arrow(add.right(), c.left(), **memory)

d.arrow(f.top(), keep.bottom(), color=COLOUR["f"])
d.arrow(i.top(), (i.x, MIX), write.left(), color=COLOUR["i"])
d.arrow(g.top(), (g.x, MIX), write.right(), color=COLOUR["g"])
d.arrow(write.top(), add.bottom(), color=INK)
d.arrow((squash.x, SKY), squash.top(), color=INK)
d.arrow(squash.bottom(), read.top(), color=INK)
d.arrow(o.top(), (o.x, read.y), read.left(), color=COLOUR["o"])
d.arrow(read.right(), h.left(), color=INK)

for node, letter, shift in ((f, "f", 0.24), (i, "i", -0.22), (g, "g", 0.26), (o, "o", -0.24)):
    d.word(node.x + shift, 2.4, rf"$\mathbf{{{letter}}}_t$", COLOUR[letter])
d.save()
