#!/usr/bin/env python3
"""Prints the folder of a crate that the workspace depends on: tools/crate-folder.py CRATE"""

import json
import pathlib
import subprocess
import sys


def main(crate):
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    folders = [pathlib.Path(package["manifest_path"]).parent for package in metadata["packages"] if package["name"] == crate]
    if not folders:
        sys.exit(f"the workspace does not depend on {crate}")
    print(folders[0])


if __name__ == "__main__":
    main(sys.argv[1])
