"""The project: the package stands without the book, the lock holds what was asked for, versions and dates agree."""

import base64
import hashlib
import importlib.util
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import lstm_core

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PIN = re.compile(r"^([a-z0-9-]+)==([^\s;]+)(?: ; ([^\\\n]+?))?\s*(?:\\|$)", re.MULTILINE)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


# ---- without the extras ----------------------------------------------------------------------------------------------

EXTRAS = ("cupy", "google", "h5py", "jax", "matplotlib", "mpi4py", "nbformat", "onnx", "onnxruntime", "scipy",
          "sklearn", "sympy", "torch")  # fmt: skip
BLOCK = f"""
import sys
sys.modules.update(dict.fromkeys({EXTRAS}))  # None: importing it fails
import numpy as np
import lstm_core, lstm_formats
from lstm_core import data, parallel
"""


def python(code, folder):
    command = [sys.executable, "-W", "error", "-c", BLOCK + code]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_package_works_without_the_extras(tmp_path):
    """The README's ten lines, with fewer strings; a checkpoint and an XML file; PyTorch's names."""
    train = re.search(r"```python\n(.*?)```", text("README.md"), re.DOTALL)[1].replace("16_000", "64")
    rest = """
from lstm_formats import load, save, torch_io, xml_io
save(model, "a.safetensors"), xml_io.save(model, "a.xml"), torch_io.state_dict(model)
assert (load("a.safetensors")[0].theta == model.theta).all() and (xml_io.load("a.xml").theta == model.theta).all()
"""
    done = python(train + rest, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Scores(")


def test_the_import_brings_nothing_that_is_not_needed_at_once():
    """It keeps the import short (`make wheel` measures it): no HTTP, no SymPy, no scikit-learn."""
    code = "import sys, lstm_core, lstm_formats; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert not {"pooch", "requests", *EXTRAS} & set(done.stdout.split())


@pytest.mark.parametrize("code, says", [
    ("data.digits(np.random.default_rng(0))", 'digits: needs scikit-learn: pip install "lstm-core[data]"'),
    ("from lstm_core import symbols", 'symbols: need SymPy: pip install "lstm-core[proofs]"'),
    ("from lstm_core.record import record; step = record(lstm_core.cells.RNN)[0].step; step.symbol(step.nodes[0])",
     'symbols: need SymPy: pip install "lstm-core[proofs]"'),
    ("import lstm_proofs", 'symbols: need SymPy: pip install "lstm-core[proofs]"'),
    ("from lstm_proofs import prove_cell", 'symbols: need SymPy: pip install "lstm-core[proofs]"'),
    ("lstm_formats.onnx_io.load('a.onnx')", 'onnx_io: needs ONNX: pip install "lstm-core[onnx]"'),
    ("with parallel.job(): pass", 'job: MPI needs mpi4py and an MPI library: pip install "lstm-core[mpi]"'),
])  # fmt: skip
def test_what_is_missing_is_named(code, says, tmp_path):
    (tmp_path / "a.onnx").write_bytes(b"")
    done = python(code, tmp_path)
    assert done.returncode == 1 and done.stderr.splitlines()[-1] == f"ImportError: {says}"
    assert re.search(r"\[(.*)\]", says)[1] in PROJECT["optional-dependencies"]


# ---- versions --------------------------------------------------------------------------------------------------------


def test_the_lock_holds_what_requirements_ask_for():
    asked = {name: (version, mark) for name, version, mark in PIN.findall(text("requirements.txt"))}
    assert len(asked) > 100
    locked, hashes = {}, {}
    for entry in re.split(r"\n(?=[a-z])", text("requirements.lock"))[1:]:
        (name, version, mark) = PIN.match(entry).groups(default="")
        locked[name], hashes[name] = (version, mark), re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)
    elsewhere = {name for name, (_, mark) in locked.items() if "win32" in mark or "pypy" in mark}
    assert {name: found for name, found in locked.items() if name not in elsewhere} == asked, "make lock"
    assert all(hashes.values())
    assert len(hashes["numpy"]) > 20  # not of this machine's file alone


def test_versions_and_dates_agree():
    """Between releases the version ends in .dev0; what is cited is the newest release of the list of changes."""
    changes = re.findall(r"^## (\S+)(?: \((\d{4}-\d\d-\d\d)\))?$", text("CHANGELOG.md"), re.MULTILINE)
    releases = [(version, date) for version, date in changes if version != "Unreleased"]
    assert all(date for _, date in releases) and releases == sorted(releases, key=lambda release: release[1])[::-1]
    newest, date = releases[0]
    if changes[0][0] == "Unreleased":
        version = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)\.dev0", lstm_core.__version__)
        assert version and tuple(map(int, version.groups())) > tuple(map(int, newest.split(".")))
    else:
        assert lstm_core.__version__ == newest
    citation = yaml.safe_load(text("CITATION.cff"))
    assert (citation["version"], citation["date-released"]) == (newest, date)


