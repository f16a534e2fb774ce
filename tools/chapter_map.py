"""The map of the chapters: which needs which, read from their boxes *In this chapter*, drawn as the book is built.

A page has the line `<!-- map: chapters -->`; in its place come the picture and, for those who do not see it, a table.
An arrow leads from a chapter to one that names it under **You need**; what follows from other arrows is not drawn.
"""

import functools
import html
import itertools
import re

import plan

PLACE = "<!-- map: chapters -->"
NEEDS = re.compile(r"\*\*You need\*\*(.*)")
LINK = re.compile(r"\{doc\}`(?:[^<`]*<)?([^>`]+)>?`")
WIDE, HIGH, BETWEEN, DOWN, LINE = 172, 66, 14, 46, 18  # px: a box, the gaps, a line of text
NARROW = 24  # px: the place of an arrow that runs past a row
LETTERS = 20  # in a line of a box


def title(name):
    return re.search(r"^# (.*)", plan.text_of(plan.cells_of(name)), re.MULTILINE)[1]


def needs():
    """Which chapters each chapter names under *You need*: {"derive/gru": ["derive/rnn", …]}, in the book's order."""
    names, found = plan.chapters(), {}
    for name in names:
        box = NEEDS.search(plan.text_of(plan.cells_of(name)))
        links = [_absolute(link, name) for link in LINK.findall(box[1])]
        if "preface's" in box[1] and name != names[0]:
            links.append(names[0])
        found[name] = [other for other in names[: names.index(name)] if other in links]  # a later one is an outlook
    return found


def _absolute(link, name):
    return link.removeprefix("../") if link.startswith("../") else f"{name.split('/')[0]}/{link}"


def reduced(graph):
    """The graph without arrows that follow from others."""

    @functools.cache
    def above(name):
        return frozenset().union(*({other} | above(other) for other in graph[name]))

    return {
        name: [one for one in before if not any(one in above(other) for other in before if other != one)]
        for name, before in graph.items()
    }


def rows(graph):
    """The chapters in rows: each below all that it needs."""

    @functools.cache
    def depth(name):
        return 1 + max(map(depth, graph[name]), default=-1)

    found = [[] for _ in range(max(map(depth, graph)) + 1)]
    for name in graph:
        found[depth(name)].append(name)
    return found


def laid_out(graph):
    """Where everything stands: {chapter: (x, row)}; each arrow as its points from row to row; and the width of it all.

    An arrow over more than one row gets a place of its own in the rows between, so that it runs through no box.
    """
    levels, chains = rows(graph), []
    row = {name: k for k, level in enumerate(levels) for name in level}
    for name, before in graph.items():
        for other in before:
            between = [(other, name, k) for k in range(row[other] + 1, row[name])]
            for step in between:
                levels[step[2]].append(step)
            chains.append([other, *between, name])
    links = [pair for chain in chains for pair in itertools.pairwise(chain)]
    place = {}
    for sweep in range(24):
        down = sweep % 2 == 0
        for level in levels if down else levels[::-1]:
            for k, node in enumerate(level):
                place.setdefault(node, k)
            near = {node: [place[a if down else b] for a, b in links if (b if down else a) == node] for node in level}
            middle = {node: sum(near[node]) / len(near[node]) if near[node] else place[node] for node in level}
            level.sort(key=middle.get)
            for k, node in enumerate(level):
                place[node] = k - len(level) / 2
    width = lambda level: sum(WIDE if node in graph else NARROW for node in level) + BETWEEN * (len(level) - 1)
    widest, where = max(map(width, levels)), {}
    for k, level in enumerate(levels):
        x = (widest - width(level)) / 2
        for node in level:
            wide = WIDE if node in graph else NARROW
            where[node] = (x + wide / 2, k)
            x += wide + BETWEEN
    return where, chains, widest


def wrapped(words):
    """A title in at most three lines."""
    lines = [""]
    for word in words.split():
        if len(lines[-1]) + len(word) < LETTERS:
            lines[-1] = f"{lines[-1]} {word}".strip()
        else:
            lines.append(word)
    return [line for line in lines if line][:3]


def drawn(names_of, url_of):
    """The picture, as SVG with links."""
    graph = reduced(needs())
    where, chains, width = laid_out(graph)
    at = lambda node: (where[node][0] + 2, where[node][1] * (HIGH + DOWN) + 8)
    height = max(at(node)[1] for node in where) + HIGH + 8
    below = {name: ", ".join(names_of[other] for other in graph[name]) or "nothing" for name in graph}
    says = "; ".join(f"{names_of[name]}: {before}" for name, before in below.items())
    parts = [
        f'<div class="chapter-map" tabindex="0" role="region" aria-label="Map of the chapters, to be scrolled">'
        f'<svg class="chapter-map" viewBox="0 0 {width + 4:.0f} {height:.0f}" role="group" '
        f'aria-label="{html.escape("Which chapter needs which. " + says)}">',
        '<defs><marker id="tip-map" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>',
    ]
    for chain in chains:
        (x, y), path = at(chain[0]), ""
        y += HIGH
        path = f"M{x:.0f} {y:.0f}"
        for node in chain[1:]:
            to_x, to_y = at(node)
            path += f"C{x:.0f} {y + 0.6 * DOWN:.0f} {to_x:.0f} {to_y - 0.6 * DOWN:.0f} {to_x:.0f} {to_y - 2:.0f}"
            (x, y) = (to_x, to_y + HIGH) if node in graph else (to_x, to_y)
            if node not in graph:
                path += f"V{to_y + HIGH:.0f}"
                y = to_y + HIGH
        parts.append(f'<path d="{path}" marker-end="url(#tip-map)"/>')
    for name in graph:
        x, y = at(name)
        lines = wrapped(names_of[name])
        top = y + HIGH / 2 - LINE * (len(lines) - 1) / 2 + 5
        text = "".join(
            f'<tspan x="{x:.0f}" y="{top + LINE * k:.0f}">{html.escape(line)}</tspan>' for k, line in enumerate(lines)
        )
        part = name.split("/")[0]
        parts.append(
            f'<a href="{url_of(name)}"><rect class="{part}" x="{x - WIDE / 2:.0f}" y="{y:.0f}" width="{WIDE}" '
            f'height="{HIGH}" rx="6"/><text>{text}</text></a>'
        )
    return "\n".join([*parts, "</svg></div>"])


def table():
    """The same as a table: what each chapter names, all of it."""
    graph = needs()
    lines = ["| chapter | needs | is needed for |", "|---|---|---|"]
    link = lambda names: ", ".join(f"{{doc}}`../{name}`" for name in names) or "–"
    for name, before in graph.items():
        lines.append(f"| {link([name])} | {link(before)} | {link([n for n in graph if name in graph[n]])} |")
    return "\n".join(lines)


def filled(text):
    """A page, the map in its place."""
    if PLACE not in text:
        return text
    names = {name: title(name).partition(": a problem")[0] for name in plan.chapters()}
    return text.replace(PLACE, f"{drawn(names, lambda name: f'../{name}.html')}\n\n{table()}")


def setup(app):
    def read(app, name, source):
        source[0] = filled(source[0])

    app.connect("source-read", read)
    return {"parallel_read_safe": True}
