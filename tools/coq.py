"""Writes each cell's recorded `step` and `back` as Coq terms, with the proof scripts that the kernel checks.

    .venv/bin/python tools/coq.py           formal/generated/Cells.v, Proofs.v and Corollaries.v, from the shipped cells
    .venv/bin/python tools/coq.py --check   only says whether they are what the cells give

The terms are read from `lstm_core.record`, operation by operation; nothing about a cell is written by hand. A cell with
parameters p of its own is written twice: with them, and as it runs without.
"""

import re
import sys
from pathlib import Path

from lstm_core.arrays import ZERO
from lstm_core.record import record
from lstm_core.variants import CELLS

FOLDER = Path(__file__).parents[1] / "formal" / "generated"
WIDTH = 116

# What the names of the package do not say: which LSTM has peepholes, which GRU resets after.
NAMES = {("lstm", True): "peephole", ("lstm", False): "lstm",
         ("gru", True): "gru_after", ("gru", False): "gru_after_bare"}  # fmt: skip

# Words that a variable cannot be called: Coq's own, and what our terms are made of.
TAKEN = {"a", "u", "s", "p", "w", "v", "d", "ds", "kept", "tanh", "sigmoid", "positive", "exp", "sqrt", "step",
         "back", "smooth", "which", "as", "at", "else", "end", "fix", "for", "forall", "fun", "if", "in", "let",
         "match", "then", "with"}  # fmt: skip

HEAD = """(** {what}

    Written by tools/coq.py from lstm_core/cells.py and variants.py, and compared with them by a test. Do not edit. *)

From Coq Require Import Reals List.
From Coquelicot Require Import Coquelicot.
From Bptt Require Import {needs}.
Import ListNotations.
Open Scope R_scope.

"""


def versions():
    """All cells to be written: name in Coq -> the package's cell, and whether with p."""
    found = {}
    for name, cell in CELLS.items():
        for own in (True, False) if cell.own else (True,):
            plain = re.sub(r"\W", "_", name)
            found[NAMES.get((name, own), plain if own else f"{plain}_bare")] = cell, own
    return found


# ---- one function of one stage ---------------------------------------------------------------------------------------


class _Names:
    """The names in one function: what a node is called in Coq, and which `let` gives it its name."""

    def __init__(self, record, given):
        self.names, self.lets, taken = {}, [], set(TAKEN)
        for node in record.nodes:
            own_name = node.names[1:] if node.op == "input" else node.names
            if not own_name or node.op == "number":
                continue
            name = re.sub(r"\W", "_", own_name[-1])
            while name in taken:
                name += "'"
            taken.add(name)
            self.lets.append((name, self.term(node, given, new=True)[0]))
            self.names[node] = name

    def term(self, node, given, new=False):
        """The term for a node, and how tightly it holds together: an atom 3, f x 2.5, a product 2, a sum 1.

        new: although the node has a name, the formula that gets it
        """
        if not hasattr(node, "op"):
            return ("0", 3) if node is ZERO else (_number(node), 3)
        if node in self.names and not new:
            return self.names[node], 3
        if node.op == "input":
            return given[node], 2.5
        if node.op == "number":
            return _number(node.args[0]), 3
        parts = [self.term(x, given) for x in node.args]
        if len(parts) == 1:
            return f"{node.op} {_bracketed(*parts[0], 3)}", 2.5
        holds = 2 if node.op in "*/" else 1
        return f"{_bracketed(*parts[0], holds)} {node.op} {_bracketed(*parts[1], holds + 0.5)}", holds

    def text(self, node, given):
        """The term for a node."""
        return self.term(node, given)[0]


def _bracketed(text, holds, least):
    return text if holds >= least else f"({text})"


def _number(x):
    if x != int(x):
        raise ValueError(f"expected whole numbers in a cell, got {x}")
    return str(int(x)) if x >= 0 else f"(- {-int(x)})"


def _cases(constructors, terms, kind):
    if not constructors:
        return f"fun which : {kind} => match which with end"
    arms = " ".join(f"| {c} => {t}" for c, t in zip(constructors, terms, strict=True))
    return f"fun which => match which with {arms} end"


def _wrapped(text, indent):
    """Lines of at most WIDTH, broken before a bar or at a blank."""
    lines, rest = [], indent + text
    while len(rest) > WIDTH:
        cut = max(rest.rfind(" | ", 0, WIDTH), len(indent) + 4)
        if cut == len(indent) + 4:
            cut = rest.rfind(" ", 0, WIDTH)
        lines.append(rest[:cut])
        rest = indent + "  " + rest[cut + 1 :]
    return [*lines, rest]


