#!/usr/bin/env bash
# bun 1.4.4, JavaScript, Linux: `dlopen` of `bun:ffi` takes a library from the current folder.
#
# The types of Bun say that the name is "passed to dlopen()". For a name without a slash, dlopen(3)
# searches the folders of the system and LD_LIBRARY_PATH, and not the current folder. Where a
# library is not found, a program expects an error.
#
# Seen: Bun then tries the name in the current folder. So a program whose library is not installed
# loads a file of that name from any folder in which a user happens to start it. A file beside the
# program is not found. dlopen itself refuses both. An absolute path avoids it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --no-audit --no-fund --loglevel=error bun@1.4.4 >/dev/null
mkdir library elsewhere
echo 'int seven(void) { return 7; }' >seven.c
cc -shared -fPIC seven.c -o library/libseven-seen.so
cat >seen.js <<'JAVASCRIPT'
import { dlopen } from 'bun:ffi';
try {
  console.log(dlopen('libseven-seen.so', { seven: { args: [], returns: 'i32' } }).symbols.seven());
} catch {
  console.log('not found');
}
JAVASCRIPT
cat >seen.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
int main(void) { puts(dlopen("libseven-seen.so", RTLD_NOW) ? "found" : "not found"); }
C
cc seen.c -o seen -ldl
cp seen.js seen library
unset LD_LIBRARY_PATH

seen=$(
    echo "bun, the library in the current folder: $(cd library && ../node_modules/.bin/bun ../seen.js)"
    echo "bun, the library beside the program: $(cd elsewhere && ../node_modules/.bin/bun ../library/seen.js)"
    echo "dlopen, the library in the current folder: $(cd library && ../seen)"
    echo "dlopen, the library beside the program: $(cd elsewhere && ../library/seen)"
)
echo "$seen"

expected='bun, the library in the current folder: 7
bun, the library beside the program: not found
dlopen, the library in the current folder: not found
dlopen, the library beside the program: not found'
if [ "$seen" != "$expected" ]; then
    echo "this has changed" >&2
    exit 1
fi
