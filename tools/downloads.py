"""What the book's site offers to take away: every notebook, and one zip with all of them and what they need.

While Sphinx builds the book this writes the folder `downloads` of the site:

    back-through-time.zip    the notebooks as they are, their files, lstm_core's wheel, requirements.txt
    lstm_core-….whl          the package alone
    chapters/…/….ipynb       a notebook that runs alone: its first cell fetches the zip, if it does not lie beside it,
                             installs what is missing, and goes to the chapter's folder

`python tools/downloads.py chapters/derive/lstm.ipynb …` tries them in an environment that is empty at first, each in a
folder of its own with nothing but the zip. Without names: all. --python /path/to/python3.12: with that Python.
"""

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NAME = "back-through-time"
BRANCH = "gh-pages"  # of the repository: where the built site stands when it is published (tools/publish.sh)
FILES = (
    "LICENSE", "_toc.yml", "references.bib", "chapters/*/*.ipynb", "chapters/*/*.py", "chapters/*/*.json",
    "figures/book.mplstyle", "figures/*.py", "benchmarks/results.json", "formal/*.v", "formal/printed.txt",
    "formal/generated/*", "tests/vectors/*.json", "tests/formats/pytorch/*.onnx",
)  # fmt: skip

SET_UP = """\
# Set-up, for this notebook alone. In the folder of the whole book this cell does nothing.
import os, pathlib, subprocess, sys, urllib.request, zipfile

ZIP, ADDRESS = "{name}.zip", "{address}"
if not pathlib.Path("../../figures/book.mplstyle").exists():
    if not pathlib.Path(ZIP).exists() and not ADDRESS:
        raise FileNotFoundError(f"put {{ZIP}}, from the page of this chapter, beside this notebook")
    if not pathlib.Path(ZIP).exists():
        urllib.request.urlretrieve(ADDRESS, ZIP)
    zipfile.ZipFile(ZIP).extractall()
    os.chdir("{name}")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "-r", "requirements.txt"]
    subprocess.run(pip, check=True)
    os.chdir("{folder}")
    sys.path.insert(0, os.getcwd())
"""
README = """Back Through Time: the notebooks, and all that they need.

In this folder, with Python 3.11 to 3.14:

    python -m pip install jupyterlab jupyterlab-myst -r requirements.txt
    jupyter lab chapters

jupyterlab-myst shows the equations, theorems and exercises as the book does. The chapters on MNIST and on characters
download their data when they are run. The text is under CC BY 4.0, the code under the MIT licence: see LICENSE.
"""


# ---- what is written ---------------------------------------------------------------------------------------------


def files():
    """What the zip holds of the project: paths relative to it."""
    found = {path for pattern in FILES for path in ROOT.glob(pattern)}
    return sorted(path.relative_to(ROOT) for path in found if not path.name.startswith("."))


def pages_address(repository):
    """Where the published site's files are, of a repository on GitHub; "" if it is not published."""
    return f"{repository.rstrip('/')}/raw/{BRANCH}/downloads" if repository else ""


def alone(path, repository=""):
    """A notebook of the project with the set-up cell at its top."""
    notebook = nbformat.read(ROOT / path, as_version=4)
    address = pages_address(repository)
    source = SET_UP.format(name=NAME, folder=Path(path).parent.as_posix(), address=address and f"{address}/{NAME}.zip")
    cell = nbformat.v4.new_code_cell(source.strip(), id="set-up")
    notebook.cells.insert(0, cell)
    return notebook


def write(folder, repository="", notebooks=None):
    """Write the folder `downloads` of a site."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    wheel = shutil.copy(built_wheel(), folder)
    with zipfile.ZipFile(folder / f"{NAME}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files():
            archive.write(ROOT / path, f"{NAME}/{path.as_posix()}")
        archive.write(wheel, f"{NAME}/{Path(wheel).name}")
        archive.writestr(f"{NAME}/requirements.txt", f"./{Path(wheel).name}[book]\n")
        archive.writestr(f"{NAME}/README.txt", README)
    for path in files() if notebooks is None else notebooks:
        if Path(path).suffix == ".ipynb":
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(alone(path, repository), folder / path)


def built_wheel():
    """lstm_core's wheel, made of what is here."""
    spec = importlib.util.spec_from_file_location("make_wheel", ROOT / "tools" / "wheel.py")
    wheel = importlib.util.module_from_spec(spec)  # "import wheel" would find the package of that name
    spec.loader.exec_module(wheel)
    with tempfile.TemporaryDirectory() as folder:
        return wheel.built(Path(folder))


# ---- trying them -------------------------------------------------------------------------------------------------


def environment(folder, made_with=sys.executable):
    """An empty environment with nothing but what runs a notebook. Returns its Python."""
    python = folder / "bin" / "python"
    subprocess.run([made_with, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "nbclient", "ipykernel"], check=True)
    return python


RUN = """import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=1800, kernel_name="python3").execute()
first = notebook.cells[0]
assert first.id == "set-up" and first.execution_count == 1
print(sum(cell.cell_type == "code" for cell in notebook.cells))
"""


def tried(python, site, path, folder):
    """Run one notebook of a site in a folder with nothing but it and the zip. Returns (code cells, seconds)."""
    folder.mkdir()
    for name in (path, f"{NAME}.zip"):
        shutil.copy(site / name, folder)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"PATH": f"{python.parent}{os.pathsep}{env['PATH']}", "VIRTUAL_ENV": str(python.parents[1])}
    start = time.perf_counter()
    command = [python, "-W", "ignore", "-c", RUN, Path(path).name]
    done = subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True)
    if done.returncode:
        raise RuntimeError(f"{path}: does not run alone\n{done.stderr[-3000:]}")
    return int(done.stdout), time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*")
    parser.add_argument("--python", default=sys.executable, help="/path/to/python3.12")
    given = parser.parse_args()
    names = given.notebooks or [path for path in files() if path.suffix == ".ipynb"]
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        write(folder / "site")
        python = environment(folder / "venv", given.python)
        for k, name in enumerate(names):
            try:
                cells, seconds = tried(python, folder / "site", name, folder / f"{k}")
                print(f"{name}: {cells} code cells, {seconds:.0f} s", flush=True)
            except RuntimeError as error:
                failed += 1
                print(error, flush=True)
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
