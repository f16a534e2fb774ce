"""The built pages: no script blocks the first paint, pictures are small, and the bibliography says who and when."""

import io
import re
import string
from collections import Counter
from pathlib import Path

from fontTools import subset
from PIL import Image, ImageChops, ImageStat
from pybtex.plugin import register_plugin
from pybtex.richtext import Text
from pybtex.style.formatting.alpha import Style as Alpha
from pybtex.style.labels import BaseLabelStyle

# What extensions write that is no good HTML, or that nobody needs.
MENDS = [(re.compile(wrong, re.DOTALL), right) for wrong, right in (
    (r'role="doc-biblioentry"', 'role="listitem"'),  # in a list
    (r' id="(?:exercise|solution|proof)-content"', ""),  # each of them many times on a page
    (r'(<div class="proof admonition") id="proof"', r"\1"),
    (r"(Solution to)(<a [^>]*>) ", r"\1 \2"),  # a space is no part of the link
    (r'<span class="pre">([^<]*)</span>', r"\1"),  # 1 of 4 elements, and what keeps code from being broken on a phone
    (r"<dl>\s*((?:<dd><em class=.sig-param.>.*?</dd>\s*)+)</dl>",
     lambda found: found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")),
)]  # fmt: skip
NO_SCRIPT = (
    '<noscript><p class="admonition">Without JavaScript, the formulas of this page stand as they are written in TeX, '
    "and what could be pressed does nothing. Texts, code, pictures and solutions are all here.</p></noscript>"
)
LAZY = ("chapters/back/ledger",)  # all formulas of the book: each is typeset when it comes into view
ICON = re.compile(r'((?:\.fa-[\w-]+:before,?)+)\{content:"[^"]*"\}')
UNUSED = ("fontawesome.js*", "*.js.map", "*.css.map", "sphinx-thebe.*")  # of _static


def without_thebe(app, config):
    """Cells run in Jupyter, not in the page: the extension for that declares a constant twice on every page."""
    for listeners in app.events.listeners.values():
        listeners[:] = [one for one in listeners if not one.handler.__module__.startswith("sphinx_thebe")]
    app.registry.css_files[:] = [css for css in app.registry.css_files if "thebe" not in css[0]]


def mend(app, page, template, context, doctree):
    """Scripts wait until the page is there, but for the few words that others read at once. A search waits for none."""
    for script in context["script_files"]:
        if page == "search":  # there the theme's own script calls what these define, at once
            script.attributes.pop("defer", None)
        elif script.filename and not str(script.filename).endswith("documentation_options.js"):
            script.attributes["defer"] = "defer"
    if page in LAZY:
        app.add_js_file(None, body='MathJax.loader = {load: ["ui/lazy"]};', priority=900)
    if "body" in context:
        for wrong, right in MENDS:
            context["body"] = wrong.sub(right, context["body"])
        if 'class="math' in context["body"]:
            context["body"] = context["body"].replace("</h1>", f"</h1>{NO_SCRIPT}", 1)


# ---- pictures and icons -----------------------------------------------------------------------------------------


def small(picture, off=2):
    """The bytes of a PNG, with a palette of 256 colours where that is smaller.

    As it is if a channel would be off by more than `off` of 255, in root mean square.
    """
    drawn = Image.open(io.BytesIO(picture))
    if drawn.mode == "P" or (drawn.mode == "RGBA" and drawn.getextrema()[3][0] < 255):
        return picture
    drawn = drawn.convert("RGB")
    painted = drawn.quantize(256, dither=Image.Dither.NONE)
    file = io.BytesIO()
    painted.save(file, "PNG", optimize=True)
    wrong = max(ImageStat.Stat(ImageChops.difference(drawn, painted.convert("RGB"))).rms)
    return min(picture, file.getvalue(), key=len) if wrong <= off else picture


def only_used_icons(out):
    """Of the theme's 2,400 icons, those that a page or a style names: a style sheet and three fonts become small."""
    static = out / "_static"
    pages = [*out.rglob("*.html"), *static.rglob("*.js")]
    used = {name for path in pages for name in re.findall(r"\bfa-[\w-]+", path.read_text(encoding="utf-8"))}
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    text = ICON.sub(
        lambda rule: rule[0] if used & {*re.findall(r"fa-[\w-]+", rule[1])} else "", sheet.read_text("utf-8")
    )
    sheet.write_text(re.sub(r'url\([^)]*woff2\) format\("woff2"\),', "", text), encoding="utf-8")
    styles = "".join(path.read_text(encoding="utf-8") for path in static.rglob("*.css"))
    codes = {int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", styles)}
    codes |= {ord(letter) for letter in styles if "\ue000" <= letter <= "\uf8ff"}
    for path in static.rglob("fa-*.ttf"):
        some = subset.Subsetter()
        some.populate(unicodes=codes)
        with subset.load_font(path, some.options, lazy=False) as font:
            some.subset(font)
            subset.save_font(font, path, some.options)
        path.with_suffix(".woff2").unlink(missing_ok=True)


def finish(app, error):
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    for path in (out / "_images").glob("*.png"):
        path.write_bytes(small(path.read_bytes()))
    for pattern in UNUSED:
        for path in (out / "_static").rglob(pattern):
            path.unlink()
    only_used_icons(out)


# ---- the bibliography ---------------------------------------------------------------------------------------------


class AuthorYear(BaseLabelStyle):
    """The labels of the bibliography are what the chapters print: names and year, with a letter where two are alike."""

    def format_labels(self, sorted_entries):
        labels = [self.label(entry) for entry in sorted_entries]
        letters = {label: iter(string.ascii_lowercase) for label, times in Counter(labels).items() if times > 1}
        return [label + next(letters[label]) if label in letters else label for label in labels]

    def label(self, entry):
        people = entry.persons.get("author") or entry.persons.get("editor") or ()
        names = [str(Text.from_latex(" ".join(one.prelast_names + one.last_names))) for one in people]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names) or entry.fields.get("title", entry.key)
        return f"{who}, {entry.fields['year']}" if "year" in entry.fields else who


class Sources(Alpha):
    default_label_style = AuthorYear


register_plugin("pybtex.style.formatting", "sources", Sources)


def setup(app):
    app.connect("config-inited", without_thebe)
    app.connect("html-page-context", mend, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
