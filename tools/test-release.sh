#!/bin/sh
# Installs and uses the files of `make dist`, each on its own C library and processor:
#
#     tools/test-release.sh DIST BUILD
#
# DIST has the files of four systems, or of those that SYSTEMS names. A file that is missing is an
# error, unless WITHOUT names it: patterns, as in tools/release_files.py; libpims/native/FOLDER/* is
# for a library in the jar. BUILD/zig is the environment
# of tools/zigbuild.sh; BUILD also gets Debian 11 for this processor, as root by debootstrap, and C
# libraries and Java of Debian 13 for AArch64, which run under qemu-user. It downloads some 250 MB
# once and is not part of `make test`. Wheels and npm packages have tests of their own.
set -eu
unset MAKEFLAGS MFLAGS MAKELEVEL

dist=$(realpath "${1:?usage: tools/test-release.sh DIST BUILD}")
build=$(realpath "${2:?usage: tools/test-release.sh DIST BUILD}")
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
if [ "$(uname -m)" != x86_64 ] || [ "$(id -u)" != 0 ]; then
    echo "test-release: it needs root on x86-64" >&2
    exit 1
fi
for tool in qemu-aarch64:qemu-user debootstrap:debootstrap musl-gcc:musl-tools java:openjdk-17-jre-headless; do
    command -v "${tool%%:*}" >/dev/null || { echo "test-release: ${tool%%:*} is missing: Debian's ${tool#*:}" >&2; exit 1; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

fail() {
    echo "test-release: $*" >&2
    exit 1
}
says() { echo "ok: $*"; }

# Names what is not tested. It ends the test if WITHOUT does not name the file.
not_tested() { # file
    set -f
    for pattern in ${WITHOUT:-}; do
        # shellcheck disable=SC2254 # a pattern
        case $1 in $pattern) echo "NOT TESTED, as WITHOUT says: $1"; set +f; return ;; esac
    done
    fail "NOT TESTED: $1 is missing"
}

# Enrolls with the program `pims` and makes a one-time password, as docs/cli.md shows it.
use_program() { # command…
    folder=$(mktemp -d "$work/program.XXXX")
    (
        cd "$folder"
        "$@" --folder try init --embedded --username jane
        "$@" --folder try enroll --request-only --phone +33612345678
        # shellcheck disable=SC2016 # `$` is sed's last line
        code=$(sed -n '$s/.*"code":"\([0-9A-Z]*\)".*/\1/p' try/state/sms-outbox.jsonl)
        printf '%s\n1234\n' "$code" | "$@" --folder try enroll --no-request --phone +33612345678
        printf '1234\n' | "$@" --folder try otp >password
    ) >"$folder/out" 2>&1 || { cat "$folder/out" >&2; fail "the program did not enroll: $*"; }
    grep -qE '^[0-9a-z]{1,8}$' "$folder/password" || fail "no one-time password: $*"
}

# Writes a program that runs another one under qemu-user.
emulated() { # root, program, wrapper
    printf '#!/bin/sh\nexec qemu-aarch64 -L %s %s "$@"\n' "$1" "$2" >"$3"
    chmod +x "$3"
}

systems=${SYSTEMS:-x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl}
SYSTEMS=$systems tools/release_files.py "$dist"
(cd "$dist" && sha256sum --check --strict --quiet SHA256SUMS)
tools/check-provenance.py "$dist"

