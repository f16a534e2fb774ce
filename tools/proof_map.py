"""The map of the proofs: chapters/back/proof-map.md, from the book, the code and the kernel's files.

    .venv/bin/python tools/proof_map.py           writes the page (`make ledger` does so, too)

What stands on what is read, not written here: equations and the lines that cite them from `lstm_proofs.ledger`, the
theorems on paper from the chapters' `{prf:…}` blocks and the references in their proofs, the kernel's lemmas from
formal/*.v, each with the names that its proof mentions.
"""

import html
import re
from pathlib import Path
from typing import NamedTuple

import coq
import nbformat

import formal
from lstm_core.cells import Cell
from lstm_proofs import ledger, prove_cell

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "chapters" / "back" / "proof-map.md"

# The scan in Coq was written by hand after scan.py: which of its definitions is which equation's.
IN_COQ = {"scan-a": "scan_a", "scan-u": "scan_u", "scan-mask": "select", "scan-mask-c": "select", "scan-dh": "backward",
          **{f"scan-{name}": "stage_backward" for name in ("dx", "dW", "dR", "db", "dp")}}  # fmt: skip

HEAD = """# A map of the proofs

What does an equation of this book stand on? Follow it here: from the line that is printed to the line of code that
computes it, from there to its proof on symbols, and to what the proof kernel of {doc}`../derive/kernel` has checked.
Every box of the overview is a link. The page is written by a program (`make ledger`) from the chapters, the code and
the files in `formal/`, and `make test` fails if it is not up to date.
"""


# ---- the kernel's files ---------------------------------------------------------------------------------------------


class Proven(NamedTuple):
    """A lemma, theorem or tactic of Coq. says: its comment; uses: the others that its proof names."""

    file: str
    name: str
    kind: str
    says: str
    uses: tuple[str, ...]


NEXT = r"(?=^ *(?:Lemma|Theorem|Ltac|Definition|Module|Section|End)\b|\Z)"
STATED = re.compile(r"^ *(Lemma|Theorem|Ltac) (\w+)(.*?)" + NEXT,
                    re.DOTALL | re.MULTILINE)  # fmt: skip
COMMENT = re.compile(r"\(\*+(.*?)\*\)", re.DOTALL)


def kernel() -> dict[str, Proven]:
    """All that the files of formal/ prove that are not generated, by name, in the files' order."""
    found: dict[str, tuple[str, str, str, str]] = {}
    stated = _statements()
    for file in formal.FILES:
        if "generated" not in file:
            text = (formal.FORMAL / f"{file}.v").read_text(encoding="utf-8")
            for match in STATED.finditer(text):
                before = text[: match.start()].rstrip()
                said = _comment(before) or stated.get(match[3].partition(".")[0].strip(": \n"), "")
                found.setdefault(match[2], (file, match[1], said, COMMENT.sub("", match[3])))
    names = {name: Proven(file, name, kind, says, ()) for name, (file, kind, says, _) in found.items()}
    return {name: one._replace(uses=_named(found[name][3], names, name)) for name, one in names.items()}


def _comment(before):
    """The comment in which a text ends, or "" where there is none, or a heading."""
    before = before.rstrip()
    said = COMMENT.search(before, before.rfind("(*")) if before.endswith("*)") else None
    words = " ".join(said[1].split()) if said else ""
    return "" if words.startswith("** ") else words  # a heading of coqdoc's speaks of all that follows it


def _statements():
    """The statements of Statements.v: name -> its comment."""
    text = (formal.FORMAL / "Statements.v").read_text(encoding="utf-8")
    return {m[1]: _comment(text[: m.start()]) for m in re.finditer(r"^Definition (\w+)", text, re.MULTILINE)}


def _named(body, names, itself=""):
    words = dict.fromkeys(re.findall(r"\w+", body))
    return tuple(word for word in words if word in names and word != itself)


def anchor(name: str) -> str:
    """A link to the row of something of the kernel's on this page."""
    return f'<a href="#coq-{name}"><code>{name}</code></a>'


