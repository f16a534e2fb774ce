"""SymPy and mpmath as one archive, for the page that proves: tools/sympy_zip.py vendor/sympy/sympy.zip

They are plain Python and come from the environment, whose files pip has checked (requirements.lock). Without tests.
"""

import importlib
import sys
import zipfile
from pathlib import Path

PACKAGES = ("sympy", "mpmath")


def main(target):
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in PACKAGES:
            folder = Path(importlib.import_module(name).__file__).parent
            for path in sorted(folder.rglob("*.py")):
                parts = path.relative_to(folder.parent).parts
                if not {"tests", "benchmarks"} & {*parts}:
                    archive.write(path, "/".join(parts))
            for path in folder.parent.glob(f"{name}-*.dist-info/**/LICENSE*"):
                archive.write(path, f"{name}/{path.name}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
