#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Programs of other versions: tests/abi_v1 has the headers of version 1 and a program of a caller.

usage: test_abi_frozen.py SOURCE_ROOT SHARED_LIBRARY C_COMPILER

Today's library must do the same for the program whether it was compiled with the headers of version 1, with those of
today, or with headers in which each struct that can grow has a further member. It must know each constant and each
member of version 1, with the value and the place that they had.
"""
import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile

root, library, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3:]
frozen = root / "tests" / "abi_v1"
today = root / "include"
# Structs that only the library makes, for callbacks.
HANDED_OUT = {"augs_chunks_finding", "augs_preset_fault"}
results = []


def check(name, ok, detail=""):
    results.append(bool(ok))
    print(("ok   " if ok else "FAIL ") + name + ("" if ok else "\n" + str(detail)))


def without_comments(text):
    return re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")


def headers(folder):
    return sorted((folder / "augstream").glob("*.h"))


def compile_program(name, include, *arguments, link=True):
    program = work / name.replace(" ", "-")
    command = [*compiler, "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-I", str(include), *map(str, arguments), "-o", str(program)]
    if link:
        command += [str(library), f"-Wl,-rpath,{library.parent}"]
    run = subprocess.run(command, capture_output=True, text=True)
    check(f"{name} compiles", run.returncode == 0, run.stderr)
    return program


def run_client(program, *newer):
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run([str(program), folder, *newer], capture_output=True, text=True)


def fail_if_different(name, expected, run):
    lines = expected.splitlines()
    found = run.stdout.splitlines()
    first = next((i for i, pair in enumerate(zip(lines, found)) if pair[0] != pair[1]), min(len(lines), len(found)))
    check(name, run.returncode == 0 and found == lines,
          f"exit {run.returncode} {run.stderr}line {first + 1}: {found[first:first + 1]}, expected {lines[first:first + 1]}")


def make_future(folder):
    """Today's headers, each struct that can grow with a member more."""
    (folder / "augstream").mkdir(parents=True)
    grown = set()
    for header in headers(today):
        text = header.read_text()
        for name in re.findall(r"^AUGS_SIZED_STRUCT\((augs_\w+),", without_comments(text), re.M):
            text, n = re.subn(rf"^\}} {name};$", f"    uint64_t from_the_future;\n}} {name};", text, flags=re.M)
            grown |= {name} if n == 1 else set()
        (folder / "augstream" / header.name).write_text(text)
    return grown


def sized_structs(folder):
    return {name for header in headers(folder)
            for name in re.findall(r"^AUGS_SIZED_STRUCT\((augs_\w+),", without_comments(header.read_text()), re.M)}


# ---- the program ---------------------------------------------------------------------------------


def check_client():
    source = frozen / "client.c"
    old = run_client(compile_program("client of version 1", frozen / "include", source))
    check("the client of version 1 runs to its end", old.returncode == 0 and old.stdout.endswith("\ndone\n"),
          f"exit {old.returncode}\n{old.stderr}")
    fail_if_different("a client compiled today prints the same", old.stdout, run_client(compile_program("client of today", today, source)))

    grown = make_future(work / "future")
    check("each struct that can grow was given a member", grown == sized_structs(today), grown ^ sized_structs(today))
    future = compile_program("client of a later version", work / "future", "-DAUGS_FUTURE", source)
    fail_if_different("a client of a later version that uses nothing new prints the same", old.stdout, run_client(future))

    code = without_comments(source.read_text())
    inputs = set(re.findall(r"\bINPUT\((augs_\w+), ", code))
    outputs = set(re.findall(r"\bOUTPUT\((augs_\w+), ", code)) - inputs
    used = inputs | outputs | HANDED_OUT
    check("the client uses each struct of version 1 that can grow", used == sized_structs(frozen / "include"),
          used ^ sized_structs(frozen / "include"))
    for name in sorted(inputs):
        run = run_client(future, name)
        check(f"a member of {name} that the library does not know is refused",
              run.returncode == 3 and "AUGS_E_ARGUMENT" in run.stderr and name in run.stderr, f"exit {run.returncode}: {run.stderr}")
    for name in sorted(outputs):
        fail_if_different(f"a member of {name} that the library does not know is zero", old.stdout, run_client(future, name))


# ---- constants and layout ------------------------------------------------------------------------

