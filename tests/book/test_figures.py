"""Figures: contrast on both themes, nothing covers what is to be read, and what is stored is what the scripts draw."""

import ast
import json
import re
import sys
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.axes._base import _process_plot_format
from matplotlib.colors import is_color_like, to_hex, to_rgb

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "figures"
SVGS = sorted(FIGURES.rglob("*.svg"))
CSS = (ROOT / "_static" / "custom.css").read_text(encoding="utf-8")

sys.path.insert(0, str(FIGURES))
import account  # noqa: E402
import chunks  # noqa: E402
import graph  # noqa: E402
import palette  # noqa: E402
import probe  # noqa: E402
import two_step  # noqa: E402

PAGE = {"light": "#ffffff", "dark": "#121212"}  # the theme's; a test asks it
TEXT, MARK = 4.5, 3.0  # WCAG 2, 1.4.3 and 1.4.11


# ---- colours as a browser sees them -------------------------------------------------------------------------------


def rgb(colour):
    return [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]


def turned(colour, page):
    """A colour of a figure in the dark theme: invert(1), hue-rotate(180deg), and screened over the page."""
    r, g, b = (1 - x for x in rgb(colour))
    rotated = [
        -0.574 * r + 1.430 * g + 0.144 * b,
        0.426 * r + 0.430 * g + 0.144 * b,
        0.426 * r + 1.430 * g - 0.856 * b,
    ]
    return [1 - (1 - min(max(x, 0), 1)) * (1 - y) for x, y in zip(rotated, rgb(page))]


def luminance(colour):
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def contrasts(colour, ground="#ffffff"):
    """Of a colour on a ground, both of the light form: in the light and in the dark theme."""
    return contrast(rgb(colour), rgb(ground)), contrast(turned(colour, PAGE["dark"]), turned(ground, PAGE["dark"]))


def test_contrast_is_that_of_the_standard():
    assert contrast([0, 0, 0], [1, 1, 1]) == 21
    assert round(contrast(rgb("#767676"), [1, 1, 1]), 2) == 4.54  # the lightest grey that serves as text on white
    assert turned("#ffffff", "#000000") == [0, 0, 0]


def test_the_pages_are_as_dark_as_is_taken_here():
    import sphinx_book_theme

    theme = next(Path(sphinx_book_theme.__file__).parent.rglob("sphinx-book-theme.css")).read_text(encoding="utf-8")
    assert re.search(r"html\[data-theme=dark\]\{[^}]*--pst-color-background:" + PAGE["dark"], theme)
    rule = re.search(r'html\[data-theme="dark"\][^{]*img[^{]*\{[^}]*\}', CSS).group()
    assert "filter: invert(1) hue-rotate(180deg)" in rule and "mix-blend-mode: screen" in rule


# ---- what is drawn --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SVGS, ids=lambda path: path.stem)
def test_every_figure_is_legible_on_both_themes(path):
    """Letters 4.5:1, lines and marks 3:1, on white or on the box they stand in."""
    drawn = path.read_text(encoding="utf-8")
    assert not re.search(r"<(?:text|script|image)\b|@font|href=.http", drawn)  # outlines, which need no font
    for colour in set(re.findall(r"#[0-9a-f]{6}", drawn.lower())) - {"#ffffff"}:
        assert min(contrasts(colour)) >= MARK, (colour, contrasts(colour))
    for colour in re.findall(r'class="text" fill="(#[0-9a-f]{6})"', drawn):
        if colour == "#ffffff":
            assert min(contrasts(colour, palette.LIT)) >= TEXT
        else:
            assert min(contrasts(colour)) >= TEXT, (colour, contrasts(colour))


def test_the_palette_serves_as_text():
    named = {name: value for name, value in vars(palette).items() if str(value).startswith("#")}
    for name, colour in named.items():
        assert min(contrasts(colour)) >= (MARK if name == "LINE" else TEXT), (name, contrasts(colour))


def test_the_style_has_no_other_colours():
    style = (FIGURES / "book.mplstyle").read_text(encoding="utf-8")
    code = "\n".join(line.split("# ")[0] for line in style.splitlines())
    allowed = {value[1:] for value in vars(palette).values() if str(value).startswith("#")}
    assert set(re.findall(r"\b[0-9a-f]{6}\b", code)) <= allowed


