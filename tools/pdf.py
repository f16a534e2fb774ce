"""The book as one PDF: tools/pdf.py [file], by default _build/back-through-time.pdf.

Chromium prints each page of the built book, solutions open, plotting code and the like left out; pypdf joins them, and
makes the bookmarks: parts, chapters, and the sections of each. A title and the contents come first, and each sheet has
its number (tools/front.py). Every chapter of the built book then has a link to it.
"""

import io
import os
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import browser
import downloads
import front
import launch
import yaml
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, DictionaryObject, FloatObject, NameObject, NullObject

ROOT = Path(__file__).resolve().parents[1]
HTML = ROOT / "_build" / "html"
NOT_PRINTED = ("genindex",)  # its links lead to web pages, and a PDF is searched

OPEN = """async () => {
  await window.MathJax?.startup?.promise;
  await window.MathJax?.startup?.document?.lazyTypesetAll?.();
  document.documentElement.dataset.theme = "light";
  document.querySelectorAll("details").forEach(e => e.open = true);
  document.querySelectorAll(".toggle-hidden").forEach(e => e.classList.remove("toggle-hidden"));
  document.querySelectorAll("img").forEach(e => e.loading = "eager");
  document.querySelectorAll("span.math mjx-container").forEach(e => {  // of the ledger: what is wider than the paper
    const width = e.getBoundingClientRect().width;
    if (width > 800) e.style.fontSize = `${100 * 800 / width}%`;
  });
  await Promise.all([...document.images].map(e => e.decode().catch(() => {})));
}"""


def contents():
    """(part, page) of each page of the book, in its order; the part is "" before the first."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    found = [("", toc["root"])]
    for part in toc["parts"]:
        found += [(part["caption"], chapter["file"]) for chapter in part["chapters"]]
    return [(part, page) for part, page in found if page not in NOT_PRINTED]


def title_of(tab):
    """With the chapter's number, as the page has it; the theme's own heading for paper has none."""
    title = tab.evaluate("document.querySelector('.bd-article h1').innerText")
    return re.sub(r"\s+", " ", title).replace("#", "").strip()


def printed(tab, page):
    """A page of the book: its title, its sections' titles and anchors, and the PDF."""
    tab.goto((HTML / f"{page}.html").as_uri(), wait_until="load")
    tab.evaluate(OPEN)
    title = title_of(tab)
    headings = "[...document.querySelectorAll('.bd-article h2')]"
    sections = tab.evaluate(f"{headings}.map(e => [e.innerText, e.closest('section').id])")
    sections = [(re.sub(r"\s+", " ", name).replace("#", "").strip(), anchor) for name, anchor in sections]
    pdf = tab.pdf(format="A4", scale=0.8, print_background=True, margin=dict.fromkeys(("top", "bottom"), "16mm")
                  | dict.fromkeys(("left", "right"), "14mm"))  # fmt: skip
    return title, sections, PdfReader(io.BytesIO(pdf))


def places(reader, start):
    """anchor -> (sheet of the book, height) of all that Chromium notes the place of: what the page links to."""
    found = reader.named_destinations.items()
    return {unquote(anchor.removeprefix("/")): (start + reader.get_destination_page_number(there), there.top)
            for anchor, there in found}  # fmt: skip


def bookmark_sections(book, reader, start, known, sections, above):
    """Bookmarks for the sections of a chapter; one whose place is not known, at the first sheet that has its title."""
    flat = lambda text: re.sub(r"\W+", "", text)
    texts, at = [flat(page.extract_text()) for page in reader.pages], 0
    for name, anchor in sections:
        there = [k for k in range(at, len(texts)) if flat(name) in texts[k]]
        at = known[anchor][0] - start if anchor in known else there[0] if there else at
        book.add_outline_item(title=name, page_number=start + at, parent=above)


