"""Rung 6: every displayed equation of the derivations is what the code computes, and every line of it names one."""

import ast
import importlib.util
import inspect
import itertools
import random
import time
import types
from collections import Counter

import nbformat
import pytest
from renaming import renamed

from lstm_core import cells, modern, scan, variants
from lstm_proofs import ledger, prove_scan
from lstm_proofs.spoil import spoilt

EQUATIONS = ledger.equations(ledger.CHAPTERS)
LINES = ledger.citations()
IDS = [equation.label for equation in EQUATIONS]
LATEX = {equation.label: equation.latex for equation in EQUATIONS}
ONE_UNIT = ((1, 1, 1),) * 3
each_line = pytest.mark.parametrize(
    "line", LINES, ids=lambda line: f"{line.file}: {line.function}, {' '.join(line.names or line.labels)}"
)


@pytest.mark.proof
@pytest.mark.parametrize("equation", EQUATIONS, ids=IDS)
def test_the_equation_is_what_the_code_computes(equation, shown):
    start = time.perf_counter()
    ledger.prove(equation.label, equation.latex)
    seconds = time.perf_counter() - start
    shown(f"rung 6  eq-{equation.label}: proven, {ledger.place(equation)}  ({seconds:.3f} s)")


def test_the_equations_hold_for_four_steps_too(shown):
    """Not for T = 3 only; at smaller sizes, for it is about T.

    Left out: what speaks of a step 2 or 3 by number; of cells with a memory, ∂L by every path, 10 s each.
    """
    code, proven = ledger.Code(T=4, sizes=((3, 1, 2), (2, 2, 1), (1, 1, 1))), 0
    for equation in EQUATIONS:
        kind = ledger.KINDS.get(ledger.kind_of(equation.label))
        absolute = any(ledger.is_absolute(side.tree) for side in ledger.sides(equation.latex, kind))
        slow = kind and len(kind.cell.states) > 1 and r"\partial L" in equation.latex
        if not (absolute or slow):
            ledger.prove(equation.label, equation.latex, code)
            proven += 1
    assert proven >= len(EQUATIONS) - 20
    shown(f"rung 6  {proven} of {len(EQUATIONS)} equations hold for T = 4, too")


def test_labels_are_there_once_and_at_least_forty_in_derive():
    assert not [label for label, count in Counter(IDS).items() if count > 1]
    assert sum(equation.chapter.parent.name == "derive" for equation in EQUATIONS) >= 40


@each_line
def test_every_line_that_computes_cites_its_equation(line):
    assert line.labels, f"{line.file}: {line.function}: `{ast.unparse(line.statement)}` names no equation"
    assert set(line.labels) <= set(IDS), f"{line.file}: {line.function} names an equation that is in no chapter"


def test_the_page_of_the_ledger_is_up_to_date():
    """Apart from the times; else run: make ledger"""
    page = ledger.page(prove=lambda label, latex: None)  # they are proven above
    assert ledger.without_times(ledger.PAGE.read_text()) == ledger.without_times(page)


# ---- it can fail -------------------------------------------------------------------------------------------------


def corruptions(label, latex):
    """(kind, corrupted LaTeX): one sign, index or gate changed, or one term or factor dropped."""
    found = [(match.group(), match.start(), match.end()) for match in ledger.TOKEN.finditer(latex)]
    words = [word for word, _, _ in found]
    kind = ledger.KINDS.get(ledger.kind_of(label))
    gates = set(kind.gates if kind else "") - {"h"}
    letters = gates & {*"iof"} if kind and kind.reads else set()
    outer = _outside_of_scripts(words)
    for k, (word, start, end) in enumerate(found):
        before = words[k - 1] if k else ""
        if word in "+-" and outer[k]:
            yield "sign", latex[:start] + {"+": "-", "-": "+"}[word] + latex[end:]
            yield "dropped term", latex[:start] + latex[_end_of_term(found, k, ("+", "-")) :]
        if word == r"\odot":
            yield "dropped term", latex[:start] + latex[_end_of_term(found, k, ("+", "-", r"\odot")) :]
        if word == "_" and words[k + 1] == "t":
            for other in ("t-1", "t+1"):
                yield "index", f"{latex[: found[k + 1][1]]}{{{other}}}{latex[found[k + 1][2] :]}"
        if word == "_" and words[k + 1 : k + 3] == ["{", "t"] and words[k + 3] in "+-":
            yield "index", latex[: found[k + 1][1]] + "t" + latex[found[k + 5][2] :]
        if word == "," and words[k + 1 : k + 3] == ["t", "}"]:
            for other in ("t-1", "t+1"):
                yield "index", f"{latex[:end]}{other}{latex[found[k + 1][2] :]}"
        if word in letters and words[k - 3 : k - 1] == ["_", "{"] and words[k - 4] == "R" and before in letters:
            for other in sorted(letters - {word}):
                yield "gate", latex[:start] + other + latex[end:]
        is_gate = before in (r"\mathbf", "_") or (before == "{" and words[k - 2] in (r"\mathbf", "_", r"\bar"))
        if word in gates and is_gate:
            for other in sorted(gates - {word}):
                yield "gate", latex[:start] + other + latex[end:]