tools/debian-root.sh "$build/arm64" arm64 trixie libc6 musl
for system in $systems; do
    [ -e "$dist/libpims-$version-$system.tar.gz" ] || { not_tested "libpims-$version-$system.tar.gz"; continue; }
    echo "$system"
    mkdir -p "$work/$system"
    tar -xzf "$dist/libpims-$version-$system.tar.gz" -C "$work/$system" --strip-components=1
    [ "$(readlink "$work/$system/lib/libpims.so")" = libpims.so.0 ] || fail "the links of the library are wrong"
    for form in shared static; do tools/run-demo.sh "$build/zig" "$system" "$work/$system/lib" "$build/arm64" $form; done
    case $system in
    *-musl) continue ;;
    x86_64-*) bin=$work/$system/bin ;;
    *)
        bin=$work/$system/emulated
        mkdir "$bin"
        emulated "$build/arm64" "$work/$system/bin/pims" "$bin/pims"
        ;;
    esac
    [ "$("$bin/pims" --version)" = "pims $version" ] || fail "the program does not run"
    use_program "$bin/pims"
    echo "  the program enrolled and made a one-time password"
    [ -e "$dist/pims-authority-$version-$system.tar.gz" ] || { not_tested "pims-authority-$version-$system.tar.gz"; continue; }
    tar -xzf "$dist/pims-authority-$version-$system.tar.gz" -C "$work/$system"
    service=$work/$system/pims-authority-$version-$system/bin/pims-authority
    case $system in
    aarch64-*)
        emulated "$build/arm64" "$service" "$bin/pims-authority"
        service=$bin/pims-authority
        ;;
    esac
    tools/test-demo.sh "$work/x86_64-unknown-linux-gnu/lib" "$service" >"$work/out"
    sed 's/^/  /' "$work/out"
done
says "the tarballs: what is in them runs"

# The packages for this processor are installed by dpkg in a Debian 11 (glibc 2.31).
install_amd64() {
    if ! [ -e "$build/debian/.done" ]; then
        rm -rf "$build/debian"
        # shellcheck disable=SC2016 # apt-get reads $(…) itself
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Label: Debian' | sort -u | head -n 1)
        # What it mounts is gone with it.
        unshare --mount debootstrap --variant=minbase --include=systemd,procps,ca-certificates,gcc,libc6-dev,pkg-config bullseye "$build/debian" "$mirror" >"$build/debian.log" 2>&1 ||
            { tail -n 5 "$build/debian.log" >&2; fail "Debian 11 could not be laid out"; }
        touch "$build/debian/.done"
    fi
    root=$work/debian
    cp -a "$build/debian" "$root"
    cp "$dist"/*_amd64.deb "$root/tmp/"
    cp examples/c/enroll.c "$root/tmp/"
    cat >"$root/tmp/use" <<'END'
set -eu
cd /tmp
export DEBIAN_FRONTEND=noninteractive
dpkg -i ./*.deb
gcc -std=c99 -Wall -Wextra -Werror enroll.c -o enroll $(pkg-config --cflags --libs pims) -lpthread
./enroll | tail -n 1
gcc -std=c99 -Wall -Wextra -Werror enroll.c -o enroll-static $(pkg-config --static --cflags --libs pims | sed 's/-lpims/-l:libpims.a/') -lpthread
./enroll-static | tail -n 1
pims --version
dpkg -r pims libpims-dev libpims0
[ ! -e /usr/bin/pims ]
[ -e pims-authority_*.deb ] || { echo "without the service"; exit 0; }
pims-authority --version
# A person with the user's name is refused, and a folder that is there already is closed.
dpkg -P pims-authority
userdel pims-authority
useradd --shell /bin/sh pims-authority
mkdir -p /etc/pims-authority
chmod 755 /etc/pims-authority
if dpkg -i /tmp/pims-authority_*.deb 2>refused; then exit 1; fi
grep 'a user pims-authority already, which is no user of a service' refused
userdel pims-authority
dpkg --configure pims-authority
# The user of the service, its folder of keys, its unit.
[ "$(id -un pims-authority)" = pims-authority ]
[ "$(stat -c '%U %a' /etc/pims-authority /etc/pims-authority/pims-authority.toml | tr '\n' ' ')" = 'root 700 root 600 ' ]
# test-dist asks systemd about the unit. Here, the programs that it names are there.
sed -n 's/^Exec[A-Za-z]*=\([^ ]*\).*/\1/p' /usr/lib/systemd/system/pims-authority.service >programs
[ "$(wc -l <programs)" = 2 ]
while read -r program; do [ -x "$program" ]; done <programs
# The commands of operating.md, up to the start of the service.
cd /etc/pims-authority
umask 077
for key in master.key admin.token portal.token; do head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' >$key; done
echo 'Bearer none' >sms.key
echo 'postgres://pims:none@127.0.0.1/pims' >database.url
pims-authority --config pims-authority.toml check
# It runs as its user.
mkdir -p /var/lib/pims-authority && chown pims-authority: /var/lib/pims-authority
cd /var/lib/pims-authority
setpriv --reuid=pims-authority --regid=pims-authority --clear-groups pims-authority serve --dev --folder /var/lib/pims-authority/dev --port 0 >/tmp/said 2>/tmp/log &
service=$!
for _ in $(seq 600); do grep -q 'service  *https:' /tmp/said && break; kill -0 $service; sleep 0.1; done
grep -q 'service  *https:' /tmp/said
kill $service && wait $service || :
# Installed again, it keeps the configuration; removed and purged, it keeps the keys.
echo '# edited' >>/etc/pims-authority/pims-authority.toml
dpkg -i /tmp/pims-authority_*.deb </dev/null
grep -q '^# edited' /etc/pims-authority/pims-authority.toml
# Enabled and removed, it is masked; installed again, it is enabled as before; purged, it is not.
enabled=/etc/systemd/system/multi-user.target.wants/pims-authority.service
[ ! -L $enabled ]
systemctl enable pims-authority
[ -L $enabled ]
dpkg -r pims-authority
[ "$(readlink /etc/systemd/system/pims-authority.service)" = /dev/null ]
dpkg -i /tmp/pims-authority_*.deb </dev/null
[ ! -L /etc/systemd/system/pims-authority.service ]
[ -L $enabled ]
dpkg -r pims-authority
dpkg -P pims-authority
[ ! -L $enabled ]
[ ! -L /etc/systemd/system/pims-authority.service ]
dpkg -i /tmp/pims-authority_*.deb </dev/null
[ ! -L $enabled ]
dpkg -P pims-authority
[ -s /etc/pims-authority/master.key ]
[ ! -e /usr/bin/pims-authority ]
echo 'the service was checked and started, and is gone'
END
    # shellcheck disable=SC2016 # the mounts' own shell reads $1
    unshare --mount --pid --fork sh -c 'mount --bind /dev "$1/dev" && mount -t proc proc "$1/proc" && exec chroot "$1" sh /tmp/use' sh "$root" >"$work/out" 2>&1 ||
        { cat "$work/out" >&2; fail "the Debian packages were not installed and used"; }
    [ "$(grep -c '^Every step went as it should' "$work/out")" = 2 ] || { cat "$work/out" >&2; fail "the C demo"; }
    says "the Debian packages for amd64: installed in Debian 11, built against, removed; $(tail -n 1 "$work/out")"
}