def test_the_citation_has_what_the_schema_asks_for():
    """Of the Citation File Format 1.2.0: the required keys, and no others than it knows."""
    citation = yaml.safe_load(text("CITATION.cff"))
    assert citation["cff-version"] == "1.2.0" and citation["type"] in ("software", "dataset")
    assert {"message", "title", "authors"} <= citation.keys()
    assert citation.keys() <= {
        "abstract", "authors", "cff-version", "commit", "contact", "date-released", "doi", "identifiers", "keywords",
        "license", "license-url", "message", "preferred-citation", "references", "repository", "repository-artifact",
        "repository-code", "title", "type", "url", "version",
    }  # fmt: skip
    texts = [citation[key] for key in ("abstract", "date-released", "license", "message", "title", "version")]
    assert all(isinstance(word, str) and word for word in texts + citation["keywords"])
    assert citation["authors"] and all(author.keys() == {"name"} for author in citation["authors"])  # entities
    assert citation["license"] == PROJECT["license"]


def test_every_place_names_the_same_pythons():
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    versions = [f"3.{minor}" for minor in range(int(low), int(high))]
    named = [word.rpartition(" ")[2] for word in PROJECT["classifiers"] if "Python :: 3." in word]
    assert named == versions
    for name in ("README.md", "tools/venv.sh", "chapters/start/preface.ipynb"):
        assert f"{', '.join(versions[:-1])} or {versions[-1]}" in text(name)
    span = f"{versions[0]} to {versions[-1]}"
    assert span in text("Makefile") and span in text("requirements.txt")
    assert f"for python in {' '.join(versions)}; do" in text("tools/lock.sh")
    jobs = yaml.safe_load(text(".github/workflows/book.yml"))["jobs"]
    matrix = jobs["book"]["strategy"]["matrix"]
    assert matrix["python"] == [versions[0], versions[-1]]
    assert {*matrix["python"], *(job["python"] for job in matrix["include"])} == {*versions}


# ---- what others bring -----------------------------------------------------------------------------------------------


def test_the_workflow_may_little_and_not_for_long():
    workflow = yaml.safe_load(text(".github/workflows/book.yml"))
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 90 and "permissions" not in job
        for step in job["steps"]:
            if action := step.get("uses"):
                assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)
                assert step["with"] == {"persist-credentials": False} or "checkout" not in action


def test_mathjax_from_elsewhere_is_the_mathjax_from_here():
    spec = importlib.util.spec_from_file_location("npm", ROOT / "tools" / "npm.py")
    npm = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(npm)
    assert f'integrity: "{npm.INTEGRITY}"' in npm.LOADER and 'crossOrigin: "anonymous"' in npm.LOADER
    file = ROOT / "vendor" / "mathjax" / "tex-mml-chtml.js"
    if not file.exists() or file.read_text(encoding="utf-8") == npm.LOADER:
        pytest.skip("MathJax is not here: make book brings it, where npm is")
    digest = hashlib.sha384(file.read_bytes()).digest()
    assert npm.INTEGRITY == f"sha384-{base64.b64encode(digest).decode()}"