def _outside_of_scripts(words):
    """For each token, whether it is neither in a subscript nor in a superscript."""
    outside, script, depth = [], None, 0
    for k, word in enumerate(words):
        depth += {"{": 1, "}": -1}.get(word, 0)
        outside.append(script is None and words[k - 1] not in ("_", "^"))
        if script is None and word == "{" and words[k - 1] in ("_", "^"):
            script = depth
        elif script is not None and word == "}" and depth < script:
            script = None
    return outside


def _end_of_term(found, k, stops):
    """Where the term ends that begins after token k."""
    depth = 0
    for j in range(k + 1, len(found)):
        word, start, _ = found[j]
        depth += {"{": 1, "(": 1, "[": 1, "}": -1, ")": -1, "]": -1}.get(word, 0)
        closing = word in (r"\right", r"\bigr") and found[j + 1][0] in (")", "]")
        if depth < 0 or closing or (depth == 0 and (word in stops or word in ("=", r"\\", "&", r"\end", ".", ","))):
            return start
    return found[-1][2]


# Where there is no step, h_t is h_{t-1}, and it does not matter which of them is written there: true, too.
TRUE = [rf"\mathbf {h}_t = \mathbf v_t \odot \hat{{\mathbf {h}}}_t + (1 - \mathbf v_t) \odot \mathbf {h}_t."
        for h in "hc"]  # fmt: skip


def test_corrupted_equations_are_refused(shown):
    """At most twelve corruptions of each equation, chosen at random; all must be refused.

    Most are false for one unit already, which is quick; the others are tried at the sizes of the proofs.
    """
    rng, made, alive, one_unit = random.Random(0), Counter(), [], ledger.Code(sizes=ONE_UNIT)
    for equation in EQUATIONS:
        possible = [c for c in dict.fromkeys(corruptions(equation.label, equation.latex)) if c[1] not in TRUE]
        for kind, latex in rng.sample(possible, min(12, len(possible))):
            made[kind] += 1
            try:
                for code in (one_unit, ledger.SHIPPED):
                    ledger.prove(equation.label, latex, code)
                alive.append(f"eq-{equation.label}, {kind}: {latex}")
            except ledger.Unproven:
                pass
    assert not alive, "corruptions that passed:\n" + "\n".join(alive)
    assert made.total() >= 100 and min(made.values()) >= 20 and len(made) == 4
    kinds = ", ".join(f"{count} {kind}" for kind, count in made.most_common())
    shown(f"rung 6  {made.total()} of {made.total()} corrupted equations refused ({kinds})")


@pytest.mark.parametrize("seed", range(12))
def test_a_corrupted_chapter_is_refused(seed, tmp_path):
    """One sign flipped in the file of one chapter, and the ledger of that chapter fails."""
    rng = random.Random(seed)
    equation, latex = rng.choice(
        [(e, latex) for e in EQUATIONS for kind, latex in corruptions(e.label, e.latex) if kind == "sign"]
    )
    notebook = nbformat.read(equation.chapter, as_version=4)
    for cell in notebook.cells:
        if f":label: eq-{equation.label}\n" in cell.source:
            cell.source = cell.source.replace(equation.latex, latex)
    nbformat.write(notebook, tmp_path / "chapter.ipynb")
    with pytest.raises(ledger.Unproven, match=f"eq-{equation.label}:"):
        for corrupted in ledger.equations([tmp_path / "chapter.ipynb"]):
            ledger.prove(corrupted.label, corrupted.latex)


