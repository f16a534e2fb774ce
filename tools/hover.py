r"""What a formula can tell: the meaning of its letters, the equation behind a number, and where an equation is used.

While Sphinx writes a page, this adds to its HTML

    data-plain    of a formula in the text: the same as plain text, for search excerpts
    data-symbols  of a formula: what its letters mean, from the tables of the notation page
    data-tex      of a reference to an equation: the equation, which _static/apparatus.js shows while one points at it
    "used in …"   under an equation that other chapters refer to: links to where they do
"""

import html
import json
import re
from pathlib import Path

import plain
from docutils import nodes
from sphinx.addnodes import pending_xref

ROOT = Path(__file__).resolve().parents[1]
NOTATION = ROOT / "chapters" / "back" / "notation.ipynb"
ROW = re.compile(r"^\| (\$[^|]+) \| ([^|]+) \|", re.MULTILINE)
GATE = re.compile(r"(\w+) \$(\\mathbf \w)\$")
MANY = {
    "C",
    "K",
    "G",
    "q",
    "I",
    r"\mathbf v",
    r"\mathbf 1",
    r"\pi",
}  # letters that chapters use for more than one thing
INLINE = re.compile(r'<span class="math notranslate nohighlight">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="([^"]*\bmath\b[^"]*)" id="equation-([^"]+)">(.*?)</div>', re.DOTALL)
CITED = re.compile(r'<a class="reference internal" href="([^"#]*)#equation-([^"]+)">')


# ---- letters -----------------------------------------------------------------------------------------------------


def symbols():
    """What the notation page says of each letter: its LaTeX without index -> meaning."""
    cells = json.loads(NOTATION.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = {}
    for letters, meaning in ROW.findall(text):
        meaning = re.sub(r"\{\w+\}`[^`]*`", "", meaning)
        meaning = re.sub(r"\$([^$]+)\$", lambda match: plain.text(match[1]), meaning)
        for letter in re.findall(r"\$([^$]+)\$", letters):
            found.setdefault(base(letter), meaning)
    for word, letter in GATE.findall(text):
        found.setdefault(letter, word if word == "candidate" else f"{word} gate")
    short = lambda says: re.sub(r"^a (?:bar|d in front): ", "", says).split(";")[0].split(", by")[0].split(": peep")[0]
    return {letter: short(meaning).strip() for letter, meaning in found.items() if letter and letter not in MANY}


def base(letter):
    r"""A letter without what varies: `\mathbf x_t` -> `\mathbf x`; "" if there is more to it."""
    letter = re.sub(r"_\w$|\(x\)$", "", letter.strip())
    letter = re.sub(r"^(\\bar|\\mathrm d|\\partial\^\+).*", r"\1", letter)
    return letter if re.fullmatch(r"\\mathbf \w|\\bar|\\mathrm d|\\partial\^\+|\\?[A-Za-z]+", letter) else ""


ATOM = re.compile(r"\\partial\^\+|\\(?:mathbf|boldsymbol)\s*\{?\w\}?|\\mathrm\s*\{?d\}?(?![a-z])|\\[A-Za-z]+|[A-Za-z]")


def meanings(latex, known):
    """What the letters of a formula mean: "h: hidden state …", in their order, each once."""
    latex = re.sub(
        r"\\(?:text|operatorname|begin|end|texttt|mathit|mathsf|mathbb)\s*\{[^{}]*\}|\\mathbb \w|_\{[^{}]*\}|_\w",
        " ",
        latex,
    )
    found = {}
    for atom in ATOM.findall(latex):
        atom = re.sub(r"^(\\math\w+)\s*\{?(\w)\}?$", r"\1 \2", atom)
        if atom in known:
            found.setdefault(atom, known[atom])
    name = {r"\bar": "a bar", r"\mathrm d": "d", r"\partial^+": "∂⁺"}
    return "; ".join(f"{name.get(atom) or plain.text(atom)}: {meaning}" for atom, meaning in found.items())


# ---- equations ---------------------------------------------------------------------------------------------------


def collect(app, doctree):
    """Keep what equations a page has, and which it refers to."""
    docname = app.env.docname
    latex, cites = app.env.__dict__.setdefault("hover", {}), app.env.__dict__.setdefault("hover_cites", {})
    for node in doctree.findall(nodes.math_block):
        if node.get("label"):
            latex[nodes.make_id(node["label"])] = (docname, node.astext())  # as it stands in the page's HTML
    cites[docname] = dict.fromkeys(
        nodes.make_id(node["reftarget"]) for node in doctree.findall(pending_xref) if node.get("reftype") == "eq"
    )


def users(env, label):
    """The other chapters that refer to an equation, in the book's order. Pages to look things up in do not count."""
    home = env.hover[label][0]
    pages = [page for page in order(env) if "/back/" not in page]
    return [page for page in pages if page != home and label in env.hover_cites.get(page, ())]


def order(env):
    """The pages of the book as its contents have them."""
    found, todo = [], [env.config.root_doc]
    while todo:
        page = todo.pop(0)
        found.append(page)
        todo = [child for child in env.toctree_includes.get(page, ())] + todo
    return found


# ---- a page ------------------------------------------------------------------------------------------------------


def attribute(name, value):
    return f' {name}="{html.escape(value)}"' if value else ""


def add(app, pagename, templatename, context, doctree):
    """Add it all to the HTML of a page."""
    env, body = app.env, context.get("body")
    if not body or pagename not in getattr(env, "hover_cites", {}):
        return
    known = app.config.html_context.setdefault("book_symbols", symbols())
    known = {} if pagename.endswith("/notation") else known

    def inline(match):
        latex = html.unescape(match[1])
        more = attribute("data-plain", plain.text(latex)) + attribute("data-symbols", meanings(latex, known))
        return f'<span class="math notranslate nohighlight"{more}>\\({match[1]}\\)</span>'

    def block(match):
        label, more = match[2], ""
        latex = html.unescape(re.sub(r"<[^>]*>", "", match[3]))
        if label in env.hover and (pages := users(env, label)):
            to = lambda page: f"{app.builder.get_relative_uri(pagename, page)}#cites-{label}"
            links = ", ".join(f'<a href="{to(page)}">{env.titles[page].astext()}</a>' for page in pages)
            more = f'\n<p class="used-in">({number(match[3])}) is used in: {links}</p>'
        says = attribute("data-symbols", meanings(latex, known))
        return f'<div class="{match[1]}" id="equation-{label}"{says}>{match[3]}</div>{more}'

    seen = set()

    def cited(match):
        target, label = match[1], match[2]
        if label not in env.hover:
            return match[0]
        first = "" if label in seen or not target else f' id="cites-{label}"'
        seen.add(label)
        tex = attribute("data-tex", env.hover[label][1].strip())
        return f'<a class="reference internal"{first} href="{target}#equation-{label}"{tex}>'

    body = BLOCK.sub(block, INLINE.sub(inline, body))
    if "/back/" not in pagename:
        body = CITED.sub(cited, body)
    context["body"] = body


def number(inside):
    """The number of an equation, of what stands inside its box."""
    match = re.search(r'class="eqno">\(([\d.]+)\)', inside)
    return match[1] if match else ""


def setup(app):
    app.connect("doctree-read", collect)
    app.connect("html-page-context", add)
    return {"parallel_read_safe": False}
