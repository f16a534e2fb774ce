"""What the printed book has beside its pages: a title, the contents, and a number at the foot of each sheet.

Chromium prints them, too. `lead` of tools/pdf.py makes links of the contents' addresses, as of all others.
"""

import html
import io
from pathlib import Path

import yaml
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]
PICTURE = ROOT / "figures" / "scan.svg"
CONTENTS = "Contents"

STYLE = """<style>
  html { color: #24292f; font: 12pt/1.5 -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; }
  body { margin: 0; }
  h1 { font-size: 34pt; line-height: 1.2; margin: 52mm 0 6mm; }
  h2 { font-size: 20pt; margin: 0 0 6mm; }
  .subtitle { font-size: 16pt; margin: 0; }
  .title svg { display: block; height: 78mm; margin: 20mm auto; max-width: 100%; }
  .title p { margin: 2mm 0; }
  .part { break-after: avoid; font-weight: 600; margin: 4.5mm 0 1mm; }
  .row { break-inside: avoid; color: inherit; display: flex; margin: .6mm 0; text-decoration: none; }
  .row .dots { border-bottom: .3mm dotted #5c646d; flex: 1; margin: 0 2mm 1.4mm; min-width: 6mm; }
  .foot { break-after: page; height: 296mm; position: relative; }
  .foot:last-child { break-after: auto; }
  .foot div { bottom: 7mm; color: #5c646d; display: flex; font-size: 8.5pt; justify-content: space-between; left: 14mm;
              position: absolute; right: 14mm; }
</style>"""
MARGINS = {"top": "20mm", "bottom": "18mm", "left": "22mm", "right": "22mm"}


def printed(tab, body, margin):
    tab.goto("about:blank")
    tab.set_content(f'<!doctype html><html lang="en"><meta charset="utf-8">{STYLE}<body>{body}</body></html>')
    return PdfReader(io.BytesIO(tab.pdf(format="A4", print_background=True, margin=margin)))


def title(tab):
    """The first sheet: what CITATION.cff says of the book."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    name, _, subtitle = cited["title"].partition(": ")
    authors = ", ".join(author["name"] for author in cited["authors"])
    return printed(tab, f"""<div class="title"><h1>{html.escape(name)}</h1>
        <p class="subtitle">{html.escape(subtitle.capitalize())}</p>{PICTURE.read_text(encoding="utf-8")}
        <p>{html.escape(authors)}</p><p>Text: CC BY 4.0. Code: MIT License.</p></div>""", MARGINS)  # fmt: skip


def contents(tab, entries):
    """The sheets after it: each chapter with the number of its first sheet.

    entries: (part, title, address, how many sheets) of each chapter.
    """
    count = 1
    for _ in range(3):  # they count themselves
        rows, number, last = [f"<h2>{CONTENTS}</h2>"], 2 + count, ""
        for part, name, address, sheets in entries:
            rows += [f'<p class="part">{html.escape(part)}</p>'] if part != last else []
            rows.append(f'<a class="row" href="{html.escape(address)}"><span>{html.escape(name)}</span>'
                        f'<span class="dots"></span><span>{number}</span></a>')  # fmt: skip
            number, last = number + sheets, part
        reader = printed(tab, "\n".join(rows), MARGINS)
        if len(reader.pages) == count:
            break
        count = len(reader.pages)
    return reader


def feet(tab, titles):
    """A sheet to be laid over each: the title of its chapter and its number, nothing where there is no title."""
    words = [f"<div><span>{html.escape(name)}</span><span>{number}</span></div>" if name else ""
             for number, name in enumerate(titles, start=1)]  # fmt: skip
    body = "".join(f'<div class="foot">{line}</div>' for line in words)
    return printed(tab, body, dict.fromkeys(MARGINS, "0")).pages
