#!/bin/sh
# Tests the Kotlin package: compiled by the compiler of bindings/kotlin/tools, run on this machine's
# Java virtual machine with its checks of JNI on.
#
#     tools/test-kotlin.sh BUILD LIBRARY
#
# LIBRARY is libpims_jni.so.
set -eu

mkdir -p "${1:?usage: tools/test-kotlin.sh BUILD LIBRARY}"
build=$(realpath "$1")
library=$(realpath "$2")
cd "$(dirname "$0")/.."
root=$PWD
kotlin=$root/bindings/kotlin

tools/kotlin-jar.sh "$build" >/dev/null
stdlib=$build/tools/node_modules/kotlin-compiler/lib/kotlin-stdlib.jar
coroutines=$build/tools/node_modules/kotlin-compiler/lib/kotlinx-coroutines-core-jvm.jar
junit=/usr/share/java/junit-platform-console-standalone.jar
[ -e "$junit" ] || { echo "JUnit is not installed: Debian's package junit5" >&2; exit 1; }
for jar in junit-jupiter-api junit-jupiter-engine junit-jupiter-params junit-platform-commons junit-platform-engine \
    junit-platform-launcher junit-platform-console junit-platform-reporting opentest4j opentest4j-reporting-events \
    opentest4j-reporting-schema apiguardian-api picocli univocity-parsers; do
    junit=$junit:/usr/share/java/$jar.jar
done

# Checks how the native library is linked. It is no libpims.so.0; a process may have one of those as
# well.
dynamic=$(readelf -dW "$library")
echo "$dynamic" | grep -q 'SONAME.*\[libpims_jni.so\]' || { echo "no SONAME libpims_jni.so" >&2; exit 1; }
echo "$dynamic" | grep -q 'NODELETE' || { echo "not linked with -z nodelete" >&2; exit 1; }
readelf -lW "$library" | awk '$1 == "LOAD" { count++; if ($NF != "0x4000") bad = 1 } END { exit bad || !count }' || {
    echo "a segment is not aligned for 16 KB pages" >&2
    exit 1
}

# The jar is tested. The tests belong to its module, so they see internal names. The classes for
# Android are compiled against stand-ins.
rm -rf "$build/tests" "$build/java" "$build/stand-ins" && mkdir -p "$build/tests" "$build/java" "$build/stand-ins"
find "$kotlin/android/stand-ins" -name '*.java' -exec javac --release 11 -Xlint:all -Werror -d "$build/stand-ins" {} +
tools/kotlinc.sh "$build" -cp "$build/pims.jar:$coroutines:$junit:$build/stand-ins" -Xfriend-paths="$build/pims.jar" -d "$build/tests" "$kotlin/src/test/kotlin" \
    "$kotlin/examples" "$kotlin/android/src" "$kotlin/android/test"
