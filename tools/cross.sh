#!/bin/sh
# Builds the library for other systems, and prints the checks of each result. It proves that the
# library compiles and links, which symbols it exports, and how it is aligned. It also proves that
# the demo in C runs on Linux, with glibc and musl, natively and under qemu, and the program of
# docs/quickstart-c.md under Wine. It is not part of `make test`.
#
#     tools/cross.sh BUILD [TARGET…]
#
# tools/build-system.sh builds the four targets of Linux, with zig; BUILD/TARGET has their result.
# For any other target, the toolchain of rustup builds it, if rustup has installed the standard
# library. Otherwise the standard library is built too, by Debian's rustc-web, cargo-web and
# rust-web-src. ANDROID_NDK_HOME names an NDK. Without one, clang and lld link against nothing and
# leave bionic's symbols open, and the C parts see the headers of Debian's libc6-dev-arm64-cross:
# that is no library for a phone.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

mkdir -p "${1:?usage: tools/cross.sh BUILD [TARGET…]}"
build=$(realpath "$1")
shift
cd "$(dirname "$0")/.."
root=$PWD
[ $# -gt 0 ] || set -- x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl \
    x86_64-pc-windows-gnu aarch64-linux-android

need() { # command, Debian package
    command -v "$1" >/dev/null 2>&1 || { echo "  $1 is missing: Debian's $2" >&2; return 1; }
}

# Writes a compiler or linker as one program, since cargo takes one word. From a name that ends with
# -clang rustc knows how to call it.
script() { # name, command…
    name=$1
    shift
    printf '#!/bin/sh\nexec %s "$@"\n' "$*" >"$build/$name"
    chmod +x "$build/$name"
}

# Compiles the library $2 for $1, in the forms $3, into target/cross/$1/release.
compile() { # target, package, crate types
    target=$1
    set -- --release --lib --target-dir target/cross --target "$1" -p "$2" --crate-type "$3"
    if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
        cargo rustc "$@"
    elif [ -d /usr/lib/rustlib/src/rust/library ] && [ -x /usr/bin/cargo ] && [ -x /usr/bin/rustc ]; then
        RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc /usr/bin/cargo rustc -Zbuild-std=std,panic_unwind "$@"
    else
        echo "  the standard library for $target is missing: rustup target add $target, or Debian's rustc-web, cargo-web and rust-web-src" >&2
        return 1
    fi
}

# Prints the names that the header declares, and those that a library exports.
declared() { grep -oE '\bpims_[a-z_]+\(' include/pims.h | tr -d '(' | sort -u; }
exports() { # tool, library
    case $2 in
    *.dll) "$1" -p "$2" | grep -oE '\bpims_[a-z_]+' ;;
    *) "$1" -D --defined-only "$2" | awk '{ print $3 }' | grep '^pims_' ;;
    esac | sort -u
}
check_exports() { # tool, library
    declared | grep -v '^pims_callback$' >"$build/declared"
    exports "$1" "$2" >"$build/exported"
    diff "$build/declared" "$build/exported" || { echo "  $2 does not export what the header declares" >&2; return 1; }
    echo "  $(basename "$2"): $(wc -c <"$2") bytes, exports the $(wc -l <"$build/exported") functions of the header"
}

# Builds for a Linux, and runs the demo if this machine can.
linux() { # target
    case $1 in aarch64-*) need aarch64-linux-gnu-ld binutils-aarch64-linux-gnu || return 1 ;; esac
    tools/build-system.sh "$build/zig" "$1" "$build/$1" library
    check_exports nm "$build/$1/libpims.so.0"
    case $1 in
    aarch64-*)
        need qemu-aarch64 qemu-user || return 0
        tools/debian-root.sh "$build/arm64" arm64 trixie libc6 musl
        ;;
    *-musl) [ -e /lib/ld-musl-x86_64.so.1 ] || { echo "  it was not run: Debian's musl is missing"; return 0; } ;;
    esac
    for form in shared static; do tools/run-demo.sh "$build/zig" "$1" "$build/$1" "$build/arm64" $form; done
}
x86_64_unknown_linux_gnu() { linux "$1"; }
aarch64_unknown_linux_gnu() { linux "$1"; }
x86_64_unknown_linux_musl() { linux "$1"; }
aarch64_unknown_linux_musl() { linux "$1"; }

# Reads the SMS, as a user does.
sms_code() {
    for _ in $(seq 600); do
        code=$(sed -n 's/.*"code":"\([0-9]*\)".*/\1/p' state/sms-outbox.jsonl 2>/dev/null | tail -n 1)
        [ -z "$code" ] || break
        sleep 0.2
    done
    echo "$code"
}

