"""What a run of the notebooks found, for the book's page *Execution status*: cells compared, seconds, versions.

chapters/conftest.py hands in every report; at the end of the run the record is written to _build/execution.json, or to
the file named by EXECUTION_RECORD. `make status` takes from there what ran whole and passed.
"""

import datetime
import hashlib
import json
import os
import platform
from collections import Counter, defaultdict
from importlib import metadata
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("numpy", "scipy", "sympy", "matplotlib", "scikit-learn", "onnx", "onnxruntime", "mpi4py", "h5py")
IGNORED = {"nbval-ignore-output", "nbval-skip"}

found = defaultdict(Counter)  # notebook -> outcomes of its cells
seconds = Counter()


def note(report):
    """Take down what became of one cell of the book."""
    notebook, _, cell = report.nodeid.partition("::")
    if notebook.startswith("chapters/") and notebook.endswith(".ipynb") and cell:
        seconds[notebook] += report.duration
        if report.when == "call" or report.outcome != "passed":
            found[notebook][report.outcome] += 1


def content(path):
    """A hash of what is compared of a notebook: its code and its outputs. Its text may change."""
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    parts = [[cell.source, cell.metadata.get("tags", []), cell.outputs] for cell in cells]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def machine():
    """The processor's name, as far as the system tells it, and how many there are."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
        name = lines[0] if lines else name
    return f"{name}, {os.cpu_count()} processors, {platform.system()}"


def record():
    """Of each notebook that ran: its cells and their outcomes, the seconds, when, with what, and on which machine."""
    versions = {"Python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
    notebooks = {}
    for name, outcomes in sorted(found.items()):
        cells = [cell for cell in nbformat.read(ROOT / name, as_version=4).cells if cell.cell_type == "code"]
        ignored = sum(bool(IGNORED & {*cell.metadata.get("tags", ())}) for cell in cells)
        notebooks[name] = {
            "cells": len(cells), "ignored": ignored, **outcomes, "seconds": round(seconds[name], 1), "date": now,
            "content": content(ROOT / name), "machine": machine(), "versions": versions,
        }  # fmt: skip
    return notebooks


def write():
    """Write the record, if notebooks have run."""
    if found:
        path = Path(os.environ.get("EXECUTION_RECORD") or ROOT / "_build" / "execution.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
