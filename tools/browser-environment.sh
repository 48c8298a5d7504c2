# shellcheck shell=sh
# Sets what the programs of tests/browser read from the environment, and $node. It is read by
# another script, which has set $root, $build (a folder) and $authority (the program
# pims-authority; `pims` is beside it). The libraries come from npm into $build/browser. The browser
# is Debian's chromium-headless-shell, or PIMS_BROWSER. NODE=… takes another Node.js.

: "${root:?}" "${build:?}" "${authority:?}"
node=${NODE:-node}
mkdir -p "$build/browser"
modules=$(realpath "$build/browser")
if ! cmp -s "$root/tests/browser/package-lock.json" "$modules/installed"; then
    cp "$root/tests/browser/package.json" "$root/tests/browser/package-lock.json" "$modules/"
    (cd "$modules" && npm ci --silent --ignore-scripts --no-audit --no-fund)
    cp "$root/tests/browser/package-lock.json" "$modules/installed"
fi
NODE_PATH=$modules/node_modules
PIMS_AUTHORITY=$(realpath "$authority")
PIMS_PROGRAM=$(dirname "$PIMS_AUTHORITY")/pims
PIMS_BROWSER=${PIMS_BROWSER:-$(command -v chromium-headless-shell || command -v chromium)} || {
    echo "the tests of the consoles need chromium-headless-shell: make tools" >&2
    exit 1
}
export NODE_PATH PIMS_AUTHORITY PIMS_PROGRAM PIMS_BROWSER
"$node" -e 'process.exitCode = Number(parseInt(process.versions.node) < 18)' || {
    echo "the tests of the consoles need Node.js 18 or newer; this is $("$node" --version)" >&2
    exit 1
}
