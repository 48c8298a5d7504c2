#!/bin/sh
# Runs Kotlin's compiler, of the version that bindings/kotlin/tools names. Each of its warnings is
# an error.
#
#     tools/kotlinc.sh BUILD ARGUMENTS…
set -eu

build=$(realpath "$1")
shift
here=$(dirname "$0")/../bindings/kotlin/tools
tools=$build/tools
if ! cmp -s "$here/package-lock.json" "$tools/installed"; then
    mkdir -p "$tools"
    cp "$here/package.json" "$here/package-lock.json" "$tools/"
    (cd "$tools" && npm ci --silent --ignore-scripts --no-audit --no-fund)
    cp "$here/package-lock.json" "$tools/installed"
fi
lib=$tools/node_modules/kotlin-compiler/lib
classes=
for jar in kotlin-compiler kotlin-stdlib kotlin-script-runtime kotlin-reflect kotlinx-coroutines-core-jvm annotations-13.0; do
    classes=$classes:$lib/$jar.jar
done
given=
# The first -cp gets the standard library.
[ "${1:-}" = -cp ] && given=:$2 && shift 2
exec java -XX:TieredStopAtLevel=1 -cp "$classes" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler \
    -no-stdlib -no-reflect -Werror -jvm-target 11 -module-name pims -cp "$lib/kotlin-stdlib.jar$given" "$@"