def doubled(line, **settings):
    """The code with the value of a line doubled, or the argument of its sigmoid or tanh: no shape changes."""
    module = {"cells.py": cells, "modern.py": modern, "variants.py": variants, "scan.py": scan}[line.file]
    tree = ast.parse(inspect.getsource(module))
    (node,) = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno == line.statement.lineno]
    twice = lambda value: ast.BinOp(ast.Constant(2), ast.Mult(), value)
    if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("sigmoid", "tanh"):
        node.value.args[0] = twice(node.value.args[0])
    elif isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "tuple":
        node.value.args[0].elt = twice(node.value.args[0].elt)
    elif isinstance(node.value, ast.Tuple):
        node.value.elts = [v if isinstance(v, ast.Starred) else twice(v) for v in node.value.elts]
    else:
        node.value = twice(node.value)
    fresh = types.ModuleType("changed")
    fresh.__package__ = module.__package__
    exec(compile(ast.fix_missing_locations(tree), "changed", "exec"), vars(fresh))
    if module is scan:
        return ledger.Code(forward=fresh.forward, backward=fresh.backward, **settings)
    changed = [value for value in vars(fresh).values() if type(value).__name__ == "Cell"]
    return ledger.Code(cells=changed, sigmoid=fresh.sigmoid, **settings)


@each_line
def test_every_equation_that_a_line_cites_is_tied_to_it(line):
    """A citation is not a mere name: with the line's value changed, each equation is refused, and as false.

    That of a cell for one unit already, which is quick.
    """
    code = doubled(line) if line.file == "scan.py" else doubled(line, sizes=ONE_UNIT)
    for label in line.labels:
        kinds = [kind for kind in ledger.kinds(label) if kind in line.kinds] if line.kinds else ledger.kinds(label)
        assert kinds
        with pytest.raises(ledger.Unproven, match=r"is not|takes no tanh|does not ask"):
            ledger.prove(label, LATEX[label], code, kinds)


@pytest.mark.parametrize("label, cell", [
    ("peephole-c", "nog"), ("peephole-c", "niaf"), ("peephole-c", "noaf"), ("peephole-c", "cifg"),
    ("peephole-c", "fgr"), ("peephole-di", "nfg"), ("peephole-di", "nog"), ("peephole-di", "niaf"),
    ("peephole-di", "noaf"),
])  # fmt: skip
def test_a_wrong_line_of_a_variant_refuses_the_equation_that_it_shares(label, cell):
    """Though for the peephole LSTM, whose label it bears, the equation still holds."""
    (line,) = [line for line in LINES if label in line.labels and line.kinds == (cell,)]
    code = doubled(line, sizes=ONE_UNIT)
    assert {"peephole", cell} < {*ledger.kinds(label)}
    ledger.prove(label, LATEX[label], code, ["peephole"])
    with pytest.raises(ledger.Unproven, match="is not"):
        ledger.prove(label, LATEX[label], code)


def test_an_equation_that_a_variant_has_not_cannot_be_cited_by_it(monkeypatch):
    """dc of the peephole LSTM is not that of NOG: were it cited there, it would be refused."""
    (equation,) = [equation for equation in EQUATIONS if equation.label == "peephole-dc"]
    assert "nog" not in ledger.kinds(equation.label)
    monkeypatch.setitem(ledger.borrowed(), "peephole-dc", ["nog"])
    with pytest.raises(ledger.Unproven, match="an index o"):  # for NOG, o is no gate
        ledger.prove(equation.label, equation.latex)


MASKED = [
    ("scan-mask", r"\mathbf h_t = \mathbf v_t \odot \hat{\mathbf h}_t + (1 - \mathbf v_t) \odot \mathbf h_{t-1}"),
    ("scan-mask", r"\mathbf c_t = \mathbf v_t \odot \hat{\mathbf c}_t + (1 - \mathbf v_t) \odot \mathbf c_{t-1}"),
    ("scan-dh-hat", r"\mathrm d\hat{\mathbf h}_t = \mathbf v_t \odot \mathrm d\mathbf h_t"),
    ("scan-dh-mask", r"\mathrm d\mathbf h_t = \frac{\partial^+ L}{\partial \mathbf h_t} + (1 - \mathbf v_{t+1}) \odot"
     r" \mathrm d\mathbf h_{t+1} + \mathbf e_{t+1} + R^\top \mathrm d\mathbf u_{t+1}"),
]  # fmt: skip


