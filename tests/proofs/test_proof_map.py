"""The map of the proofs: up to date, complete, and every link leads somewhere."""

import re
import sys
from pathlib import Path

import nbformat
import pytest

from lstm_proofs import ledger

ROOT = Path(__file__).parents[2]
if not (ROOT / "formal").is_dir():
    pytest.skip("formal/ is not in this copy of the project", allow_module_level=True)
sys.path.insert(0, str(ROOT / "tools"))

import proof_map  # noqa: E402

import formal  # noqa: E402


@pytest.fixture(scope="module")
def page():
    return proof_map.page()


def slug(heading):
    """The anchor that Sphinx gives a heading."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-")


def headings(text):
    return {slug(line.lstrip("#")) for line in text.splitlines() if line.startswith("#")}


def test_the_map_is_up_to_date(page):
    assert proof_map.PAGE.read_text(encoding="utf-8") == page, "make ledger writes it again"


def test_every_equation_that_is_proven_is_on_it_once(page, shown):
    by_cell = [equation for equation in ledger.marked(ledger.NOTEBOOKS) if equation.mark == "by-cell"]
    for equation in (*ledger.equations(ledger.CHAPTERS), *by_cell):
        assert page.count(f"| {{eq}}`eq-{equation.label}` `{equation.label}` |") == 1, equation.label
    shown(f"map  {len(proof_map.kernel())} lemmas and tactics of the kernel, and what each rests on")


def test_every_line_of_code_that_cites_is_on_it(page):
    for line in ledger.citations():
        for label in line.labels:
            row = next(row for row in page.splitlines() if row.startswith(f"| {{eq}}`eq-{label}` `{label}` |"))
            assert f"`{line.function}`" in row, label


def test_every_lemma_and_every_corollary_of_the_kernel_is_on_it(page):
    for name in formal.FILES:
        if "generated" not in name:
            text = (formal.FORMAL / f"{name}.v").read_text("utf-8")
            for lemma in re.findall(r"^ *(?:Lemma|Theorem) (\w+)", text, re.MULTILINE):
                assert f'<span id="coq-{lemma}"></span>' in page, lemma
    assert all(f"`{name}`" in page for name in formal.corollaries())


def test_what_rests_on_what_is_read_from_the_proofs():
    proven = proof_map.kernel()
    assert proven["scan_gradient"].uses == ("gradient_comp", "run_transposed")
    assert "scan_right" in proven["cell_in_the_scan"].uses and "stage_transposed" in proven["stages_transposed"].uses
    assert {"diff_mult", "derive_tanh"} <= {*proven["differentiate"].uses}
    assert proven["backpropagation_through_time"].says.startswith("Backpropagation through time. For any machine")
    assert not [one.name for one in proven.values() if "**" in one.says]  # headings of the file
    # nothing rests on itself, by whatever way
    seen = {}

    def depth(name, above=()):
        assert name not in above, (*above, name)
        if name not in seen:
            seen[name] = 1 + max((depth(used, (*above, name)) for used in proven[name].uses), default=0)
        return seen[name]

    assert max(map(depth, proven)) >= 6


def test_a_proof_that_names_another_lemma_changes_the_map(tmp_path, monkeypatch, page):
    for name in formal.FILES:
        path = tmp_path / f"{name}.v"
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            (formal.FORMAL / f"{name}.v").read_text("utf-8").replace("scan_gradient f ms", "shared_run f ms")
        )
    monkeypatch.setattr(formal, "FORMAL", tmp_path)
    assert proof_map.kernel()["backpropagation_through_time"].uses == ("shared_run",)
    assert proof_map.page() != page


def test_every_link_leads_somewhere(page):
    anchors = {*re.findall(r'id="([^"]+)"', page), *headings(page)}
    for link in re.findall(r'href="([^"]+)"', page):
        file, _, anchor = link.partition("#")
        if not file:
            assert anchor in anchors, link
            continue
        chapter = (proof_map.PAGE.parent / file).resolve().with_suffix(".ipynb")
        if anchor:
            cells = nbformat.read(chapter, as_version=4).cells
            assert anchor in headings("\n".join(c.source for c in cells if c.cell_type == "markdown")), link
        assert chapter.exists(), link


def test_the_definitions_in_coq_that_it_names_are_there():
    definitions = (formal.FORMAL / "Definitions.v").read_text("utf-8")
    labels = {equation.label for equation in ledger.equations(ledger.CHAPTERS)}
    for label, name in proof_map.IN_COQ.items():
        assert label in labels and re.search(rf"^ *(?:Definition|Fixpoint) {name}\b", definitions, re.MULTILINE)
