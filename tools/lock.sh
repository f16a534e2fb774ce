#!/bin/sh
# Writes requirements.lock: the versions of requirements.txt, with the SHA-256 of every file that the package index has of
# each, whatever the system. Called by make lock; needs uv (pip install uv).
#   tools/lock.sh check    writes nothing: is every version to be had ready-made, for each Python and system?
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "This needs uv: pip install uv"; exit 1; } >&2

if [ "${1:-}" != check ]; then
    {
        echo "# Made from requirements.txt by make lock."
        uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
            --no-annotate --no-header requirements.txt
    } >requirements.lock.new
    mv requirements.lock.new requirements.lock
fi

nowhere=$(mktemp -d)
trap 'rm -r "$nowhere"' EXIT
export MACOSX_DEPLOYMENT_TARGET=14.0  # the oldest that onnxruntime has
for python in 3.11 3.12 3.13 3.14; do
    for system in x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin; do
        echo "Python $python, $system:"
        uv pip install --dry-run --target "$nowhere/none" --python-version $python --python-platform $system \
            --only-binary :all: --require-hashes -r requirements.lock >"$nowhere/log" 2>&1 || { cat "$nowhere/log"; exit 1; }
        grep "^Would install" "$nowhere/log"
    done
done
