"""Holds the lock of a file, as apt-get does, until standard input ends.

See tools/test-install-packages.sh.
"""

import fcntl
import sys

with open(sys.argv[1], "w") as file:
    fcntl.lockf(file, fcntl.LOCK_EX)
    print("held", flush=True)
    sys.stdin.read()
