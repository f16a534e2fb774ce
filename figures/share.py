"""What messengers show of a page: python figures/share.py writes _static/share.png, and _static/favicon.svg.

The picture is the recurrence of the preface: one rule, used again and again, and the way back through it.
"""

from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import palette
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from PIL import Image

STATIC = Path(__file__).resolve().parents[1] / "_static"
FAVICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="6" fill="{ground}"/>
<path d="M22 10H13a6 6 0 0 0 0 12h9" fill="none" stroke="{line}" stroke-width="3.5" stroke-linecap="round"/>
<path d="M17 4l-6 6 6 6" fill="none" stroke="{line}" stroke-width="3.5" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
"""


def arrow(axis, start, end, color):
    style = {"arrowstyle": "-|>", "mutation_scale": 28, "linewidth": 4, "color": color}
    axis.add_patch(FancyArrowPatch(start, end, **style))


def main():
    matplotlib.use("agg")
    fig = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    axis = fig.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 12), ylim=(0, 6.3))
    axis.axis("off")
    axis.text(0.8, 5.1, "Back Through Time", size=52, weight="bold", color=palette.INK)
    axis.text(0.8, 4.35, "Recurrent networks, derived, proven and run", size=26, color=palette.INK)
    for k in range(4):
        x = 1.5 + 2.6 * k
        box = FancyBboxPatch((x, 1.5), 1.3, 1.3, boxstyle="round,pad=0.05", facecolor="white",
                             edgecolor=palette.INK, linewidth=3)  # fmt: skip
        axis.add_patch(box)
        axis.text(x + 0.65, 2.15, f"$h_{k + 1}$", size=30, ha="center", va="center", color=palette.INK)
        arrow(axis, (x - 1.15, 2.45), (x - 0.1, 2.45), palette.BLUE)
        arrow(axis, (x - 0.1, 1.8), (x - 1.15, 1.8), palette.LIT)
    axis.text(0.8, 0.7, "forward, and the way back", size=20, color=palette.INK)
    fig.savefig(STATIC / "share.png", metadata={"Software": None})
    picture = Image.open(STATIC / "share.png").convert("RGB").quantize(32)
    picture.save(STATIC / "share.png", optimize=True)
    (STATIC / "favicon.svg").write_text(FAVICON.format(ground=palette.BLUE, line="#ffffff"), encoding="utf-8")


if __name__ == "__main__":
    main()
