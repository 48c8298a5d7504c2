#!/bin/sh
# Tests the Swift package:
#
#     tools/test-swift.sh LIBDIR BUILD          LIBDIR holds libpims.so of a release; SWIFT=… is another swift
#
# The first tests need no Swift. Each function and constant that the Swift sources use is compiled
# and run in C, by the header of the module map. The module map itself is checked if there is clang.
# The tests have the calls of the reference as it prints them (Tests/Reference), and
# docs/quickstart-swift.md shows the program of Examples/Quickstart. The other tests need a
# toolchain, or root on a Debian, which can lay one out (tools/swift-debian.sh). Without them a line
# says that they were skipped.
set -eu

lib=$(cd "${1:?usage: tools/test-swift.sh LIBDIR BUILD}" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")/.." && pwd)
package=$here/bindings/swift
module=$package/Sources/CPims
swift=${SWIFT:-swift}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# Prints the names of the library that are in these files and not in c-check.c.
unchecked() { # files
    cat "$@" | grep -oE '(pims|PIMS)_[A-Za-z0-9_]+' | sort -u >"$work/used"
    grep -oE '(pims|PIMS)_[A-Za-z0-9_]+' "$package/Tests/c-check.c" | sort -u | comm -23 "$work/used" -
}

unchecked "$package"/Sources/Pims/*.swift >"$work/unchecked"
[ -s "$work/used" ] || { echo "the Swift sources use nothing of the library: they are not read" >&2; exit 1; }
if [ -s "$work/unchecked" ]; then
    echo "the Swift sources use what bindings/swift/Tests/c-check.c does not name:" >&2
    cat "$work/unchecked" >&2
    exit 1
fi
echo 'pims_no_such_function(PIMS_NO_SUCH_CONSTANT)' >"$work/other.swift"
[ "$(unchecked "$work/other.swift" | wc -l)" -eq 2 ] || { echo "the check of what the Swift sources use finds nothing" >&2; exit 1; }

header=$(sed -n 's/^ *header "\(.*\)"$/\1/p' "$module/module.modulemap")
${CC:-cc} -std=c99 -Wall -Wextra -Wpedantic -Werror "-DHEADER=\"$header\"" -I"$module" -I"$here/include" "$package/Tests/c-check.c" \
    -o "$work/c-check" -L"$lib" -lpims -Wl,-rpath,"$lib"
"$work/c-check" || { echo "c-check.c: the library does not do what the Swift sources expect" >&2; exit 1; }
if command -v clang >/dev/null 2>&1; then
    echo '#pragma clang module import CPims
int main(void) { return pims_free(); }' |
        clang -fmodules -fmodules-cache-path="$work/modules" -fmodule-map-file="$module/module.modulemap" -I"$here/include" \
            -Wall -Wextra -Werror -fsyntax-only -x c -
    checked="in C, the module map by clang"
else
    checked="in C (the module map was not checked: there is no clang)"
fi

# The calls as the reference prints them, whether or not something here compiles them.
awk '/^}/ { on = 0 } on; /^func / { on = 1 }' "$package/Tests/PimsTests/ReferenceCall.swift" >"$work/calls"
cat "$package/Tests/Reference/enrollment-enroll.txt" "$package/Tests/Reference/pincode-update.txt" >"$work/reference"
diff "$work/reference" "$work/calls" || { echo "ReferenceCall.swift does not make the calls of the reference as it prints them" >&2; exit 1; }

page=$here/docs/quickstart-swift.md
awk '/^```swift$/ { on = 1; next } /^```$/ { on = 0 } on' "$page" >"$work/main.swift"
cmp "$work/main.swift" "$package/Examples/Quickstart/main.swift" || { echo "$page does not show Examples/Quickstart/main.swift" >&2; exit 1; }
sh -n "$here/tools/build-xcframework.sh"
echo "Swift: what the package uses of the library is checked $checked"

if ! "$swift" --version >"$work/version" 2>&1; then
    # Runs this program again in a Debian that has a toolchain, with the present build.
    if [ -z "${SWIFT:-}" ] && [ "$(id -u)" = 0 ] && command -v debootstrap >/dev/null 2>&1; then
        status=0
        "$here/tools/swift-debian.sh" "$out/debian" tools/test-swift.sh "$lib" "$out" || status=$?
        [ "$status" = 75 ] || exit "$status"
    fi
    echo "SKIPPED: there is no Swift toolchain (\"$swift\"): the Swift package was not compiled, its tests were not run"
    exit 0
fi

cd "$package"
# Runs a command of swift with a library that was built from these sources, and no other one.
run() { # command of swift, options
    command=$1
    shift
    "$swift" "$command" -Xcc "-I$here/include" -Xlinker "-L$lib" -Xlinker -rpath -Xlinker "$lib" "$@"
}
run build --scratch-path "$out/swift" -Xswiftc -warnings-as-errors
# The language mode of Swift 6, in which data races are errors. The tests do not use it: the code
# that SwiftPM 6.0 generates for XCTest does not compile in it.
case $(head -n 1 "$work/version") in
*"version 5."*) ;;
*) run build --scratch-path "$out/swift-6" -Xswiftc -swift-version -Xswiftc 6 -Xswiftc -warnings-as-errors ;;
esac
run test --scratch-path "$out/swift"

mkdir "$out/quickstart.$$"
trap 'rm -rf "$work" "$out/quickstart.$$"' EXIT
cd "$out/quickstart.$$"
for run in first second; do
    password=$("$swift" run --package-path "$package" --scratch-path "$out/swift" --skip-build Quickstart 2>"$work/errors") || {
        cat "$work/errors" >&2
        exit 1
    }
    printf '%s\n' "$password" | grep -qxE '[0-9a-z]{1,8}' || { echo "the $run run of the quickstart printed $password" >&2; exit 1; }
done
echo "the quickstart enrolls and makes passwords"
