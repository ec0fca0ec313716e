#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds the licenses of the libraries that are linked into a wheel to the wheel.

usage: add_licenses.py WHEEL FOLDER
"""

import pathlib
import sys
import zipfile

from wheel.wheelfile import WheelFile


def main() -> int:
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    path, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    texts = sorted(file for file in folder.iterdir() if file.is_file())
    if not texts:
        print(f"add_licenses.py: {folder} holds no license", file=sys.stderr)
        return 1
    with WheelFile(path) as wheel:
        info = wheel.dist_info_path
        # A new wheel: its name must be a wheel's name, so it is written in a folder of its own.
        changed = path.parent / "with-licenses" / path.name
        changed.parent.mkdir(exist_ok=True)
        with WheelFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in wheel.infolist():
                if entry.filename == wheel.record_path:
                    continue  # WheelFile writes it anew
                data = wheel.read(entry)
                if entry.filename == f"{info}/METADATA":
                    head, separator, body = data.partition(b"\n\n")
                    lines = [f"License-File: libraries/{text.name}".encode() for text in texts]
                    data = b"\n".join([head, *lines]) + separator + body
                new.writestr(entry, data)
            for text in texts:
                new.write(text, f"{info}/licenses/libraries/{text.name}")
    changed.replace(path)
    changed.parent.rmdir()
    return 0


if __name__ == "__main__":
    sys.exit(main())