def _kernel_section(proven):
    carries: dict[str, list[str]] = {name: [] for name in proven}
    for name, one in proven.items():
        for used in one.uses:
            carries[used].append(name)
    parts = []
    for file in dict.fromkeys(one.file for one in proven.values()):
        rows = [f'| <span id="coq-{one.name}"></span>`{one.name}` | {_says(one)} | {_links(one.uses)} '
                f"| {_links(carries[one.name])} |" for one in proven.values() if one.file == file]  # fmt: skip
        parts.append(f"### {file}.v\n\n| name | | rests on | is used by |\n|---|---|---|---|\n" + "\n".join(rows))
    return "\n\n".join(parts)


def _says(one):
    words = html.escape(re.sub(r"[\[\]]", "", one.says)).replace("|", "&#124;")
    return f"{'tactic' if one.kind == 'Ltac' else one.kind.lower()}{': ' * bool(words)}{words}"


def _links(names):
    return ", ".join(map(anchor, names)) or "–"


# ---- the cells ------------------------------------------------------------------------------------------------------

SHORT = {"rnn": "Vanilla RNN", "rnn-relu": "RNN with relu", "lstm": "LSTM", "peephole": "Peephole LSTM",
         "gru": "GRU, reset after", "gru-before": "GRU, reset before", "nas": "NAS cell"}  # fmt: skip
NAMES = SHORT | {"mingru": "minGRU", "minlstm": "minLSTM", "diagonal": "Diagonal cell", "rglru": "RG-LRU",
                 "diagonal-signed": "Diagonal cell, the factor with a sign", "slstm": "sLSTM"}  # fmt: skip


def coq_names(kind: str) -> list[str]:
    """The names of a kind's cell in Coq, with p of its own and without."""
    cell, own = ledger.KINDS[kind].cell, ledger.KINDS[kind].with_own
    both = [name for name, (c, with_p) in coq.versions().items() if c is cell and (with_p is own or not cell.own)]
    if kind not in ("lstm", "peephole"):
        both = [name for name, (c, _) in coq.versions().items() if c is cell]
    return both


def stage_of(cell: Cell, function: str) -> str:
    """The number that a function's stage has in Coq: "", or "1", "2", …"""
    for k, stage in enumerate(cell.stages, start=1):
        if function in (stage.step.__name__, stage.back.__name__):
            return str(k) if len(cell.stages) > 1 else ""
    raise LookupError(function)


def _cell_section(kind, equations, lines, proven):
    cell, names = ledger.KINDS[kind].cell, coq_names(kind)
    functions = [f"`{f.__name__}`" for stage in cell.stages for f in (stage.step, stage.back)]
    ends = {name: "smooth_cell_in_the_scan" if _is_smooth(name) else "cell_in_the_scan" for name in names}
    chain = [
        f"*The code*, {', '.join(functions)}: equal to the equations below, on symbols ({{doc}}`ledger`).",
        f"*On symbols*, `prove_cell`: {len(prove_cell(cell))} derivatives. `back` is the derivative of `step`.",
        "*In the kernel*, of the terms written from the code: " + "; ".join(
            f"`{name}_proofs.cell_proven`, by {anchor('differential_of')} and {anchor('adjoint')}, and with "
            f"{anchor(ends[name])} the corollary `bptt_{name}`" for name in names) + ".",
    ]  # fmt: skip
    rows = [_row(equation, lines, lambda line: _terms(cell, names, line)) for equation in equations]
    return (f"### {NAMES.get(kind, kind.upper())}\n\n" + "\n".join(f"1. {item}" for item in chain)
            + "\n\n| equation | line of code | in the kernel |\n|---|---|---|\n" + "\n".join(rows))  # fmt: skip


def _is_smooth(name):
    return f"{name}_proofs.cell_smooth" in (formal.FORMAL / "generated" / "Corollaries.v").read_text(encoding="utf-8")


def _terms(cell, names, line):
    """Where a line of a cell stands in the kernel: the term, and the lemma about it."""
    try:
        number = stage_of(cell, line.function)
    except LookupError:
        return "–"
    term = "step" if line.function.endswith("_step") else "back"
    return f"`{names[0]}.{term}{number}`, `stage{number}_proven`"


