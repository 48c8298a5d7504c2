#!/bin/sh
# Builds the documentation as a book with search:
#
#     tools/book.sh TOOLS OUT          TOOLS is the virtual environment with mdbook and lychee
#
# OUT/book has the book, OUT/book-src a copy of its pages. Each page keeps its place relative to the
# others, so that links work in the book as they do in the repository. A link of a page to a file
# that is no page, such as pims.h, leads to a copy of that file. Every link of the book is checked.
set -eu

tools=$(cd "${1:?usage: tools/book.sh TOOLS OUT}" && pwd)
mkdir -p "${2:?usage: tools/book.sh TOOLS OUT}"
out=$(cd "$2" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

# Prints the targets of a page's links, without code blocks, web addresses and fragments.
targets() { # page
    awk '/^ *```/ { on = !on } !on' "$1" | grep -oE '\]\([^) ]+\)' |
        sed -e 's/^](//' -e 's/)$//' -e 's/#.*//' | grep -vE '^$|^[a-z]+:' | sort -u || :
}

inside() { # folder, target: the target's path from the root of the repository
    realpath --canonicalize-missing --relative-to="$root" "$1/$2"
}

copy() { # path from the root
    mkdir -p "$out/book-src/src/$(dirname "$1")"
    cp "$1" "$out/book-src/src/$1"
}

rm -rf "$out/book-src" "$out/book"
mkdir -p "$out/book-src/src"
cp docs/book.toml "$out/book-src/book.toml"

# SUMMARY.md stands in docs/, and in the book above it.
sed -e 's,](\([^)]*\)),](docs/\1),' -e 's,](docs/\.\./,](,' docs/SUMMARY.md >"$out/book-src/src/SUMMARY.md"
for link in $(targets docs/SUMMARY.md); do
    page=$(inside docs "$link")
    copy "$page"
    for target in $(targets "$page"); do
        file=$(inside "$(dirname "$page")" "$target")
        case $file in
        *.md) ;;
        *) [ ! -f "$file" ] || copy "$file" ;;
        esac
    done
done

"$tools/bin/mdbook" build "$out/book-src" --dest-dir "$out/book"
find "$out/book" -name '*.html' ! -name print.html ! -name 404.html ! -name toc.html >"$out/book-src/pages"
"$tools/bin/lychee" --offline --include-fragments --no-progress --files-from "$out/book-src/pages"
echo "the book is $out/book/index.html"
