"""Running the book elsewhere: the links and buttons that the address brings, the downloads, and what is published."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tools"))
import downloads  # noqa: E402

ADDRESS = "https://github.com/example/back-through-time"
NOTEBOOKS = [path for path in downloads.files() if path.suffix == ".ipynb"]
CONFIG = (ROOT / "_config.yml").read_text(encoding="utf-8")
PAGE = {
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# A page\n\nThis first paragraph says what "
         "the page is about, in rather more than sixty letters: $\\mathbf h_t$."},
        {"cell_type": "code", "id": "b", "metadata": {}, "source": "1", "outputs": [], "execution_count": 1},
    ],
    "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
    "nbformat": 4, "nbformat_minor": 5,
}  # fmt: skip


# ---- the one setting ---------------------------------------------------------------------------------------------


def built(folder, address):
    """A book of one page with the project's settings and this address: the HTML of its page, and its folder."""
    config = yaml.safe_load(CONFIG)
    config["repository"] = {"url": address}
    config["sphinx"]["local_extensions"] = {"launch": str(ROOT / "tools")}
    config["sphinx"]["config"] |= {"html_extra_path": [], "html_search_scorer": ""}
    config["bibtex_bibfiles"] = ["references.bib"]
    (folder / "chapters/start").mkdir(parents=True)
    (folder / "references.bib").touch()
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: chapters/start/preface\n", encoding="utf-8")
    (folder / "chapters/start/preface.ipynb").write_text(json.dumps(PAGE), encoding="utf-8")
    command = [Path(sys.executable).parent / "jupyter-book", "build", folder, "-q"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    page = folder / "_build/html/chapters/start/preface.html"
    assert page.exists(), done.stdout + done.stderr
    return page.read_text(encoding="utf-8"), folder / "_build/html"


@pytest.fixture(scope="module")
def without(tmp_path_factory):
    return built(tmp_path_factory.mktemp("without"), "")


@pytest.fixture(scope="module")
def with_address(tmp_path_factory):
    return built(tmp_path_factory.mktemp("with"), ADDRESS)


def test_the_address_is_one_setting():
    config = yaml.safe_load(CONFIG)
    assert set(config["repository"]) == {"url"}
    assert CONFIG.count("github.com") == CONFIG.count('"https://github.com/owner/name"') + bool(
        config["repository"]["url"]
    )


def test_without_an_address_there_is_no_dead_button(without):
    page, site = without
    assert not re.search(r"mybinder|colab|github\.com|/edit/|issues/new|og:image|og:url", page)
    assert '<meta property="og:title" content="A page" />' in page and 'name="description"' in page
    assert "in rather more than sixty letters: h_t." in page  # no TeX
    for url in re.findall(r'class="run-it">.*?</p>', page):
        for target in re.findall(r'href="([^"#]+)', url):
            assert (site / "chapters/start" / target).exists(), target


def test_with_an_address_all_buttons_are_there_and_lead_to_what_is(with_address):
    page, site = with_address
    assert f'href="{ADDRESS}"' in page
    assert f"{ADDRESS}/edit/main/chapters/start/preface.ipynb" in page and f"{ADDRESS}/issues/new" in page
    binder = re.search(r'href="(https://mybinder[^"]*)"', page)[1]
    path = "chapters/start/preface.ipynb"
    assert binder == f"https://mybinder.org/v2/gh/example/back-through-time/main?urlpath=lab/tree/{path}"
    assert (ROOT / path).exists()
    colab = re.search(r'href="(https://colab[^"]*)"', page)[1]
    start = "https://colab.research.google.com/github/example/back-through-time/blob/gh-pages/"
    assert colab.startswith(start) and (site / colab.removeprefix(start)).exists()
    assert 'content="https://example.github.io/back-through-time/_static/share.png"' in page
    assert (ROOT / "_static/share.png").exists()
    first = nbformat.read(site / colab.removeprefix(start), as_version=4).cells[0].source
    assert f"{ADDRESS}/raw/gh-pages/downloads/back-through-time.zip" in first


def test_downloads_are_downloads(without):
    links = re.findall(r'<a href="[^"]*downloads/[^"]*"( download)?>', without[0])
    assert len(links) == 2 and all(links)


def test_what_is_published_is_what_was_built(tmp_path):
    """tools/publish.sh, with a repository in a folder: all files are on the branch that Colab's links name."""
    project, remote = tmp_path / "project", tmp_path / "remote"
    (project / "_build/html/downloads").mkdir(parents=True)
    (project / "tools").mkdir()
    (project / "tools/publish.sh").write_bytes((ROOT / "tools/publish.sh").read_bytes())
    for name in ("index.html", "downloads/a.ipynb", "_static"):
        (project / "_build/html" / name).write_text("x")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q", project], ["init", "-q", "--bare", remote],
                    ["-C", project, "commit", "-q", "--allow-empty", "-m", "a"]):  # fmt: skip
        subprocess.run([*git, *command], check=True)
    for _ in range(2):  # the second time it replaces what is there
        subprocess.run(["sh", project / "tools/publish.sh", remote], check=True, capture_output=True)
    listed = subprocess.run(["git", "-C", remote, "ls-tree", "-r", "--name-only", downloads.BRANCH], check=True,
                            capture_output=True, text=True).stdout.split()  # fmt: skip
    assert sorted(listed) == [".nojekyll", "_static", "downloads/a.ipynb", "index.html"]