# Those for AArch64 are unpacked over Debian 13's C library.
unpack_arm64() {
    root=$work/arm64
    cp -a "$build/arm64" "$root"
    for package in "$dist"/*_arm64.deb; do
        [ "$(dpkg-deb -f "$package" Architecture)" = arm64 ]
        dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
    done
    mkdir "$work/deb-arm64"
    cp "$root/usr/lib/aarch64-linux-gnu/libpims.so.0" "$root/usr/lib/aarch64-linux-gnu/libpims.a" "$work/deb-arm64/"
    for form in shared static; do tools/run-demo.sh "$build/zig" aarch64-unknown-linux-gnu "$work/deb-arm64" "$root" $form; done
    emulated "$root" "$root/usr/bin/pims" "$work/deb-arm64/pims"
    use_program "$work/deb-arm64/pims"
    says "the Debian packages for arm64: unpacked; library and program run under qemu"
    [ -e "$dist/pims-authority_${version}_arm64.deb" ] || { not_tested "pims-authority_${version}_arm64.deb"; return; }
    emulated "$root" "$root/usr/bin/pims-authority" "$work/deb-arm64/pims-authority"
    [ "$("$work/deb-arm64/pims-authority" --version)" = "pims-authority $version" ] || fail "the service for arm64 does not run"
    says "the Debian packages for arm64: the service runs under qemu"
}

for system in $systems; do
    case $system in
    x86_64-*-gnu) architecture=amd64 use=install_amd64 ;;
    aarch64-*-gnu) architecture=arm64 use=unpack_arm64 ;;
    *) continue ;;
    esac
    whole=yes
    for package in libpims0 libpims-dev pims; do
        [ -e "$dist/${package}_${version}_$architecture.deb" ] || { not_tested "${package}_${version}_$architecture.deb"; whole=; }
    done
    # They are used together.
    [ -z "$whole" ] || $use
done

if ! [ -e "$dist/libpims-$version.jar" ]; then
    not_tested "libpims-$version.jar"
    echo "test-release: the files of $dist were used"
    exit 0
fi
# The jar: by the Java of this machine, by one for AArch64, and its libraries for musl, which no
# Java was there for, by musl's loader.
stdlib=$(find "$build/.." -path '*kotlin-compiler/lib/kotlin-stdlib.jar' | head -n 1)
mkdir "$work/java" "$work/unpacked"
javac --release 11 -cp "$dist/libpims-$version.jar:$stdlib" -d "$work/java" bindings/kotlin/examples/Enroll.java
enroll_by() { # name, java…
    name=$1
    shift
    timeout 900 "$@" -Djava.io.tmpdir="$work/unpacked" -cp "$dist/libpims-$version.jar:$stdlib:$work/java" Enroll "$work/java-$name" >"$work/out" 2>&1 ||
        { cat "$work/out" >&2; fail "the jar did not enroll: $name"; }
    grep -qE '^one-time password: [0-9a-z]{1,8}$' "$work/out" || fail "no one-time password: $name"
    if find "$work/unpacked" -name 'libpims-*' | grep .; then fail "the above are left"; fi
    says "the jar: $name"
}
has_native() { # folder in the jar, target of Rust
    case " $systems " in *" $2 "*) ;; *) return 1 ;; esac
    python3 -m zipfile -l "$dist/libpims-$version.jar" | grep "^libpims/native/$1/" >/dev/null || { not_tested "libpims/native/$1/libpims_jni.so"; return 1; }
}
! has_native linux-x86_64 x86_64-unknown-linux-gnu || enroll_by x86_64 java
if has_native linux-aarch64 aarch64-unknown-linux-gnu; then
    tools/debian-root.sh "$build/java-arm64" arm64 trixie libc6 libgcc-s1 libstdc++6 zlib1g openjdk-21-jre-headless
    java=$(find "$build/java-arm64/usr/lib/jvm" -path '*/bin/java' | head -n 1)
    enroll_by aarch64 qemu-aarch64 -L "$build/java-arm64" "$java" -Xint -XX:+UseSerialGC
fi
for processor in x86_64 aarch64; do
    has_native linux-$processor-musl $processor-unknown-linux-musl || continue
    folder=$work/jni-$processor
    mkdir "$folder"
    (cd "$folder" && python3 -m zipfile -e "$dist/libpims-$version.jar" .)
    # zig's runtime for the sanitizer, which it links in otherwise, needs functions of musl 1.2.5.
    "$build/zig/bin/python" -m ziglang cc -target $processor-linux-musl -dynamic -fno-sanitize=undefined -std=c99 -D_XOPEN_SOURCE=700 tests/install/mapped.c -o "$folder/mapped"
    if [ $processor = x86_64 ]; then set -- ; else set -- qemu-aarch64 -L "$build/arm64"; fi
    echo | "$@" "$folder/mapped" "$folder/libpims/native/linux-$processor-musl/libpims_jni.so" >"$work/out" || fail "musl's loader refuses the jar's library for $processor"
    grep -q 'went on' "$work/out" || fail "the jar's library for $processor and musl does not answer"
    says "the jar: musl's loader loads the library for $processor, and it answers; no Java on musl was tried"
done
echo "test-release: the files of $dist were used"
