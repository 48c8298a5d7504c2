#!/bin/sh
# Runs the recipes of docs/other-languages.md:
#
#     tools/test-recipes.sh LIBDIR FOLDER [RUNTIME…]     LIBDIR holds libpims.so and libpims.so.0
#
# RUNTIME is php, ruby, go, mono, dotnet, bun or deno; by default each of them is run. A recipe is
# the first block below its heading. It runs in an empty folder, ends with 0, and prints the
# messages that the page shows, except for values that change with each run. Afterwards the folders
# of its two facades are there. Each runtime has its row in the page, with the version that is run.
#
# Each recipe also runs where one of its folders cannot be opened. It ends by itself, not with 0,
# and prints the error of the library.
#
# Runtimes of Debian are installed by apt-get if they are missing, which needs root. The others come
# from npm and PyPI, in the pinned versions below, into FOLDER.
set -eu

bun=1.4.4
deno=2.9.6
dotnet=3.1.23

lib=$(cd "${1:?usage: tools/test-recipes.sh LIBDIR FOLDER [RUNTIME…]}" && pwd)
mkdir -p "${2:?usage: tools/test-recipes.sh LIBDIR FOLDER [RUNTIME…]}"
folder=$(cd "$2" && pwd)
shift 2
cd "$(dirname "$0")/.."
here=$PWD
page=docs/other-languages.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
export LD_LIBRARY_PATH="$lib"
failed=
ran=0

[ $# != 0 ] || set -- php ruby go mono dotnet bun deno

fail() { # runtime, what is wrong
    echo "$page: $1: $2" >&2
    failed="$failed $1"
}

# Prints the first block below a heading.
block() { # heading
    awk -v heading="### $1" '/^```/ && found { if (on) exit; on = 1; next } on { print } $0 == heading { found = 1 } /^##/ && $0 != heading { found = 0 }' "$page"
}

# Prints the messages of a recipe or of the page, with one value in the place of each value that
# differs between runs.
steady() {
    sed -e 's/"transactionId":"[0-9a-f]\{8\}-[0-9a-f]\{4\}"/"transactionId":"*"/' \
        -e 's/"\(version[A-Za-z]*\)":"[0-9][0-9.]*"/"\1":"*"/g'
}

limited() { timeout "${SNIPPET_DEADLINE:-120}" "$@"; }

debian() { # program, packages
    command -v "$1" >/dev/null 2>&1 && return
    program=$1
    shift
    tools/install-packages.sh --no-recommends "$@" || { echo "$program is missing; on Debian and Ubuntu: sudo apt-get install $*" >&2; exit 1; }
}

npm_package() { # name, version
    [ "$("$folder/$1/node_modules/.bin/$1" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -n 1)" = "$2" ] ||
        npm install --no-audit --no-fund --loglevel=error --prefix "$folder/$1" "$1@$2"
}

# Installs a runtime, and prints its version.
prepare() { # runtime
    case $1 in
    php) debian php php-cli && php -r 'echo PHP_VERSION, extension_loaded("FFI") ? "" : " without FFI";' ;;
    ruby) debian ruby ruby && ruby -e 'print RUBY_VERSION' ;;
    go) debian go golang-go && go env GOVERSION | sed 's/^go//' ;;
    mono)
        debian mcs mono-mcs
        debian mono mono-runtime
        mono --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'
        ;;
    dotnet)
        debian mcs mono-mcs
        [ -d "$folder/dotnet" ] || { python3 -m venv "$folder/dotnet.new" && mv "$folder/dotnet.new" "$folder/dotnet"; }
        "$folder/dotnet/bin/python" -m pip install --quiet --disable-pip-version-check "dotnetcore2==$dotnet"
        echo "$dotnet"
        ;;
    bun) npm_package bun "$bun" >&2 && echo "$bun" ;;
    deno) npm_package deno "$deno" >&2 && echo "$deno" ;;
    *) echo "there is no runtime $1" >&2 && return 1 ;;
    esac
}

