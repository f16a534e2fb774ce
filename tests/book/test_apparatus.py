"""Glossary, index, notes beside formulas, the map of the chapters: in the sources, and in the built book."""

import html
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
import chapter_map  # noqa: E402
import hover  # noqa: E402
import plain  # noqa: E402
import plan  # noqa: E402
import terms  # noqa: E402

HTML = ROOT / "_build" / "html"
PAGES = sorted(HTML.glob("chapters/*/*.html"))
needs_book = pytest.mark.skipif(not PAGES, reason="the book is not built (make book)")
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))


def page(path):
    return path.read_text(encoding="utf-8")


def leads_somewhere(source, url):
    """Whether a link of a page of the built book leads to a page, and on it to a place."""
    path, _, anchor = html.unescape(url).partition("#")
    target = (source.parent / unquote(path)).resolve() if path else source
    return target.exists() and (not anchor or re.search(rf'(?:id|name)="{re.escape(unquote(anchor))}"', page(target)))


# ---- formulas as plain text --------------------------------------------------------------------------------------


@pytest.mark.parametrize("latex, expected", [
    (r"\mathbf h_t = \tanh(W \mathbf x_t + R\, \mathbf h_{t-1} + \mathbf b)", "h_t = tanh(W x_t + R h_{t-1} + b)"),
    (r"\frac{1 + \tanh(x/2)}{2}", "(1 + tanh(x/2)) / 2"),
    (r"\mathrm d\bar{\mathbf h}_t \odot R^\top", "dh̄_t ⊙ Rᵀ"),
    (r"\tfrac12 \cdot \sqrt{n}", "1/2 · √(n)"),
    (r"\begin{aligned} a &= b \\ &+ \sum_{k=1}^{T} \lVert x_k \rVert \end{aligned}", "a = b + Σ_{k=1}^T ‖ x_k ‖"),
    (r"\frac{\partial^+ \mathbf h_t}{\partial \mathbf c_{t-1}}", "(∂⁺ h_t) / (∂ c_{t-1})"),
    (r"\mathbb R^{D \times B}", "R^{D × B}"),
])  # fmt: skip
def test_plain_text(latex, expected):
    assert plain.text(latex) == expected


def test_no_formula_of_the_book_leaves_a_command():
    found = 0
    for name in [*plan.chapters(), "back/notation"]:
        for latex in re.findall(r"(?<![$\\])\$([^$\n]+)\$(?!\$)", plan.text_of(plan.cells_of(name))):
            found += 1
            assert "\\" not in plain.text(latex), f"{name}: {latex} -> {plain.text(latex)}"
    assert found > 3_000


# ---- letters -----------------------------------------------------------------------------------------------------


def test_the_letters_are_those_of_the_notation_page():
    known = hover.symbols()
    assert known[r"\mathbf h"] == "hidden state, and output of the layer" and known["W"].startswith("input weights")
    assert known[r"\mathbf f"] == "forget gate" and known[r"\mathbf g"] == "candidate"
    assert len(known) > 25 and not hover.MANY & known.keys()


@pytest.mark.parametrize("latex, letters", [
    (r"\mathbf h_t = \tanh(W \mathbf x_t)", ["h", "W", "x"]),
    (r"\bar{\mathbf i}_t", ["a bar", "i"]),
    (r"\mathrm d\mathbf c_t", ["d", "c"]),
    (r"\partial^+", ["∂⁺"]),
    (r"x_{T-1} + \text{at step T} + \mathbb R", []),  # an index, a word, the real numbers
    (r"\mathbf v_t", []),  # used for more than one thing
])  # fmt: skip
def test_meanings(latex, letters):
    says = hover.meanings(latex, hover.symbols())
    assert [part.partition(":")[0] for part in says.split("; ") if part] == letters


@needs_book
def test_formulas_of_the_built_book_say_what_they_mean():
    text = page(HTML / "chapters/derive/lstm.html")
    inline = re.findall(r'<span class="math notranslate nohighlight"([^>]*)>', text)
    assert len(inline) > 200 and all("data-plain=" in attributes for attributes in inline)
    assert sum("data-symbols=" in attributes for attributes in inline) > 100
    assert "\\" not in "".join(html.unescape(" ".join(re.findall(r'data-plain="([^"]*)"', text))))


# ---- equations ---------------------------------------------------------------------------------------------------


@needs_book
def test_a_reference_to_an_equation_carries_it():
    found = 0
    for path in PAGES:
        if path.parent.name != "back":
            for tag in re.findall(r'<a class="reference internal"[^>]*#equation-[^>]*>', page(path)):
                found += 1
                assert re.search(r'data-tex="[^"]+"', tag), f"{path.stem}: {tag}"
    assert found > 300


@needs_book
def test_equations_say_where_they_are_used_and_only_there():
    """Both ways: each link leads to the reference, and each reference from another chapter has its link."""
    used, cites = set(), set()
    for path in PAGES:
        text, me = page(path), f"{path.parent.name}/{path.stem}"
        for block in re.findall(r'<p class="used-in">.*?</p>', text):
            label = re.search(r"#cites-([^\"]+)", block)[1]
            for url in re.findall(r'href="([^"]*)"', block):
                assert leads_somewhere(path, url), f"{me}: {url}"
                target = (path.parent / url.partition("#")[0]).resolve()
                used.add((label, f"{target.parent.name}/{target.stem}"))
        if path.parent.name != "back":
            for label in re.findall(r'<a class="reference internal"[^>]*href="[^"#]+#equation-([^"]+)"', text):
                cites.add((label, me))
    assert used == cites and len(used) > 50