def _row(equation, lines, in_kernel):
    citing = [line for line in lines if equation.label in line.labels]
    code = "; ".join(dict.fromkeys(
        f"`{line.function}`" + "".join(f" `{name}`" for name in line.names_for(equation.label)) for line in citing
    ))  # fmt: skip
    kernel_side = "; ".join(dict.fromkeys(in_kernel(line) for line in citing)) or "–"
    return f"| {{eq}}`eq-{equation.label}` `{equation.label}` | {code or '–'} | {kernel_side} |"


# ---- on paper -------------------------------------------------------------------------------------------------------

BLOCK = re.compile(r"^(`{3,})\{prf:(theorem|lemma|corollary|proposition|proof)\}([^\n]*)\n(?::label: (\S+)\n)?(.*?)^\1",
                   re.DOTALL | re.MULTILINE)  # fmt: skip


def on_paper() -> list[tuple[Path, str, str, list[str]]]:
    """Chapter, kind, label of each theorem, and what its proof refers to, as roles of the book."""
    found: list[tuple[Path, str, str, list[str]]] = []
    for chapter in ledger.NOTEBOOKS:
        cells = nbformat.read(chapter, as_version=4).cells
        text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        for _, kind, _, label, body in BLOCK.findall(text):
            if kind != "proof":
                found.append((chapter, kind, label, []))
            elif found and found[-1][0] == chapter:
                inside = re.findall(r"^:label: (eq-\S+)$", body, re.MULTILINE)
                roles = re.findall(r"\{(?:eq|prf:ref)\}`[^`]+`", body) + [f"{{eq}}`{name}`" for name in inside]
                found[-1][3].extend(dict.fromkeys(roles))
    return [one for one in found if one[2]]


def _paper_section():
    rows = [f"| {{prf:ref}}`{label}` | {', '.join(roles) or '–'} |" for _, _, label, roles in on_paper()]
    return "| theorem | its proof refers to |\n|---|---|\n" + "\n".join(rows)


# ---- the page -------------------------------------------------------------------------------------------------------


PROBE = "../derive/scan.html#a-cell-that-nothing-can-hide-from"
ALT = ("Overview: printed equations are equal to lines of code; the code is run on symbols, cell by cell and as a "
       "scan, and recorded as terms of Coq, of which the kernel has checked the corollaries for every size. The proof "
       "on paper says the same of every cell.")  # fmt: skip


def overview(counts: dict[str, int]) -> str:
    """The picture at the top, as SVG within the page: its boxes are links, its colours the page's."""
    boxes = {
        "printed": (10, 10, 340, "#equations", "printed equations", f"{counts['equations']}, read from the pages"),
        "code": (10, 100, 340, "../derive/scan.html#the-code", "lines of code", f"{counts['lines']} cite an equation"),
        "cell": (10, 200, 162, "#cells", "cell proofs", f"{counts['cells']} cells, on symbols"),
        "terms": (188, 200, 162, "../derive/kernel.html", "terms of Coq", f"{counts['terms']}, from the code"),
        "scan": (10, 300, 162, PROBE, "scan proof", "a probe, T = 2, 3"),
        "lemmas": (188, 300, 162, "#the-kernel-s-lemmas", "kernel's lemmas", f"{counts['lemmas']}, and theorems"),
        "paper": (10, 400, 162, "#on-paper", "paper proof", "every T, every cell"),
        "bptt": (188, 400, 162, "#coq-smooth_cell_in_the_scan", "corollaries", f"{counts['terms']}, every T, D, H, B"),
    }  # fmt: skip
    arrows = [("printed", "code", "equal, on symbols"), ("code", "cell", "run"), ("code", "terms", "recorded"),
              ("cell", "scan", "with any cell"), ("terms", "lemmas", "checked"), ("scan", "paper", "induction"),
              ("lemmas", "bptt", "induction"), ("paper", "bptt", "")]  # fmt: skip
    parts = []
    for start, end, words in arrows:
        x0, y0, width = boxes[start][:3]
        x1, y1, other = boxes[end][:3]
        if y0 == y1:
            parts.append(f'<path stroke-dasharray="4 3" d="M{x0 + width} {y0 + 30}H{x1}"/>')  # the same theorem
            continue
        x = x1 + other / 2
        parts.append(f'<path d="M{x:g} {y0 + 60}V{y1 - 2}" marker-end="url(#tip)"/>')
        if words:
            parts.append(f'<text x="{x + 8:g}" y="{(y0 + 60 + y1) / 2 + 4:g}">{words}</text>')
    for x, y, width, link, title, words in boxes.values():
        middle = x + width / 2
        parts.append(f'<a href="{link}"><rect x="{x}" y="{y}" width="{width}" height="60" rx="6"/>'
                     f'<text class="title" x="{middle:g}" y="{y + 25}">{title}</text>'
                     f'<text class="words" x="{middle:g}" y="{y + 46}">{words}</text></a>')  # fmt: skip
    return ('<svg class="proof-map" viewBox="0 0 360 472" role="group" '
            f'aria-label="{ALT}">\n'
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
            '<path d="M0 0L8 4L0 8z"/></marker></defs>\n' + "\n".join(parts) + "\n</svg>\n")  # fmt: skip


