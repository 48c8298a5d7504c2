# libpims: the targets that people use. `make help` lists them.

CARGO   ?= cargo
CC      ?= cc
BUILD   := build
DEV     ?= $(BUILD)/dev
PORT    ?= 8443
SONAME  := libpims.so.0

# A debug library with crash points and panics on demand, for the tests; a release library that
# ships; the same with the panics, to prove that its guard works too.
TEST_FEATURES := test-hooks
DEBUG_LIB     := $(BUILD)/debug
RELEASE_LIB   := $(BUILD)/release
HOOKED_LIB    := $(BUILD)/release-hooks

# The libraries and programs as the Rust tests build them: with crash points, which nothing turns on
# by itself, and the features of the whole workspace. One small test is named, so that the tests'
# dependencies have a say in the features. With other features, 150 crates would be built once more.
DEBUG_BUILD := build --workspace --lib --bins --test manifest --features $(TEST_FEATURES)
PROGRAM     := target/debug/pims-authority
# A name that a library with crash points has in it.
HOOK        := PIMS_CRASH_AT

# The library without a service inside. Its dependencies are those of the whole workspace, which are
# built already. Left out are three crates that would build the library under the name of the one
# with a service.
NO_SERVICE := --workspace --exclude fuzz-properties --exclude pims-jni --exclude pims-node --no-default-features --lib

# make's jobs are for make's own children: cargo, with jobs of its own, would warn that it cannot
# reach them.
cargo = env -u MAKEFLAGS -u MFLAGS $(CARGO)

# Two jobs, or those of the make that runs already: it would warn of a number beside its own.
two = $(if $(findstring --jobserver,$(MAKEFLAGS)),,-j2)

.PHONY: help libraries sanitized build demo test-demo image serve wheel wheels test-wheels check test test-python test-console test-browser console-pictures kotlin test-kotlin node node-packages test-node test-node-packages test-swift test-conformance test-rust test-postgres test-recipes test-c test-c-plain test-c-release test-c-valgrind test-c-asan test-c-tsan debug-build test-docs test-interop test-cpp test-install test-static test-replace test-install-packages test-dist program install uninstall deb dist systems test-release cross lint book check-links format fuzz advisories test-memory check-exports check-header bench bench-server bench-console bench-growth generate tools clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: $(RELEASE_LIB)/.done ## the release library, in build/release

demo: build ## the C demo: enrolls, changes the PIN, makes a one-time password; URL=… against a service of `make serve`
	@$(CC) -std=c99 -Wall -Wextra -O2 -Iinclude examples/c/enroll.c -o $(BUILD)/enroll -L$(RELEASE_LIB) -lpims -lpthread -Wl,-rpath,$(abspath $(RELEASE_LIB))
	$(BUILD)/enroll $(if $(URL),--service $(URL) --dev $(DEV)) $(DEMO_ARGS)

test-demo: build $(PROGRAM) ## the C demo against a service of `make serve`, as the README shows it
	tools/test-demo.sh $(abspath $(RELEASE_LIB)) $(PROGRAM)

image: ## the service's image `pims-authority`, where there is a Docker engine
	docker build -f deploy/Dockerfile -t pims-authority .
	docker run --rm pims-authority --version

serve: ## a development service on https://localhost:8443 (PORT=…), with what it keeps in build/dev (DEV=…); then `make demo URL=…`
	@# The first line of the output is the console's address.
	@$(cargo) build --profile server -p authority-server
	@target/server/pims-authority serve --dev --folder $(DEV) --port $(PORT)

test: ## every test; installs a missing tool, or says which
	$(MAKE) tools
	$(MAKE) lint
	@# Two at a time, where one of two waits, or builds in a folder of its own.
	$(MAKE) --output-sync=target $(two) test-rust libraries sanitized
	@# Valgrind takes one core for minutes, all else is done beside it.
	$(MAKE) --output-sync=target $(two) test-c-valgrind check-exports check-header $(TEST_C) $(TEST_PACKAGES)

