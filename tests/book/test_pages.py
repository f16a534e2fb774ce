"""Every page of the built book holds: on a wide window and on a phone, in the light and in the dark, for every reader.

Measured in Chromium by measure.js, each page loaded once. `make test` builds the book first. Without Chromium these
tests are skipped (CHROMIUM=/path/to/chromium names one that is not found by itself), and one without axe-core.
"""

import re
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import browser  # noqa: E402

HTML = ROOT / "_build" / "html"
AXE = ROOT / "vendor" / "axe" / "axe.min.js"
PAGES = [*sorted(HTML.glob("chapters/*/*.html")), *sorted(HTML.glob("*.html"))]
PAGES = [page for page in PAGES if page.name != "index.html"]  # it only leads to the preface
JS = Path(__file__).with_name("measure.js").read_text(encoding="utf-8")
DESKTOP, NARROW = (1400, 1280), (768, 360)
WIDTHS, THEMES = (*DESKTOP, *NARROW), ("light", "dark")
ROUNDED = 1  # px: a browser gives the widths of boxes in whole pixels
HEAVIEST = 1_500_000  # bytes, without MathJax: half a minute on a slow line

# MathJax makes its letters as high as those of the text around them, whatever font a machine has. Here they are as
# large as in DejaVu Sans, the widest of the usual ones, so that every machine measures the same.
STYLE = "div.math mjx-container { font-size: 127.3% !important; }"

# As the theme had it, and a narrow column: all that is looked for is wrong here.
WRONG = """.bd-article { max-width: 25rem; } .math { max-width: 15rem !important; }
  .math, .math mjx-container { overflow: hidden !important; padding: 0 !important; }
  .math mjx-assistive-mml { width: auto !important; }
  .bd-article pre { overflow: hidden !important; } .bd-article p { width: 200rem; color: #888; }"""
BARS = ".math, .math mjx-container { overflow-x: scroll !important; }"
SPOIL = """() => {
  document.querySelectorAll(".toggle-button").forEach((e) => (e.ariaLabel = "Toggle hidden content"));
  for (const e of document.querySelectorAll(".bd-article :is(h2, mjx-container)")) [e.id, e.tabIndex] = ["twice", 0];
  document.querySelector(".bd-article a").href = "nowhere.html#at-all";
}"""


def name_of(page):
    return f"{page.parent.name}/{page.stem}"


def local(address):
    return Path(unquote(urlsplit(address).path))


def opened(chromium, page):
    """A tab of its own, so that each visit is the first; and all that the browser says and asks for meanwhile."""
    tab = chromium.new_context(viewport={"width": DESKTOP[0], "height": 900}).new_page()
    tab.set_default_timeout(120_000)  # ms; a busy machine takes its time
    said, asked = [], set()
    tab.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("requestfailed", lambda request: said.append(f"{request.url} was not loaded"))
    tab.on("request", lambda request: asked.add(urldefrag(request.url).url))
    tab.goto(page.as_uri(), wait_until="load")
    tab.add_style_tag(content="* {animation: none !important; transition: none !important}")  # half faded in is pale
    tab.evaluate(JS)
    if tab.locator(".math").count():
        wait_for_mathjax(tab)
    tab.evaluate("measure.ready()")
    return tab, said, asked


def wait_for_mathjax(tab):
    from playwright.sync_api import TimeoutError

    try:
        tab.wait_for_function("window.MathJax?.startup?.promise", timeout=60_000)
    except TimeoutError:
        if "cdn." in (HTML / "mathjax" / "tex-mml-chtml.js").read_text(encoding="utf-8")[:400]:
            pytest.skip("MathJax is not in this build (npm was missing), and its CDN cannot be reached")
        raise


def look(tab, windows):
    """Widths and themes are switched in place."""
    found = {key: tab.evaluate(f"measure.{key}()") for key in ("ids", "names", "stops", "links", "images")}
    if AXE.exists():
        tab.add_script_tag(content=AXE.read_text(encoding="utf-8"))
        for theme in THEMES:
            tab.evaluate("theme => measure.theme(theme)", theme)
            found["axe", theme] = tab.evaluate("onlyColours => measure.axe(onlyColours)", theme != THEMES[0])
    tab.add_style_tag(content=STYLE)
    for width in windows:
        tab.set_viewport_size({"width": width, "height": 900})
        for key in ("formulas", "boxes", "sideways"):
            found[key, width] = tab.evaluate(f"measure.{key}()")
    return found