x86_64_pc_windows_gnu() {
    need x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64 || return 1
    export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER=x86_64-w64-mingw32-gcc CC_x86_64_pc_windows_gnu=x86_64-w64-mingw32-gcc
    compile "$1" pims-c cdylib,staticlib
    lib=target/cross/$1/release
    check_exports x86_64-w64-mingw32-objdump "$lib/pims.dll"
    windows=$build/windows
    rm -rf "$windows/state" && mkdir -p "$windows"
    cp "$lib/pims.dll" "$windows/"
    awk '/^```c$/ { on = 1; next } /^```$/ { on = 0 } on' docs/quickstart-c.md >"$windows/quickstart.c"
    x86_64-w64-mingw32-gcc -std=c99 -O2 -Iinclude "$windows/quickstart.c" -o "$windows/quickstart.exe" "$lib/libpims.dll.a"
    if need wine "wine and wine64"; then
        # Wine has had this library since its version 9; Rust's standard library takes its random
        # numbers from there.
        x86_64-w64-mingw32-gcc -shared -O2 tests/tools/process_prng.c -o "$windows/bcryptprimitives.dll" -ladvapi32
        export WINEPREFIX="$windows/prefix" WINEDEBUG=-all
        (cd "$windows" && sms_code | wine quickstart.exe >quickstart.out) || { cat "$windows/quickstart.out"; return 1; }
        grep -q '"result":{"otp":"[0-9a-z]*"}' "$windows/quickstart.out" || { cat "$windows/quickstart.out"; return 1; }
        echo "  the program of docs/quickstart-c.md ran under $(wine --version): it enrolled and made a one-time password"
    fi
}

aarch64_linux_android() {
    if [ -n "${ANDROID_NDK_HOME:-}" ]; then
        clang=$(echo "$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin/clang)
        script android-clang "$clang" --target=aarch64-linux-android24
        script android-linking-clang "$clang" --target=aarch64-linux-android24 -Wl,-z,max-page-size=16384
        # The archiver of the NDK, too, whatever the host has.
        AR_aarch64_linux_android="$(dirname "$clang")/llvm-ar"
        export AR_aarch64_linux_android
    else
        need clang clang && need ld.lld lld && need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu || return 1
        echo "  no NDK: it compiles and links, with bionic's symbols left open; it was not run"
        mkdir -p "$build/bionic"
        for library in c m dl log unwind gcc; do
            rm -f "$build/bionic/lib$library.a" && ar rc "$build/bionic/lib$library.a"
        done
        script android-clang clang --target=aarch64-linux-android24 -isystem /usr/aarch64-linux-gnu/include
        script android-linking-clang clang --target=aarch64-linux-android24 -fuse-ld=lld -nostdlib -L"$build/bionic" \
            -Wl,-z,max-page-size=16384 -Wl,--unresolved-symbols=ignore-all
    fi
    export CARGO_TARGET_AARCH64_LINUX_ANDROID_LINKER="$build/android-linking-clang" CC_aarch64_linux_android="$build/android-clang"
    compile "$1" pims-c cdylib
    compile "$1" pims-jni cdylib
    lib=target/cross/$1/release
    check_exports nm "$lib/libpims.so"
    for library in libpims.so libpims_jni.so; do
        readelf -lW "$lib/$library" | awk '$1 == "LOAD" { count++; if ($NF != "0x4000") bad = 1 } END { exit bad || !count }' ||
            { echo "  $library is not aligned for pages of 16 KB" >&2; return 1; }
    done
    nm -D --defined-only "$lib/libpims_jni.so" | awk '{ print $3 }' | grep '^Java_' | sort >"$build/methods"
    grep -o 'Java_[A-Za-z_]*' bindings/kotlin/jni/src/exports.rs | sort -u | diff - "$build/methods"
    echo "  libpims_jni.so: $(wc -c <"$lib/libpims_jni.so") bytes, exports $(wc -l <"$build/methods") native methods; both are aligned for pages of 16 KB"
}

failed=
for target in "$@"; do
    echo "$target"
    # A target that fails does not keep the others from being tried. (`set -e` does not count inside
    # a condition.)
    (cd "$root" && set -e && "$(echo "$target" | tr - _)" "$target") &
    wait $! || failed="$failed $target"
done
[ -z "$failed" ] || { echo "not built:$failed" >&2; exit 1; }