DUMP = r"""
#include <inttypes.h>
#include <stdio.h>
#include "base/abi_table.h"
int main(void)
{
    for (uint32_t i = 0; i < augsi_n_constant_rows; i++) {
        printf("constant %s %" PRIu64 "\n", augsi_constant_rows[i].name, augsi_constant_rows[i].value);
    }
    for (uint32_t i = 0; i < augsi_n_struct_rows; i++) {
        const augsi_struct_row *row = &augsi_struct_rows[i];
        printf("struct %s %zu %zu %d\n", row->name, row->n_bytes, row->first_bytes, (int)row->has_size);
        for (uint32_t k = 0; k < row->n_members; k++) {
            printf("member %s %s %" PRIu64 " %" PRIu64 " %s\n", row->name, row->members[k].name,
                   row->members[k].member.offset, row->members[k].member.n_bytes, row->members[k].member.type);
        }
    }
    return 0;
}
"""


class Member(ctypes.Structure):
    _fields_ = [("type", ctypes.c_char_p), ("offset", ctypes.c_uint64), ("n_bytes", ctypes.c_uint64)]


def load():
    abi = ctypes.CDLL(str(library))
    abi.augs_struct_member.restype = ctypes.c_char_p
    abi.augs_struct_bytes.restype = ctypes.c_size_t
    abi.augs_struct_first_bytes.restype = ctypes.c_size_t
    return abi


def members_today(abi, struct):
    found, member, index = {}, Member(), 0
    while name := abi.augs_struct_member(struct.encode(), index, ctypes.byref(member)):
        found[name.decode()] = [str(member.offset), str(member.n_bytes), member.type.decode()]
        index += 1
    return found


def version_1_table():
    """What the headers of version 1 say, by the compiler."""
    include = frozen / "include"
    subprocess.run([sys.executable, str(root / "base" / "abi_table.py"), str(work / "table.c"), *map(str, headers(include))], check=True)
    (work / "dump.c").write_text(DUMP)
    dump = compile_program("table of version 1", include, "-I", root, work / "table.c", work / "dump.c", link=False)
    return [line.split(" ") for line in subprocess.run([str(dump)], capture_output=True, text=True, check=True).stdout.splitlines()]


def check_layout():
    abi, table = load(), version_1_table()
    constants = [row[1:] for row in table if row[0] == "constant"]
    structs = {row[1]: row[2:] for row in table if row[0] == "struct"}
    check("version 1 has constants and structs", len(constants) > 60 and len(structs) > 25, f"{len(constants)} {len(structs)}")
    value = ctypes.c_uint64()
    for name, expected in constants:
        status = abi.augs_constant_find(name.encode(), ctypes.byref(value), None)
        check(f"{name} has its value of version 1", status == 0 and value.value == int(expected),
              f"{name} is {value.value if status == 0 else 'gone'}; in version 1 it was {expected}")
    for struct, (n_bytes, first_bytes, has_size) in structs.items():
        now = abi.augs_struct_bytes(struct.encode())
        fits = now >= int(n_bytes) if has_size == "1" else now == int(n_bytes)
        check(f"{struct} is as large as in version 1" + (", or larger" if has_size == "1" else ""), fits, f"{now} bytes, in version 1 {n_bytes}")
        check(f"{struct} is accepted with the size of version 1", abi.augs_struct_first_bytes(struct.encode()) == int(first_bytes),
              f"from {abi.augs_struct_first_bytes(struct.encode())} bytes on, in version 1 from {first_bytes}; "
              "AUGS_SIZED_STRUCT must name the last member of version 1")
        found = members_today(abi, struct)
        in_version_1 = [(row[2], [row[3], row[4], " ".join(row[5:])]) for row in table if row[0] == "member" and row[1] == struct]
        for name, expected in in_version_1:
            check(f"{struct}.{name} is where it was", found.get(name) == expected,
                  f"offset, bytes, type: {found.get(name, 'gone')}; in version 1 {expected}")
        last = in_version_1[-1]
        check(f"version 1 of {struct} ends with its last member", int(first_bytes) >= int(last[1][0]) + int(last[1][1]),
              f"{first_bytes} bytes, but {last[0]} ends at {int(last[1][0]) + int(last[1][1])}")


with tempfile.TemporaryDirectory() as name:
    work = pathlib.Path(name)
    check_client()
    check_layout()
bad = results.count(False)
print(f"{len(results) - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
