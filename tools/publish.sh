#!/bin/sh
# Publishes the built book: puts it, as one commit without a past, on the branch gh-pages of a repository.
#   tools/publish.sh [remote]      the remote, or a repository's address; origin by default
# GitHub serves it when Pages are set to that branch. Colab opens the notebooks from there.
set -eu
cd "$(dirname "$0")/.."
built=_build/html
[ -f $built/index.html ] || { echo "There is no book: make book"; exit 1; } >&2
remote=$(git remote get-url "${1:-origin}" 2>/dev/null || echo "$1")
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
cp -R $built/. "$site"
touch "$site/.nojekyll"  # or folders that begin with _ are left out
git -C "$site" init --quiet --initial-branch gh-pages
git -C "$site" add --all --force
git -C "$site" -c user.name="make publish" -c user.email=book@localhost commit --quiet -m "The book, $(git rev-parse --short HEAD)"
git -C "$site" push --quiet --force "$remote" gh-pages
echo "Published to the branch gh-pages of $remote"
