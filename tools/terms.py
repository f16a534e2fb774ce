"""Words: the first use of a term of the glossary, in the chapter that introduces it, leads there; and the index.

The index has every term of the glossary, the names in chapters/back/index-words.txt, and every theorem with a title.
A page stands under a word where it uses it MANY times or more; and, of a term, the page that introduces it.
"""

import re
from pathlib import Path
from typing import NamedTuple

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx.util.nodes import _make_id

LOGGER = logging.getLogger(__name__)
ROOT = Path(__file__).resolve().parents[1]
GLOSSARY = "chapters/back/glossary"
WORDS = ROOT / "chapters" / "back" / "index-words.txt"
MANY = 3
FORMS = {  # of a term that is written in other ways, too, plurals aside
    "automatic differentiation": ("automatic differentiator",), "batch": ("batches",),
    "exploding gradient": ("exploding",),
    "immediate derivative": ("immediate and total derivative",), "parallel scan": ("parallel",),
    "record": ("recorded",), "rounding error": ("rounding",), "truncation": ("truncated",),
    "vanishing gradient": ("vanishing", "vanishes"),
}  # fmt: skip
THEOREMS = ("theorem", "lemma", "proposition", "corollary", "definition")
NOT_IN = (nodes.title, nodes.reference, nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.raw,
          nodes.caption, nodes.term, addnodes.pending_xref, nodes.comment, nodes.image)  # fmt: skip


class Term(NamedTuple):
    """An entry of the glossary: its name and those that mean the same, what it says, the page that introduces it."""

    names: tuple
    says: str
    page: str

    @property
    def finds(self):
        return pattern((*self.names, *FORMS.get(self.names[0], ())))

    @property
    def url(self):
        return "#" + _make_id(f"term-{self.names[0]}")


def glossary():
    """The entries, as the page has them."""
    text = (ROOT / f"{GLOSSARY}.md").read_text(encoding="utf-8")
    inside = re.search(r"```\{glossary\}\n(.*?)```", text, re.DOTALL)[1]
    found = []
    for entry in inside.strip().split("\n\n"):
        *names, says = entry.split("\n")
        page = re.search(r"\{doc\}`(?:[^<`]*<)?\.\./([^>`]+)>?`$", says)[1]
        says = re.sub(r"\s*\{doc\}`[^`]*`$", "", says.strip())
        found.append(Term(tuple(names), re.sub(r"[$`]|\\mathbf ", "", says), f"chapters/{page}"))
    return found


def words():
    """What the index has beside the glossary: (name, what is looked for) of each line of the list."""
    lines = [line.strip() for line in WORDS.read_text(encoding="utf-8").splitlines()]
    pairs = [line.partition(" = ") for line in lines if line and not line.startswith("#")]
    return [(name, tuple((more or name).split(", "))) for name, _, more in pairs]


def pattern(names):
    """Finds any of the names as words, and their plurals; capitals do not matter, but for an acronym."""
    one = lambda name: re.escape(name) if name[1:] != name[1:].lower() else f"(?i:{re.escape(name)})"
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(one, sorted(names, key=len, reverse=True))) + r")s?(?![\w-])")


def texts(document):
    """The pieces of running text of a page."""
    inside = lambda node: node.parent is not None and (isinstance(node.parent, NOT_IN) or inside(node.parent))
    return [text for text in document.findall(nodes.Text) if not inside(text)]


class Words(SphinxTransform):
    """Links and index entries of a page."""

    default_priority = 840  # before the index is collected

    def apply(self, **kwargs):
        name = self.env.docname
        if name == GLOSSARY or not name.startswith("chapters/") or name.startswith("chapters/back/"):
            return
        title = next((node.astext() for node in self.document.findall(nodes.title)), name)
        for term in sorted(glossary(), key=lambda term: -max(map(len, term.names))):  # "cell state" before "state"
            self.add(term.names[0], term.finds, title, term if term.page == name else None)
        for word, forms in words():
            self.add(word, pattern(forms), title)
        for node in list(self.document.findall(nodes.Element)):
            if node.get("realtype") in THEOREMS and node.get("title"):
                node.parent.insert(
                    node.parent.index(node), self.entry(f"theorems; {node['title'].strip('()')}", node["ids"][0])
                )

    def add(self, word, finds, title, term=None):
        """An entry of the index at the first use of a word, and of a term that is introduced here the link."""
        found = [text for text in texts(self.document) if finds.search(text.astext())]
        uses = sum(len(finds.findall(text.astext())) for text in found)
        if term is None and uses < MANY:
            return
        if not found:
            LOGGER.warning("the glossary says that it introduces %r, which it does not use", word,
                           location=self.env.docname)  # fmt: skip
            return
        anchor = f"index-{nodes.make_id(word)}"
        text, parent = found[0], found[0].parent
        if term is not None:
            match = finds.search(text.astext())
            url = self.app.builder.get_relative_uri(self.env.docname, GLOSSARY) + term.url
            link = nodes.reference("", match[0], internal=True, refuri=url, reftitle=term.says, classes=["term"])
            before, after = text.astext()[: match.start()], text.astext()[match.end() :]
            parent.replace(text, [nodes.Text(before)] * bool(before) + [link] + [nodes.Text(after)] * bool(after))
        parent.insert(0, [self.entry(f"{word}; {title}", anchor), nodes.target("", "", ids=[anchor])])

    def entry(self, words, anchor):
        return addnodes.index(entries=[("single", words, anchor, "", None)])


def setup(app):
    app.add_transform(Words)
    return {"parallel_read_safe": True}