def test_binder_installs_the_book():
    assert re.fullmatch(r"python-3\.1[1-4]\s*", (ROOT / ".binder/runtime.txt").read_text())
    assert "jupyterlab-myst" in (ROOT / ".binder/requirements.txt").read_text()
    assert '-e ".[book]"' in (ROOT / ".binder/postBuild").read_text() and os.access(ROOT / ".binder/postBuild", os.X_OK)


# ---- the downloads -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "downloads"
    downloads.write(folder)
    return folder


def test_every_notebook_is_there_with_a_first_cell_of_its_own(site):
    book = sorted(path.relative_to(ROOT) for path in ROOT.glob("chapters/*/*.ipynb"))
    assert NOTEBOOKS == book and len(book) > 20
    for path in book:
        mine, theirs = nbformat.read(ROOT / path, as_version=4), nbformat.read(site / path, as_version=4)
        nbformat.validate(theirs)
        assert theirs.cells[0].id == "set-up" and theirs.cells[1:] == mine.cells


def test_the_zip_holds_all_that_the_notebooks_open(site):
    with zipfile.ZipFile(site / f"{downloads.NAME}.zip") as archive:
        names = {name.removeprefix(f"{downloads.NAME}/") for name in archive.namelist()}
        assert archive.testzip() is None
    assert sum(name.endswith(".whl") for name in names) == 1 and {"requirements.txt", "README.txt"} <= names
    opened = 0
    for path in NOTEBOOKS:
        cells = nbformat.read(ROOT / path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        for word in re.findall(r"""["'](\.\./\.\./[^"'{]*|[\w-]+\.(?:json|py))""", code):
            file = os.path.normpath(path.parent / word)
            if (ROOT / file).exists():
                opened += 1
                assert any(name == file or name.startswith(f"{file}/") for name in names), f"{path}: {word}"
        for name in re.findall(r"^\s*(?:import|from) (\w+)", code, flags=re.MULTILINE):
            for folder in (path.parent, Path("figures")):
                if (ROOT / folder / f"{name}.py").exists():
                    opened += 1
                    assert f"{folder}/{name}.py" in names
    assert opened > 25
    assert (site / f"{downloads.NAME}.zip").stat().st_size < 10e6


def set_up(path="chapters/derive/lstm.ipynb", repository=""):
    return downloads.alone(path, repository).cells[0].source


def test_the_first_cell_does_nothing_in_the_book(monkeypatch):
    monkeypatch.chdir(ROOT / "chapters/derive")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it installs"))
    exec(set_up(), {})
    assert Path.cwd() == ROOT / "chapters/derive"


def test_the_first_cell_elsewhere(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"put back-through-time\.zip"):
        exec(set_up(), {})
    calls = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: calls.append((command, Path.cwd(), check)))
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "back-through-time.zip").write_bytes((site / "back-through-time.zip").read_bytes())
    exec(set_up(), {})
    (command, folder, check), here = calls[0], tmp_path / "back-through-time"
    assert command == [sys.executable, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"] and check
    assert folder == here and Path.cwd() == here / "chapters/derive" and sys.path[0] == str(Path.cwd())
    asked = re.fullmatch(r"\./(lstm_core-\S+\.whl)\[book\]\n", (here / "requirements.txt").read_text())
    assert (here / asked[1]).exists() and Path("../../figures/book.mplstyle").exists()
    exec(set_up(), {})  # once more, now in the book
    assert len(calls) == 1


def test_the_first_cell_fetches_the_zip_from_the_address(site, tmp_path, monkeypatch):
    import urllib.request

    def fetch(url, name):
        assert url == f"{ADDRESS}/raw/gh-pages/downloads/back-through-time.zip"
        Path(name).write_bytes((site / "back-through-time.zip").read_bytes())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(urllib.request, "urlretrieve", fetch)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    monkeypatch.setattr(sys, "path", [*sys.path])
    exec(set_up(repository=ADDRESS), {})
    assert Path.cwd() == tmp_path / "back-through-time/chapters/derive"


def test_the_extra_has_all_that_the_notebooks_import():
    """But what a chapter says is optional: PyTorch."""
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    named = re.findall(r"\[([\w,]+)\]", extras["book"][0])[0].split(",")
    listed = " ".join(word for name in named for word in extras[name]) + " ".join(extras["book"])
    brought = {"scipy": "scikit-learn", "sklearn": "scikit-learn", "mpmath": "sympy"}  # by which package
    own = {"lstm_core", "lstm_formats", "lstm_proofs", "torch"}
    folders = "chapters/run", "chapters/beyond", "figures"
    own |= {path.stem for folder in folders for path in (ROOT / folder).glob("*.py")}
    core = {"numpy", "tqdm", "safetensors", "pooch", "defusedxml"}
    for path in NOTEBOOKS:
        cells = nbformat.read(ROOT / path, as_version=4).cells
        code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        for name in set(re.findall(r"^\s*(?:import|from) (\w+)", code, flags=re.MULTILINE)) - own - core:
            if name not in sys.stdlib_module_names:
                assert brought.get(name, name) in listed, f"{path}: {name}"
                assert importlib.util.find_spec(name)


def test_the_ledger_finds_the_book_from_within(tmp_path):
    """A package that was installed from the wheel reads the book whose folder one is in."""
    code = "from lstm_proofs.ledger.book import PLACES; print(*PLACES, sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code],
                          cwd=tmp_path, capture_output=True, text=True, check=True)  # fmt: skip
    assert str(tmp_path.resolve()) in done.stdout and str(tmp_path.parent.resolve()) in done.stdout