def test_a_pale_colour_is_found():
    assert min(contrasts("#cc79a7")) < TEXT and min(contrasts("#7a7a7a")) < TEXT and min(contrasts("#dddddd")) < MARK


# ---- the plots of the chapters -------------------------------------------------------------------------------------

PLOTS = sorted(ROOT.glob("chapters/**/*.ipynb"))
COLOUR = re.compile(r"c|colors?|ecolor|[efm]c|m[ef]c|\w*(?:edge|face|label|line)colors?")  # names of arguments
WRITE = {"text", "annotate", "set_title", "set_xlabel", "set_ylabel", "suptitle", "tick_params"}
FILL = {"fill", "fill_between", "fill_betweenx", "axvspan", "axhspan", "bar", "hist", "grid", "imshow", "pcolormesh"}
MAPPED = {"imshow", "pcolormesh", "matshow", "colorbar", "contourf"}  # where a map of colours may stand: it has a bar


def code_of(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return [source for source in sources if "plt" in source or "ax" in source]


def texts_in(node):
    """The text constants in an expression, but those that look something up or are compared: names[“a”], x == "a"."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.Subscript):
        return texts_in(node.value)
    if isinstance(node, ast.IfExp):
        return texts_in(node.body) + texts_in(node.orelse)
    if isinstance(node, ast.Compare | ast.Call | ast.JoinedStr):
        return []
    if isinstance(node, ast.Dict):
        return [text for value in node.values for text in texts_in(value)]
    return [text for child in ast.iter_child_nodes(node) for text in texts_in(child)]


def colours_of(call):
    """Each colour that a call says in so many words."""
    named = [word.value for word in call.keywords if word.arg and COLOUR.fullmatch(word.arg)]
    found = [text for value in named for text in texts_in(value) if is_color_like(text)]
    if getattr(call.func, "attr", "") in {"plot", "semilogy", "semilogx", "loglog", "errorbar"}:
        for text in (arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)):
            found += [colour] if (colour := _process_plot_format(text)[2]) else []
    return found


def on_white(colour, alpha=1.0):
    return to_hex([1 - alpha * (1 - part) for part in to_rgb(colour)])


def pale(source):
    """What is pale in a cell: calls with a colour, or an opacity, that cannot be told from the page."""
    found = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name, words = getattr(call.func, "attr", ""), {word.arg: word.value for word in call.keywords}
        alpha = words["alpha"].value if name not in FILL and isinstance(words.get("alpha"), ast.Constant) else 1.0
        for colour in colours_of(call) or ([f"C{k}" for k in range(6)] if alpha < 1 else []):
            if colour not in ("white", "w", "none", "#ffffff"):
                least = min(contrasts(on_white(colour, alpha)))
                if least < (TEXT if name in WRITE else MARK):
                    found.append(f"{least:.1f}:1, {ast.unparse(call)}")
        if "cmap" in words and name not in MAPPED:
            found.append(f"a map of colours: {ast.unparse(call)}")
        if name in plt_maps():
            found.append(f"a map of colours: {ast.unparse(call)}")
    return found


def plt_maps():
    return {*mpl.colormaps}


@pytest.mark.parametrize("path", PLOTS, ids=lambda path: path.stem)
def test_nothing_that_a_chapter_plots_is_pale(path):
    """What it does not colour itself has the colours of the style, which the tests above measure."""
    with mpl.rc_context(fname=FIGURES / "book.mplstyle"):
        found = [text for source in code_of(path) for text in pale(source)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source, fine", [
    ("ax.plot(x, color='C4')", True), ("ax.plot(x, color='#dddddd')", False), ("ax.plot(x, '--', c='yellow')", False),
    ("ax.plot(x, 'y:')", False), ("ax.plot(x, 'C0o')", True), ("ax.plot(x, color='C0', alpha=0.5)", False),
    ("ax.plot(x, alpha=0.4)", False), ("ax.fill_between(x, y, color='C0', alpha=0.2)", True),
    ("ax.text(0, 0, 'a', color='0.5')", False), ("ax.axhline(0, color='0.5')", True),
    ("ax.scatter(x, y, c=z, cmap='viridis')", False), ("ax.plot(x, color=plt.cm.viridis(0.1))", False),
    ("ax.imshow(z, cmap='viridis')", True), ("ax.plot(x, color='0.9' if a == 'b' else 'C0')", False),
    ("ax.plot(x, color={'a': 'C0'}['a'])", True), ("ax.bar(x, y, edgecolor='0.8')", False),
])  # fmt: skip
def test_what_is_pale_in_a_plot_is_found(source, fine):
    with mpl.rc_context(fname=FIGURES / "book.mplstyle"):
        assert bool(pale(source)) != fine, pale(source)


# ---- the two-step graphs --------------------------------------------------------------------------------------------

STORED = FIGURES / "two_step"
TOLD = ("rnn", "lstm", "peephole", "gru", "variants", "after")
CHAPTERS = {name: ROOT / "chapters" / "derive" / f"{name}.ipynb" for name in TOLD}
CHAPTERS["after"] = ROOT / "chapters" / "beyond" / "linear-units.ipynb"  # of the cells after the LSTM


@pytest.fixture(scope="module")
def drawn():
    return dict(two_step.drawn())


def text(chapter):
    cells = json.loads(CHAPTERS[chapter].read_text(encoding="utf-8"))["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def test_nothing_is_covered(drawn):
    """No label on a box, on another label or on a lit arrow; no arrow through a box."""
    assert {name: page.faults() for name, (page, _) in drawn.items() if page.faults()} == {}


def test_what_is_covered_is_found(monkeypatch):
    places = two_step.LSTM_LAYOUT.places | {"i": (40, 482, two_step.GATES)}
    moved = two_step.PICTURES["lstm"]._replace(layout=two_step.LSTM_LAYOUT._replace(places=places))
    faults = two_step.Drawing(moved, ("c",)).frame().faults()
    assert "i[0] covers f[0]" in faults or "f[0] covers i[0]" in faults


def test_the_stored_pictures_are_those_of_the_cells(drawn):
    """So a cell that is changed has to be drawn again. (The last digit of a place may differ between processors.)"""
    assert {path.stem for path in STORED.iterdir()} == set(drawn)
    for name, (page, alt) in drawn.items():
        svg, stored = page.svg(alt), (STORED / f"{name}.svg").read_text(encoding="utf-8")
        assert len(stored) <= 60_000
        assert re.sub(r"[-\d.]+", "", svg) == re.sub(r"[-\d.]+", "", stored), name
        numbers = [[float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", drawing)] for drawing in (svg, stored)]
        assert numbers[0] == pytest.approx(numbers[1], abs=1.5), name


def test_a_changed_cell_changes_its_picture(drawn):
    without = two_step.PICTURES["peephole"]._replace(own=False)
    changed = two_step.Drawing(without, ("c",)).frame()
    shipped, _ = drawn["peephole-c"]
    labels = [{tex for tex, *_ in page.labels} for page in (shipped, changed)]
    assert len(labels[0]) == 5 and labels[0] - labels[1] == {rf"\odot\,\mathbf{{p}}_{k}" for k in "iof"}


@pytest.mark.parametrize("name, picture", two_step.PICTURES.items(), ids=lambda x: x if isinstance(x, str) else "")
def test_a_frame_shows_every_arrow_that_leaves(name, picture, drawn):
    two = graph.two_steps(picture.cell, picture.own)
    for lit in picture.frames:
        page, _ = drawn[f"{name}-{lit[-1].replace('_', '-')}"]
        lights = {graph.Variable(letter, step) for letter in lit for step in (0, None)}
        leaving = [graph.factor_tex(arrow) for arrow in two.arrows if arrow.tail in lights]
        assert sorted(tex for tex, *_ in page.labels) == sorted(leaving) and leaving


@pytest.mark.parametrize("chapter", TOLD)
def test_frames_stand_in_the_chapters_with_their_words_and_equations(chapter, drawn):
    figures = re.findall(r"```\{figure\} \S*two_step/(\S+)\.svg\n(.*?)```", text(chapter), flags=re.DOTALL)
    assert {name for name, _ in figures} == {name for name in drawn if name.split("-")[0] == chapter}
    for name, block in figures:
        alt, caption = re.search(r":alt: (.*?)\n\n(.*)", block, flags=re.DOTALL).groups()
        assert alt == drawn[name].alt
        stem = next(stem for stem in sorted(two_step.PICTURES, key=len, reverse=True) if name.startswith(stem))
        picture = two_step.PICTURES[stem]
        lit = next((lit for lit in picture.frames if name == f"{stem}-{lit[-1].replace('_', '-')}"), ())
        arrows = graph.two_steps(picture.cell, picture.own).arrows
        tips = [a for a in arrows if a.tail.name in lit and a.tail.step in (0, None) and a.labels]
        cited = set(re.findall(r"\{eq\}`eq-(\S+?)(?:-bar)?`", caption))
        labels = {arrow: {label.removesuffix("-bar") for label in arrow.labels} for arrow in arrows}
        assert all(cited & labels[arrow] for arrow in tips), name
        assert cited <= set().union(*labels.values()), name


def test_the_pictures_of_the_scan_are_those_of_the_probe():
    """Nothing is covered, and a probe that is changed has to be drawn again."""
    page = probe.drawn()
    assert page.faults() == account.page.faults() == chunks.page.faults() == []
    factors = {(tail, tip): str(factor) for tail, tip, factor in probe.arrows()}
    assert len(factors) == 15 and factors["u_0", "c_1"] == "2" and factors["a_1", "h_t"] == "3"
    svg, stored = page.svg(probe.TITLE), (FIGURES / "probe.svg").read_text(encoding="utf-8")
    assert re.sub(r"[-\d.]+", "", svg) == re.sub(r"[-\d.]+", "", stored)
    numbers = [[float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", drawing)] for drawing in (svg, stored)]
    assert numbers[0] == pytest.approx(numbers[1], abs=1.5)


# ---- who reads whom, as the chapters print it -----------------------------------------------------------------------

LATER = {"t": 0, "t-1": -1, "t+1": 1}


def letters(latex):
    """The variables of a formula: name, step."""
    found = re.findall(r"(\\bar\{)?\\mathbf (\w)\}?_\{?(t(?:[+-]1)?)", latex)
    return [(letter + "_bar" * bool(bar), LATER[step]) for bar, letter, step in found]


def test_the_table_of_the_lstm_is_the_graph():
    table = text("lstm").split("| variable | who reads it |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (\$.*?) \| (.*?) \| .*? \|$", table, flags=re.MULTILINE)
    printed = set()
    for tails, tips in rows:
        tails, tips = letters(tails), letters(tips)
        pairs = zip(tails, tips) if len(tails) == len(tips) > 1 else [(tail, tip) for tail in tails for tip in tips]
        printed |= {(tail, tip, b - a) for (tail, a), (tip, b) in pairs}
    reads = graph.two_steps(two_step.PICTURES["lstm"].cell, own=False).reads()
    inputs = {arrow for arrow in reads if arrow[0] == "x"}  # "the four pre-activations of step t"
    assert printed == reads - inputs and len(inputs) == 4
    loss = next(row for row in rows if row[0] == r"$\mathbf h_t$")
    assert "the loss" in loss[1]


@pytest.mark.parametrize("name", ["lstm", "peephole", "gru", "gru-before"])
def test_the_printed_immediate_derivatives_are_arrows(name):
    """Each labelled equation ∂⁺y/∂x = … of the chapter is an arrow of the graph.

    A cell that leans on the one before it prints only those that are new.
    """
    chapter = name.removesuffix("-before")
    picture, prefix = two_step.PICTURES[name], {"gru": "gru(?!-before)"}.get(name, name)
    reads = graph.two_steps(picture.cell, picture.own).reads()
    printed = set()
    for body in re.findall(rf":label: eq-{prefix}-\S*\n(.*?)```", text(chapter), flags=re.DOTALL):
        left = re.match(r"\s*(?:\\left\()?\\frac\{\\partial\^\+ (.*?)\}\{\\partial (.*?)\}(?:\\right|\s*=)", body)
        if left and (found := letters(left[1]) + letters(left[2])) and len(found) == 2:
            (tip, b), (tail, a) = found
            printed.add((tail, tip, b - a))
    assert printed <= reads and len(printed) >= (3 if name in ("peephole", "gru-before") else 9), printed - reads
