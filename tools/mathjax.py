"""Bring MathJax, so that the built book needs no network: tools/mathjax.py vendor/mathjax/tex-mml-chtml.js

The files come from the npm package and are checked against a fixed SHA-256. Where npm is missing or has no
network, the same path gets a loader that takes MathJax from a CDN when a page is read. The reader's browser runs what
comes only if it is the very file of the package; fonts, and TeX's rarer extensions, follow it from there unchecked.
"""

import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

VERSION = "3.2.2"
SHA256 = "1b9c0a1c44df864e915690558e72adb9cc5203360daefd385084ced3b6c64c09"
INTEGRITY = "sha384-Wuix6BuhrWbjDBs24bXrjf4ZQ5aFeFWBuKkFekO2t8xFU0iNaLQfp2K6/1Nxveei"  # of es5/tex-mml-chtml.js
KEEP = ("tex-mml-chtml.js", "output/chtml/fonts/", "input/tex/extensions/")
LOADER = f"""// npm was missing when this book was built, so MathJax comes from a CDN.
document.head.append(Object.assign(document.createElement("script"), {{
  src: "https://cdn.jsdelivr.net/npm/mathjax@{VERSION}/es5/tex-mml-chtml.js",
  integrity: "{INTEGRITY}",
  crossOrigin: "anonymous",
}}));
"""


def npm_pack(folder):
    """The package's archive in `folder`, or None where npm is missing or cannot fetch it."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    run = subprocess.run([npm, "pack", "--silent", f"mathjax@{VERSION}"], cwd=folder, capture_output=True)
    return next(Path(folder).glob("*.tgz"), None) if run.returncode == 0 else None


def main(target):
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        archive = npm_pack(folder)
        if archive is None:
            target.write_text(LOADER)
            print("Notice: npm is missing or has no network. The book's formulas will come from a CDN.")
            print("        To have them in the book: install npm, remove the folder vendor, make book again.")
            return
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"mathjax {VERSION} from npm is not the expected file: SHA-256 {digest}, not {SHA256}")
        with tarfile.open(archive) as tar:
            for member in tar.getmembers():
                name = member.name.removeprefix("package/es5/")
                if member.isfile() and (name.startswith(KEEP) or name == "package/LICENSE"):
                    file = target.parent / name.removeprefix("package/")
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(tar.extractfile(member).read())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
