"""Check the theorem with Coq's kernel: `make formal`. Installs nothing; says which package is missing.

    .venv/bin/python tools/formal.py            all: compile, print the statements and the assumptions, check again
    .venv/bin/python tools/formal.py --print    the same, and store what is printed in formal/printed.txt

The files of formal/ are compiled in a copy, _build/formal; what has not changed since then is not compiled again.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import coq

ROOT = Path(__file__).parents[1]
FORMAL, BUILD, PRINTED = ROOT / "formal", ROOT / "_build" / "formal", ROOT / "formal" / "printed.txt"

# In this order: a file needs only files before it.
BASIS = ["Spaces", "Definitions", "Calculus", "Bptt", "Products", "Units"]
FILES = [*BASIS, "ScanRight", "Statements", "Theorems", "generated/Cells", "generated/Proofs", "generated/Corollaries"]

# What the real numbers of Coq rest on, and nothing else may be assumed.
AXIOMS = {"sig_not_dec", "sig_forall_dec", "functional_extensionality_dep"}

GENERAL = ["backpropagation_through_time", "shared_weights", "pieces", "truncation", "each_derivative",
           "unique_gradient", "cell_in_the_scan", "smooth_cell_in_the_scan"]  # fmt: skip
MEANINGS = ["gradient", "transposed", "run", "backward", "visited", "right_at", "proven", "scan", "scan_theorem",
            "weights_shared_over_time", "pieces_equal_the_whole", "what_truncation_drops", "gradient_is_unique",
            "gradient_gives_each_derivative", "bptt_at", "bptt", "bptt_away_from_kinks", "proven_cell_in_the_scan",
            "proven_smooth_cell_in_the_scan"]  # fmt: skip
OPTIONS = ["-w", "-ambiguous-paths", "-w", "-deprecated", "-Q", ".", "Bptt"]


def missing():
    """What is not here, in words with the package to install; "" if all is."""
    if not shutil.which("coqc"):
        return "no coqc: needs Coq 8.16 or later (Debian: coq)"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.v").write_text("From Coquelicot Require Import Coquelicot.\n")
        if subprocess.run(["coqc", "a.v"], cwd=folder, capture_output=True).returncode:
            return "coqc finds no Coquelicot (Debian: libcoq-coquelicot)"
    return ""


def version():
    """Coq's version, as 8.16."""
    told = subprocess.run(["coqc", "--version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"version (\d+\.\d+)", told)[1]


def compiled(names, folder=BUILD, say=print):
    """Compile the files in `folder`, from the first that has changed on."""
    stale = False
    for name in names:
        source, copy = FORMAL / f"{name}.v", folder / f"{name}.v"
        copy.parent.mkdir(parents=True, exist_ok=True)
        same = copy.is_file() and copy.read_bytes() == source.read_bytes() and copy.with_suffix(".vo").is_file()
        if stale or not same:
            for later in FILES[FILES.index(name) :]:  # they may have read what is now another file
                (folder / f"{later}.vo").unlink(missing_ok=True)
            shutil.copyfile(source, copy)
            stale, start = True, time.perf_counter()
            coqc(copy.relative_to(folder), folder)
            say(f"{name + '.v':24} {time.perf_counter() - start:6.1f} s")


def coqc(file, folder=BUILD):
    """What Coq prints of a file. Raises SystemExit with its error."""
    done = subprocess.run(["coqc", *OPTIONS, str(file)], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"coqc {file}: {done.stderr.strip()[-3000:]}")
    return done.stdout


def corollaries():
    """The names of the cells' theorems."""
    return [f"bptt_{name}" for name in coq.versions()]


def printed():
    """What the kernel says: every statement, what its words mean, and what all of it rests on."""
    names = [*GENERAL, *corollaries()]
    lines = ["From Bptt Require Import Definitions Statements Theorems Cells Corollaries."]
    lines += [f"Check {name}." for name in names]
    lines += [f"Print {name}." for name in MEANINGS]
    lines += [f"Definition everything := ({', '.join(names)}).", "Print Assumptions everything."]
    (BUILD / "Report.v").write_text("\n".join(lines) + "\n")
    return coqc("Report.v")


def faults(text, stored):
    """What is wrong with what was printed: an axiom that is not the real numbers', or another statement than stored."""
    statements, _, assumptions = text.partition("Axioms:")
    axioms = {name.rpartition(".")[2] for name in re.findall(r"^([\w.]+)\s*:", assumptions, re.MULTILINE)}
    found = [f"assumed, and not by the real numbers: {name}" for name in sorted(axioms - AXIOMS)]
    if not axioms:
        found.append("no assumptions were printed")
    head, _, before = stored.partition("\n")
    before = before.partition("Axioms:")[0]
    if head != f"Coq {version()}":  # another version prints in another way: then only who claims what
        claims = lambda text: re.findall(r"^(\w+)\s+: (\w+(?: \w+\.cell)?)$", text, re.MULTILINE)
        same = claims(statements) == claims(before)
    else:
        same = statements.split() == before.split()
    return found if same else [*found, f"another statement than in {PRINTED.name}: see what it says, then --print"]


def main(arguments):
    """`make formal`."""
    if says := missing():
        sys.exit(f"make formal: {says}. The book and its tests do without.")
    coq.main(["--check"])
    start = time.perf_counter()
    compiled(FILES)
    text = printed()
    if "--print" in arguments:
        PRINTED.write_text(f"Coq {version()}\n{text}", encoding="utf-8")
    print(text[text.index("Axioms:") :].strip())
    if found := faults(text, PRINTED.read_text(encoding="utf-8")):
        sys.exit("\n".join(found))
    modules = [f"Bptt.{name.replace('/', '.')}" for name in FILES]
    checked = subprocess.run(
        ["coqchk", "-silent", "-o", *OPTIONS[-3:], *[word for m in modules for word in ("-norec", m)]],
        cwd=BUILD, capture_output=True, text=True,
    )  # fmt: skip
    if checked.returncode:
        sys.exit(f"coqchk: {(checked.stdout + checked.stderr).strip()[-3000:]}")
    print(f"coqchk: the {len(modules)} compiled files, checked again")
    print(f"formal: {len(GENERAL)} theorems and {len(corollaries())} corollaries, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
