"""The words of the book: spelt right, the same for the same thing, and none that only makes noise."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("chapters/*/*.ipynb")), *sorted(ROOT.glob("chapters/*/*.md")), *sorted(ROOT.glob("*.md"))]

# What is not written -> what is. The field's words, British spelling, and no word without content.
WORDS = {
    r"data-?sets?": "data set", r"mini-?batch(?:es)?": "batch", r"back-propagat\w+": "backpropagation",
    r"time-?steps?": "time step", r"preactivations?": "pre-activation", r"element-wise": "elementwise",
    r"soft-max": "softmax", r"non-zero": "nonzero",
    r"hyper-parameters?": "hyperparameter", r"check-points?": "checkpoint", r"one hot": "one-hot",
    r"colors?|colored": "colour", r"behaviors?": "behaviour", r"centers?|centered": "centre", r"gray": "grey",
    r"(?!(?:up|down)?siz|resiz|priz|seiz)[a-z]{3,}iz(?:e|es|ed|er|ers|ing|ation|ations)": "-ise",
    r"analyz\w+": "analyse", r"labeled|modeling|canceled": "with ll",
    r"artifacts?": "artefact", r"judgement": "judgment",
    r"obviously|trivially|clearly|simply|basically|actually|needless to say|of course": "(nothing)",
    r"it is easy to see|it should be noted|note that": "(nothing)", r"in order to": "to",
    r"utili[sz]\w+|leverag(?:e|es|ing)": "use", r"state-of-the-art|cutting-edge|powerful|seamless\w*": "(what it does)",
    r"\w+n't|it's|we'll|let's|that's": "in full", r"e\.g\.|i\.e\.|etc\.": "in full",
}  # fmt: skip
NO_PROSE = [(re.compile(pattern, re.DOTALL | re.MULTILINE), "·") for pattern in (
    r"^(`{3,})\{(?:math|bibliography)\}.*?^\1", r"^```\w*\n.*?^```", r"^<svg.*?</svg>", r"\$\$.*?\$\$", r"\$[^$\n]*\$",
    r"(?:\{[\w:]+\})?(`+)[^`]*\1", r"\]\([^)]*\)", r"^:\w+:.*$", r"^\(.*\)=$", r"https?://\S+",
    r"<[^>]*>", r"^\s*-{3}.*$",
)]  # fmt: skip


def prose(path):
    """The sentences of a page, without code, formulas and links; · stands where one was."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        cells = nbformat.reads(text, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for pattern, instead in NO_PROSE:
        text = pattern.sub(instead, text)
    return text


def slips(text):
    """What the word list refuses, and words that stand twice."""
    found = [f"{hit[0]}: {instead}" for word, instead in WORDS.items()
             for hit in re.finditer(rf"(?<![\w-])(?:{word})(?!\w)", text, re.IGNORECASE)]  # fmt: skip
    double = re.finditer(r"\b([a-z]+)\s+\1\b", text, re.IGNORECASE)
    return found + [hit[0] for hit in double if hit[1] not in ("that", "had")]


@pytest.fixture(params=PAGES, ids=lambda path: path.stem)
def page(request):
    return request.param


def test_the_words_are_those_of_the_book(page):
    assert slips(prose(page)) == []


@pytest.mark.parametrize("text", [
    "A data-set of colors.", "We normalized it.", "It is the the same.", "Obviously it doesn't matter, e.g. here.",
])  # fmt: skip
def test_a_slip_is_found(text):
    assert len(slips(text)) == {"A": 2, "W": 1, "I": 1, "O": 3}[text[0]]


def misspelt(folder):
    command = [sys.executable, "-m", "codespell_lib", "--toml", str(ROOT / "pyproject.toml"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode in (0, 65), done.stderr
    return done.stdout


def test_nothing_is_misspelt(tmp_path):
    """In the chapters. `make lint` asks of all other files, too."""
    for path in PAGES:
        (tmp_path / f"{path.stem}.txt").write_text(prose(path), encoding="utf-8")
    assert misspelt(tmp_path) == ""
    (tmp_path / "wrong.txt").write_text("Recieve a seperate gradient.", encoding="utf-8")
    assert misspelt(tmp_path).count("==>") == 2
