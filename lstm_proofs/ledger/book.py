"""The book's side: the displayed equations of its chapters, as they stand there."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

try:
    import nbformat
except ImportError as error:
    raise ImportError('ledger: needs nbformat: pip install "lstm-core[proofs]"') from error

from .latex import Unproven

PLACES = [Path(__file__).resolve().parents[2], Path.cwd(), *Path.cwd().parents]  # installed from the book, or in it
if not any((folder / "_toc.yml").exists() for folder in PLACES):
    raise ImportError("ledger: reads the book, which is not here: expected _toc.yml in this folder or one above it")
ROOT = next(folder for folder in PLACES if (folder / "_toc.yml").exists())
CONTENTS = re.findall(r"(?:file|root): (\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
NOTEBOOKS = [path for name in CONTENTS if (path := ROOT / f"{name}.ipynb").exists()]
PROVEN = "start", "derive", "beyond"  # parts whose equations are about the shipped code
CHAPTERS = [path for path in NOTEBOOKS if path.parent.name in PROVEN or path.stem == "notation"]

DISPLAYED = re.compile(
    r"^(`{3,})\{math\}\n:label: eq-(\S+)\n(?::class: (\S+)\n)?(.*?)^\1$", flags=re.MULTILINE | re.DOTALL
)
LOOSE = re.compile(r"\$\$|\{math\}(?!`)|\\begin\{|\\\[|<\w", flags=re.IGNORECASE)
DIRECTIVE = re.compile(r"(?:`{3,}|~{3,}|:{3,})[ \t]*(\{[^}\n]*\}|\w+)")
DIRECTIVES = {"{math}", "{figure}", "{admonition}", "{note}", "{tip}", "{warning}", "{dropdown}", "{exercise}",
              "{solution-start}", "{solution-end}", "{hint}", "{image}", "{list-table}", "{table}",
              "text", "python", "bash",
              *(f"{{prf:{name}}}" for name in ("theorem", "proof", "proposition", "definition", "remark", "corollary",
                                               "lemma", "example", "algorithm"))}  # fmt: skip
OUTPUTS = {"text/plain", "image/png", "image/svg+xml"}


class Equation(NamedTuple):
    """A displayed equation: its label without `eq-`, its LaTeX, the chapter it stands in, and its mark, if it has one.

    mark: "" if it is to be proven from its LaTeX against the code; else one of `marks.MARKS`

    >>> from lstm_proofs.ledger import Equation
    >>> Equation("rnn-h-tanh", r"\\mathbf h_t = \\tanh(\\bar{\\mathbf h}_t)", None).label
    'rnn-h-tanh'
    """

    label: str
    latex: str
    chapter: Path
    mark: str = ""


def equations(chapters: Iterable[Path]) -> list[Equation]:
    """All displayed equations of the notebooks but those with a mark; Unproven if one has no label, or may be hidden.

    >>> from lstm_proofs.ledger import CHAPTERS, equations
    >>> [equation.label for equation in equations(CHAPTERS[-1:])]
    ['sigmoid', 'scan-a', 'scan-u']
    """
    found = []
    for path in chapters:
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "markdown":
                found += [equation for equation in displayed(path, cell.source) if not equation.mark]
                _check_text(path, cell.source)
            elif cell.cell_type != "code":
                raise Unproven(f"{path.name}: a {cell.cell_type} cell")
            for output in cell.get("outputs", ()):
                if strange := {*output.get("data", ())} - OUTPUTS:
                    raise Unproven(f"{path.name}: an output that may display an equation: {', '.join(strange)}")
    return found


def displayed(path: Path, text: str) -> list[Equation]:
    """The displayed equations of a text.

    >>> from lstm_proofs.ledger.book import displayed
    >>> displayed(None, "```{math}\\n:label: eq-pi\\n:class: by-cell\\n\\\\pi = 3\\n```")
    [Equation(label='pi', latex='\\\\pi = 3', chapter=None, mark='by-cell')]
    """
    return [Equation(match[2], match[4].strip(), path, match[3] or "") for match in DISPLAYED.finditer(text)]


def title(chapter):
    """The heading of a notebook."""
    return re.search(r"^# (.*)", nbformat.read(chapter, as_version=4).cells[0].source, flags=re.MULTILINE)[1]


def _check_text(path, text):
    if loose := LOOSE.search(DISPLAYED.sub("", text)):
        raise Unproven(f"{path.name}: a displayed equation without a label: {loose[0]!r}")
    for directive in DIRECTIVE.findall(text):
        if directive not in DIRECTIVES:
            raise Unproven(f"{path.name}: a directive that may display an equation: {directive}")
