#!/bin/sh
# Makes .venv with the very files of requirements.lock, and lstm_core itself. Called by make; needs nothing else.
#   PYTHON=/path/to/python3.13   use this interpreter and no other
#   UV=                          do not use uv even where it is installed
set -eu
cd "$(dirname "$0")/.."
venv=.venv
ready=$venv/.ready  # holds the folder that the environment was made in
uv=${UV-$(command -v uv || true)}

fits() {  # a name on PATH is not enough: it may be a stub that does not run
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

stop() { echo; printf '%s\n' "$@"; exit 1; } >&2

python=
for p in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
    if fits "$p"; then python=$p; break; fi
done
if [ -z "$python" ] && [ -n "${PYTHON:-}" ]; then
    stop "PYTHON=$PYTHON is not a Python 3.11, 3.12, 3.13 or 3.14 that runs."
elif [ -z "$python" ] && [ -z "$uv" ]; then
    stop "This book needs Python 3.11, 3.12, 3.13 or 3.14, and none was found." \
        "  Debian, Ubuntu, WSL:  sudo apt install python3 python3-venv" \
        "  macOS:                brew install python@3.14" \
        "It is called something else, or lies elsewhere?  make PYTHON=/path/to/python3 book"
fi

if ! fits $venv/bin/python || [ "$(cat $ready 2>/dev/null)" != "$(pwd -P)" ]; then
    echo "Making $venv with ${python:-uv} ..."
    if [ -n "$uv" ]; then
        "$uv" venv --quiet --clear --python "${python:->=3.11,<3.15}" $venv
    else
        "$python" -c 'import ensurepip, venv' 2>/dev/null || stop \
            "$python cannot make virtual environments: its venv module is not complete." \
            "  Debian, Ubuntu, WSL:  sudo apt install python3-venv" \
            "                        (or the one of that very version, such as python3.12-venv)"
        "$python" -m venv --clear $venv
    fi
fi

echo "Installing the packages of requirements.lock (a minute, once) ..."
if [ -n "$uv" ]; then
    install="$uv pip install --quiet --python $venv/bin/python"
else
    install="$venv/bin/python -m pip install --quiet --disable-pip-version-check"
fi
$install --no-deps --require-hashes -r requirements.lock  # the lock has all that the others need
$install --no-deps --no-build-isolation -e .
pwd -P > $ready
