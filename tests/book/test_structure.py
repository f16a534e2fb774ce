"""The house: nothing is too long to be read in one sitting, and no import runs in a circle or upwards."""

import ast
import graphlib
import io
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# What one reads to trust the package: the cells, the loop, and the proofs of both.
READING_PATH = ["lstm_core/cells.py", "lstm_core/scan.py",
                "lstm_proofs/proof.py", "lstm_proofs/prove_cell.py", "lstm_proofs/prove_scan.py"]  # fmt: skip
READING_PATH_LIMIT = 450
FUNCTION_LIMIT = 60
FILE_LIMIT = 350

# Where files are held to FILE_LIMIT. A file of tests is a list, read one test at a time, and may be longer; its
# functions may not.
SHORT_FILES = ["lstm_core", "lstm_proofs", "lstm_formats", "tools", "figures", "chapters", "tests/helpers"]
SHORT_FUNCTIONS = [*SHORT_FILES, "tests"]

# The floors of lstm_core, the ground floor first. A module imports from its own floor and from those below.
FLOORS = [
    {"types", "arrays", "checks", "files", "symbols"},
    {
        "cells",
        "modern",
        "variants",
        "record",
        "_chunks",
        "scan",
        "_fused",
        "operations",
        "plan",
        "compiled",
        "gradcheck",
        "zoneout",
    },
    {"init", "layers", "losses", "optim", "edge", "parameters", "model"},
    {"batches", "scores", "history", "settings", "training", "parallel", "sampling", "data"},
]
PACKAGES = {"lstm_core": set(), "lstm_formats": {"lstm_core"}, "lstm_proofs": {"lstm_core"}}  # which may import which

NO_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef


# ---- lengths ----------------------------------------------------------------------------------------------------


