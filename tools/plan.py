"""The page for teachers: its tables are made from the chapters while Sphinx builds the book.

The page has the lines `<!-- plan: weeks -->`, `<!-- plan: chapters -->` and `<!-- plan: counts -->`; in their places
come the twelve weeks, all chapters, and a sentence with the sums.
"""

import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"<!-- plan: (\w+) -->")
STARS = ("★", "★★", "★★★")
WORDS_A_MINUTE, MINUTES_AN_EQUATION_LINE = 200, 1
WEEKS = (  # chapters, exercises to hand in
    ("start/preface start/proofs", "preface-sign"), ("derive/learning", "learning-scores"), ("derive/rnn", "rnn-hand"),
    ("derive/dynamics", "rnn-transient"), ("derive/lstm", "lstm-reverse"), ("derive/peephole", "peephole-visible"),
    ("derive/gru", "gru-blind"), ("derive/scan derive/variants", "scan-both"),
    ("check/numerical-example check/vectors check/gradient-checking", "vectors-grade gradcheck-scan"),
    ("check/find-the-bug run/layers", "bugs-matter layers-where"), ("run/parity run/parity-why", "why-one"),
    ("run/mnist run/characters", "characters-temperature"),
)  # fmt: skip

SOLUTION = re.compile(r"`{3,}\{solution-start\}.*?`{3,}\{solution-end\}", flags=re.DOTALL)
HINT = re.compile(r"`{3,}\{hint\}.*?`{3,}", flags=re.DOTALL)
EQUATION = re.compile(r"(`{3,})\{math\}\n(?::[^\n]*\n)*(.*?)^\1", flags=re.DOTALL | re.MULTILINE)
EXERCISE = re.compile(r"```\{exercise\} ?([^\n]*)\n:label: (\S+)\n(.*?)```", flags=re.DOTALL)


# ---- measuring a chapter -----------------------------------------------------------------------------------------


def cells_of(name):
    return nbformat.read(ROOT / "chapters" / f"{name}.ipynb", as_version=4).cells


def is_hidden(cell):
    return bool({"hide-input", "hide-cell", "remove-input", "remove-cell"} & {*cell.metadata.get("tags", ())})


def text_of(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def shown_code(cells):
    """The code cells that a reader sees: not those that are hidden, and none of a solution."""
    found, in_solution = [], False
    for cell in cells:
        if cell.cell_type == "markdown":
            starts, ends = (cell.source.rfind(f"{{solution-{word}}}") for word in ("start", "end"))
            in_solution = starts > ends or (in_solution and ends < 0)
        elif not in_solution and not is_hidden(cell):
            found.append(cell)
    return found


def minutes_to_read(cells):
    """Of what is seen at first: no hidden code, no hints, no solutions. Code is prose; equations by lines."""
    text = HINT.sub("", SOLUTION.sub("", text_of(cells)))
    equation_lines = sum(1 + match[2].count(r"\\" + "\n") for match in EQUATION.finditer(text))
    prose = re.sub(r"^:.*$|^`{3,}.*$", "", EQUATION.sub("", text), flags=re.MULTILINE)
    words = len(prose.split()) + sum(len(cell.source.split()) for cell in shown_code(cells))
    return words / WORDS_A_MINUTE + MINUTES_AN_EQUATION_LINE * equation_lines


def exercises_of(text):
    """(title, label, text, whether it is a project) of each exercise."""
    return [(title, label, body, label.endswith("-project")) for title, label, body in EXERCISE.findall(text)]


# ---- the tables --------------------------------------------------------------------------------------------------


def chapters():
    """All chapters of the parts that have exercises, in the book's order: ["start/preface", …]."""
    contents = re.findall(r"(?:file|root): chapters/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
    return [name for name in contents if not name.startswith("back/")]


def counted(names):
    """(minutes to read, in steps of 5; exercises of each mark; of these with pencil; projects) of some chapters."""
    cells = [cells_of(name) for name in names]
    found = [exercise for one in cells for exercise in exercises_of(text_of(one))]
    marks = [sum(title.rpartition(" ")[2] == stars and not open_ for title, _, _, open_ in found) for stars in STARS]
    pencil = sum("pencil and paper" in body for _, _, body, _ in found)
    return 5 * round(sum(map(minutes_to_read, cells)) / 5), marks, pencil, sum(open_ for *_, open_ in found)


def weeks():
    head = "| week | to read | minutes | ★ / ★★ / ★★★ | to hand in |\n|---|---|---|---|---|"
    rows = []
    for week, (names, tasks) in enumerate(WEEKS, 1):
        minutes, marks, _, _ = counted(names.split())
        links = ", ".join(f"{{doc}}`../{name}`" for name in names.split())
        titles = {label: title for name in names.split() for title, label, *_ in exercises_of(text_of(cells_of(name)))}
        tasks = ", ".join(f"{{ref}}`{titles[f'ex-{task}'].rstrip(' ★')} <ex-{task}>`" for task in tasks.split())
        rows.append(f"| {week} | {links} | {minutes} | {' / '.join(map(str, marks))} | {tasks} |")
    return "\n".join([head, *rows])


def all_chapters():
    head = "| chapter | minutes | ★ | ★★ | ★★★ | with pencil | projects |\n|---|---|---|---|---|---|---|"
    rows = []
    for name in chapters():
        minutes, marks, pencil, projects = counted([name])
        rows.append(f"| {{doc}}`../{name}` | {minutes} | {' | '.join(map(str, (*marks, pencil, projects)))} |")
    return "\n".join([head, *rows])


def counts():
    names = chapters()
    minutes, marks, pencil, projects = counted(names)
    return (
        f"The book has {len(names)} chapters with {sum(marks)} exercises that have a solution, {pencil} of them for "
        f"pencil and paper, and {projects} projects that have none. To read it all takes about {round(minutes / 60)} "
        f"hours, at {WORDS_A_MINUTE} words a minute and a minute for each line of an equation."
    )


# ---- Sphinx ------------------------------------------------------------------------------------------------------


def filled(text):
    """The page, its tables in their places."""
    return PLACE.sub(lambda place: {"weeks": weeks, "chapters": all_chapters, "counts": counts}[place[1]](), text)


def setup(app):
    def read(app, name, source):
        if "<!-- plan: " in source[0]:
            source[0] = filled(source[0])

    app.connect("source-read", read)
    return {"parallel_read_safe": True}
