#!/usr/bin/env python3
"""Makes the files that a repository of Maven carries for Kotlin and Java:

    tools/maven.py CLASSES OUT SYSTEM=LIBRARY…

CLASSES is the jar of `make kotlin`. OUT gets libpims-VERSION.jar (the classes, and each LIBRARY as
libpims/native/SYSTEM/libpims_jni.so), -sources.jar, -javadoc.jar (the README) and .pom. SYSTEM is a
target of Rust; a library of another processor or C library is refused. MAVEN_GROUP is the group id;
MAVEN_URL and MAVEN_DEVELOPER name the project's page and the person who publishes, which Maven
Central asks for. The same files give the same bytes: times are those of SOURCE_DATE_EPOCH, names
are sorted.
"""

import html
import os
import pathlib
import re
import sys
import time
import zipfile

import elf

ROOT = pathlib.Path(__file__).resolve().parent.parent
KOTLIN = ROOT / "bindings/kotlin"
# The oldest standard library for which the classes are compiled (tools/kotlin-jar.sh).
STDLIB = "2.2.0"
# The folders in which BundledLibrary.kt looks.
SYSTEMS = {
    "x86_64-unknown-linux-gnu": "linux-x86_64",
    "aarch64-unknown-linux-gnu": "linux-aarch64",
    "x86_64-unknown-linux-musl": "linux-x86_64-musl",
    "aarch64-unknown-linux-musl": "linux-aarch64-musl",
}


def main(classes, out, *natives):
    version = re.search(r'^version = "(.+)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]
    for native in natives:
        elf.check(*native.split("=", 1))
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    licences = {f"META-INF/{name}": (ROOT / name).read_bytes() for name in ("LICENSE", "LICENSE-APACHE", "LICENSE-MIT")}

    with zipfile.ZipFile(classes) as jar:
        files = {name: jar.read(name) for name in jar.namelist() if not name.endswith("/") and name != "META-INF/MANIFEST.MF"}
    for native in natives:
        system, library = native.split("=", 1)
        files[f"libpims/native/{SYSTEMS[system]}/libpims_jni.so"] = pathlib.Path(library).read_bytes()
    write(out / f"libpims-{version}.jar", version, files | licences)

    sources = KOTLIN / "src/main/kotlin"
    files = {file.relative_to(sources).as_posix(): file.read_bytes() for file in sources.rglob("*.kt")}
    write(out / f"libpims-{version}-sources.jar", version, files | licences)
    write(out / f"libpims-{version}-javadoc.jar", version, {"README.md": (KOTLIN / "README.md").read_bytes()} | licences)
    (out / f"libpims-{version}.pom").write_text(pom(version))


def write(path, version, files):
    """Writes a jar. Its manifest is first, as Java's tools expect it."""
    date = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    # A name of a module without a module-info: the file's name would decide otherwise.
    manifest = f"Manifest-Version: 1.0\r\nAutomatic-Module-Name: libpims\r\nImplementation-Version: {version}\r\n\r\n"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as jar:
        for name, content in [("META-INF/MANIFEST.MF", manifest.encode()), *sorted(files.items())]:
            entry = zipfile.ZipInfo(name, date)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o100644 << 16
            jar.writestr(entry, content)


def pom(version):
    group, url, developer = (html.escape(os.environ.get(name, "")) for name in ("MAVEN_GROUP", "MAVEN_URL", "MAVEN_DEVELOPER"))
    more = f"\n  <url>{url}</url>\n  <scm><url>{url}</url></scm>" if url else ""
    more += f"\n  <developers><developer><name>{developer}</name></developer></developers>" if developer else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>{group or "libpims"}</groupId>
  <artifactId>libpims</artifactId>
  <version>{version}</version>
  <packaging>jar</packaging>
  <name>libpims</name>
  <description>Strong authentication of the PIMS mobile SDK, for Kotlin and Java</description>{more}
  <licenses>
    <license><name>MIT</name><url>https://opensource.org/license/mit</url></license>
    <license><name>Apache-2.0</name><url>https://www.apache.org/licenses/LICENSE-2.0.txt</url></license>
  </licenses>
  <dependencies>
    <dependency>
      <groupId>org.jetbrains.kotlin</groupId>
      <artifactId>kotlin-stdlib</artifactId>
      <version>{STDLIB}</version>
    </dependency>
  </dependencies>
</project>
"""


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except elf.Foreign as foreign:
        sys.exit(f"maven.py: {foreign}")