# ---- one stage -------------------------------------------------------------------------------------------------------


class _Stage:
    """The sets of names of one stage: letter -> constructors."""

    def __init__(self, stage, recorded, number, before, after):
        self.number, self.recorded = number, recorded
        self.before, self.after = before, after
        self.inputs = [f"a{number}_{_word(gate)}" for gate in stage.inputs]
        self.recurs = [f"u{number}_{_word(gate)}" for gate in stage.recurs]
        kept = recorded.step.outputs["kept"]
        fields = getattr(kept, "_fields", [str(k) for k in range(len(kept))])
        self.kept = [f"k{number}_{_word(field)}" for field in fields]

    def given(self, function, own):
        """What each input of the step or back is: node -> term."""
        if function == "step":
            sets = {"a": self.inputs, "u": self.recurs, "s": self.before, "p": own}
        else:
            sets = {"ds": self.after, "kept": self.kept, "p": own}
        inputs = getattr(self.recorded, function).inputs
        found = {}
        for name, constructors in sets.items():
            nodes = inputs[name] if name != "p" or own else ()
            found |= {node: f"{name} {c}" for node, c in zip(nodes, constructors, strict=True)}
        return found

    def step(self, own):
        recorded, given = self.recorded.step, self.given("step", own)
        names = _Names(recorded, given)
        out = [names.text(node, given) for node in recorded.outputs["s"]]
        kept = [names.text(node, given) for node in recorded.outputs["kept"]]
        lines = [f"  let {name} := {term} in" for name, term in names.lets]
        lines += _wrapped(f"({_cases(self.after, out, 'state')},", "  ")
        lines += _wrapped(f"{_cases(self.kept, kept, f'keep{self.number}_')}).", "   ")
        return lines

    def back(self, own):
        recorded, given = self.recorded.back, self.given("back", own)
        names = _Names(recorded, given)
        sets = {"da": self.inputs, "du": self.recurs, "ds": self.before, "dp": own}
        kinds = {"da": f"input{self.number}_", "du": f"recurrent{self.number}_", "ds": "state", "dp": "own_parameter"}
        lines, closing = [f"  let {name} := {term} in" for name, term in names.lets], 0
        for name, constructors in sets.items():
            planes = recorded.outputs[name] if name != "dp" or (own and recorded.outputs[name]) else [0] * len(own)
            terms = [names.text(node, given) for node in planes]
            end = "," if name != "dp" else ")))."
            text = _cases(constructors, terms, kinds[name])
            lines += _wrapped(f"{'(' if name != 'dp' else ''}{text}{end}", "  " + " " * closing)
            closing += 1
        return lines

    def smooth(self, own):
        """Where the step is differentiable: what is divided by or `positive` asked of is not 0, a root's over 0."""
        recorded, given = self.recorded.step, self.given("step", own)
        names = _Names(recorded, given)
        asked = [f"{names.text(node, given)} <> 0" for node in self.not_zero()]
        asked += [f"0 < {names.text(node, given)}" for node in self.rooted()]
        lets = [f"  let {name} := {term} in" for name, term in names.lets] if asked else []
        return [*lets, "  " + (" /\\ ".join(asked) or "True") + "."]

    def not_zero(self):
        """The nodes that may not be 0, and could be."""
        nodes = self.recorded.step.nodes
        kinks = [node.args[0] for node in nodes if node.op == "positive"]
        return kinks + self.divisors()

    def divisors(self):
        """What the step divides by, unless it is over 0 by itself."""
        return [x for node in self.recorded.step.nodes if node.divides for x in node.args[1:] if not _is_over_0(x)]

    def rooted(self):
        """What the step takes the square root of."""
        return [node.args[0] for node in self.recorded.step.nodes if node.op == "sqrt"]

    def has_kinks(self):
        return bool(self.not_zero() or self.rooted())


