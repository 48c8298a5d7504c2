#!/bin/sh
# Checks the links of every Markdown file, without the network:
#
#     tools/check-links.sh TOOLS          TOOLS is the virtual environment with lychee
#
# A relative link leads to a file that exists, a fragment to a heading of that file. Web addresses
# are not opened. Every page for readers is in docs/SUMMARY.md, so that the book has it.
set -eu

tools=$(cd "${1:?usage: tools/check-links.sh TOOLS}" && pwd)
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=

find . \( -name .git -o -name target -o -name build -o -name .build -o -name dist -o -name node_modules \) -prune \
    -o -name '*.md' -print >"$work/pages"
check() { "$tools/bin/lychee" --offline --include-fragments --no-progress "$@"; }

# The check fails where it should: on a missing file, and on a missing heading.
echo '# One' >"$work/there.md"
for bad in missing.md there.md#two; do
    echo "[bad]($bad)" >"$work/bad.md"
    if check "$work/bad.md" >/dev/null 2>&1; then
        echo "lychee accepts a link to $bad, which does not exist" >&2
        exit 1
    fi
done

check --files-from "$work/pages" || failed=yes

for page in ./*.md docs/*.md bindings/*/README.md crates/*/README.md; do
    case $page in docs/SUMMARY.md) continue ;; docs/*) link=${page#docs/} ;; ./*) link=../${page#./} ;; *) link=../$page ;; esac
    [ ! -f "$page" ] || grep -qF "]($link)" docs/SUMMARY.md || {
        echo "docs/SUMMARY.md does not have $page" >&2
        failed=yes
    }
done

[ -z "$failed" ]