check: ## a quick loop: formatting, clippy, unit tests, the C suite on a debug library
	$(MAKE) tools
	$(cargo) fmt --all --check
	$(cargo) clippy --workspace --all-targets --features $(TEST_FEATURES) -- -D warnings
	$(cargo) test --workspace --features $(TEST_FEATURES) --lib --quiet
	$(MAKE) test-c-plain PIMS_TEST_SECONDS=1

TEST_C := test-c-plain test-c-release test-c-asan test-c-tsan

# The tests of the libraries that are built already.
TEST_PACKAGES := test-install-packages test-kotlin test-node test-cpp test-python test-dist test-interop test-install test-static test-replace test-conformance test-docs test-demo test-console test-browser test-swift

libraries: $(RELEASE_LIB)/.done $(HOOKED_LIB)/.done

sanitized: $(BUILD)/asan/.done $(BUILD)/tsan/.done

lint: ## formatting, clippy and documentation without warnings; shell, Python, C, C++, JavaScript, the Dockerfile; spelling; includes without a circle; printed files
	$(cargo) fmt --all --check
	$(cargo) clippy --workspace --all-targets --features $(TEST_FEATURES) -- -D warnings
	@# Without the tests' crash points and dependencies, which bring features of their own: as
	@# people build it. Then the code for features that are off: the library without a service, and
	@# the service without PostgreSQL and numbering plans.
	$(cargo) clippy --workspace -- -D warnings
	$(cargo) clippy $(NO_SERVICE) -- -D warnings
	$(cargo) clippy -p authority --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(cargo) doc --workspace --no-deps --quiet
	tools/lint.py $(BUILD)/lint
	tools/lint-node.sh $(BUILD)/node
	python3 -B -m doctest tools/check-width.py
	python3 -B tools/check-width.py
	$(MAKE) check-links
	python3 -B -m doctest tools/check-includes.py
	tools/check-includes.py c-tests cpp-tests
	python3 -B tools/generate-operations.py --check
	@if $(cargo) deny --version >/dev/null 2>&1; then $(cargo) deny --offline check bans licenses sources; \
	else echo "NOT CHECKED: licences, sources, duplicate and wildcard versions of dependencies (deny.toml): cargo-deny is not installed"; fi
	@echo "NOT CHECKED: known vulnerabilities of dependencies: that is 'make advisories', which needs the network"

format: ## formats Rust, Python, C, C++ and JavaScript; wraps comments and Markdown
	$(cargo) fmt --all
	tools/lint.py $(BUILD)/lint --format
	tools/lint-node.sh $(BUILD)/node --write
	python3 -B tools/check-width.py --wrap

fuzz: ## the fuzz targets of fuzz/, a minute each; FUZZ_SECONDS=…, FUZZ_TARGETS="params config"; docs/fuzzing.md
	tools/fuzz.sh $(BUILD)/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

FUZZ_SECONDS ?= 60

DOCS_TOOLS := $(BUILD)/docs-tools

book: $(DOCS_TOOLS)/.done ## the documentation as a book with search, in build/book
	tools/book.sh $(DOCS_TOOLS) $(BUILD)

check-links: book ## every relative link and heading of the documentation, and of the book
	tools/check-links.sh $(DOCS_TOOLS)

