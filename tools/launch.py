"""How to run a chapter: a line under its title, the downloads, and the buttons that need the repository's address.

The address is one setting, `repository: {url: …}` in _config.yml. Where it is empty there is no link to Binder, Colab,
the source or its issues; where it is set all of them are there, and a preview for whoever shares a page.
"""

import html
import re
from pathlib import Path
from urllib.parse import quote

import downloads
import plain
from docutils import nodes

MAIN = "main"  # the branch with the sources
DESCRIPTION = 200  # characters: what search engines and messengers show
PICTURE = "_static/share.png"
PDF = "<!-- pdf -->"  # tools/pdf.py puts the link in its place, when there is a PDF
LINE = f'<p class="run-it"><span>Run this chapter:</span> {{links}}{PDF}</p>'


def repository(app):
    """The address of the repository, "https://github.com/owner/name", or ""."""
    return app.config.html_theme_options.get("repository_url", "").rstrip("/")


def site(address):
    """Where a repository's pages are read: "https://owner.github.io/name/"."""
    owner, name = address.split("/")[-2:]
    return f"https://{owner}.github.io/{name}/"


def set_buttons(app, config):
    """The theme's own buttons: the repository, *suggest an edit* and *open an issue*, if there is an address."""
    there = bool(config.html_theme_options.get("repository_url"))
    for button in ("use_repository_button", "use_edit_page_button", "use_issues_button"):
        config.html_theme_options[button] = there
    config.html_theme_options["repository_branch"] = MAIN
    if there and not config.html_baseurl:
        config.html_baseurl = site(config.html_theme_options["repository_url"].rstrip("/"))


# ---- the line under the title ------------------------------------------------------------------------------------


def links(docname, address, to_root):
    """(words, URL, attributes) of what can be done with a notebook."""
    found = [
        ("download the notebook", f"{to_root}downloads/{docname}.ipynb", "download"),
        ("or the whole book", f"{to_root}downloads/{downloads.NAME}.zip", "download"),
    ]
    if address:
        name = "/".join(address.split("/")[-2:])
        lab = quote(f"lab/tree/{docname}.ipynb", safe="/")
        found += [
            ("open it in Binder", f"https://mybinder.org/v2/gh/{name}/{MAIN}?urlpath={lab}", ""),
            ("in Colab", "https://colab.research.google.com/github/"
             f"{name}/blob/{downloads.BRANCH}/downloads/{docname}.ipynb", ""),
        ]  # fmt: skip
    return found


def add_line(app, doctree, docname):
    """Put the line under the title of a chapter that is a notebook."""
    if app.builder.format != "html" or not app.env.doc2path(docname).endswith(".ipynb"):
        return
    to_root = "../" * docname.count("/")
    items = [
        f'<a href="{html.escape(url)}"{" " * bool(more)}{more}>{words}</a>'
        for words, url, more in links(docname, repository(app), to_root)
    ]
    how = app.builder.get_relative_uri(docname, app.config.root_doc) + "#how-to-run"
    items.append(f'<a href="{how}">how?</a>')
    title = next(iter(doctree.findall(nodes.title)))
    at = title.parent.index(title) + 1
    line = LINE.format(links=" · ".join(items))
    if docname == app.config.root_doc:
        line += '<p id="reading-progress"></p>'  # filled by _static/apparatus.js
    title.parent.insert(at, nodes.raw("", line, format="html"))


def write_downloads(app, exception):
    if exception is None and app.builder.format == "html":
        downloads.write(Path(app.outdir) / "downloads", repository(app))


# ---- what is shown of a page elsewhere ---------------------------------------------------------------------------


def describe(app, pagename, templatename, context, doctree):
    """A description of the page, and what messengers show of it."""
    title = re.sub(r"<[^>]*>", "", context.get("title", ""))
    says = description(doctree) if doctree is not None else ""
    tags = {"og:title": title, "og:type": "article", "og:site_name": app.config.html_title, "og:description": says}
    if base := app.config.html_baseurl:
        tags |= {"og:url": f"{base}{pagename}.html", "og:image": f"{base}{PICTURE}",
                 "og:image:alt": "Back Through Time: recurrent networks, derived, proven and run",
                 "twitter:card": "summary_large_image"}  # fmt: skip
    lines = [f'<meta property="{key}" content="{html.escape(value)}" />' for key, value in tags.items() if value]
    if says:
        lines.append(f'<meta name="description" content="{html.escape(says)}" />')
    context["metatags"] = context.get("metatags", "") + "\n".join(["", *lines, ""])


def description(doctree):
    """The beginning of the page: of a chapter what it says you will do, of another page its first paragraph."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = re.sub(r"\s+", " ", plain.text_of(paragraph)).strip()
        if len(text) > 60:
            if len(text) > DESCRIPTION:
                text = text[:DESCRIPTION].rsplit(" ", 1)[0] + " …"
            return text
    return ""


def setup(app):
    app.connect("config-inited", set_buttons)
    app.connect("doctree-resolved", add_line)
    app.connect("html-page-context", describe)
    app.connect("build-finished", write_downloads)
    return {"parallel_read_safe": True}