def code_lines(source):
    """The numbers of the lines that hold code: no blank lines, no comments, no docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in NO_CODE:
            lines |= {*range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | FUNCTIONS) and ast.get_docstring(node) is not None:
            lines -= {*range(node.body[0].lineno, node.body[0].end_lineno + 1)}
    return lines


def function_lengths(source):
    """The code lines of each function, inner functions included, decorators not: name -> how many.

    A decorator may be a table of a test's parameters. Of functions of one name, the longest counts.
    """
    lines, lengths = code_lines(source), {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, FUNCTIONS):
            length = sum(node.lineno <= line <= node.end_lineno for line in lines)
            lengths[node.name] = max(length, lengths.get(node.name, 0))
    return lengths


def sources(folders):
    """The Python files under the folders: path relative to the root -> text."""
    found = sorted({path for folder in folders for path in (ROOT / folder).rglob("*.py")})
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in found}


def too_long(lengths, limit):
    return [f"{name}: {length} code lines, {limit} allowed" for name, length in lengths.items() if length > limit]


def largest(lengths):
    name = max(lengths, key=lengths.get)
    return f"{lengths[name]} code lines, {name}"


def test_counting():
    source = '"""Doc\nstring."""\n\n# a comment\nx = [\n    1,\n]  # and\ndef f():\n    "Doc."\n    return """a\nb"""\n'
    assert code_lines(source) == {5, 6, 7, 8, 10, 11}
    source = "class A:\n    @property\n    def f(self):\n        # no code\n        def g():\n\n            return 1\n"
    assert function_lengths(source) == {"f": 3, "g": 2}
    assert function_lengths("def f(): 1\nif x:\n    def f():\n        return 1\n") == {"f": 2}
    assert too_long({"f": 60, "g": 61}, 60) == ["g: 61 code lines, 60 allowed"]


def test_the_reading_path_is_short(shown):
    total = sum(len(code_lines((ROOT / path).read_text(encoding="utf-8"))) for path in READING_PATH)
    shown(f"structure  to trust the package: {total} code lines in {len(READING_PATH)} files ({READING_PATH_LIMIT})")
    assert total <= READING_PATH_LIMIT


def test_no_file_is_too_long(shown):
    lengths = {path: len(code_lines(source)) for path, source in sources(SHORT_FILES).items()}
    for package in PACKAGES:
        total = sum(length for path, length in lengths.items() if path.startswith(package))
        shown(f"structure  {package}: {total:,} code lines in all")
    shown(f"structure  longest file: {largest(lengths)} ({FILE_LIMIT} allowed)")
    assert not too_long(lengths, FILE_LIMIT)


def test_no_function_is_too_long(shown):
    lengths = {
        f"{path}, {name}": length
        for path, source in sources(SHORT_FUNCTIONS).items()
        for name, length in function_lengths(source).items()
    }
    shown(f"structure  longest of {len(lengths):,} functions: {largest(lengths)} ({FUNCTION_LIMIT} allowed)")
    assert not too_long(lengths, FUNCTION_LIMIT)


# ---- imports ----------------------------------------------------------------------------------------------------


def import_graph(root, packages):
    """Who imports whom, imports inside functions included: name of a module -> names of modules of the packages."""
    modules = {}
    for path in (path for package in packages for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: _imported(name, path, modules) for name, path in modules.items()}


def _imported(module, path, modules):
    """The modules that a module imports; `from package import name` means the module of that name, if there is one."""
    found = set()
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {_longest_prefix(alias.name, modules) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) + 1 - node.level] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            found |= {_longest_prefix(f"{source}.{alias.name}", modules) for alias in node.names}
    return found - {None, module}


def _longest_prefix(name, modules):
    """The module that the dotted name is, or is a part of; None if it is none of ours."""
    parts = name.split(".")
    return next((m for k in range(len(parts), 0, -1) if (m := ".".join(parts[:k])) in modules), None)


def circle(graph):
    """Modules that import each other in a circle, or []."""
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return error.args[1]
    return []


def arrows_up(graph, package, floors):
    """Imports within the package that run to a higher floor, or to the package itself, which is above all of them."""
    floor = {f"{package}.{name}": k for k, names in enumerate(floors) for name in names} | {package: len(floors)}
    return sorted(
        f"{module} imports {other}"
        for module, others in graph.items()
        for other in others
        if module in floor and other in floor and floor[other] > floor[module]
    )


def without_a_floor(graph, package, floors):
    """Modules of the package that are on no floor, and names of floors that are no module."""
    inside = {name.removeprefix(package + ".") for name in graph if name.startswith(package + ".")}
    return sorted(inside ^ {name for names in floors for name in names})


def between_packages(graph, allowed):
    """Imports from one package to another that may not be."""
    edges = [(module, other) for module, others in graph.items() for other in others]
    package = lambda name: name.split(".")[0]
    return sorted(
        f"{module} imports {other}"
        for module, other in edges
        if package(module) != package(other) and package(other) not in allowed[package(module)]
    )


def test_no_import_runs_in_a_circle_or_upwards(shown):
    graph = import_graph(ROOT, PACKAGES)
    assert graph["lstm_core.variants"] == {"lstm_core.cells", "lstm_core.modern"}
    assert "lstm_core.symbols" in graph["lstm_core.arrays"]
    assert not circle(graph)
    assert not arrows_up(graph, "lstm_core", FLOORS)
    assert not between_packages(graph, PACKAGES)
    arrows = sum(len(others) for others in graph.values())
    shown(f"structure  {len(graph)} modules, {arrows} imports: no circle, no arrow upwards in {len(FLOORS)} floors")


def test_every_module_is_on_a_floor():
    assert not without_a_floor(import_graph(ROOT, ["lstm_core"]), "lstm_core", FLOORS)


MADE_UP = {  # two floors, {"a", "b"} and {"c"}, and a package beside them
    "core/__init__.py": "from . import a, c\nfrom .b import f",
    "core/a.py": "import numpy as np",
    "core/b.py": "from .a import g",
    "core/c.py": "import core.a\nfrom . import b",
    "other/__init__.py": "",
    "other/inner/__init__.py": "from .d import f",
    "other/inner/d.py": "from core import a, Name\nfrom ..inner import e",
    "other/inner/e.py": "from core.b import f",
}


def faults(tmp_path, **changed):
    """What the checks say of the made-up tree, one file changed."""
    for path, text in {**MADE_UP, **{name.replace("__", "/") + ".py": text for name, text in changed.items()}}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    graph, floors = import_graph(tmp_path, ["core", "other"]), [{"a", "b"}, {"c"}]
    return {
        "circle": circle(graph),
        "up": arrows_up(graph, "core", floors),
        "no floor": without_a_floor(graph, "core", floors),
        "between": between_packages(graph, {"core": set(), "other": {"core"}}),
    }


def test_the_made_up_tree_is_read(tmp_path):
    assert not any(faults(tmp_path).values())
    assert import_graph(tmp_path, ["core", "other"]) == {
        "core": {"core.a", "core.b", "core.c"},
        "core.a": set(),
        "core.b": {"core.a"},
        "core.c": {"core.a", "core.b"},
        "other": set(),
        "other.inner": {"other.inner.d"},
        "other.inner.d": {"core", "core.a", "other.inner.e"},
        "other.inner.e": {"core.b"},
    }


@pytest.mark.parametrize("changed, fault, says", [
    ({"core__a": "def f():\n    from .b import g"}, "circle", {"core.a", "core.b"}),  # inside a function
    ({"core__a": "from .b import f"}, "circle", {"core.a", "core.b"}),
    ({"other__inner__e": "from . import f"}, "circle", {"other.inner", "other.inner.d", "other.inner.e"}),
    ({"core__b": "from . import c"}, "up", {"core.b imports core.c"}),
    ({"core__b": "import core.c as x"}, "up", {"core.b imports core.c"}),
    ({"core__c": "from . import f"}, "up", {"core.c imports core"}),
    ({"core__b": "def f():\n    from core import f"}, "up", {"core.b imports core"}),
    ({"core__x": ""}, "no floor", {"x"}),
    ({"core__b": "from other.inner import d"}, "between", {"core.b imports other.inner.d"}),
    ({"core__b": "import other"}, "between", {"core.b imports other"}),
])  # fmt: skip
def test_each_fault_is_found(tmp_path, changed, fault, says):
    assert {*faults(tmp_path, **changed)[fault]} == says
