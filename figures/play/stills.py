"""Takes the still pictures of the figures that act, from the built book: what is printed, and seen without scripts.

    .venv/bin/python figures/play/stills.py [name ...]     explorer.png, … ; needs Chromium

Run it after `make book`, when a figure has changed.
"""

import functools
import http.server
import io
import sys
import threading
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
HTML = ROOT / "_build" / "html"
sys.path.insert(0, str(ROOT / "tools"))

import browser  # noqa: E402

PAGES = {"explorer": "derive/lstm", "backward": "derive/peephole", "parity": "run/parity", "digit": "run/mnist",
         "prove": "start/proofs"}  # fmt: skip
WIDTH, SCALE, COLOURS = 520, 1.25, 32  # of the window, px; pixels of the picture per px

DEAD = """.play-try, .play-keys, .play-choice, .play button:not([aria-pressed]) { display: none !important; }
  .play-row:not(:has(input, [aria-pressed])) { display: none; }
  .play :focus-visible { outline: none !important; }
  .play textarea { font-size: 0.77rem !important; resize: none; }"""  # of a picture, nothing can be pressed or scrolled


def served(folder):
    """A server of the folder on a free port of this machine; its address."""
    quiet = type("Quiet", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def arrange(page, name, figure):
    """Bring the figure into the state that the picture shows."""
    found = f"document.querySelector('figure.play-{name} .play').found"
    if name == "backward":
        for _ in range(14):
            figure.get_by_role("button", name="Back", exact=True).click()
        page.wait_for_selector(f"figure.play-{name} td mjx-container")
    if name == "parity":
        figure.get_by_role("button", name="Train").click()
        page.wait_for_function(f"{found}.solved")
    if name == "digit":
        figure.get_by_label("or let it be drawn").select_option("3")
        page.wait_for_function(f"{found}.belief")
    if name == "prove":
        figure.get_by_role("combobox", name="Cell").select_option("lstm")
        code = figure.locator("textarea")
        code.fill(code.input_value().replace("+ p_o * do_bar", "- p_o * do_bar"))
        figure.get_by_role("button", name="Prove").click()
        page.wait_for_function(f"{found}?.kind === 'refuted'")
        verdict = figure.locator(".play-verdict")
        verdict.evaluate("e => { e.textContent = e.textContent.replace(/\\n\\([^\\n]* s\\)$/, ''); }")  # its seconds


def main(names):
    address = served(HTML)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.path(), args=browser.FLAGS)
        page = chromium.new_page(viewport={"width": WIDTH, "height": 2600}, device_scale_factor=SCALE)
        page.set_default_timeout(300_000)
        for name in names or PAGES:
            page.goto(f"{address}/chapters/{PAGES[name]}.html", wait_until="domcontentloaded")
            figure = page.locator(f"figure.play-{name}")
            page.wait_for_selector(f"figure.play-{name} .play")
            arrange(page, name, figure)
            page.add_style_tag(content=DEAD)
            taken = figure.locator(".play").screenshot()
            picture = (
                Image.open(io.BytesIO(taken))
                .convert("RGB")
                .quantize(COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
            )
            picture.save(HERE / f"{name}.png", optimize=True)
            print(f"{name}.png: {picture.width} x {picture.height}, {(HERE / f'{name}.png').stat().st_size:,} bytes")
        chromium.close()


if __name__ == "__main__":
    main(sys.argv[1:])
