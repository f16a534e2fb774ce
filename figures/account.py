"""Draws account.svg: what the proof of the scan adds up. Run from anywhere: python figures/account.py"""

from palette import GREEN, GREY, INK, LIT
from svg import HERE, Box, Curve, Page

SIZE, MIDDLE = 24, 146


def step(t):
    return 220 * t - 98


def node(t):
    return step(t) + 110


page = Page(742, 292)
boxes, losses, taken = {}, {}, {}
for t in (1, 2, 3):
    boxes[t] = Box(step(t), MIDDLE, 84, 44)
    losses[t], taken[t] = Box(node(t), 32, 54, 42), Box(step(t), 256, 54, 42)
    plus = Box(node(t), MIDDLE, 30, 30)
    start = Box(728, MIDDLE, 2, 2) if t == 3 else Box(step(t + 1), MIDDLE, 84, 44)
    lines = [(Curve(start, plus), rf"\lambda_{t}"), (Curve(plus, boxes[t]), rf"\mathrm{{d}}\mathbf{{s}}_{t}"),
             (Curve(losses[t], plus), ""), (Curve(boxes[t], taken[t]), "")]  # fmt: skip
    lines += [(Curve(boxes[1], Box(8, MIDDLE, 2, 2)), r"\lambda_0")] if t == 1 else []
    for curve, label in lines:
        page.arrow(curve, LIT, 2.6, lit=True)
        if label:
            x, y = curve.points[len(curve.points) // 2]
            page.text(label, x, y - 24, SIZE, LIT)
    page.box(f"step {t}", boxes[t], rf"\mathrm{{back}}_{t}", SIZE, GREEN, GREEN, 2)
    page.box(f"plus {t}", plus, "+", SIZE, GREY, INK)
    page.box(f"L {t}", losses[t], f"L_{t}", SIZE, INK)
    page.box(f"Q {t}", taken[t], f"Q_{t}", SIZE, INK)

if __name__ == "__main__":
    title = "What comes in from the losses and from the right goes out to Q_1, Q_2, Q_3 below and to the left."
    (HERE / "account.svg").write_text(page.svg(title), encoding="utf-8")
    print(*page.faults(), sep="\n")