@pytest.fixture(scope="module")
def measured():
    """measured[page]: what was found; `wrong` and `bars` are pages that were spoilt."""
    if not PAGES:
        pytest.skip("the book is not built (make book)")
    path = browser.path()
    if path is None:
        pytest.skip("there is no Chromium to measure the pages with (apt install chromium, or CHROMIUM=/path/to/it)")
    from playwright.sync_api import sync_playwright

    found = {}
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=browser.FLAGS, ignore_default_args=["--hide-scrollbars"]
        )
        for page in PAGES:
            began = time.monotonic()
            tab, said, asked = opened(chromium, page)
            found[name_of(page)] = {**look(tab, WIDTHS), "said": said, "asked": asked,
                                    "seconds": time.monotonic() - began}  # fmt: skip
            if page.stem == "peephole":
                tab.evaluate(SPOIL)
                for key, style in ("wrong", WRONG), ("bars", BARS):
                    tab.add_style_tag(content=style)
                    found[key] = {**look(tab, [360]), "said": ["an error"], "asked": {"https://example.org/a.js"}}
            tab.context.close()
        chromium.close()
    return found


def right(measured):
    return {page: found for page, found in measured.items() if page not in ("wrong", "bars")}


def those(measured, windows, is_wrong, says=""):
    """The formulas of these windows that are wrong, each a line."""
    return "\n".join(
        f"{page}, {window} px wide: {formula['name']}: {says.format(**formula)}"
        for page, found in measured.items()
        for window in windows
        for formula in found["formulas", window]
        if is_wrong(formula)
    )


# ---- formulas -----------------------------------------------------------------------------------------------------


def overruns(formula):
    return formula["displayed"] and formula["over"] > ROUNDED


def is_cut(found):
    return found["cut"] > ROUNDED


def has_no_air(formula):
    return formula["displayed"] and formula["air"] < 2


def has_a_needless_bar(formula):
    return formula["bar"] and formula["width"] < 200  # px: this fits everywhere; a phone's column has 240


def test_every_formula_is_typeset(measured):
    """And seen: what was folded away is open, so that it is measured, too."""
    wrong = those(right(measured), WIDTHS, lambda f: f["error"] or not f["width"], "is not there")
    assert not wrong, wrong
    assert sum(f["displayed"] for found in right(measured).values() for f in found["formulas", 360]) > 300


def test_no_displayed_equation_runs_out_of_its_box(measured):
    """On a desktop; break it over lines: \\begin{aligned}, and a new line begins with a sign."""
    wrong = those(right(measured), DESKTOP, overruns, "over by {over:.0f} px")
    assert not wrong, wrong


def test_no_displayed_equation_is_cut_above(measured):
    """Where its box ends right above its letters, the bar of a transpose is cut off, and it reads as a prime."""
    wrong = those(right(measured), WIDTHS, has_no_air, "{air:.1f} px above it")
    assert not wrong, wrong


def test_every_formula_can_be_reached(measured):
    """It fits, or it scrolls; on a phone as well."""
    wrong = those(right(measured), WIDTHS, is_cut, "{cut:.0f} px of it cannot be reached")
    assert not wrong, wrong


def test_what_fits_has_no_scroll_bar(measured):
    wrong = those(right(measured), WIDTHS, has_a_needless_bar, "a scroll bar under {width:.0f} px")
    assert not wrong, wrong


@pytest.mark.parametrize("page, is_wrong", [
    ("wrong", overruns), ("wrong", is_cut), ("wrong", has_no_air), ("bars", has_a_needless_bar),
])  # fmt: skip
def test_a_formula_that_was_spoilt_is_found(measured, page, is_wrong):
    assert those({page: measured[page]}, [360], is_wrong)


# ---- all that stands on a page: each check says what is wrong, and finds it on the page that was spoilt -----------


def too_wide(found):
    """Code, outputs, tables, pictures: on a wide window nothing is wider than its box."""
    return [f"{width} px wide: {box['name']}: over by {box['over']:.0f} px"
            for width in DESKTOP[:1]
            for box in found["boxes", width] if box["over"] > ROUNDED]  # fmt: skip