# ---- words -------------------------------------------------------------------------------------------------------


def test_the_glossary_is_in_order_and_long_enough(shown):
    glossary = terms.glossary()
    names = [term.names[0] for term in glossary]
    assert names == sorted(names, key=str.lower) and len(names) == len(set(names)) >= 60
    for term in glossary:
        assert (ROOT / f"{term.page}.ipynb").exists() and term.says.endswith(".") and len(term.says) > 20, term
    shown(f"glossary  {len(names)} terms")


@needs_book
def test_each_term_is_linked_where_it_is_introduced():
    glossary = terms.glossary()
    there = page(HTML / "chapters/back/glossary.html")
    for term in glossary:
        links = re.findall(rf'href="[^"]*glossary.html{re.escape(term.url)}"', page(HTML / f"{term.page}.html"))
        assert len(links) == 1, term
        assert f'id="{term.url[1:]}"' in there, term


def test_finding_words():
    finds = terms.pattern(("state", "BPTT", "n-gram")).findall
    assert finds("State, stateful, cell-state and bptt: BPTT; N-grams") == ["State", "BPTT", "N-grams"]


@needs_book
def test_the_index_has_entries_that_lead_somewhere(shown):
    path = HTML / "genindex.html"
    text = page(path)
    body = text[text.index('class="genindex-jumpbox"') :]
    words = set(re.findall(r"<li>(?:<a [^>]*>\s*<strong>)?\s*([^<]+?)\s*(?:</strong>\s*</a>)?\s*<ul>", body))
    assert len(words) >= 150 and {"forget gate", "carousel", "theorems", "PyTorch"} <= words, sorted(words)
    links = set(re.findall(r'href="(chapters/[^"]*)"', body))
    broken = [url for url in links if not leads_somewhere(path, url)]
    assert not broken
    shown(f"index  {len(words)} entries of words, {len(links)} links")


@needs_book
def test_the_index_is_in_the_contents():
    assert TOC["parts"][-1]["chapters"][-1] == {"file": "genindex"}
    assert re.search(r'href="[^"]*genindex.html"', page(HTML / "chapters/start/preface.html"))
    assert not (HTML / "prf-prf.html").exists()  # raw labels


# ---- the map of the chapters -------------------------------------------------------------------------------------


def test_the_map_has_every_chapter_and_no_circle(shown):
    graph = chapter_map.needs()
    names = plan.chapters()
    assert [*graph] == names
    for name, before in graph.items():
        assert all(names.index(other) < names.index(name) for other in before)
    assert graph["derive/gru"] == ["derive/rnn", "derive/lstm"] and graph["derive/learning"] == []
    reduced = chapter_map.reduced(graph)
    assert reduced["derive/gru"] == ["derive/lstm"]  # which needs the other
    assert reach(reduced) == reach(graph)
    shown(f"map of the chapters  {sum(map(len, graph.values()))} needs, {sum(map(len, reduced.values()))} arrows drawn")


def reach(graph):
    """Which chapters each is built on, directly or not."""
    found = {}
    for name, before in graph.items():
        found[name] = set(before).union(*(found[other] for other in before))
    return found


def test_no_two_things_of_the_map_have_one_place():
    graph = chapter_map.reduced(chapter_map.needs())
    where, chains, width = chapter_map.laid_out(graph)
    half = lambda node: (chapter_map.WIDE if node in graph else chapter_map.NARROW) / 2
    for node, (x, row) in where.items():
        assert half(node) <= x <= width - half(node)
        for other, (x_other, row_other) in where.items():
            assert node == other or row != row_other or abs(x - x_other) > half(node) + half(other), (node, other)
    for chain in chains:  # from row to row, and down
        rows = [where[node][1] for node in chain]
        assert rows == [*range(rows[0], rows[0] + len(rows))]


@needs_book
def test_every_box_of_the_map_is_a_link():
    path = HTML / "chapters/back/chapter-map.html"
    links = re.findall(r'<a href="([^"]*)"><rect', page(path))
    assert sorted(links) == sorted(f"../{name}.html" for name in plan.chapters())
    assert all(leads_somewhere(path, url) for url in links)


# ---- what a page is elsewhere ------------------------------------------------------------------------------------


@needs_book
def test_every_page_has_a_description_and_an_icon():
    seen = {}
    for path in PAGES:
        text = page(path)
        says = re.search(r'<meta name="description" content="([^"]*)"', text)
        assert says and len(says[1]) > 40 and "\\" not in says[1], path.stem
        assert seen.setdefault(says[1], path.stem) == path.stem
        assert "_static/favicon.svg" in text and 'property="og:title"' in text


@needs_book
def test_a_notebook_can_be_downloaded_from_its_page():
    for path in (ROOT / "chapters").glob("*/*.ipynb"):
        built = HTML / path.relative_to(ROOT).with_suffix(".html")
        urls = re.findall(r'<a href="([^"]*)" download>', page(built))
        pdf = any(url.endswith(".pdf") for url in urls)  # after `make pdf` there is a third
        assert len(urls) == 2 + pdf and all((built.parent / url).exists() for url in urls), path.stem
        assert nbformat.read(built.parent / urls[0], as_version=4).cells[0].id == "set-up"
