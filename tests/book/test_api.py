"""All that is public has hints, a docstring and an example that runs, and stands on a page of the reference."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html" / "chapters" / "back"

spec = importlib.util.spec_from_file_location("api", ROOT / "tools" / "api.py")
api = importlib.util.module_from_spec(spec)
spec.loader.exec_module(api)

MODULES = [module for package in api.PACKAGES for module in api.modules(package)]
PUBLIC = [member for module in MODULES for member in api.members(module)]


def names_of(package):
    """What `from package import *` gives."""
    found = vars(importlib.import_module(package))
    return {name: found[name] for name in found.get("__all__", found) if name[0] != "_"}


def names(module):
    """What an example begins with: what the head of a page of the reference says, and all that is in its module."""
    found = {name: value for package in reversed(api.PACKAGES) for name, value in names_of(package).items()}
    return found | names_of(module.__name__) | {"np": np, "rng": np.random.default_rng(0)}


NEEDS_DATA = "  # doctest: +SKIP"  # a data set that the book may have to do without


def run_example(text, name, globs):
    """What goes wrong in the example of a docstring; "" if nothing does, None if there is no example."""
    text = text.replace(NEEDS_DATA, NEEDS_DATA if not os.environ.get("LSTM_CORE_DATA") else "")
    test = doctest.DocTestParser().get_doctest(text, globs, name, None, None)
    found = []
    doctest.DocTestRunner(verbose=False).run(test, out=found.append)
    return "".join(found) if test.examples else None


def unhinted(value):
    """The arguments of a function without a hint, and "return"."""
    if isinstance(value, property):
        value = value.fget
    if inspect.isclass(value):
        value = value.__init__ if inspect.isfunction(vars(value).get("__init__")) else None
    if value is None:
        return []
    signature = inspect.signature(value)
    found = [name for name, p in signature.parameters.items() if p.annotation is p.empty and name != "self"]
    is_maker = value.__name__ == "__init__"
    return found + (["return"] if signature.return_annotation is signature.empty and not is_maker else [])


@pytest.mark.parametrize("package", [*api.PACKAGES, "lstm_proofs.ledger"])
def test_a_package_offers_what_it_imports(package):
    """A type checker takes only what stands in `__all__` for something that a package offers."""
    module = importlib.import_module(package)
    body = ast.parse(inspect.getsource(module)).body
    imported = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert imported == {*module.__all__} and len(imported) == len(module.__all__)


def test_all_that_is_public_has_hints(shown):
    without = {f"{m.module}.{m.name}": bare for m in PUBLIC if (bare := unhinted(m.value))}
    assert not without, "\n".join(f"{name}: {', '.join(bare)}" for name, bare in without.items())
    shown(f"reference  {len(PUBLIC)} public functions, classes and methods of {len(MODULES)} modules, all with hints")


def test_all_that_is_public_has_a_docstring():
    assert not [f"{m.module}.{m.name}" for m in PUBLIC if not m.text]
    assert not [module.__name__ for module in MODULES if not module.__doc__]


def needs_example(member):
    return not isinstance(member.value, property)


def test_all_functions_and_classes_have_an_example():
    assert not [f"{m.module}.{m.name}" for m in PUBLIC if needs_example(m) and ">>> " not in m.text]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_examples_run(module, tmp_path, monkeypatch, shown):
    monkeypatch.chdir(tmp_path)
    start, count, wrong = time.process_time(), 0, []
    for name, text in [("", module.__doc__), *((m.name, m.text) for m in api.members(module))]:
        found = run_example(text, f"{module.__name__}.{name}", names(module))
        count += found is not None
        wrong += [found] if found else []
    assert not wrong, "\n".join(wrong)
    texts = "".join(m.text for m in api.members(module))
    skipped = 0 if os.environ.get("LSTM_CORE_DATA") else texts.count(NEEDS_DATA)
    says = f"; {skipped} lines of them were skipped, since LSTM_CORE_DATA is not set" if skipped else ""
    shown(f"examples  {count:3} of {module.__name__} in {time.process_time() - start:.2f} s{says}")


def test_an_example_can_fail():
    assert run_example("Words.", "f", {}) is None
    assert run_example(">>> 1 + 1\n2", "f", {}) == ""
    assert "Expected" in run_example(">>> 1 + 1\n3", "f", {})
    assert "NameError" in run_example(">>> here", "f", {})


class _Bare:
    def __init__(self, x):
        pass


def test_what_has_no_hint_is_seen():
    assert unhinted(lambda x: 1) == ["x", "return"]
    assert unhinted(_Bare) == ["x"]
    assert unhinted(property(lambda self: 1)) == ["return"]


def test_a_docstring_becomes_markdown():
    text = "A *sum* |x|_2.\n\nx:  (T, B),\n    or `None`\nW, R: more\nReturns y.\n\n    a = b\n\n"
    text += ">>> f(1)  # doctest: +SKIP\n2\n"
    assert api.markdown(text) == (
        "A \\*sum\\* \\|x\\|\\_2.\n\n`x`\n: (T, B), or `None`\n\n`W`, `R`\n: more\n\nReturns y.\n\n"
        "```text\na = b\n```\n\n```pycon\n>>> f(1)\n2\n```"
    )


@pytest.mark.parametrize("package", api.PACKAGES)
def test_all_that_is_public_is_on_the_pages(package, shown):
    """`make test` builds the book first."""
    page = HTML / f"api-{package.removeprefix('lstm_')}.html"
    if not page.exists():
        pytest.skip("the book is not built (make book)")
    there = {*re.findall(r'<dt class="sig[^>]* id="([\w.]+)"', page.read_text(encoding="utf-8"))}
    mine = {f"{m.module}.{m.name}" for m in PUBLIC if m.module.partition(".")[0] == package}
    assert mine and {name for name in there if not name.startswith("lstm_core.types.")} == mine
    shown(f"reference  {len(mine)} entries on the page of {package}")
