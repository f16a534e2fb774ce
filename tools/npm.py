"""Bring what the book and its tests take from npm: tools/npm.py vendor/mathjax/tex-mml-chtml.js vendor/axe/axe.min.js

MathJax, so that the built book needs no network; axe-core, which asks whether everybody can use the pages; Pyodide,
Python in a reader's browser, for the page that proves what its reader writes. The packages are checked against a
fixed SHA-256. Where npm is missing or has no network, MathJax's path gets a loader that takes it
from a CDN when a page is read. The reader's browser runs what comes only if it is the very file of the package; fonts,
and TeX's rarer extensions, follow it from there unchecked. Without axe-core a test is skipped.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """What is kept of a package: the files of a folder in it whose names begin so."""

    name: str
    version: str
    sha256: str
    folder: str
    keep: tuple
    missing: str  # what it means that it could not be brought
    instead: str | None = None  # what the target then holds


VERSION = "3.2.2"
INTEGRITY = "sha384-Wuix6BuhrWbjDBs24bXrjf4ZQ5aFeFWBuKkFekO2t8xFU0iNaLQfp2K6/1Nxveei"  # of es5/tex-mml-chtml.js
LOADER = f"""// npm was missing when this book was built, so MathJax comes from a CDN.
document.head.append(Object.assign(document.createElement("script"), {{
  src: "https://cdn.jsdelivr.net/npm/mathjax@{VERSION}/es5/tex-mml-chtml.js",
  integrity: "{INTEGRITY}",
  crossOrigin: "anonymous",
}}));
"""
PACKAGES = {
    "tex-mml-chtml.js": Package(
        "mathjax", VERSION, "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09", "es5/",
        ("tex-mml-chtml.js", "ui/lazy.js", "output/chtml/fonts/", "input/tex/extensions/"),
        "The book's formulas will come from a CDN.\n"
        "        To have them in the book: install npm, remove the folder vendor, make book again.", LOADER),
    "axe.min.js": Package(
        "axe-core", "4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745", "", ("axe.min.js",),
        "The pages are not tested with axe-core."),
    "pyodide.mjs": Package(
        "pyodide", "314.0.7", "66b7949e5a0cba2250b586d7e368bf12fb482800748d182c4618254b685ffaa0", "",
        ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json", "README.md"),
        "No page of the book proves what its reader writes; the figure for it says so.\n"
        "        To have it: install npm, remove the folder vendor/pyodide, make book again.", "// npm was missing\n"),
}  # fmt: skip


def pack(package, folder):
    """The package's archive in `folder`, or None where npm is missing or cannot fetch it."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    command = [npm, "pack", "--silent", f"{package.name}@{package.version}"]
    run = subprocess.run(command, cwd=folder, capture_output=True)
    return next(Path(folder).glob("*.tgz"), None) if run.returncode == 0 else None


def unpack(package, archive, target):
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        sys.exit(f"{package.name} {package.version} from npm is not the expected file: "
                 f"SHA-256 {digest}, not {package.sha256}")  # fmt: skip
    with tarfile.open(archive) as tar:
        for member in filter(tarfile.TarInfo.isfile, tar):
            name = member.name.removeprefix("package/").removeprefix(package.folder)
            if name.startswith(package.keep) or name == "LICENSE":
                file = target.parent / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(tar.extractfile(member).read())


def main(target):
    package = PACKAGES[target.name]
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = pack(package, folder)
        if archive:
            unpack(package, archive, target)
        else:
            if package.instead:
                target.write_text(package.instead)
            print(f"Notice: npm is missing or has no network. {package.missing}")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        main(Path(name))