# lychee's wheel has 300 MB of debug information.
$(DOCS_TOOLS)/.done: tools/requirements-docs.txt
	python3 -m venv --clear $(DOCS_TOOLS)
	$(DOCS_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	strip $(DOCS_TOOLS)/bin/lychee || :
	@touch $@

advisories: ## known vulnerabilities of the dependencies (RustSec); needs cargo-deny and the network, not part of `make test`
	$(cargo) deny check advisories

test-rust: export PIMS_TEST_AUTHORITY := $(abspath $(PROGRAM))
test-rust: export PIMS_REQUIRE_AUTHORITY := 1
test-rust: export PIMS_REQUIRE_POSTGRES := 1
test-rust: export PIMS_REQUIRE_PGBOUNCER := 1
test-rust: export PIMS_REQUIRE_NGINX := 1
test-rust: export PIMS_REQUIRE_SYSTEMD := 1
# Tests with two users need root. Elsewhere, make test PIMS_REQUIRE_ROOT=0 skips them.
test-rust: export PIMS_REQUIRE_ROOT ?= 1
# Most tests of the service's program wait for it, and not for a core.
test-rust: export RUST_TEST_THREADS ?= 8
test-rust: ## unit, vector, property and crash tests; the service's, as a library and as a program, on SQLite and on a PostgreSQL of their own
	$(cargo) test --workspace --features $(TEST_FEATURES)
	@# The service's program once more, on PostgreSQL. Left out are the tests that run on PostgreSQL
	@# in any case, and the tests that no database affects: slow clients, memory, the commands of
	@# operating.md.
	PIMS_TEST_DATABASE=postgres $(cargo) test --workspace --features $(TEST_FEATURES) --test server -- \
		--skip balanced --skip cluster_of_two --skip endings --skip enumeration --skip memory --skip operating_page --skip readiness --skip slow_clients
	$(cargo) test $(NO_SERVICE) --features $(TEST_FEATURES)

# How clients reach the server, and its version.
WAYS ?= direct-15 session-15 transaction-15 direct-18 transaction-18

test-postgres: ## the service's suites on PostgreSQL 15 and 18, directly and through PgBouncer; WAYS="transaction-15 direct-18"; not part of `make test`
	tools/test-postgres.sh $(BUILD) "$(cargo) test --workspace --features $(TEST_FEATURES)" $(WAYS)

test-memory: ## counts the copies of keys and PINs in the memory of the service as it ships; as root, not part of `make test`
	$(cargo) build --profile server -p authority-server
	PIMS_SERVER_PROGRAM=$(abspath target/server/pims-authority) $(cargo) test -p authority-server --test server memory:: -- --nocapture

test-c: ## the C suite: plain, on the release library, under valgrind, AddressSanitizer and ThreadSanitizer
	$(MAKE) --output-sync=target $(two) test-c-valgrind $(TEST_C)

# Sixteen processes work at once for this many seconds.
test-c-plain: export PIMS_TEST_SECONDS ?= 10
test-c-plain: $(DEBUG_LIB)/.done
	$(MAKE) -C c-tests check PIMS_LIB_DIR=$(abspath $(DEBUG_LIB)) OUT=$(abspath $(BUILD))/c-tests

test-c-release: $(HOOKED_LIB)/.done
	$(MAKE) -C c-tests check PIMS_LIB_DIR=$(abspath $(HOOKED_LIB)) OUT=$(abspath $(BUILD))/c-tests-release

# The code that ships: valgrind takes half the time for it. For the names of functions in a report:
# make test-c-valgrind VALGRIND_LIB=build/debug, after test-c-plain.
VALGRIND_LIB ?= $(HOOKED_LIB)
test-c-valgrind: $(HOOKED_LIB)/.done
	$(MAKE) -C c-tests valgrind PIMS_LIB_DIR=$(abspath $(VALGRIND_LIB)) OUT=$(abspath $(BUILD))/c-tests-valgrind

test-c-asan: $(BUILD)/asan/.done
	tools/test-asan.sh $(abspath $(BUILD))/asan

test-c-tsan: $(BUILD)/tsan/.done
	tools/test-tsan.sh $(abspath $(BUILD))/tsan

test-interop: $(DEBUG_LIB)/.done $(PROGRAM) ## an independent device against the service, and libpims against an independent service
	PIMS_LIBRARY=$(abspath $(DEBUG_LIB))/$(SONAME) PIMS_AUTHORITY=$(abspath $(PROGRAM)) tools/test-interop.sh $(BUILD)/interop

test-docs: $(DEBUG_LIB)/.done ## the programs of the README, the guides and the C quickstart compile and run; quickstarts are short; recipes in PHP and Ruby run
	tools/check-snippets.sh $(abspath $(DEBUG_LIB))
	tools/check-quickstarts.sh $(abspath $(DEBUG_LIB))
	tools/test-recipes.sh $(abspath $(DEBUG_LIB)) $(BUILD)/recipes php ruby

test-recipes: $(DEBUG_LIB)/.done ## the recipes of docs/other-languages.md for all runtimes, which it installs; RECIPES="go bun"; not part of `make test`
	tools/test-recipes.sh $(abspath $(DEBUG_LIB)) $(BUILD)/recipes $(RECIPES)

test-conformance: $(RELEASE_LIB)/.done ## the suite that all languages share (tests/conformance), in C
	$(CC) -std=c99 -D_XOPEN_SOURCE=700 -Wall -Wextra -Wpedantic -Werror -Iinclude tests/conformance/runner.c -o $(BUILD)/conformance \
		-L$(RELEASE_LIB) -lpims -ljansson -lpthread -Wl,-rpath,$(abspath $(RELEASE_LIB))
	folder=$$(mktemp -d) && (cd "$$folder" && $(abspath $(BUILD))/conformance $(CURDIR)/tests/conformance/suite.json); status=$$?; \
		rm -rf "$$folder"; exit $$status

PYTHON       ?= python3
PYTHON_TOOLS := $(BUILD)/python/tools

wheel: $(RELEASE_LIB)/.done $(PYTHON_TOOLS)/.done ## the Python wheel with the library inside, in bindings/python/dist
	tools/build-wheel.sh $(RELEASE_LIB)/$(SONAME) $(PYTHON_TOOLS)

# The libraries that were built for other systems.
CROSS_LIBRARIES = $(or $(CROSS),$(BUILD)/cross)

wheels: $(PYTHON_TOOLS)/.done ## the wheels of a release, in build/wheels, from the libraries that `make cross` or `make systems` has built (SYSTEMS=…, CROSS=…)
	rm -rf $(BUILD)/wheels
	tools/build-wheels.sh $(CROSS_LIBRARIES) $(PYTHON_TOOLS) $(BUILD)/wheels $(SYSTEMS)

test-wheels: ## each wheel of build/wheels, on its own C library and processor; downloads 200 MB, not part of `make test`
	tools/test-wheels.sh $(BUILD)/wheels $(BUILD)/python/systems

test-python: wheel $(PROGRAM) ## the Python package, from its wheel in a fresh environment; PYTHON=… takes another Python
	tools/test-python.sh $(BUILD)/python $(PYTHON) $(PROGRAM)

.PHONY: test-home-assistant
test-home-assistant: $(DEBUG_LIB)/.done $(PROGRAM) ## the example for Home Assistant in Home Assistant 2026.10; 1.3 GB in build/home-assistant, so it is not part of `make test`
	tools/test-home-assistant.sh $(BUILD) $(DEBUG_LIB)/$(SONAME) $(PROGRAM)

test-console: wheel $(PROGRAM) ## the console app, at a pseudo terminal
	tools/test-console.sh $(BUILD)/python $(PYTHON) $(PROGRAM)

# Some of them: make test-browser BROWSER_TESTS="--test-name-pattern=unblock tests/browser/…".
test-browser: $(PROGRAM) ## the consoles of the service in a browser: actions, keyboard, accessibility, languages; BROWSER_TESTS=… names files or options
	NODE=$(NODE) tools/test-browser.sh $(BUILD) $(PROGRAM) $(BROWSER_TESTS)

console-pictures: $(PROGRAM) ## pictures of the consoles' pages for docs/console.md, in docs/pictures/console
	NODE=$(NODE) tools/console-pictures.sh $(BUILD) $(PROGRAM)

kotlin: $(BUILD)/kotlin/libpims_jni.so ## the Kotlin package: pims.jar and libpims_jni.so, in build/kotlin
	tools/kotlin-jar.sh $(BUILD)/kotlin

$(BUILD)/kotlin/libpims_jni.so: FORCE
	$(cargo) build --release -p pims-jni
	@mkdir -p $(@D)
	@tools/replace.sh target/release/libpims_jni.so $@

# Built together: each alone would build the crates that derive code, and those that use them, once
# more, since one needs more features of `syn`.
NATIVE_PARTS := -p pims-jni -p pims-node

# Its tests need a library without crash points. It is built after the debug build, which makes one
# with crash points under the same name, and copied, since another build takes its own.
test-kotlin: | $(DEBUG_LIB)/.done ## the Kotlin package on the Java virtual machine, with the checks of JNI on; Java, the quickstart
	$(cargo) build $(NATIVE_PARTS)
	@mkdir -p $(BUILD)/kotlin/debug
	@tools/replace.sh target/debug/libpims_jni.so $(BUILD)/kotlin/debug/libpims_jni.so
	tools/test-kotlin.sh $(BUILD)/kotlin $(BUILD)/kotlin/debug/libpims_jni.so

NODE ?= node

node: $(BUILD)/node/pims.node ## the native part of the Node.js package, build/node/pims.node

# For other platforms: NODE_ADDONS="linux-x64-musl=FILE …", from builds for them.
node-packages: node ## the npm packages of Node.js, in build/node/packages; NODE_ADDONS="PLATFORM=FILE …": those of other systems, in build/node/other-packages/PLATFORM
	tools/node-packages.py $(BUILD)/node/packages "$$(tools/node-platform.sh)=$(BUILD)/node/pims.node"
	@set -e; for addon in $(NODE_ADDONS); do tools/node-packages.py "$(BUILD)/node/other-packages/$${addon%%=*}" "$$addon"; done

$(BUILD)/node/pims.node: FORCE
	$(cargo) build --release -p pims-node
	@mkdir -p $(@D)
	@tools/replace.sh target/release/libpims_node.so $@

# As test-kotlin: without crash points, after the debug build, and copied.
test-node: | $(DEBUG_LIB)/.done ## the Node.js package, from its npm packages in a fresh folder; NODE=… takes another Node.js
	$(cargo) build $(NATIVE_PARTS)
	@mkdir -p $(BUILD)/node/debug
	@tools/replace.sh target/debug/libpims_node.so $(BUILD)/node/debug/pims.node
	NODE=$(NODE) tools/test-node.sh $(BUILD)/node $(BUILD)/node/debug/pims.node

test-node-packages: ## the npm packages in dist for this system, installed and tested as test-node does
	NODE=$(NODE) tools/test-node-packages.sh $(BUILD)/node dist

$(PYTHON_TOOLS)/.done: bindings/python/requirements-dev.txt
	python3 -m venv --clear $(PYTHON_TOOLS)
	$(PYTHON_TOOLS)/bin/pip install --quiet --disable-pip-version-check -r $<
	@touch $@

test-cpp: $(DEBUG_LIB)/.done $(RELEASE_LIB)/.done ## the tests of pims.hpp, under gcc and clang, plain and sanitized, and the C++ demo
	$(MAKE) $(two) --output-sync=target -C cpp-tests check asan PIMS_LIB_DIR=$(abspath $(DEBUG_LIB)) RELEASE_DIR=$(abspath $(RELEASE_LIB)) OUT=$(abspath $(BUILD))/cpp-tests

test-swift: build ## the Swift package, its C part where there is no Swift toolchain; SWIFT=… takes another swift
	tools/test-swift.sh $(RELEASE_LIB) $(BUILD)/swift

test-install: build ## installs, builds the examples by pkg-config, CMake and statically, uninstalls
	tools/test-install.sh $(RELEASE_LIB)

test-replace: $(DEBUG_LIB)/.done ## a library that is built anew takes nothing from a process that has the old one mapped
	tools/test-replace.sh $(DEBUG_LIB)/$(SONAME) $(DEBUG_LIB)/.done=$(DEBUG_LIB)/$(SONAME)

test-static: build ## the static library beside another SQLite, SQLCipher and another static library by Rust
	tools/test-static.sh $(RELEASE_LIB)

test-install-packages: ## the installation of tools waits for another one
	tools/test-install-packages.sh

# With the program of the debug build: what is packed is tested here, and `make dist` builds what is
# published.
test-dist: $(RELEASE_LIB)/.done debug-build ## the packages are what they say: contents, checksums, the same twice, the SBOM by its schema
	rm -rf $(BUILD)/packed && cp -a $(RELEASE_LIB) $(BUILD)/packed
	strip -o $(BUILD)/packed/program target/debug/pims
	strip -o $(BUILD)/packed/pims-authority target/debug/pims-authority
	tools/program.sh $(BUILD)/packed/program $(BUILD)/packed && rm $(BUILD)/packed/program
	tools/test-dist.sh $(BUILD)/packed $(BUILD)/sbom-checker

program: $(RELEASE_LIB)/pims ## the program `pims`, its man pages and completions, in build/release; docs/cli.md

# Neither builds: `make build` and `make program` first, as root or not. Without the program, the
# library alone is installed.
install: ## installs the files of `make build`, to PREFIX=/usr/local (LIBDIR=… INCLUDEDIR=… DOCDIR=… DESTDIR=…)
	@FROM=$(abspath $(RELEASE_LIB)) tools/install.sh install

uninstall: ## removes the files that `make install` with the same settings installed
	@FROM=$(abspath $(RELEASE_LIB)) tools/install.sh uninstall

deb: program ## Debian packages of the library, its headers and the program, in dist
	tools/package-deb.sh $(RELEASE_LIB) dist
	tools/checksums.sh dist

# What a release carries is built for these systems. `make dist SYSTEMS=x86_64-unknown-linux-gnu` is
# a small one.
SYSTEMS ?= x86_64-unknown-linux-gnu aarch64-unknown-linux-gnu x86_64-unknown-linux-musl aarch64-unknown-linux-musl
CROSS   := $(BUILD)/cross

systems: ## library, program, service and native library of Java for the systems of a release (SYSTEMS=…), in build/cross
	@set -e; for system in $(SYSTEMS); do echo "$$system"; tools/build-system.sh $(CROSS)/zig $$system $(CROSS)/$$system; done

dist: systems ## all files of a release, in dist: source, tarballs, Debian packages, wheels, npm packages, jar, SBOM, provenance, SHA256SUMS; docs/releasing.md
	tools/kotlin-jar.sh $(BUILD)/kotlin
	rm -rf dist
	KOTLIN_CLASSES=$(BUILD)/kotlin/pims.jar tools/dist.sh dist $(foreach system,$(SYSTEMS),$(system)=$(CROSS)/$(system))
	rm -rf $(BUILD)/wheels
	$(MAKE) wheels CROSS=$(CROSS) SYSTEMS="$(SYSTEMS)"
	cp $(BUILD)/wheels/*.whl dist/
	SYSTEMS="$(SYSTEMS)" tools/seal-dist.sh dist $(foreach system,$(SYSTEMS),$(CROSS)/$(system)/tools)
	ls -l dist

test-release: ## the files of `make dist` are installed and used, each on its own C library and processor, qemu included; root, downloads; not part of `make test`
	SYSTEMS="$(SYSTEMS)" tools/test-release.sh dist $(CROSS)
	@set -e; if ls dist/*.whl >/dev/null; then tools/test-wheels.sh dist $(BUILD)/python/systems; fi
	@set -e; if ls dist/*.tgz >/dev/null; then $(MAKE) test-node-packages; fi

cross: ## the library for other systems (TARGETS=…), and what was seen of each; docs/installing.md
	tools/cross.sh $(BUILD)/cross $(TARGETS)

check-exports: $(RELEASE_LIB)/.done ## the library's exports, the header and the documentation name the same functions
	tools/check-exports.sh $(RELEASE_LIB)/libpims.so
	tools/check-exports.sh $(RELEASE_LIB)/libpims.a

check-header: ## the header and the C of the README compile, alone and without a warning
	$(MAKE) -C c-tests header
	awk '/^```c$$/ { on = 1; next } /^```$$/ { on = 0 } on' README.md | $(CC) -std=c99 -Wall -Wextra -Wpedantic -Werror -Iinclude -x c -fsyntax-only -

bench: program $(BUILD)/kotlin/libpims_jni.so $(BUILD)/node/pims.node ## every figure of docs/benchmarks.md, with its floor beside it
	$(cargo) bench --bench calls
	$(cargo) bench -p foreign-state
	tools/bench-library.sh $(RELEASE_LIB)/libpims.so $(BUILD)
	tools/bench-program.py $(RELEASE_LIB)/pims $(RELEASE_LIB)/$(SONAME)
	CC="$(CC)" tools/bench-bindings.sh $(RELEASE_LIB) $(BUILD)/kotlin/libpims_jni.so $(BUILD)/node/pims.node $(BUILD) $(PYTHON)

# What the benchmarks of the service read from the environment, if make is given it.
bench_options = $(if $(BASE),PIMS_BENCH_BASE=$(abspath $(BASE))) $(if $(THIS),PIMS_BENCH_PROGRAM=$(abspath $(THIS))) \
	$(foreach option,SECONDS ROUNDS MINUTES ONLY SIZE,$(if $($(option)),PIMS_BENCH_$(option)="$($(option))"))

bench-server: ## the service's rates beside those of the database alone; with BASE=another-pims-authority beside that program's, with the goals; SECONDS= each, ROUNDS=, MINUTES= of memory, ONLY=postgres,sqlite,activations,memory; docs/scaling.md. Of the development console: make bench-console
	$(bench_options) $(cargo) bench --profile server -p authority-server --bench server

bench-console: ## one-time passwords of `serve --dev` on SQLite with 50 open inboxes of its console beside none; with BASE=another-pims-authority beside that program's, too; SECONDS=, ROUNDS=
	$(bench_options) $(cargo) bench --profile server -p authority-server --bench server -- console

bench-growth: ## the service with 1,000 accounts beside 100,000 and 1,000,000 (SIZE=1000,100000,…): rates, removal, housekeeping, size; SECONDS= each, ROUNDS=, ONLY=postgres,sqlite; docs/scaling.md
	$(bench_options) $(cargo) bench --profile server -p authority-server --features bulk --bench server -- growth

generate: ## writes what is made from the code or a table: the header, docs/state-machine.md, docs/error-table.md, the keys in docs/configuration.md, the typed operations of the bindings
	PIMS_BLESS=1 $(cargo) test --quiet --test generated --test error_table
	python3 -B tools/generate-operations.py

tools: ## installs what the tests need, by the system's package manager, or says what is missing
	@tools/install-tools.sh

clean:
	rm -rf $(BUILD) bindings/python/build bindings/python/dist bindings/python/src/*.egg-info
	$(cargo) clean

# Cargo knows what is up to date: it is always asked.
.PHONY: FORCE
FORCE:

define lay_out
	@mkdir -p $(1)
	@tools/replace.sh $(2)/libpims.so $(1)/$(SONAME)
	$(if $(3),@tools/localize.sh $(2)/libpims.a $(1)/libpims.a)
	@tools/replace.sh --link $(SONAME) $(1)/libpims.so
	@touch $(1)/.done
endef

$(RELEASE_LIB)/.done: FORCE
	$(cargo) build --release -p pims-c
	$(call lay_out,$(RELEASE_LIB),target/release,static)

$(RELEASE_LIB)/pims: FORCE | $(RELEASE_LIB)/.done
	$(cargo) build --release -p cli
	tools/program.sh target/release/pims $(RELEASE_LIB)

# A folder of its own, since cargo gives both libraries one name. It begins as a copy: all but four
# crates are the same.
$(HOOKED_LIB)/.done: FORCE | $(RELEASE_LIB)/.done
	@[ -e target/hooks ] || { rm -rf target/hooks.new && mkdir target/hooks.new && cp -a target/release target/hooks.new && mv target/hooks.new target/hooks; }
	$(cargo) build --release -p pims-c --features $(TEST_FEATURES) --target-dir target/hooks
	$(call lay_out,$(HOOKED_LIB),target/hooks/release)

# Cargo gives the library one name, whatever its features. It takes one that another command built
# since for its own. Then the library is built again.
debug-build:
	$(cargo) $(DEBUG_BUILD)
	@grep -q $(HOOK) target/debug/libpims.so && grep -q 'CREATE TABLE' target/debug/libpims.so || { touch src/lib.rs && $(cargo) $(DEBUG_BUILD); }

$(PROGRAM): debug-build

$(DEBUG_LIB)/.done: debug-build
	$(call lay_out,$(DEBUG_LIB),target/debug)

$(BUILD)/tsan/.done: FORCE
	tools/build-tsan.sh $(abspath $(BUILD))/tsan

$(BUILD)/asan/.done: FORCE
	tools/build-asan.sh $(abspath $(BUILD))/asan