def cut(found):
    """Nowhere anything that cannot be reached by scrolling."""
    return [f"{width} px wide: {box['name']}: {box['cut']:.0f} px cannot be reached"
            for width in WIDTHS if ("boxes", width) in found
            for box in found["boxes", width] if is_cut(box)]  # fmt: skip


def sideways(found):
    """The page itself does not scroll sideways."""
    return [f"{width} px wide: by {found['sideways', width]:.0f} px"
            for width in WIDTHS if found.get(("sideways", width), 0) > 0]  # fmt: skip


def said(found):
    """The browser's console: no error, no warning, nothing that was not loaded."""
    return found["said"] + [f"{image} is no picture" for image in found["images"]]


def foreign(found):
    """The book asks nobody but itself."""
    return [address for address in found["asked"] if urlsplit(address).scheme not in ("file", "data", "blob")]


def twice(found):
    return found["ids"]["twice"]


def namesakes(found):
    """What opens and closes has a name of its own."""
    return sorted({name for name in found["names"] if found["names"].count(name) > 1 or not name})


def stops(found):
    """A formula does not stop the Tab key, unless it has to be scrolled."""
    return found["stops"]


def barriers(found):
    """What axe-core calls serious or critical."""
    return [f"{theme}: {problem}" for theme in THEMES for problem in found.get(("axe", theme), ())]


CHECKS = [too_wide, cut, sideways, said, foreign, twice, namesakes, stops, barriers]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_every_page_holds(measured, check):
    if check is barriers and not AXE.exists():
        pytest.skip("axe-core is not here: make test brings it, where npm is")
    wrong = [f"{page}: {problem}" for page, found in right(measured).items() for problem in check(found)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("check", [cut, sideways, said, foreign, twice, namesakes, stops, barriers],
                         ids=lambda check: check.__name__)  # fmt: skip
def test_a_page_that_was_spoilt_is_found(measured, check):
    if check is barriers and not AXE.exists():
        pytest.skip("axe-core is not here: make test brings it, where npm is")
    assert check(measured["wrong"])


def test_code_that_is_too_wide_is_found(measured):
    assert too_wide({("boxes", 1400): measured["wrong"]["boxes", 360]})


def broken(page, found, ids):
    """Links of a page into the book that lead nowhere."""
    for link in found["links"]:
        address, anchor = urldefrag(link)
        if urlsplit(address).scheme != "file":
            continue
        target = local(address)
        if not target.exists() or (anchor and target in ids and unquote(anchor) not in ids[target]):
            yield f"{page}: {link.removeprefix(HTML.as_uri())}"


def test_every_link_into_the_book_leads_somewhere(measured):
    ids = {page: {*measured[name_of(page)]["ids"]["all"], "top", ""} for page in PAGES}
    wrong = [link for page, found in right(measured).items() for link in broken(page, found, ids)]
    assert not wrong, "\n".join(wrong)
    assert list(broken("wrong", measured["wrong"], ids))


def test_no_page_is_heavy(measured, shown):
    """All that is loaded for it, but MathJax, which comes once for the whole book."""
    weights = {}
    for page, found in right(measured).items():
        files = [local(address) for address in found["asked"] if "/mathjax/" not in address]
        weights[page] = sum(file.stat().st_size for file in files if file.is_file())
    heaviest = max(weights, key=weights.get)
    seconds = sum(found["seconds"] for found in right(measured).values())
    shown(f"pages  {len(weights)}, the heaviest {heaviest} with {weights[heaviest] / 1e6:.2f} MB; "
          f"measured in {seconds:.0f} s")  # fmt: skip
    assert {page: weight for page, weight in weights.items() if weight > HEAVIEST} == {}


def test_nothing_blocks_the_first_paint():
    """Scripts in the head wait until the page is there; only a few words for them are read at once."""
    for page in PAGES:
        if page.stem == "search":
            continue
        head = page.read_text(encoding="utf-8").partition("</head>")[0]
        blocking = [src for attributes, src in re.findall(r'<script([^>]*?) ?src="([^"]*)"', head)
                    if "defer" not in attributes and "async" not in attributes]  # fmt: skip
        assert all("documentation_options" in src for src in blocking), (page, blocking)
