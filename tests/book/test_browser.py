"""What scripts do on the pages, in Chromium: search, notes beside formulas, reading progress; and the printed book."""

import functools
import http.server
import re
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
import browser  # noqa: E402
import pdf  # noqa: E402
from pypdf import PdfReader  # noqa: E402

HTML = ROOT / "_build" / "html"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def tab():
    """A tab of Chromium that remembers what pages store, and `tab.base`, where the book is served."""
    if not (HTML / "index.html").exists():
        pytest.skip("the book is not built (make book)")
    if browser.path() is None:
        pytest.skip("there is no Chromium (apt install chromium, or CHROMIUM=/path/to/it)")
    from playwright.sync_api import sync_playwright

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(HTML)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.path(), args=browser.FLAGS)
        found = chromium.new_page()
        found.set_default_timeout(120_000)  # ms; a busy machine takes its time
        found.base = f"http://127.0.0.1:{server.server_port}"
        yield found
        chromium.close()
    server.shutdown()
    server.server_close()


BROKEN = """() => [...document.querySelectorAll(".cell_output pre")].filter(pre => {
  const lines = pre.textContent.trimEnd().split("\\n");
  const { lineHeight, paddingTop, paddingBottom } = getComputedStyle(pre);
  const shown = (pre.clientHeight - parseFloat(paddingTop) - parseFloat(paddingBottom)) / parseFloat(lineHeight);
  return Math.max(...lines.map(line => line.length)) <= 80 && Math.round(shown) > lines.length;
}).map(pre => pre.textContent)"""


@pytest.mark.parametrize("width", [390, 768, 1200, 1400])
@pytest.mark.parametrize("name", ["run/speed", "beyond/counting", "check/find-the-bug", "derive/peephole"])
def test_a_printed_table_is_not_broken(tab, name, width):
    """Its lines of up to 80 columns fit, or on a phone scroll."""
    tab.set_viewport_size({"width": width, "height": 900})
    tab.goto(f"{tab.base}/chapters/{name}.html")
    assert tab.evaluate(BROKEN) == []


def search(tab, words):
    """The pages that a search finds, the best first, and the excerpts of them."""
    tab.goto(f"{tab.base}/search.html?q={words.replace(' ', '+')}")
    tab.wait_for_selector("#search-results p.search-summary:has-text('found')")
    tab.wait_for_function("document.querySelectorAll('#search-results li .context').length > 0")
    tab.wait_for_load_state("networkidle")
    links = tab.eval_on_selector_all("#search-results li > a", "e => e.map(a => a.getAttribute('href'))")
    return links, tab.eval_on_selector_all("#search-results li .context", "e => e.map(p => p.innerText)")


@pytest.mark.parametrize("words, chapter", [
    ("peephole", "derive/peephole"), ("forget gate bias", "derive/lstm"), ("GRU", "derive/gru"),
    ("softmax", "derive/learning"), ("vanishing", "derive/dynamics"), ("truncation", "derive/dynamics"),
])  # fmt: skip
def test_a_search_finds_the_chapter_that_derives_it(tab, words, chapter):
    links, excerpts = search(tab, words)
    chapters = [link for link in links if "/back/" not in link]  # the glossary may come before
    places = [k for k, link in enumerate(chapters) if "find-the-bug" in link]
    assert any(chapter in link for link in chapters[:2]) and (not places or places[0] > 2), links[:5]
    raw = [text for text in excerpts if "\\" in text or "mathbf" in text]
    assert excerpts and not raw, raw[:2]


def test_an_equation_shows_beside_a_reference_to_it(tab):
    tab.goto(f"{tab.base}/chapters/derive/peephole.html")
    tab.wait_for_function("window.MathJax?.startup?.promise")
    link = tab.locator("a[data-tex]:visible").first
    link.focus()
    note = tab.locator(".apparatus-note")
    note.locator("mjx-container").wait_for()
    box = note.bounding_box()
    assert note.is_visible() and box["width"] > 40 and box["x"] >= 0
    tab.keyboard.press("Escape")
    assert not note.is_visible()


def test_a_formula_says_what_its_letters_mean(tab):
    tab.goto(f"{tab.base}/chapters/derive/lstm.html")
    tab.wait_for_function("window.MathJax?.startup?.promise")
    tab.evaluate("MathJax.startup.promise")
    tab.locator("span.math[data-symbols^='c: ']:visible").first.hover()
    note = tab.locator(".apparatus-note")
    note.wait_for(state="visible")
    assert note.inner_text().startswith("c: cell state of an LSTM")


