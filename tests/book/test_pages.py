"""Every formula of the built book can be read: measured in Chromium, on a wide window and on a phone.

`make test` builds the book first. Without Chromium these tests are skipped; CHROMIUM=/path/to/chromium names one that
is not found by itself.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HTML = Path(__file__).parents[2] / "_build" / "html"
PAGES = sorted(HTML.glob("chapters/*/*.html"))
DESKTOP, PHONE = (1400, 1280), 360
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
         "/Applications/Chromium.app/Contents/MacOS/Chromium",
         "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")  # fmt: skip
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", *(["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])]  # fmt: skip
ROUNDED = 1  # px: a browser gives the widths of boxes in whole pixels

# MathJax has typeset the page, and what is folded away is open.
READY = """async () => {
  await MathJax.startup.promise;
  document.querySelectorAll("details").forEach(e => e.open = true);
  document.querySelectorAll(".toggle-hidden").forEach(e => e.classList.remove("toggle-hidden"));
}"""

# MathJax makes its letters as high as those of the text around them, whatever font a machine has. Here they are as
# large as in DejaVu Sans, the widest of the usual ones, so that every machine measures the same.
STYLE = "div.math mjx-container { font-size: 127.3% !important; }"

# Of each formula of the text, in px: what lies beyond its box (over), what cannot be reached by scrolling (cut),
# the room above its letters (air); and whether there is a scroll bar.
MEASURE = """() => [...document.querySelectorAll(".bd-article .math")].map(box => {
  const found = {name: box.id || box.textContent.trim().slice(0, 40), displayed: box.tagName === "DIV",
                 width: 0, over: 0, cut: 0, air: Infinity, bar: false, error: !!box.querySelector("mjx-merror")};
  const math = box.querySelector("mjx-math");
  if (!math) return found;
  const {width, top, ...rest} = math.getBoundingClientRect().toJSON();
  let {left, right} = rest;
  found.width = width;
  for (let e = math.parentElement; e !== document.documentElement; e = e.parentElement) {
    const style = getComputedStyle(e);
    if (style.overflowX === "visible" || style.display === "inline") continue;
    const outer = e.getBoundingClientRect(), start = outer.left + e.clientLeft, end = start + e.clientWidth;
    const scrolls = ["auto", "scroll"].includes(style.overflowX);
    if (box.contains(e)) {
      found.air = Math.min(found.air, top - outer.top);
      found.bar ||= e.offsetWidth - e.clientWidth > 2 || e.offsetHeight - e.clientHeight > 2;
    }
    found.over = Math.max(found.over, right - end, start - left);
    found.cut = Math.max(found.cut, start - left - e.scrollLeft, scrolls ? 0 : right - end);
    [left, right] = [Math.max(left, start), Math.min(right, end)];
  }
  found.cut = Math.max(found.cut, -left, right - document.documentElement.clientWidth);
  return found;
})"""

# As the theme had it, and a narrow column: all that is looked for is wrong here.
WRONG = """.bd-article { max-width: 25rem; } .math { max-width: 15rem !important; }
  .math, .math mjx-container { overflow: hidden !important; padding: 0 !important; }
  .math mjx-assistive-mml { width: auto !important; }"""
BARS = ".math, .math mjx-container { overflow-x: scroll !important; }"


def chromium():
    """The first Chromium or Chrome that runs, or None. On a PATH there may be a stub that does not."""
    for name in filter(None, (os.environ.get("CHROMIUM"), *NAMES)):
        path = shutil.which(name)
        if path and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


@pytest.fixture(scope="module")
def measured():
    """measured[page, window]: its formulas; window: its width, or `wrong` and `bars` for a page that was spoilt."""
    if not PAGES:
        pytest.skip("the book is not built (make book)")
    path = chromium()
    if path is None:
        pytest.skip("there is no Chromium to measure the pages with (apt install chromium, or CHROMIUM=/path/to/it)")
    from playwright.sync_api import TimeoutError, sync_playwright

    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS, ignore_default_args=["--hide-scrollbars"]
        )
        tab = browser.new_page()
        tab.set_default_timeout(120_000)  # ms; a busy machine takes its time
        for page in PAGES:
            name = f"{page.parent.name}/{page.stem}"
            tab.set_viewport_size({"width": DESKTOP[0], "height": 900})
            tab.goto(page.as_uri(), wait_until="domcontentloaded")
            if tab.locator(".math").count() == 0:
                continue
            try:
                tab.wait_for_function("window.MathJax?.startup?.promise", timeout=60_000)
            except TimeoutError:
                if "cdn." in (HTML / "mathjax" / "tex-mml-chtml.js").read_text(encoding="utf-8")[:400]:
                    pytest.skip("MathJax is not in this build (npm was missing), and its CDN cannot be reached")
                raise
            tab.evaluate(READY)
            tab.add_style_tag(content=STYLE)
            for width in (*DESKTOP, PHONE):
                tab.set_viewport_size({"width": width, "height": 900})
                found[name, width] = tab.evaluate(MEASURE)
            if page.stem == "peephole":
                for key, style in ("wrong", WRONG), ("bars", BARS):
                    tab.add_style_tag(content=style)
                    found[name, key] = tab.evaluate(MEASURE)
        browser.close()
    return found


def those(measured, windows, is_wrong, says=""):
    """The formulas of these windows that are wrong, each a line."""
    return "\n".join(
        f"{page}, {window} px wide: {formula['name']}: {says.format(**formula)}"
        for (page, window), formulas in measured.items()
        if window in windows
        for formula in formulas
        if is_wrong(formula)
    )


def overruns(formula):
    return formula["displayed"] and formula["over"] > ROUNDED


def is_cut(formula):
    return formula["cut"] > ROUNDED


def has_no_air(formula):
    return formula["displayed"] and formula["air"] < 2


def has_a_needless_bar(formula):
    return formula["bar"] and formula["width"] < 200  # px: this fits everywhere; a phone's column has 240


def test_every_formula_is_typeset(measured):
    """And seen: what was folded away is open, so that it is measured, too."""
    wrong = those(measured, (*DESKTOP, PHONE), lambda f: f["error"] or not f["width"], "is not there")
    assert not wrong, wrong
    assert sum(f["displayed"] for (_, window), fs in measured.items() if window == PHONE for f in fs) > 300


def test_no_displayed_equation_runs_out_of_its_box(measured):
    """On a desktop; break it over lines: \\begin{aligned}, and a new line begins with a sign."""
    wrong = those(measured, DESKTOP, overruns, "over by {over:.0f} px")
    assert not wrong, wrong


def test_no_displayed_equation_is_cut_above(measured):
    """Where its box ends right above its letters, the bar of a transpose is cut off, and it reads as a prime."""
    wrong = those(measured, (*DESKTOP, PHONE), has_no_air, "{air:.1f} px above it")
    assert not wrong, wrong


def test_every_formula_can_be_reached(measured):
    """It fits, or it scrolls; on a phone as well."""
    wrong = those(measured, (*DESKTOP, PHONE), is_cut, "{cut:.0f} px of it cannot be reached")
    assert not wrong, wrong


def test_what_fits_has_no_scroll_bar(measured):
    wrong = those(measured, (*DESKTOP, PHONE), has_a_needless_bar, "a scroll bar under {width:.0f} px")
    assert not wrong, wrong


@pytest.mark.parametrize("window, is_wrong", [
    ("wrong", overruns), ("wrong", is_cut), ("wrong", has_no_air), ("bars", has_a_needless_bar),
])  # fmt: skip
def test_a_page_that_was_spoilt_is_refused(measured, window, is_wrong):
    assert those(measured, [window], is_wrong)