@pytest.mark.parametrize("function, label, was, becomes, equation", [
    ("forward", "scan-mask", "F.where(A, B, C)", "F.where(A, C, B)", 0),
    ("forward", "scan-mask", "F.where(A, B, C)", "F.where(A, B, 0 * B)", 0),
    ("forward", "scan-mask", "zip(A, B, C)", "zip(A, B, (C[0], C[0]))", 1),
    ("backward", "scan-dh-hat", "F.where(A, B, 0)", "B", 2),
    ("backward", "scan-dh-mask", "F.where(A, 0, B)", "0 * B", 3),
    ("backward", "scan-dh-mask", "F.where(A, 0, B)", "F.where(A, B, 0)", 3),
    ("backward", "scan-dh-mask", "F.where(A, 0, B)", "B", 3),
    ("backward", "scan-dh-mask", "A + B", "B", 3),
])  # fmt: skip
def test_a_scan_that_masks_wrongly_is_refused(function, label, was, becomes, equation):
    fresh = spoilt(getattr(scan, function), (label, was, becomes))
    label, latex = MASKED[equation]
    ledger.prove(label, latex)
    with pytest.raises(ledger.Unproven, match="is not"):
        ledger.prove(label, latex, ledger.Code(**{function: fresh}))


@pytest.mark.parametrize("label", ["scan-a", "scan-u", "scan-dx", "scan-dW", "scan-dR", "scan-db", "scan-dp"])
def test_the_other_equations_of_the_scan_hold_with_a_mask_as_well(label):
    ledger.prove(label, LATEX[label], kinds=ledger.MASKED)


def test_the_two_masks_have_all_that_can_be():
    """At every step examples with and without it; each pair of steps in a row, with and without, in either mask."""
    pairs = set()
    for kind in ledger.MASKED:
        run = ledger.SHIPPED.run(kind, "tanh", 4, 2, 3)
        v = [run.values["v", t] for t in range(1, run.T + 1)]
        assert all({*plane.flat} == {0, 1} for plane in v)
        pairs |= {(t, *pair) for t, (a, b) in enumerate(itertools.pairwise(v)) for pair in zip(a.flat, b.flat)}
    assert len(pairs) == 4 * (ledger.SHIPPED.T - 1)


def test_the_names_of_the_scans_local_variables_do_not_matter(tmp_path):
    """With all of them renamed by a script, each line cites its equations, all are proven, and so is rung 2."""
    fresh = renamed(scan, ("forward", "backward"), tmp_path)
    assert "kept_t" not in fresh.forward.__code__.co_varnames and "du" not in fresh.backward.__code__.co_varnames
    places = lambda lines: [(line.function, line.labels, line.names) for line in lines]
    assert places(ledger.citations([fresh])) == places(ledger.citations([scan]))
    code = ledger.Code(forward=fresh.forward, backward=fresh.backward)
    of_the_scan = [label for label in IDS if ledger.kind_of(label) == "scan"]
    for label in of_the_scan:
        ledger.prove(label, LATEX[label], code)
    assert len(of_the_scan) >= 21 and prove_scan(fresh.forward, fresh.backward)


def test_displayed_equations_need_labels(tmp_path):
    for text in ("$$\nx = 1\n$$", "```{math}\nx = 1\n```", r"\begin{align} x &= 1 \end{align}", r"\[ x = 1 \]",
                 "```{math} x = 1\n```", "```{math} x = 1\n:label: eq-x\n```", "```{MATH}\nx = 1\n```",
                 "- a\n\n  ```{math}\n  :label: eq-x\n  x = 1\n  ```", ":::{math} x = 1\n:::", "~~~{math} x = 1\n~~~",
                 "`` ` `` $$x = 1$$ `` ` ``", '<div class="math">x = 1</div>'):  # fmt: skip
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(f"Here is\n\n{text}\n\nso.")])
        nbformat.write(notebook, tmp_path / "chapter.ipynb")
        with pytest.raises(ledger.Unproven, match="without a label"):
            ledger.equations([tmp_path / "chapter.ipynb"])


