"""How a chapter is told: code that is worth reading, exercises with marks and hints, reading times that are measured.

Of the chapters that have been told anew; the others follow.
"""

import re
import statistics
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
TOLD = {  # chapter -> at least how many exercises
    "start/preface": 5, "start/proofs": 6, "derive/learning": 6, "derive/rnn": 6, "derive/dynamics": 6,
    "derive/gru": 6, "derive/variants": 6,
}  # fmt: skip
STARS = ("★", "★★", "★★★")
WORDS_A_MINUTE, MINUTES_AN_EQUATION_LINE = 200, 1

SOLUTION = re.compile(r"`{3,}\{solution-start\}.*?`{3,}\{solution-end\}", flags=re.DOTALL)
HINT = re.compile(r"`{3,}\{hint\}.*?`{3,}", flags=re.DOTALL)
EQUATION = re.compile(r"(`{3,})\{math\}\n(?::[^\n]*\n)*(.*?)^\1", flags=re.DOTALL | re.MULTILINE)
EXERCISE = re.compile(r"```\{exercise\} ?([^\n]*)\n:label: (\S+)\n(.*?)```", flags=re.DOTALL)


@pytest.fixture(params=TOLD)
def name(request):
    return request.param


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


def lines_of(cell):
    return [line for line in cell.source.splitlines() if line.strip()]


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


def test_code_is_short_and_asserts_are_hidden(name):
    shown = shown_code(cells_of(name))
    lengths = [len(lines_of(cell)) for cell in shown]
    assert statistics.median(lengths) <= 10 and max(lengths) <= 25
    assert not [cell.source for cell in shown if re.search(r"^\s*assert\b", cell.source, flags=re.MULTILINE)]


def test_every_exercise_has_a_title_and_a_mark_of_difficulty(name):
    exercises = exercises_of(text_of(cells_of(name)))
    assert len(exercises) >= TOLD[name]
    for title, label, _, _ in exercises:
        words, _, stars = title.rpartition(" ")
        assert words and stars in STARS, f"{label}: {title}"


def test_a_hint_stands_before_each_solution_and_projects_have_none(name):
    text = text_of(cells_of(name))
    for _, label, _, is_project in exercises_of(text):
        after = text.split(f":label: {label}\n", 1)[1]
        hint = r".*?```\n+```\{hint\}\n:class: dropdown\n.+?```\n+`{3,}\{solution-start\} (\S+)"
        hinted = re.match(hint, after, re.DOTALL)
        assert is_project or (hinted and hinted[1] == label), f"{label}: no hint"
        assert not is_project or f"{{solution-start}} {label}" not in text


def test_some_exercises_need_a_pencil_and_one_is_open(name):
    exercises = exercises_of(text_of(cells_of(name)))
    assert sum("pencil and paper" in body for _, _, body, _ in exercises) >= 2
    assert sum(is_project for _, _, _, is_project in exercises) == 1


def test_the_time_to_read_is_measured(name, shown):
    cells = cells_of(name)
    stated, measured = int(re.search(r"\*\*Time:\*\* (\d+) min", text_of(cells))[1]), minutes_to_read(cells)
    shown(f"telling  {name}: {measured:.1f} minutes to read, {stated} stated")
    assert abs(stated - measured) <= max(2, 0.1 * measured), f"{measured:.1f} minutes to read, {stated} stated"


def test_measuring():
    cells = [nbformat.v4.new_markdown_cell("word " * 400 + "\n\n```{math}\n:label: eq-a\na = b \\\\\n+ c\n```\n"),
             nbformat.v4.new_code_cell("a = 1"), nbformat.v4.new_code_cell("b", metadata={"tags": ["hide-input"]}),
             nbformat.v4.new_markdown_cell("````{solution-start} ex-a\n````\nlong text"),
             nbformat.v4.new_code_cell("c"), nbformat.v4.new_markdown_cell("````{solution-end}\n````")]  # fmt: skip
    assert [cell.source for cell in shown_code(cells)] == ["a = 1"]
    assert minutes_to_read(cells) == pytest.approx(403 / WORDS_A_MINUTE + 2)