def _is_over_0(node):
    """Whether a value is over 0 by its formula.

    That is one made of sigmoids, exponentials and numbers, by + * /; 1 - sigmoid; and a square added to one of these.
    """
    if not hasattr(node, "op"):
        return False
    if node.op == "number":
        return node.args[0] > 0
    if node.op == "-":
        one, other = node.args
        return one.op == "number" and one.args[0] >= 1 and other.op == "sigmoid"
    if node.op == "+" and _is_over_0(node.args[0]) and node.args[1].op == "*" and len({*node.args[1].args}) == 1:
        return True
    return node.op in ("sigmoid", "exp") or (node.op in "+*/" and all(map(_is_over_0, node.args)))


def _word(name):
    return re.sub(r"\W", "_", name)


def _set(name, constructors):
    text = f"Inductive {name} := {' | '.join(constructors)}." if constructors else f"Inductive {name} := ."
    listed = f"[{'; '.join(constructors)}]" if constructors else f"(@nil {name})"
    return [*_wrapped(text, "  "), *_wrapped(f"Definition {name}s : Finite := enumeration {name} {listed}.", "  ")]


def _stages(cell, own):
    """The own parameters' names, and all stages."""
    recorded, found = record(cell, own), []
    before = [f"s_{_word(name)}" for name in cell.states]
    many = len(cell.stages) > 1
    for k, (stage, written) in enumerate(zip(cell.stages, recorded, strict=True)):
        number = k + 1 if many else ""
        if k + 1 < len(cell.stages):
            words = [node.names[-1] if node.names else f"s{i}" for i, node in enumerate(written.step.outputs["s"])]
            if len({*words}) < len(words):
                words = [str(i) for i in range(len(words))]
            after = [f"s{number}_{_word(word)}" for word in words]
        else:
            after = [f"s_{_word(name)}" for name in cell.states]
        found.append(_Stage(stage, written, number, before, after))
        before = after
    return [f"p_{_word(name)}" for name in cell.own] if own else [], found


def cell_text(name, cell, own=True):
    """The module of one cell, definitions only."""
    own_names, stages = _stages(cell, own)
    lines = [f"Module {name}.", *_set("state", stages[0].before), *_set("own_parameter", own_names)]
    for stage in stages:
        n = stage.number
        if stage is not stages[-1]:
            lines += _set(f"handed{n}_", stage.after)
        for kind, names in {"input": stage.inputs, "recurrent": stage.recurs, "keep": stage.kept}.items():
            lines += _set(f"{kind}{n}_", names)
        before, after = _state_type(stages, stage, 0), _state_type(stages, stage, 1)
        takes = f"(a : input{n}_ -> R) (u : recurrent{n}_ -> R) (s : {before} -> R) (p : own_parameter -> R)"
        lines += [
            "", f"  Definition step{n} {takes}",
            f"    : ({after} -> R) * (keep{n}_ -> R) :=", *_in(stage.step(own_names)),
            "", f"  Definition back{n} (ds : {after} -> R) (kept : keep{n}_ -> R) (p : own_parameter -> R)",
            f"    : Unit input{n}_s recurrent{n}_s {before}s own_parameters :=", *_in(stage.back(own_names)),
            "", f"  Definition smooth{n} {takes} : Prop :=", *_in(stage.smooth(own_names)),
            "", f"  Definition stage{n} : Stage own_parameters {before}s {after}s :=",
            f"    MakeStage own_parameters {before}s {after}s input{n}_s recurrent{n}_s keep{n}_s "
            f"{stage.before[0]} step{n} back{n} smooth{n}.", "",
        ]  # fmt: skip
    chain = f"(Last stage{stages[-1].number})"
    for stage in reversed(stages[:-1]):
        chain = f"(Then stage{stage.number} {chain})"
    output = stages[0].before[0]
    lines += [f"  Definition cell : Cell := MakeCell own_parameters states {output} {chain}.", f"End {name}."]
    return "\n".join(lines)


def _in(lines):
    return ["  " + line for line in lines]


def _state_type(stages, stage, after):
    k = stages.index(stage) + after
    return "state" if k in (0, len(stages)) else f"handed{stages[k - 1].number}_"


