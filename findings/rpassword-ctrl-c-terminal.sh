#!/usr/bin/env bash
# rpassword 7.5.4, Rust, Linux: after Ctrl-C at a prompt, the terminal has no echo, no lines and no
# signals.
#
# To show a placeholder for each character, version 7.5 reads single characters: it turns ECHO,
# ICANON and ISIG off. So Ctrl-C arrives as a character, and the crate raises SIGINT itself. It does
# so before the terminal has its modes again, and the usual action of SIGINT ends the process there.
# A program that reads the terminal next gets no echo, until `stty sane` or a shell that sets its
# own modes. The end of the input (Enter, Ctrl-D) brings the modes back.
#
# Seen: a program that asks for one password at a pseudo terminal. The modes of the terminal before
# and after, and how the program ended.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
cargo init --quiet --vcs none --name seen .
echo 'rpassword = "=7.5.4"' >>Cargo.toml
cat >src/main.rs <<'RUST'
fn main() {
    let _ = rpassword::prompt_password("Password: ");
}
RUST
cargo build --quiet
cat >keys.py <<'PYTHON'
import fcntl, os, pty, termios, time


def modes(terminal):
    flags = termios.tcgetattr(terminal)[3]
    return " ".join(name for name in ("ECHO", "ICANON", "ISIG") if flags & getattr(termios, name)) or "none"


for name, keys in [("Enter", b"word\n"), ("Ctrl-D", b"\x04"), ("Ctrl-C", b"\x03")]:
    outside, inside = pty.openpty()
    before = modes(inside)
    child = os.fork()
    if child == 0:
        os.setsid()
        fcntl.ioctl(inside, termios.TIOCSCTTY, 0)
        for number in range(3):
            os.dup2(inside, number)
        os.execv("target/debug/seen", ["seen"])
    while modes(inside) == before:
        time.sleep(0.01)
    os.write(outside, keys)
    _, status = os.waitpid(child, 0)
    end = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
    print(f"{name}: {end}; before: {before}; after: {modes(inside)}")
PYTHON
seen=$(timeout 60 python3 keys.py)
echo "$seen"

expected='Enter: status 0; before: ECHO ICANON ISIG; after: ECHO ICANON ISIG
Ctrl-D: status 0; before: ECHO ICANON ISIG; after: ECHO ICANON ISIG
Ctrl-C: signal 2; before: ECHO ICANON ISIG; after: none'
if [ "$seen" != "$expected" ]; then
    echo "this has changed" >&2
    exit 1
fi
