"""Rung 6: every displayed equation of the derivations is what the code computes, and every line of it names one."""

import ast
import importlib.util
import random
import time
from collections import Counter
from pathlib import Path

import ledger
import nbformat
import pytest

from lstm_core import cells, scan

EQUATIONS = ledger.equations(ledger.CHAPTERS)
LINES = ledger.citations()
IDS = [equation.label for equation in EQUATIONS]


@pytest.mark.proof
@pytest.mark.parametrize("equation", EQUATIONS, ids=IDS)
def test_the_equation_is_what_the_code_computes(equation, shown):
    start = time.perf_counter()
    ledger.prove(equation.label, equation.latex)
    seconds = time.perf_counter() - start
    shown(f"rung 6  eq-{equation.label}: proven, {ledger.place(equation)}  ({seconds:.3f} s)")


def test_the_equations_hold_for_four_steps_too(monkeypatch, shown):
    """Not for T = 3 only. Left out: what speaks of a step 2 or 3 by number; an LSTM's ∂L by every path, 10 s each."""
    monkeypatch.setattr(ledger, "T", 4)
    code, proven = ledger.Code(), 0
    for equation in EQUATIONS:
        absolute = ledger.ABSOLUTE.search(" ".join(ledger.tokens(equation.latex)))
        slow = ledger.kind_of(equation.label) in ("lstm", "peephole") and r"\partial L" in equation.latex
        if not (absolute or slow):
            ledger.prove(equation.label, equation.latex, code)
            proven += 1
    assert proven >= len(EQUATIONS) - 20
    shown(f"rung 6  {proven} of {len(EQUATIONS)} equations hold for T = 4, too")


def test_labels_are_there_once_and_at_least_forty_in_derive():
    assert not [label for label, count in Counter(IDS).items() if count > 1]
    assert sum(equation.chapter.parent.name == "derive" for equation in EQUATIONS) >= 40


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.file}:{line.number}")
def test_every_line_that_computes_cites_its_equation(line):
    assert line.labels, f"{line.file}:{line.number} assigns {line.target} and names no equation"
    assert set(line.labels) <= set(IDS), f"{line.file}:{line.number} names an equation that is in no chapter"


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


def test_corrupted_equations_are_refused(shown):
    """At most twelve corruptions of each equation, chosen at random; all must be refused."""
    rng, made, alive = random.Random(0), Counter(), []
    for equation in EQUATIONS:
        possible = list(dict.fromkeys(corruptions(equation.label, equation.latex)))
        for kind, latex in rng.sample(possible, min(12, len(possible))):
            made[kind] += 1
            try:
                ledger.prove(equation.label, latex)
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


def doubled(module, line, tmp_path):
    """`module` with the value of the line doubled, or the argument of its sigmoid or tanh: no shape changes."""
    tree = ast.parse(Path(module.__file__).read_text())
    (node,) = [n for n in ast.walk(tree) if isinstance(n, ast.stmt) and n.lineno == line.number]
    twice = lambda value: ast.BinOp(ast.Constant(2), ast.Mult(), value)
    if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) in ("sigmoid", "tanh"):
        node.value.args[0] = twice(node.value.args[0])
    elif isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "tuple":
        node.value.args[0].elt = twice(node.value.args[0].elt)
    elif isinstance(node.value, ast.Tuple):
        node.value.elts = [v if isinstance(v, ast.Starred) else twice(v) for v in node.value.elts]
    else:
        node.value = twice(node.value)
    return imported(module, ast.unparse(ast.fix_missing_locations(tree)), tmp_path)


def imported(module, text, tmp_path):
    text = text.replace("from .arrays", "from lstm_core.arrays")
    name = f"changed_{module.__name__.rpartition('.')[2]}"
    (tmp_path / f"{name}.py").write_text(text)
    spec = importlib.util.spec_from_file_location(name, tmp_path / f"{name}.py")
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    return fresh, text


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.file}:{line.number}")
def test_every_equation_that_a_line_cites_is_tied_to_it(line, tmp_path):
    """A citation is not a mere name: with the line's value changed, each equation is refused, and as false."""
    module = {"cells.py": cells, "scan.py": scan}[line.file]
    fresh, source = doubled(module, line, tmp_path)
    code = ledger.Code(cells=fresh, source=source) if module is cells else ledger.Code(scan=fresh)
    for equation in EQUATIONS:
        if equation.label in line.labels:
            with pytest.raises(ledger.Unproven, match=r"is not|takes no tanh"):
                ledger.prove(equation.label, equation.latex, code)


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
    ("lstm-x", r"W\mathbf x_t = W\mathbf x_t", "says nothing"),
    ("lstm-x", r"\mathbf k_t = \mathbf c_t", "unknown symbol k"),
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
    ("square", r"\tanh(x)^2 = \tanh(x^2)", "of what is this"),
    ("slope", r"\frac{d\,x^2}{dx} = x", "unknown symbol d"),
    ("matrix-order", r"R W = W R", "unknown symbol R"),
    ("lstm-x", r"\frac{\partial L}{\partial \mathbf h_t} = \mathrm d\mathbf h_t^\top", "too little"),
])  # fmt: skip
def test_what_is_no_equation_of_ours_is_refused_with_a_reason(label, latex, message):
    with pytest.raises(ledger.Unproven, match=message):
        ledger.prove(label, latex)