def lemma_text(cell, own, k, last="adjoint {}.\n  Qed."):
    """The lemma of stage k: its back is the transposed derivative of its step. last: how it ends, {} what of."""
    _, stages = _stages(cell, own)
    stage = stages[k]
    n, before = stage.number, _state_type(stages, stage, 0)
    unit = f"Unit input{n}_s recurrent{n}_s {before}s own_parameters"
    lines = [
        f"  Lemma stage{n}_proven : proven stage{n}.", "  Proof.",
        f"    intros a u s p Hsmooth. unfold Definitions.smooth, stage{n}, smooth{n} in Hsmooth.",
        "    cbv beta iota zeta in Hsmooth.",
        f"    pose (here := (a, (u, (s, p))) : {unit}).",
    ]  # fmt: skip
    for i, c in enumerate(stage.after):
        lines += [
            f"    differential_of l{i} H{i} here (fun v : {unit} =>",
            f"      fst (step{n} (fst v) (fst (snd v)) (fst (snd (snd v))) (snd (snd (snd v)))) {c}) step{n}.",
        ]
    parts = " ".join(f"| {c} => l{i} d" for i, c in enumerate(stage.after))
    exacts = " | ".join(f"exact H{i}" for i in range(len(stage.after)))
    subst = " ".join(f"subst l{i}." for i in range(len(stage.after)))
    lines += _wrapped(f"exists (fun d k => match k with {parts} end).", "    ")
    lines += ["    split; [apply (filterdiff_array _ Reals); intro k; destruct k;"]
    lines += _wrapped(f"[{exacts}] |].", "      ")
    keep = "revert Hsmooth. " if stage.divisors() or stage.rooted() else ""
    lines += [f"    intros w d. {subst} try unfold here. {keep}clear."]
    return "\n".join([*lines, f"    {last.format(f'stage{n} step{n} back{n}')}"])


def proof_text(name, cell, own=True):
    """The kernel's lemmas of one cell: each stage's back is the transposed derivative of its step."""
    _, stages = _stages(cell, own)
    lines = [f"Module {name}_proofs.", f"  Import {name}.", ""]
    for k in range(len(stages)):
        lines += [lemma_text(cell, own, k), ""]
    proofs = " ".join(f"(conj stage{stage.number}_proven" for stage in stages[:-1])
    lines += [
        "  Lemma cell_proven : all_proven (stages cell).",
        f"  Proof. exact {proofs} stage{stages[-1].number}_proven{')' * (len(stages) - 1)}. Qed.",
    ]
    if not any(stage.has_kinks() for stage in stages):
        smooth = "(fun _ _ _ _ => I)"
        for _ in stages[:-1]:
            smooth = f"(conj (fun _ _ _ _ => I) {smooth})"
        lines += ["", "  Lemma cell_smooth : smooth_everywhere (stages cell).", f"  Proof. exact {smooth}. Qed."]
    return "\n".join([*lines, f"End {name}_proofs."])


def corollary_text(name, cell, own=True):
    """The corollary of one cell, by name."""
    _, stages = _stages(cell, own)
    if any(stage.has_kinks() for stage in stages):
        return (
            f"Theorem bptt_{name} : bptt_away_from_kinks {name}.cell.\n"
            f"Proof. exact (cell_in_the_scan _ {name}_proofs.cell_proven). Qed."
        )
    return (
        f"Theorem bptt_{name} : bptt {name}.cell.\n"
        f"Proof. exact (smooth_cell_in_the_scan _ {name}_proofs.cell_proven {name}_proofs.cell_smooth). Qed."
    )


def files():
    """The generated files: name -> text."""
    cells = versions()
    written = {
        "Cells.v": (
            "What each cell computes: its step and its back for one unit of one example.", "Definitions", cell_text,
        ),
        "Proofs.v": (
            "Each cell's back is the transposed derivative of its step.", "Definitions Calculus Products Units Cells",
            proof_text,
        ),
        "Corollaries.v": (
            "Backpropagation through time, cell by cell, for every T, D, H and B.",
            "Definitions Statements Cells Theorems Proofs", corollary_text,
        ),
    }  # fmt: skip
    return {
        file: HEAD.format(what=what, needs=needs)
        + "\n\n".join(text(name, cell, own) for name, (cell, own) in cells.items())
        + "\n"
        for file, (what, needs, text) in written.items()
    }


def main(arguments):
    """Write the files, or with --check compare them."""
    stale = [name for name, text in files().items() if not _is(FOLDER / name, text)]
    if "--check" in arguments:
        if stale:
            sys.exit(f"formal/generated: {', '.join(stale)} is not what the cells give; run tools/coq.py")
        return
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(files()[name], encoding="utf-8")
    print(f"formal/generated: {len(versions())} cells; written: {', '.join(stale) or 'nothing, all are as they were'}")


def _is(path, text):
    return path.is_file() and path.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    main(sys.argv[1:])
