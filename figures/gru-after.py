"""Draws gru-after.svg: the GRU that resets after the product. Run from anywhere: python figures/gru-after.py"""

from draw import BLUE, GREEN, ORANGE, PINK, Drawing

d = Drawing("gru-after", 8.8, 4.75)
SKY, RAIL, LINE, OWN, PRODUCTS, PAST, INPUT = 4.4, 3.55, 2.75, 2.02, 1.25, 0.62, 0.2  # heights of the rows

h_prev, x = d.word(0.37, SKY, r"$\mathbf{h}_{t-1}$", width=0.72), d.word(0.37, INPUT, r"$\mathbf{x}_t$")
h, p = d.word(8.45, SKY, r"$\mathbf{h}_t$"), d.word(5.27, OWN, r"$\mathbf{p}_n$", GREEN, width=0.44)

gates = d.box(2.5, PRODUCTS, 2.9, 0.52, r"$W_{zr}\mathbf{x}_t + R_{zr}\mathbf{h}_{t-1} + \mathbf{b}_{zr}$", BLUE)
again = d.box(4.65, PRODUCTS, 1.1, 0.56, r"$R_n\mathbf{h}_{t-1}$", ORANGE, lw=3)
fresh = d.box(6.2, PRODUCTS, 1.6, 0.52, r"$W_n\mathbf{x}_t + \mathbf{b}_n$", BLUE)
z, r = d.box(1.75, LINE, 0.64, 0.5, r"$\sigma$", PINK), d.box(3.2, LINE, 0.64, 0.5, r"$\sigma$", PINK)
shift, reset = d.plus(again.x, OWN), d.times(again.x, LINE, ORANGE, radius=0.2, lw=3)
total, squash = d.plus(5.8, LINE), d.box(6.8, LINE, 0.86, 0.5, "tanh", GREEN)
rest, write = d.box(6.8, RAIL, 0.64, 0.46, r"$1-$", GREEN), d.times(7.65, RAIL)
keep, add = d.times(z.x, SKY), d.plus(write.x, SKY)

d.arrow(h_prev.right(), keep.left())
d.arrow(d.fork(0.83, SKY), (0.83, PAST), (again.x, PAST), again.bottom())
d.arrow(d.fork(z.x, PAST), (z.x, gates.bottom()[1]))
d.arrow(x.right(), (fresh.x, INPUT), fresh.bottom())
d.arrow(d.fork(r.x, INPUT), (r.x, PAST - 0.08), head=False)  # beneath h_{t-1}
d.arrow((r.x, PAST + 0.08), (r.x, gates.bottom()[1]))

d.arrow((z.x, gates.top()[1]), z.bottom(), color=BLUE)
d.arrow((r.x, gates.top()[1]), r.bottom(), color=BLUE)
d.arrow((total.x, fresh.top()[1]), total.bottom(), color=BLUE)
d.arrow(again.top(), shift.bottom(), color=ORANGE, lw=3)
d.arrow(p.left(), shift.right(), color=GREEN)
d.arrow(shift.top(), reset.bottom(), color=ORANGE, lw=3)
d.arrow(r.right(), reset.left(), color=PINK)
d.arrow(reset.right(), total.left(), color=ORANGE, lw=3)
d.arrow(total.right(), squash.left(), color=GREEN)

d.arrow(squash.right(), (write.x, LINE), write.bottom(), color=GREEN)
d.arrow(z.top(), keep.bottom(), color=PINK)
d.arrow(d.fork(z.x, RAIL, PINK), rest.left(), color=PINK)
d.arrow(rest.right(), write.left(), color=GREEN)
d.arrow(write.top(), add.bottom(), color=GREEN)
d.arrow(keep.right(), add.left(), color=GREEN)
d.arrow(add.right(), h.left(), color=GREEN)

d.word(z.x + 0.27, LINE + 0.46, r"$\mathbf{z}_t$", PINK)
d.word(3.95, LINE + 0.22, r"$\mathbf{r}_t$", PINK)
d.word(again.x - 0.3, (OWN + LINE) / 2, r"$\mathbf{m}_t$", ORANGE)
d.word(write.x + 0.28, LINE + 0.35, r"$\mathbf{n}_t$", GREEN)
d.save()
