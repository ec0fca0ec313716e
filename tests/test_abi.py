#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The public face: every header compiles alone in C11 and C++, and the shared library exports what they declare.

usage: test_abi.py SOURCE_ROOT SHARED_LIBRARY C_COMPILER
"""
import ctypes
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

# Structs that can grow: each begins with a size and says where version 1 ended; none lies inside another or in an array.
code = {header.name: re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S).replace("\\\n", " ") for header in headers}
structs = {name: body for text in code.values() for name, body in re.findall(r"typedef struct (augs_\w+) \{(.*?)\n\} \1;", text, re.S)}
sized = {name for name, body in structs.items() if body.split()[:2] == ["uint32_t", "size;"]}
marked = {name for text in code.values() for name in re.findall(r"^AUGS_SIZED_STRUCT\((augs_\w+),", text, re.M)}
check("there are structs with a size", len(sized) > 25, str(len(sized)))
check("every struct with a size says where version 1 ends", sized == marked, str(sized ^ marked))
for name, body in sorted(structs.items()):
    inside = [one for one in sized if re.search(rf"\b{one}\s+\w", body)]
    check(f"{name} embeds no struct with a size", not inside, ", ".join(inside))

# What the library tells of constants and structs is what the headers say.
abi = ctypes.CDLL(library)
for function in ("augs_constant_name", "augs_struct_name", "augs_struct_member"):
    getattr(abi, function).restype = ctypes.c_char_p
told = {abi.augs_constant_name(i).decode() for i in range(abi.augs_constant_count())}
defined = {name for text in code.values() for name, value in re.findall(r"^#define (AUGS_\w+)[ \t]+(.+)$", text, re.M)
           if re.match(r"\(?-?\d|U?INT", value.strip())}
defined |= {name for text in code.values() for name in re.findall(r"\bX\((AUGS_\w+),", text)}
check("constants were found", len(defined) > 60, str(len(defined)))
check("every constant can be asked for", told == defined, str(told ^ defined))
told = {abi.augs_struct_name(i).decode() for i in range(abi.augs_struct_count())}
check("every struct can be asked for", told == set(structs), str(told ^ set(structs)))

bad = results.count(False)
print(f"{len(results) - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
