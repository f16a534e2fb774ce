"""Draws chunks.svg: the long products of the scan. Run from anywhere: python figures/chunks.py"""

from palette import BLUE, GREEN, INK, LIT
from svg import HERE, Box, Page

SIZE = 23
page = Page(742, 404)


def tile(x, y, width, height, tex, colour):
    """A block of a matrix, by its left upper corner."""
    page.box(f"{tex} {x}", Box(x + width / 2, y + height / 2, width, height), tex, SIZE, colour, colour, 2)


# forwards: [R W b] [h; x; 1]
for x, width, tex in ((28, 110, "R"), (142, 76, "W"), (222, 40, r"\mathbf{b}")):
    tile(x, 34, width, 136, tex, BLUE)
for y, height, tex in ((14, 84, r"\mathbf{h}_{t-1}"), (102, 52, r"\mathbf{x}_t"), (158, 36, r"1\;1")):
    tile(318, y, 96, height, tex, INK)
tile(490, 34, 150, 136, r"\mathbf{a}_t+\mathbf{u}_t", GREEN)
page.text("=", 452, 102, SIZE, INK)

# back: [da_1 da_2 da_3] [x 1; x 1; x 1]
for k in (1, 2, 3):
    tile(28 + 79 * (k - 1), 244, 75, 136, rf"\mathrm{{d}}\mathbf{{a}}_{k}", LIT)
    tile(318, 244 + 46 * (k - 1), 76, 43, rf"\mathbf{{x}}_{k}^\top", INK)
    tile(398, 244 + 46 * (k - 1), 34, 43, r"\mathbf{1}", INK)
tile(506, 244, 96, 136, r"\mathrm{d}W", LIT)
tile(606, 244, 60, 136, r"\mathrm{d}\mathbf{b}", LIT)
page.text("=", 468, 312, SIZE, INK)

if __name__ == "__main__":
    title = "Above, R, W and b side by side times h, x and ones; below, three steps' da times their x and ones."
    (HERE / "chunks.svg").write_text(page.svg(title), encoding="utf-8")
    print(*page.faults(), sep="\n")
