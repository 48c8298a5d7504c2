#!/bin/sh
# Compiles the classes of bindings/kotlin into BUILD/pims.jar, for programs of Kotlin 2.2 and later.
# The native library is not in it.
#
#     tools/kotlin-jar.sh BUILD
set -eu

mkdir -p "$1"
build=$(realpath "$1")
cd "$(dirname "$0")/.."
# Programs that have kotlinx-coroutines get more (Coroutines.kt). It is not in the jar either, and
# the rest works without it.
tools/kotlinc.sh "$build" -cp "$build/tools/node_modules/kotlin-compiler/lib/kotlinx-coroutines-core-jvm.jar" -language-version 2.2 -api-version 2.2 -d "$build/pims.jar" bindings/kotlin/src/main/kotlin
echo "$build/pims.jar"