def page() -> str:
    """The text of the page."""
    equations, lines, proven = ledger.equations(ledger.CHAPTERS), ledger.citations(), kernel()
    by_cell = [equation for equation in ledger.marked(ledger.NOTEBOOKS) if equation.mark == "by-cell"]
    of: dict[str | None, list] = {}
    for equation in equations:
        of.setdefault(ledger.kind_of(equation.label), []).append(equation)
    cells = [kind for kind in dict.fromkeys([*SHORT, *ledger.KINDS]) if kind in of and not kind.startswith("scan")]
    lemmas = [one for one in proven.values() if one.kind != "Ltac"]
    counts = {"equations": len(equations) + len(by_cell), "lines": len(lines), "cells": len(coq.CELLS),
              "terms": len(coq.versions()), "lemmas": len(lemmas)}  # fmt: skip
    in_scan = lambda line: "; ".join(
        dict.fromkeys(f"`{IN_COQ[label]}`" for label in line.labels if label in IN_COQ)
    ) or "–"  # fmt: skip
    scan = [_row(e, lines, in_scan) for e in of["scan"]]
    numbers = [f"| {{eq}}`eq-{e.label}` `{e.label}` | {ledger.place(e, lines)} |" for e in of[None]]
    where = [
        f"| {{eq}}`eq-{e.label}` `{e.label}` | {{doc}}`../{e.chapter.parent.name}/{e.chapter.stem}` |" for e in by_cell
    ]
    return "\n\n".join([
        HEAD.rstrip(), overview(counts).rstrip(),
        "## Equations\n\nIn each table: the printed equation, the line of code that cites it and is proven equal to it "
        "(a dash where no line computes just that: it is proven all the same), and where that line stands in the "
        "kernel. The scan in Coq was written by hand after `scan.py`; there the last column names the definition of "
        "the same thing.",
        "### The scan, with any cell\n\n"
        "1. *The code*, `scan.forward` and `scan.backward`: equal to the equations below, on symbols ({doc}`ledger`).\n"
        "1. *On symbols*, `prove_scan`, with a probe and with the LSTM; and the lines of the proof of "
        "{prf:ref}`thm-scan`, for every cell that keeps its contract, at three steps.\n"
        f"1. *In the kernel*, for every size: {anchor('backpropagation_through_time')}, "
        f"{anchor('stage_transposed')}, {anchor('scan_right')}, {anchor('cell_in_the_scan')}.\n\n"
        "| equation | line of code | definition in Coq |\n|---|---|---|\n" + "\n".join(scan),
        "## Cells\n\nEach cell is proven for itself. What it shares with others, matrix products and time, is above.",
        *[_cell_section(kind, of[kind], lines, proven) for kind in cells],
        "## Identities of numbers\n\n| equation | line of code |\n|---|---|\n" + "\n".join(numbers),
        "## Equations that a cell of a chapter proves\n\n| equation | the cell stands in |\n|---|---|\n"
        + "\n".join(where),
        "## On paper\n\nTheorems whose proofs are written for people, and what these proofs refer to.\n\n"
        + _paper_section(),
        "## The kernel's lemmas\n\nOf the files that are not generated: what each lemma's proof names, and what names "
        "it. All rests on three axioms of Coq's real numbers, and on its library of analysis, which are not shown. "
        "A *tactic* is a small program that finds the steps of a proof; the kernel checks them like any others.\n\n"
        + _kernel_section(proven),
    ]) + "\n"  # fmt: skip


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: written")