def test_reading_progress(tab):
    """A chapter counts when its end was seen, not when it was opened; and it can be forgotten."""
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.goto(f"{tab.base}/chapters/start/preface.html")
    assert tab.locator("#reading-progress").inner_text() == ""
    tab.goto(f"{tab.base}/chapters/start/proofs.html")
    tab.wait_for_load_state()
    assert tab.locator(".is-read").count() == 0
    tab.evaluate("window.scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
    tab.locator(".is-read").first.wait_for(state="attached")
    tab.goto(f"{tab.base}/chapters/start/preface.html")
    says = tab.locator("#reading-progress")
    assert says.inner_text().startswith("You have read 1 of ")
    says.locator("button").click()
    assert says.inner_text() == "" and tab.locator(".is-read").count() == 0


def test_without_javascript_everything_is_there_to_be_read(tab):
    """Formulas as TeX, with a word about it, and the solutions open."""
    context = tab.context.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_default_timeout(120_000)
    page.goto(f"{tab.base}/chapters/derive/peephole.html")
    assert "stand as they are written in TeX" in page.locator("noscript p").inner_text()
    assert "\\sigma" in page.locator("div.math").nth(3).inner_text()
    solutions = page.locator(".solution")
    assert solutions.count() > 3
    assert all(solutions.nth(k).locator("p").nth(1).is_visible() for k in range(solutions.count()))
    context.close()


OUTLINED = """() => {  // the focus, or the bar in which it stands
  const widths = [];
  for (let e = document.activeElement; e && e !== document.body; e = e.parentElement) {
    for (const {outlineStyle, outlineWidth} of [getComputedStyle(e), getComputedStyle(e, "::before")]) {
      if (outlineStyle !== "none") widths.push(parseFloat(outlineWidth));
    }
  }
  return Math.max(0, ...widths);
}"""


def test_what_the_tab_key_reached_is_seen(tab):
    """Past the contents: the buttons above the page; then a solution, which Enter opens."""
    tab.goto(f"{tab.base}/chapters/derive/learning.html")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.innerText") == "Skip to main content"
    tab.keyboard.press("Enter")
    for _ in range(3):
        tab.keyboard.press("Tab")
        assert tab.evaluate(OUTLINED) >= 2, tab.evaluate("document.activeElement.outerHTML")
    button = tab.locator(".solution .toggle-button").first
    button.wait_for()
    button.focus()
    solution = tab.locator(".solution p").nth(1)
    assert tab.evaluate(OUTLINED) >= 2 and not solution.is_visible()
    tab.keyboard.press("Enter")
    solution.wait_for(state="visible")


def test_no_word_of_the_search_field_is_under_its_icon(tab):
    tab.goto(f"{tab.base}/search.html")
    field = tab.locator(".bd-article-container form.bd-search, main form.bd-search").first
    icon, box = field.locator("i").bounding_box(), field.locator("input").bounding_box()
    room = field.locator("input").evaluate("e => parseFloat(getComputedStyle(e).paddingLeft)")
    assert icon["x"] + icon["width"] <= box["x"] + room


def test_the_book_is_printed_in_its_order():
    pages = [page for _, page in pdf.contents()]
    assert pages[0] == "chapters/start/preface" and "chapters/back/ledger" in pages and len(pages) == len({*pages})
    assert all((ROOT / f"{page}.ipynb").exists() or (ROOT / f"{page}.md").exists() for page in pages)


def test_a_chapter_is_printed_whole(tab):
    """With what is folded away, its title, and nothing of the page around it."""
    title, sections, reader = pdf.printed(tab, "chapters/derive/learning")
    text = " ".join(page.extract_text() for page in reader.pages)
    assert title.endswith("One step of learning") and "What to take along" in dict(sections) and len(reader.pages) > 5
    for words in ("What to take along", "Exercises", "Solution to", "cross-entropy"):
        assert words in text, words
    assert "Run this chapter" not in text and "Search" not in text


@pytest.fixture(scope="module")
def two_chapters(tab, tmp_path_factory):
    """A PDF of two chapters, and the sheet on which each begins, counted from 0."""
    path = tmp_path_factory.mktemp("pdf") / "two.pdf"
    pdf.joined(tab, [("Derive", "chapters/derive/learning"), ("Back", "chapters/back/bibliography")]).write(path)
    reader = PdfReader(path)
    named = {item.title: reader.get_destination_page_number(item) for item in reader.outline if "/Title" in item}
    return reader, named


def test_links_of_the_pdf_lead_to_its_own_sheets(two_chapters):
    reader, named = two_chapters
    links = [link.get_object() for sheet in reader.pages for link in sheet.get("/Annots", ())]
    goals = {reader.get_page_number(link["/Dest"][0].get_object()) for link in links if "/Dest" in link}
    assert len(goals) > 5 and max(goals) >= named["Back"] > min(goals)
    addresses = [link["/A"].get("/URI", "") for link in links if "/A" in link]
    assert addresses and all(address.startswith("http") for address in addresses)


def test_the_pdf_has_a_title_contents_and_a_number_on_each_sheet(two_chapters):
    reader, named = two_chapters
    title, contents = (reader.pages[k].extract_text() for k in range(2))
    assert title.startswith("Back Through Time") and "proven" in title and named["Contents"] == 1
    assert contents.index("Derive") < contents.index("2. One step of learning") < contents.index("Bibliography")
    links = [link.get_object()["/Dest"][0].get_object() for link in reader.pages[1]["/Annots"]]
    assert [reader.get_page_number(there) for there in links] == [named["Derive"], named["Back"]]
    for part in ("Derive", "Back"):
        assert re.search(rf"\b{named[part] + 1}\b", contents)
    for number, sheet in enumerate(reader.pages, start=1):
        last = sheet.extract_text().split()[-1]
        assert last == str(number) or number == 1, (number, last)


def pictures(sheet):
    """The pictures of a sheet or a part of it, by the numbers that they have in the PDF."""
    found = set()
    for reference in sheet.get("/Resources", {}).get("/XObject", {}).values():
        drawn = reference.get_object()
        found |= {reference.idnum} if drawn["/Subtype"] == "/Image" else pictures(drawn)
    return found


def test_no_picture_is_torn_in_two(tab):
    """Not even that of a shower and its six features, which is taller than two screens."""
    _, _, reader = pdf.printed(tab, "chapters/run/showers")
    seen = [picture for sheet in reader.pages for picture in pictures(sheet)]
    assert len(seen) >= 7 and len(seen) == len({*seen})