javac --release 11 -Xlint:all,-processing -Werror -cp "$build/pims.jar:$stdlib" -d "$build/java" "$kotlin"/examples/*.java

# Runs a program with the checks of JNI on. Their findings appear on standard output, in the output
# of the program.
checked() {
    java -Xcheck:jni -Dlibpims.library="$library" -Dlibpims.repository="$root" "$@" >"$build/out" 2>&1 || {
        cat "$build/out"
        return 1
    }
    if grep -n -E '(WARNING|FATAL ERROR) in native method|WARNING: JNI' "$build/out"; then
        echo "the checks of JNI found something" >&2
        return 1
    fi
}

# First the proof that a fault would be found: a call of JNI while an exception is pending.
faulty=$build/faulty
mkdir -p "$faulty"
home=$(dirname "$(dirname "$(realpath "$(command -v javac)")")")
"${CC:-cc}" -shared -fPIC -I"$home/include" -I"$home/include/linux" tests/tools/faulty.c -o "$faulty/libfaulty.so"
javac -d "$faulty" tests/tools/Faulty.java
if checked -cp "$faulty" Faulty "$faulty/libfaulty.so" >"$faulty/log" 2>&1 || ! grep -q 'exception pending' "$faulty/log"; then
    cat "$faulty/log" "$build/out"
    echo "the checks of JNI did not find a fault that is there" >&2
    exit 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

echo "Java"
checked -cp "$build/pims.jar:$stdlib:$build/java" Enroll "$folder/java"
grep -E '^one-time password: [0-9a-z]{1,8}$' "$build/out"

# The jar of a release has the native library inside, and needs no property. Nothing is left of what
# it unpacks. If it cannot unpack, the message says what to do.
echo "Java, with the native library in the jar"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
bundled=$build/maven/libpims-$version.jar
rm -rf "$build/maven" && mkdir -p "$build/maven" "$folder/unpacked"
strip -o "$build/maven/native" "$library"
SOURCE_DATE_EPOCH=1700000000 tools/maven.py "$build/pims.jar" "$build/maven" "$(rustc -vV | sed -n 's/^host: //p')=$build/maven/native"
alone() { java -Xcheck:jni -Djava.io.tmpdir="$1" -cp "$bundled:$stdlib:$build/java" Enroll "$folder/$2" >"$build/out" 2>&1; }
alone "$folder/unpacked" bundled || { cat "$build/out"; exit 1; }
grep -E '^one-time password: [0-9a-z]{1,8}$' "$build/out"
if find "$folder/unpacked" -mindepth 1 | grep .; then echo "the above are left" >&2; exit 1; fi
if alone "$folder/nowhere" refused || ! grep -q 'was not loaded. Tried: the one in the jar, for linux-.*Set libpims.library to the path' "$build/out"; then
    cat "$build/out"
    echo "a library that could not be unpacked is not reported" >&2
    exit 1
fi
# It also refuses a folder in which another user can exchange what it unpacks, and one below that. A
# folder with the sticky bit is like /tmp.
mkdir -p "$folder/open/below" "$folder/sticky"
chmod 0777 "$folder/open"
chmod 1777 "$folder/sticky"
for refused in open open/below; do
    if alone "$folder/$refused" exchanged || ! grep -q "others than its owner may write to the folder $folder/open (mode 0777).*java.io.tmpdir" "$build/out"; then
        cat "$build/out"
        echo "a folder that others can write is not refused: $refused" >&2
        exit 1
    fi
done
if find "$folder/open" -mindepth 1 ! -name below | grep .; then echo "the above are left" >&2; exit 1; fi
alone "$folder/sticky" in-sticky || { cat "$build/out"; exit 1; }
if [ "$(id -u)" = 0 ]; then
    mkdir "$folder/foreign"
    chown 65533 "$folder/foreign"
    if alone "$folder/foreign" exchanged || ! grep -q "the folder $folder/foreign belongs to user 65533, and this process runs as user 0" "$build/out"; then
        cat "$build/out"
        echo "a folder of another user is not refused" >&2
        exit 1
    fi
    # A group without other members is the user's own.
    chgrp 0 "$folder/sticky"
    chmod 0770 "$folder/sticky"
    alone "$folder/sticky" in-group || { cat "$build/out"; exit 1; }
    chgrp 65533 "$folder/sticky"
    if alone "$folder/sticky" exchanged; then echo "a folder that a foreign group can write is not refused" >&2; exit 1; fi
fi

# Runs the program of the page, with a user who reads the SMS.
echo "docs/quickstart-kotlin.md"
awk '/^```kotlin$/ { on = 1; next } /^```$/ { on = 0 } on' docs/quickstart-kotlin.md >"$build/Quickstart.kt"
rm -rf "$build/quickstart"
tools/kotlinc.sh "$build" -cp "$build/pims.jar:$coroutines" -d "$build/quickstart" "$build/Quickstart.kt"
person() {
    echo 1234
    code=
    for _ in $(seq 1200); do
        code=$(sed -n 's/.*"code":"\([0-9]*\)".*/\1/p' "$folder/pims-state/sms-outbox.jsonl" 2>/dev/null | tail -n 1)
        [ -z "$code" ] || break
        sleep 0.1
    done
    echo "$code"
    echo 1234
}
(cd "$folder" && person | checked -cp "$build/pims.jar:$stdlib:$coroutines:$build/quickstart" QuickstartKt)
grep -E 'One-time password: [0-9a-z]{1,8}$' "$build/out"
(cd "$folder" && echo 1234 | checked -cp "$build/pims.jar:$stdlib:$coroutines:$build/quickstart" QuickstartKt)
grep -E '^PIN: One-time password: [0-9a-z]{1,8}$' "$build/out"

checked -cp "$build/pims.jar:$stdlib:$coroutines:$build/tests:$build/stand-ins:$junit" org.junit.platform.console.ConsoleLauncher \
    --disable-banner --disable-ansi-colors --fail-if-no-tests --details=tree --scan-classpath "$build/tests" --include-classname '.*Test'
cat "$build/out"
