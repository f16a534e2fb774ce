"""The bibliography's labels: author and year, as the text cites them, and no LaTeX."""

from pybtex.plugin import register_plugin
from pybtex.style.formatting.unsrt import Style
from pybtex.style.labels import BaseLabelStyle


def last_name(person):
    return " ".join(map(str, [*person.rich_prelast_names, *person.rich_last_names]))


def label(entry):
    """Cho et al., 2014."""
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = [last_name(person) for person in people]
    said = names[0] if len(names) == 1 else f"{names[0]} et al." if len(names) > 2 else " and ".join(names)
    year = entry.fields.get("year")
    return f"{said}, {year}" if year else said


class Labels(BaseLabelStyle):
    def format_labels(self, entries):
        entries, seen = list(entries), {}
        for entry in entries:
            seen.setdefault(label(entry), []).append(entry.key)
        for entry in entries:
            same = seen[label(entry)]
            yield label(entry) + ("abcdefgh"[same.index(entry.key)] if len(same) > 1 else "")


class AuthorYear(Style):
    default_sorting_style = "author_year_title"
    default_label_style = Labels


def setup(app):
    register_plugin("pybtex.style.formatting", "authoryear", AuthorYear)
    app.config.bibtex_default_style = "authoryear"
    return {"parallel_read_safe": True}
