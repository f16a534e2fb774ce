"""The theorem in Coq: written from the shipped cells, nothing assumed but the real numbers, and mutants rejected.

`make formal` checks the whole; here is what can be said without Coq, and that the kernel rejects a wrong `back`.
"""

import re
import sys
from pathlib import Path

import pytest
from mutants import mutants

from lstm_core import cells, modern
from lstm_core.variants import CELLS

ROOT = Path(__file__).parents[2]
if not (ROOT / "formal").is_dir():
    pytest.skip("formal/ is not in this copy of the project", allow_module_level=True)
sys.path.insert(0, str(ROOT / "tools"))

import coq  # noqa: E402

import formal  # noqa: E402

SOURCES = {str(path.relative_to(formal.FORMAL)): path.read_text("utf-8") for path in formal.FORMAL.rglob("*.v")}


# ---- without Coq -----------------------------------------------------------------------------------------------------


def test_the_cells_terms_are_those_of_the_shipped_code(shown):
    for name, text in coq.files().items():
        assert (formal.FORMAL / "generated" / name).read_text("utf-8") == text, "tools/coq.py writes them again"
    assert {cell.name for cell, _ in coq.versions().values()} == {*CELLS}
    shown(f"formal  {len(coq.versions())} cells written as Coq terms, all of the package, with p and without")


def test_a_changed_sign_in_a_back_changes_its_term():
    wrong = next(m for m in signs(cells, "rnn_back")).load()
    assert coq.cell_text("rnn", wrong.RNN) != coq.cell_text("rnn", cells.RNN)


def without_comments(text):
    assert "(*" not in re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)
    return re.sub(r"\(\*.*?\*\)", "", text, flags=re.DOTALL)


OPEN = r"\b(?:Admitted|admit|give_up|bypass_check|Guard Checking)\b"
FORBIDDEN = OPEN + r"|(?:^|\.)\s*(?:Axioms?|Parameters?|Conjectures?)\s"


def test_nothing_is_admitted_and_nothing_assumed():
    assert {*SOURCES} == {f"{name}.v" for name in formal.FILES}
    for name, text in SOURCES.items():
        commands = without_comments(text)
        assert not re.search(FORBIDDEN, commands, re.MULTILINE), name
        for hypothesis in re.finditer(r"^(Variables?|Hypothes[ie]s|Context)\b", commands, re.MULTILINE):
            before = commands[: hypothesis.start()]
            assert len(re.findall(r"^Section\b", before, re.M)) > len(re.findall(r"^End\b", before, re.M)), name


def test_the_statements_rest_on_definitions_only():
    allowed = {"Definitions": {"Spaces"}, "Statements": {"Definitions"}, "generated/Cells": {"Definitions"}}
    for name, imports in allowed.items():
        found = re.findall(r"^From Bptt Require (?:Import|Export) (.*)\.$", SOURCES[f"{name}.v"], re.MULTILINE)
        assert {*" ".join(found).split()} == imports
    assert not re.search(r"\b(Theorem|Lemma|Proof)\b", without_comments(SOURCES["Statements.v"]))
    assert not re.search(r"\b(Theorem|Lemma|Proof)\b", without_comments(SOURCES["Definitions.v"]))


def test_there_is_a_corollary_for_each_cell_and_what_is_printed_names_it():
    printed = (formal.FORMAL / "printed.txt").read_text("utf-8")
    for name, (cell, own) in coq.versions().items():
        has_kink = any(stage.has_kinks() for stage in coq._stages(cell, own)[1])
        says = "bptt_away_from_kinks" if has_kink else "bptt"
        assert re.search(rf"^bptt_{name}\s+: {says} {name}\.cell$", printed, re.MULTILINE)
    assert {"bptt_rnn", "bptt_lstm", "bptt_peephole", "bptt_gru_after", "bptt_gru_before"} <= {*formal.corollaries()}


PRINTED = """bptt_rnn
     : bptt rnn.cell
gradient = fun L => L
Axioms:
ClassicalDedekindReals.sig_not_dec : forall P : Prop, {~ ~ P} + {~ P}
"""


@pytest.mark.parametrize("version", ["8.16", "9.1"])
def test_another_statement_or_axiom_is_found(version, monkeypatch):
    monkeypatch.setattr(formal, "version", lambda: version)
    stored = "Coq 8.16\n" + PRINTED
    assert formal.faults(PRINTED, stored) == []
    assert formal.faults(PRINTED + "mine : False\n", stored) == ["assumed, and not by the real numbers: mine"]
    assert formal.faults(PRINTED.replace("bptt rnn", "bptt_away_from_kinks rnn"), stored)
    assert bool(formal.faults(PRINTED.replace("=> L", "=> 0"), stored)) == (version == "8.16")
    assert formal.faults(PRINTED.partition("Axioms:")[0], stored)


# ---- with Coq --------------------------------------------------------------------------------------------------------


def signs(module, function):
    """The mutants of a back in which one + is a -, or one - a +."""
    for mutant in mutants(module, [function]):
        was, became = mutant.change.partition(": ")[2].split("  →  ")
        differs = [(x, y) for x, y in zip(was, became) if x != y] if len(was) == len(became) else []
        if mutant.kind == "operator" and differs in ([("+", "-")], [("-", "+")]):
            yield mutant


HUNTED = [  # where the cell is, the function, the cell's name, the stage
    (cells, "rnn_back", "RNN", 0),
    (cells, "lstm_back", "LSTM", 0),
    (cells, "gru_back", "GRU", 0),
    (cells, "gru_gates_back", "GRU_BEFORE", 0),
    (cells, "gru_candidate_back", "GRU_BEFORE", 1),
    (modern, "minlstm_back", "MINLSTM", 0),  # which divides
    (modern, "rglru_back", "RGLRU", 0),  # by a square root, too
    (modern, "lru_back", "LRU", 0),  # whose step and back share a function
]


@pytest.mark.parametrize("text", [
    "Admitted.", "Proof. admit.", "Axiom a : False.", "  Parameter x : R.", "Qed. Axioms a b : False.",
])  # fmt: skip
def test_what_is_forbidden_would_be_seen(text):
    assert re.search(FORBIDDEN, f"Lemma a : True.\n{text}\n", re.MULTILINE)


@pytest.fixture(scope="module")
def basis():
    if says := formal.missing():
        pytest.skip(says)
    formal.compiled(formal.BASIS, say=lambda line: None)


def with_lemma(name, cell, own, stage, **last):
    lemma = coq.lemma_text(cell, own, stage, **last)
    return f"{coq.cell_text(name, cell, own)}\n\nModule {name}_lemma.\nImport {name}.\n{lemma}\nEnd {name}_lemma."


def test_the_kernel_rejects_every_changed_sign(basis, shown):
    """One file: the shipped cell's lemma holds, and with each changed sign the same proof is rejected."""
    parts, count = [coq.HEAD.format(what="Mutants", needs="Definitions Calculus Products Units")], 0
    for module, function, name, stage in HUNTED:
        shipped, own = getattr(module, name), bool(getattr(module, name).own)
        parts.append(with_lemma(f"shipped_{function}", shipped, own, stage))
        for mutant in signs(module, function):
            count += 1
            parts.append(f"(* {function}, {mutant.change} *)")
            wrong = getattr(mutant.load(), name)
            parts.append(with_lemma(f"mutant_{count}", wrong, own, stage, last="equation {}. Fail settle. Abort."))
    (formal.BUILD / "Mutants.v").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    formal.coqc("Mutants.v")  # it ends in an error where a Fail does not fail
    assert count >= 20
    shown(f"formal  {count} of {count} changed signs in a back are rejected by the kernel")
