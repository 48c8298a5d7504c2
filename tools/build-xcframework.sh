#!/bin/sh
# Builds bindings/swift/CPims.xcframework: the library as dynamic frameworks for iOS, its simulator
# and macOS. It needs a Mac with Xcode.
#
#     tools/build-xcframework.sh
#
# The frameworks are dynamic: an app that linked two static libraries written in Rust would have
# Rust's own symbols twice.
set -eu
# Child processes do not use the job server of the make that calls this program: they would warn
# that they cannot reach it.
unset MAKEFLAGS MFLAGS MAKELEVEL

[ "$(uname -s)" = Darwin ] || { echo "this needs a Mac: xcodebuild, lipo and install_name_tool" >&2; exit 1; }
cd "$(dirname "$0")/.."
out=$PWD/build/xcframework
target=bindings/swift/CPims.xcframework
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"$/\1/p' Cargo.toml)
export IPHONEOS_DEPLOYMENT_TARGET=13.0 MACOSX_DEPLOYMENT_TARGET=10.15

# Writes a framework's contents into a folder: one binary of those architectures, the header, the
# module map.
contents() { # folder, folder of Info.plist, smallest system, targets
    folder=$1 plist=$2 system=$3
    shift 3
    mkdir -p "$folder/Headers" "$folder/Modules" "$plist"
    binaries=
    for triple in "$@"; do
        rustup target add "$triple"
        cargo rustc --release -p pims-c --lib --crate-type cdylib --target "$triple"
        binaries="$binaries target/$triple/release/libpims.dylib"
    done
    # shellcheck disable=SC2086 # a list of files, whose names have no space
    lipo -create $binaries -output "$folder/CPims"
    cp include/pims.h "$folder/Headers/pims.h"
    cat >"$folder/Modules/module.modulemap" <<'MODULE'
framework module CPims {
    header "pims.h"
    export *
}
MODULE
    cat >"$plist/Info.plist" <<PLIST
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>CFBundleExecutable</key><string>CPims</string>
<key>CFBundleIdentifier</key><string>org.libpims.CPims</string>
<key>CFBundleName</key><string>CPims</string>
<key>CFBundlePackageType</key><string>FMWK</string>
<key>CFBundleShortVersionString</key><string>$version</string>
<key>CFBundleVersion</key><string>$version</string>
<key>$([ "$system" = macos ] && echo LSMinimumSystemVersion || echo MinimumOSVersion)</key>
<string>$([ "$system" = macos ] && echo "$MACOSX_DEPLOYMENT_TARGET" || echo "$IPHONEOS_DEPLOYMENT_TARGET")</string>
</dict></plist>
PLIST
}

# Lays out a flat framework, as iOS has them.
flat() { # name, targets
    framework=$out/$1/CPims.framework
    shift
    contents "$framework" "$framework" ios "$@"
    install_name_tool -id @rpath/CPims.framework/CPims "$framework/CPims"
}

# Lays out a framework with versions, as macOS has them.
versioned() { # name, targets
    framework=$out/$1/CPims.framework
    shift
    contents "$framework/Versions/A" "$framework/Versions/A/Resources" macos "$@"
    install_name_tool -id @rpath/CPims.framework/Versions/A/CPims "$framework/Versions/A/CPims"
    ln -s A "$framework/Versions/Current"
    for name in CPims Headers Modules Resources; do ln -s "Versions/Current/$name" "$framework/$name"; done
}

rm -rf "$out" "$target"
flat ios aarch64-apple-ios
flat simulator aarch64-apple-ios-sim x86_64-apple-ios
versioned macos aarch64-apple-darwin x86_64-apple-darwin
xcodebuild -create-xcframework \
    -framework "$out/ios/CPims.framework" \
    -framework "$out/simulator/CPims.framework" \
    -framework "$out/macos/CPims.framework" \
    -output "$target"
echo "$target"
