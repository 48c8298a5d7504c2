#!/bin/sh
# Measures the cost of one `get` from each language, in one run: C and Python
# (bindings/python/bench.py), C++, Node.js (bindings/node/bench.js), and Kotlin if its tools are
# installed.
#
#     tools/bench-bindings.sh LIBRARY_FOLDER JNI ADDON BUILD PYTHON
#
# LIBRARY_FOLDER has libpims.so, JNI is libpims_jni.so, ADDON is the native part of Node.js.
set -eu

lib=$(realpath "${1:?usage: tools/bench-bindings.sh LIBRARY_FOLDER JNI ADDON BUILD PYTHON}")
jni=$(realpath "$2")
addon=$(realpath "$3")
mkdir -p "$4"
build=$(realpath "$4")
python=$5
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

PIMS_LIBRARY=$lib/libpims.so PYTHONPATH=bindings/python/src "$python" bindings/python/bench.py

echo "The same from other languages"
"${CXX:-c++}" -std=c++17 -O2 -Iinclude cpp-tests/bench.cpp -o "$build/bench-cpp" -L"$lib" -lpims -pthread -Wl,-rpath,"$lib"
"$build/bench-cpp" "$folder/cpp"

PIMS_NODE_ADDON=$addon "${NODE:-node}" bindings/node/bench.js

if command -v java >/dev/null 2>&1 && command -v npm >/dev/null 2>&1; then
    jar=$(tools/kotlin-jar.sh "$build/kotlin")
    tools/kotlinc.sh "$build/kotlin" -cp "$jar" -d "$build/kotlin/bench" bindings/kotlin/bench/Bench.kt
    java -Dlibpims.library="$jni" -cp "$jar:$build/kotlin/tools/node_modules/kotlin-compiler/lib/kotlin-stdlib.jar:$build/kotlin/bench" \
        libpims.bench.BenchKt
else
    echo "SKIPPED: Kotlin, whose tools are not installed (a JDK, npm)"
fi