def test_what_else_might_display_an_equation_is_refused(tmp_path):
    new = nbformat.v4
    latex = new.new_output("display_data", data={"text/latex": "$x = 1$"})
    for cell in (
        new.new_markdown_cell("```{eval-rst}\n.. math:: x = 1\n```"),
        new.new_markdown_cell("```{include} other.md\n```"),
        new.new_markdown_cell("```math\nx = 1\n```"),
        new.new_raw_cell("x = 1"),
        new.new_code_cell("Math('x = 1')", outputs=[latex]),
    ):
        nbformat.write(new.new_notebook(cells=[cell]), tmp_path / "chapter.ipynb")
        with pytest.raises(ledger.Unproven, match=r"may display|a raw cell"):
            ledger.equations([tmp_path / "chapter.ipynb"])


@pytest.mark.parametrize("line", [
    "def rnn_step(a):\n    h: int = a * a", "def rnn_step(a):\n    a.sort()",
    "def rnn_step(a):\n    if (h := a + 1): pass",
    "def positive(x):\n    return x * namespace(x).heaviside(x.real, 0)",
    "def positive(x):\n    x = 2 * x\n    x = x + 1\n    return namespace(x).heaviside(x.real, 0)",
    "def rnn_step(a):\n    return [v for v in a]", "def rnn_step(a):\n    return -a", "def helper(a):\n    return a",
])  # fmt: skip
def test_a_line_that_might_hide_its_arithmetic_is_refused(line, tmp_path):
    path = tmp_path / "hidden_cells.py"
    path.write_text(line + "\n")
    spec = importlib.util.spec_from_file_location("hidden_cells", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(ledger.Unproven, match=r"is more than|nothing else"):
        ledger.citations([module])


@pytest.mark.parametrize("label, latex, message", [
    ("lstm-x", r"\mathbf c_t", "not an equation"),
    ("lru-x", r"\mathbf h = \mathbf v", "h has no index, and is not the same at every step"),
    ("lru-x", r"\mathbf o = \mathbf v", "the code has no o"),
    ("lru-x", r"\mathbf f = \mathbf k + 1", "is not"),
    ("lstm-x", r"W\mathbf x_t = W\mathbf x_t", "says nothing"),
    ("lstm-x", r"\mathbf k_t = \mathbf c_t", "the code has no k"),
    ("lstm-x", r"\mathbf c_t = \mathbf f_t \otimes \mathbf c_{t-1}", "unknown symbol"),
    ("lstm-x", r"\mathbf c_t = \mathbf c_t \, )", "cannot read on"),
    ("lstm-x", r"\mathbf h_t = R^\top \mathbf x_t", "does not make sense"),
    ("rnn-x", r"\mathbf h_t \odot \frac{\partial^+ \mathbf h_t}{\partial \mathbf h_{t-1}} = \mathbf h_t", "not an"),
    ("lstm-x", r"\mathbf c_t = 1.0 \, \mathbf c_t", "unknown symbol"),
    ("lstm-x", r"W_i\,\mathbf x_t + \mathbf c_t = W_{ix}\,\mathbf x_t + \mathbf c_t", "a subscript"),
    ("square", r"\tanh^2(x) = \tanh(x)", "is not"),
    ("rnn-x", r"\mathbf h_t = \mathbf h_t % + 1", "a comment"),
    ("rnn-x", r"\mathbf h_t = 2 \\ \mathbf h_t - \mathbf h_t", "a line goes on"),
    ("rnn-x", r"\mathbf h_t = 1 \qquad \mathbf h_t", "a line goes on"),
    ("rnn-x", r"\mathbf h_t = 1 \big \mathbf h_t", "without a bracket"),
    ("rnn-x", r"1 1 \mathbf h_t = \mathbf h_t", "one number beside another"),
    ("rnn-x", r"\begin{bmatrix} R & R \end{bmatrix} \mathbf h_t = R R \mathbf h_t", "columns"),
    ("rnn-x", r"{1 - \mathbf h_t} \odot \mathbf h_t = \mathbf h_t - \mathbf h_t^2", "write parentheses"),
    ("rnn-x", r"\bar{\mathbf h + \mathbf c}_t = \bar{\mathbf h}_t", "a bar over more"),
    ("rnn-x", r"\mathbf h_t = h_t", "unknown symbol h"),
    ("rnn-x", r"\mathbf h_t = \tanh(W_{\text{old}} \mathbf x_t + R \mathbf h_{t-1} + \mathbf b)", "an index"),
    ("rnn-x", r"\mathbf h_{2t} = \mathbf h_{t+2}", "an index"),
    ("rnn-x", r"\mathbf h_T = \mathbf h_3", "for any T"),
    ("rnn-x", r"\mathbf c_t + \mathbf h_t = \mathbf c_t + \mathbf h_t", "the code has no c"),
    ("rnn-x", r"\tanh^{2+1} \bar{\mathbf h}_t = \mathbf h_t^2", "does not make sense"),
    ("rnn-x", r"\frac{\partial^2 \mathbf h_t}{\partial \mathbf h_{t-1}} = J_t", "unknown symbol"),
    ("rnn-x", r"\frac{\partial^+ \mathbf h_t}{\partial \mathbf h_t} = 0", "by itself"),
    ("rnn-x", r"\frac{\partial L}{\partial R} = \mathrm dR^\top", "is not"),
    ("rnn-x", r"\frac{\partial L}{\partial \mathbf h_t} = \frac{\partial^+ L}{\partial \mathbf h_t} + J_{t+1}"
     r" \mathrm d\mathbf h_{t+1}", "is not"),
    ("rnn-x", r"\mathrm dR = \frac{\partial L}{\partial R} = \sum_{t=1}^{T} \mathbf h_{t-1} \mathrm"
     r" d\bar{\mathbf h}_t^\top", "is not"),
    ("rnn-x", r"\mathrm d\mathbf b = \sum_{t=1}^{T} \left(\frac{\partial^+ \mathbf h_t}{\partial \bar{\mathbf"
     r" h}_t}\right)^\top \mathrm d\mathbf h_t", "a sum over examples"),
    ("rnn-x", r"\mathrm d\mathbf h_t = \frac{\partial^+ L}{\partial \mathbf h_t} + R^\top (\mathrm"
     r" d\bar{\mathbf h}_{t+1} \mathbf 1)", "is not|shapes differ"),
    ("rnn-x", r"\mathbf h_t = \mathbf h_t + I - 1", "where a plane should be"),
    ("rnn-x", r"\mathbf h_t + \mathbf 1 = 1 + \mathbf h_t", "the shapes differ"),
    ("gru-x", r"\operatorname{diag}(\mathbf z_t) + R_z = \mathbf z_t + R_z", "should be|diag of|differ"),
    ("gru-x", r"\frac{\partial^+ \mathbf h_t}{\partial \mathbf h_{t-1}} = \operatorname{diag}(\mathbf z_t) ="
     r" \mathbf z_t", "shapes differ"),
    ("rnn-x", r"\prod_{k=3}^{1} J_k = I", "direction"),
    ("rnn-x", r"\prod_{k=T-1}^{T} J_k = I", "direction"),
    ("rnn-x", r"\sum_{k=T}^{1} \mathbf h_k = 0", "direction"),
    ("rnn-x", r"\sum_{k=1}^{T} \mathbf h_k \odot \mathbf h_1 = \mathbf h_1 \odot \sum_{k=1}^{T} \mathbf"
     r" h_k", "how far"),
    ("rnn-x", r"\mathbf h_t / 2 \mathbf h_t = \mathbf h_t", "a quotient|does not"),
    ("peephole-x", r"\mathrm d\mathbf p = \mathrm d\mathbf p_i", "does not make sense"),
    ("peephole-x", r"\mathrm d\mathbf p_t = \mathrm d\bar{\mathbf i}_t \odot \mathbf c_{t-1}", "the code has no dp"),
    ("lstm-x", r"J_t + \mathbf h_t = \mathbf h_t", "J is the RNN's"),
    ("rnn-x", r"\mathbf h_t = \mathbf h_t + 0 \mathbf v_t", "the code has no v"),
    ("rnn-x", r"\mathbf h_t = \hat{\mathbf h}_t", "the code has no h_hat"),
    ("scan-x", r"\mathbf h_t = \mathbf v_t \odot \mathbf h_t + (1 - \mathbf v_t) \odot \mathbf h_t", "no v"),
    ("scan-mask-x", r"\mathbf v_t = \mathbf v_t", "says nothing"),
    ("scan-mask-x", r"\mathbf v_t = 1 + 0 \hat{\mathbf h}_t", "is not"),
    ("scan-mask-x", r"\mathbf v_t = \mathbf v_t^2 + \mathbf v_t - \mathbf v_{t-1}", "is not|an index"),
    ("scan-mask-x", r"\mathbf h_t = \mathbf h_t + \mathrm d\mathbf v_t", "the code has no dv"),
    ("rnn-x", r"\mathbf h_t = \mathbf h_t \odot [\bar{\mathbf h}_t > 0]", "does not ask"),
    ("rnn-relu-x", r"\mathbf h_t = \bar{\mathbf h}_t \odot [\mathbf h_t > 0]", "does not ask"),
    ("rnn-relu-x", r"\mathbf h_t = \bar{\mathbf h}_t \odot [\bar{\mathbf h}_t > 1]", "expected 0"),
    ("rnn-relu-x", r"\mathbf h_t = \bar{\mathbf h}_t \odot (\bar{\mathbf h}_t > 0)", "expected"),
    ("rnn-relu-x", r"\mathbf h_t = \bar{\mathbf h}_t \odot [\bar{\mathbf h}_t > 0", "expected"),
    ("rnn-relu-x", r"\mathbf h_t = \bar{\mathbf h}_t > 0", "cannot read on"),
    ("rnn-relu-x", r"[\bar{\mathbf h}_t > 0] = 1", "is not"),
    ("rnn-relu-x", r"[\bar{\mathbf h}_t > 0]^2 = [\bar{\mathbf h}_t > 0]", "is not"),  # true, and not seen
    ("nig-x", r"\mathbf c_t = \mathbf f_t \odot \mathbf c_{t-1} + \mathbf i_t \odot \mathbf g_t", "the code has no i"),
    ("nig-x", r"\mathrm d\mathbf p_i = \mathrm d\mathbf p_o", "a subscript|an index"),
    ("fgr-x", r"R_{io} \mathbf h_t = R_{oi} \mathbf h_t", "is not"),
    ("fgr-x", r"R_{ig} \mathbf h_t = R_{ig} \mathbf h_t", "a subscript"),
    ("fgr-x", r"\mathrm dR_{io} = \sum_{t=1}^{T} \mathrm d\bar{\mathbf o}_t \, \mathbf i_{t-1}^\top", "is not"),
    ("fgr-x", r"\mathrm d\mathbf i_t = \mathrm d\mathbf c_t \odot \mathbf g_t", "is not"),
    ("lstm-x", r"R_{ii} \mathbf h_t = R_i \mathbf h_t", "a subscript"),
    ("nas-x", r"\mathbf n_{3,t} = \bar{\mathbf n}_{3,t} \odot [\bar{\mathbf n}_{1,t} > 0]", "is not"),
    ("nas-x", r"\bar{\mathbf n}_{3,t} = \mathbf a_{3,t} + \mathbf u_{3,t}", "is not"),
    ("nas-x", r"\mathbf n_{8,t} = \mathbf n_{0,t}", "an index"),
    ("nas-x", r"\mathbf m_{4,t} = \mathbf n_{0,t}", "the code has no m_4"),
    ("nas-x", r"\mathbf n_3 = \mathbf n_{3,t}", "the code has no n|an index"),
    ("nas-x", r"\mathbf c_t + \mathbf h_2 = \mathbf c_t + \mathbf h_2", "for any T"),
    ("nas-x", r"\mathrm d\mathbf a_{3,t} = \mathrm d\mathbf u_{3,t}", "is not"),
    ("square", r"\tanh(x)^2 = \tanh(x^2)", "of what is this"),
    ("slope", r"\frac{d\,x^2}{dx} = x", "unknown symbol d"),
    ("matrix-order", r"R W = W R", "unknown symbol R"),
    ("lstm-x", r"\frac{\partial L}{\partial \mathbf h_t} = \mathrm d\mathbf h_t^\top", "too little"),
])  # fmt: skip
def test_what_is_no_equation_of_ours_is_refused_with_a_reason(label, latex, message):
    with pytest.raises(ledger.Unproven, match=message):
        ledger.prove(label, latex)