# Builds a recipe outside the folder in which it runs, and runs it there.
run() { # runtime, folder with the recipe, empty folder
    case $1 in
    php) cp "$2/recipe" "$2/app.php" && cd "$3" && limited php "$2/app.php" ;;
    ruby) cp "$2/recipe" "$2/app.rb" && cd "$3" && limited ruby "$2/app.rb" ;;
    go)
        cp "$2/recipe" "$2/main.go" && cd "$2" && printf 'module app\n\ngo 1.19\n' >go.mod
        unformatted=$(gofmt -l main.go)
        [ -z "$unformatted" ] || { echo "gofmt would change it" >&2 && return 1; }
        GOCACHE=$folder/go-cache GOTOOLCHAIN=local CGO_CFLAGS=-I$here/include CGO_LDFLAGS=-L$lib go build -o app && cd "$3" && limited "$2/app"
        ;;
    mono) cp "$2/recipe" "$2/app.cs" && mcs -warnaserror -out:"$2/app.exe" "$2/app.cs" && cd "$3" && limited mono "$2/app.exe" ;;
    dotnet)
        host=$(find "$folder/dotnet/lib" -path '*/dotnetcore2/bin/dotnet')
        echo '{"runtimeOptions":{"framework":{"name":"Microsoft.NETCore.App","version":"3.1.0"}}}' >"$2/app.runtimeconfig.json"
        # It needs no ICU, which a machine may lack, and sends nothing about its use.
        cp "$2/recipe" "$2/app.cs" && mcs -warnaserror -out:"$2/app.exe" "$2/app.cs" && cd "$3" && limited env DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 "$host" "$2/app.exe"
        ;;
    bun) cp "$2/recipe" "$2/app.js" && cd "$3" && limited "$folder/bun/node_modules/.bin/bun" "$2/app.js" ;;
    deno) cp "$2/recipe" "$2/app.js" && cd "$3" && limited "$folder/deno/node_modules/.bin/deno" run --quiet --no-prompt --allow-ffi "$2/app.js" ;;
    esac
}

# Returns whether a recipe printed the messages of the page and left both folders.
is_right() { # file with what it printed, folder
    steady <"$1" | diff "$work/shown" - >&2 && [ -d "$2/first" ] && [ -d "$2/second" ]
}

# Returns whether a recipe ends with the library's error if a file has the name of its folder.
says_why() { # runtime, folder with the recipe, name of the folder, file for what it prints
    mkdir "$2/$3"
    echo 'no folder' >"$2/$3/$3"
    status=0
    (run "$1" "$2" "$2/$3") >"$4" 2>&1 || status=$?
    # `timeout` ends with 124. Go marks a value that its format does not fit by `%!`.
    [ $status -ne 0 ] && [ $status -ne 124 ] && grep -q '2006' "$4" && ! grep -qF '%!' "$4"
}

block "" >"$work/none"
[ ! -s "$work/none" ] || { echo "a heading that does not exist has a recipe" >&2; exit 1; }
awk '/^```/ && on { exit } on { print } $0 == "```json" { on = 1 }' "$page" | steady >"$work/shown"
[ "$(wc -l <"$work/shown")" = 3 ] || { echo "$page: it does not show the three messages" >&2; exit 1; }

# The check fails where it should: on a message that is missing, and on one that failed.
mkdir -p "$work/sample/first" "$work/sample/second"
is_right "$work/shown" "$work/sample" || { echo "the check does not accept the page's own messages" >&2; exit 1; }
sed '$d' "$work/shown" >"$work/short"
sed 's/SUCCEEDED/FAILED/' "$work/shown" >"$work/failures"
for bad in short failures; do
    ! is_right "$work/$bad" "$work/sample" 2>/dev/null || { echo "the check accepts messages that are wrong: $bad" >&2; exit 1; }
done

for runtime in "$@"; do
    case $runtime in
    php) heading=PHP row='PHP' ;;
    ruby) heading=Ruby row='Ruby' ;;
    go) heading=Go row='Go' ;;
    mono) heading='C#' row='C# | Mono' ;;
    dotnet) heading='C#' row='C# | .NET Core' ;;
    bun) heading=Bun row='Bun' ;;
    deno) heading=Deno row='Deno' ;;
    *) heading='' row='' ;;
    esac
    version=$(prepare "$runtime") || exit 1
    mkdir -p "$work/$runtime/recipe" "$work/$runtime/folder"
    block "$heading" >"$work/$runtime/recipe/recipe"
    if ! [ -s "$work/$runtime/recipe/recipe" ]; then
        fail "$runtime" "it has no recipe"
    elif ! (run "$runtime" "$work/$runtime/recipe" "$work/$runtime/folder") >"$work/$runtime/printed" 2>"$work/$runtime/errors"; then
        cat "$work/$runtime/printed" "$work/$runtime/errors" >&2
        fail "$runtime" "its recipe failed; above is what it printed"
    elif ! is_right "$work/$runtime/printed" "$work/$runtime/folder"; then
        fail "$runtime" "its recipe printed other messages than the page shows (<), or left no folder"
    elif ! says_why "$runtime" "$work/$runtime/recipe" first "$work/$runtime/refused" ||
        ! says_why "$runtime" "$work/$runtime/recipe" second "$work/$runtime/refused"; then
        cat "$work/$runtime/refused" >&2
        fail "$runtime" "its recipe does not end with the error 2006 if a folder cannot be opened; above is what it printed"
    else
        ran=$((ran + 1))
        echo "$heading: $runtime $version ran the recipe"
    fi
    # Debian's updates change the last number of a version.
    case $runtime in php | ruby | go | mono) version=${version%.*} ;; esac
    grep -F "| $row" "$page" | grep -qF "$version" || fail "$runtime" "the table of versions does not have $version"
done

[ -z "$failed" ] || { echo "failed:$failed" >&2; exit 1; }
echo "$ran recipes of $page ran"
