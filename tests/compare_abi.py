#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the binary interface of a library with that of version 1, tests/abi_v1/libaugstream.abi.

usage: compare_abi.py SOURCE_ROOT SHARED_LIBRARY           exit 0: all that version 1 has is there, unchanged
       compare_abi.py SOURCE_ROOT SHARED_LIBRARY --write   writes libaugstream.abi anew (scripts/freeze-abi does)

The library needs debug information of types (a build of type debugoptimized). Uses abidw and abidiff of abigail-tools.
Functions may be added, and members at the end of structs that begin with a size. Nothing else may change.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

ABIDIFF_FAILED = 1 | 2  # bits of its exit status: an error, and a wrong command line
ABIDIFF_CHANGED = 4 | 8  # a change, and one that breaks callers


def dump(root, library, output):
    """Functions, and types of the public headers; no path of this machine."""
    run = subprocess.run(
        ["abidw", "--headers-dir", str(root / "include"), "--drop-private-types", "--exported-interfaces-only", "--drop-undefined-syms",
         "--no-architecture", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs", "--no-elf-needed", "--no-parameter-names",
         "--no-write-default-sizes", "--type-id-style", "hash", "--out-file", str(output), str(library)],
        capture_output=True, text=True)
    if run.returncode != 0:
        sys.exit(f"abidw could not read {library}:\n{run.stdout}{run.stderr}")
    text = re.sub(r" path='[^']*/([^'/]*)'", r" path='\1'", output.read_text())
    if "class-decl name='augs_stream_options'" not in text:
        sys.exit(f"{library} does not tell its types: build it with -Dbuildtype=debugoptimized")
    output.write_text(text)


def members(dump_file):
    """Of each struct of a dump, its members: (name, offset, type)."""
    return {one.get("name"): [(m.find("var-decl").get("name"), m.get("layout-offset-in-bits"), m.find("var-decl").get("type-id"))
                              for m in one.findall("data-member")]
            for one in ElementTree.parse(dump_file).iter("class-decl") if one.find("data-member") is not None}


def grown_structs(root, baseline, today):
    """The suppression file by which abidiff passes over structs with a size that grew at their end, and did nothing else."""
    sized = {name for header in (root / "tests" / "abi_v1" / "include" / "augstream").glob("*.h")
             for name in re.findall(r"^AUGS_SIZED_STRUCT\((augs_\w+),", header.read_text(), re.M)}
    before, now = members(baseline), members(today)
    grown = [name for name in sorted(sized) if name in before and len(now.get(name, [])) > len(before[name]) and
             now[name][:len(before[name])] == before[name]]
    return "".join(f"[suppress_type]\n  name = {name}\n  type_kind = struct\n\n" for name in grown)


def main():
    root, library, write = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]), sys.argv[3:] == ["--write"]
    baseline = root / "tests" / "abi_v1" / "libaugstream.abi"
    if write:
        dump(root, library, baseline)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        today, growing = pathlib.Path(folder) / "today.abi", pathlib.Path(folder) / "growing.suppr"
        dump(root, library, today)
        growing.write_text(grown_structs(root, baseline, today))
        run = subprocess.run(["abidiff", "--no-added-syms", "--no-show-locs", "--suppressions", str(growing), str(baseline), str(today)],
                             capture_output=True, text=True)
    if run.returncode & ABIDIFF_FAILED or run.returncode < 0:
        print(f"abidiff failed (exit {run.returncode}):\n{run.stdout}{run.stderr}")
        return 2
    if run.returncode & ABIDIFF_CHANGED:
        print(run.stdout)
        print("Programs that were compiled with version 1 do not run with this library: see the changes above.\n"
              "Functions may be added, and members at the end of structs that begin with a size; undo everything else.\n"
              "Before the first release, scripts/freeze-abi takes version 1 anew: CONTRIBUTING.md says when that is allowed.")
        return 1
    print("all functions and structs of version 1 are there")
    return 0


sys.exit(main())
