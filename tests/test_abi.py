#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public face: every header compiles alone in C11 and C++, and the shared library exports what they declare.

usage: test_abi.py SOURCE_ROOT SHARED_LIBRARY C_COMPILER
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

root, library, compiler = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
include = root / "include"
headers = sorted((include / "augstream").glob("*.h"))
results = []


def check(name, ok, detail=""):
    results.append(ok)
    print(("ok   " if ok else "FAIL ") + name + ("" if ok else "\n" + detail))


def compiles(command, text, suffix):
    with tempfile.NamedTemporaryFile("w", suffix=suffix) as file:
        file.write(text)
        file.flush()
        run = subprocess.run([*command, "-I", str(include), "-fsyntax-only", file.name], capture_output=True, text=True)
    return run.returncode == 0, run.stderr


check("there are public headers", len(headers) >= 10)
strict = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Wpedantic", "-Werror"]
cxx = shutil.which("g++") or shutil.which("clang++")
check("a C++ compiler is installed", cxx is not None, "g++ is in scripts/setup --test")
for header in headers:
    text = f"#include <augstream/{header.name}>\n#include <augstream/{header.name}>\nint main(void) {{ return 0; }}\n"
    check(f"{header.name} compiles alone in C11", *compiles([*compiler, "-std=c11", *strict], text, ".c"))
    if cxx:
        text = text.replace("(void)", "()")
        check(f"{header.name} compiles alone in C++", *compiles([cxx, "-std=c++11", *strict], text, ".cpp"))

symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout
exported = {line.split()[2].split("@")[0] for line in symbols.splitlines() if line.split()[1] in "TDBRVW"}
exported.discard("AUGSTREAM_0")
declared = set()
for header in headers:
    code = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
    declared |= set(re.findall(r"AUGS_API\s[^;{]*?\b(augs_\w+)\s*\(", code))
check("declared functions were found", len(declared) > 50, str(len(declared)))
check("everything declared is exported", declared <= exported, "missing: " + ", ".join(sorted(declared - exported)))
check("nothing else is exported", exported <= declared, "extra: " + ", ".join(sorted(exported - declared)))
needed = subprocess.run(["readelf", "-d", library], capture_output=True, text=True, check=True).stdout
check("the library does not link jemalloc", "jemalloc" not in needed, needed)
check("it has a soname", "libaugstream.so.0" in needed, needed)

for header in headers:
    code = re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
    for struct in re.findall(r"typedef struct (augs_\w+_options|augs_\w+_stats|augs_\w+_report) \{\s*(\w+) (\w+);", code):
        check(f"{struct[0]} begins with uint32_t size", struct[1:] == ("uint32_t", "size"), str(struct))

bad = results.count(False)
print(f"{len(results) - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
