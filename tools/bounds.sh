#!/bin/sh
# Tests the packages with the oldest or the newest versions that pyproject.toml allows, in an environment of its own,
# not with those of requirements.lock. Needs uv (pip install uv).
#   tools/bounds.sh oldest    on Python 3.11
#   tools/bounds.sh newest    on the newest Python that uv finds, or PYTHON=3.14
# Further words go to pytest:  tools/bounds.sh oldest -x tests/formats
set -eu
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "This needs uv: pip install uv"; exit 1; } >&2
case "${1:-}" in
    oldest) resolution=lowest-direct python=3.11 ;;
    newest) resolution=highest python=${PYTHON:-">=3.11,<3.15"} ;;
    *) sed -n "2,6s/^# //p" "$0"; exit 2 ;;
esac
venv=_build/$1
shift
[ $# -gt 0 ] || set -- tests/behaviour tests/formats tests/oracles tests/proofs --deselect tests/proofs/test_mutants.py
export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1

uv venv --quiet --clear --python "$python" $venv
tests=$(grep -E "^(pytest|pytest-xdist|hypothesis|nbval)==" requirements.txt)  # what tests is not what is tested
uv pip install --quiet --python $venv/bin/python --resolution $resolution \
    -e ".[data,proofs,mpi,onnx,hdf5]" $tests
uv pip list --python $venv/bin/python
exec $venv/bin/python -m pytest -q -n 2 --dist loadfile "$@"