def lead(book, starts, known):
    """Each link to a page of the book goes to its place in the PDF; one to a file that is not printed is taken out.

    starts: page -> its first sheet, known: page -> `places` of it.
    """
    last = {first: page for page, first in starts.items()}
    here = None
    for number, sheet in enumerate(book.pages):
        here = last.get(number, here)
        kept = ArrayObject()
        for reference in sheet.get("/Annots", ()):
            link = reference.get_object()
            action = link.get("/A", DictionaryObject())
            address, anchor = urldefrag(action.get("/URI", ""))
            page, name = here, str(link.get("/Dest", action.get("/D", ""))).removeprefix("/") or anchor
            if address.startswith("file:"):
                page = os.path.relpath(unquote(urlsplit(address).path), HTML).removesuffix(".html")
            elif address:
                kept.append(reference)  # to another site
                continue
            if page in starts:
                to, top = known[page].get(unquote(name), (starts[page], None))
                height = NullObject() if top is None else FloatObject(top)
                goal = [book.pages[to].indirect_reference, NameObject("/XYZ"), NullObject(), height, NullObject()]
                link.pop("/A", None)
                link[NameObject("/Dest")] = ArrayObject(goal)
                kept.append(reference)
        if "/Annots" in sheet:
            sheet[NameObject("/Annots")] = kept


def joined(tab, pages):
    """The pages, each (part, page), printed by a tab of Chromium and joined to one PDF."""
    book, parts, starts, known = PdfWriter(), {}, {}, {}
    chapters = []
    for part, page in pages:
        chapters.append((part, page, *printed(tab, page)))
        print(f"{chapters[-1][2]}: {len(chapters[-1][4].pages)} sheets", flush=True)
    address = lambda page: (HTML / f"{page}.html").as_uri()
    entries = [(part, title, address(page), len(reader.pages)) for part, page, title, _, reader in chapters]
    before = front.title(tab), front.contents(tab, entries)
    heads = [""] * len(before[0].pages) + [front.CONTENTS] * len(before[1].pages)
    for reader in before:
        book.append(reader, import_outline=False)
    book.add_outline_item(title=front.CONTENTS, page_number=heads.index(front.CONTENTS))
    for part, page, title, sections, reader in chapters:
        starts[page] = start = len(book.pages)
        known[page] = places(reader, start)
        for sheet in reader.pages:
            book.add_page(sheet)
        heads += [title] * len(reader.pages)
        if part and part not in parts:
            parts[part] = book.add_outline_item(title=part, page_number=start, bold=True)
        above = book.add_outline_item(title=title, page_number=start, parent=parts.get(part))
        bookmark_sections(book, reader, start, known[page], sections, above)
    lead(book, starts, known)
    for sheet, foot in zip(book.pages, front.feet(tab, heads), strict=True):
        sheet.merge_page(foot)
    book.page_mode = "/UseOutlines"
    book.add_metadata({"/Title": "Back Through Time", "/Author": "The Back Through Time authors"})
    return book


def made(target):
    """Print and join the book. Returns how many pages of the book and sheets of paper it has."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser.path(), args=browser.FLAGS)
        tab = chromium.new_page()
        tab.set_default_timeout(300_000)
        book = joined(tab, contents())
        chromium.close()
    for sheet in book.pages:
        sheet.compress_content_streams()
    target.parent.mkdir(parents=True, exist_ok=True)
    book.write(target)
    return len(contents()), len(book.pages)


def link(target):
    """Put the PDF among the downloads of the built book, and a link to it on every chapter's page."""
    name = f"downloads/{downloads.NAME}.pdf"
    shutil.copy(target, HTML / name)
    for path in HTML.glob("chapters/*/*.html"):
        text = path.read_text(encoding="utf-8")
        to_root = "../" * len(path.relative_to(HTML).parent.parts)
        there = f' · <a href="{to_root}{name}" download>the book as PDF</a>'
        path.write_text(text.replace(launch.PDF, there), encoding="utf-8")


def main():
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "back-through-time.pdf"
    if not (HTML / "index.html").exists():
        sys.exit("there is no book to print: make book")
    if browser.path() is None:
        sys.exit("there is no Chromium to print with: apt install chromium, or CHROMIUM=/path/to/it")
    pages, sheets = made(target)
    link(target)
    print(f"{os.path.relpath(target, ROOT)}: {pages} chapters and pages, {sheets} sheets, "
          f"{target.stat().st_size / 1e6:.1f} MB")  # fmt: skip


if __name__ == "__main__":
    main()
