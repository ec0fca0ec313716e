#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the README shows runs: its Python block, its C block, and the commands that need no server.

usage: test_readme.py SOURCE_ROOT COMMAND SHARED_LIBRARY C_COMPILER...
"""
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

root, command, library, compiler = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]), sys.argv[4:]
text = (root / "README.md").read_text()
results = []


def check(name, ok, detail=""):
    results.append(ok)
    print(("ok   " if ok else "FAIL ") + name + ("" if ok else "\n" + detail))


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.M | re.S)


def run(arguments, **options):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, **options)
    return done.returncode == 0, done.stdout + done.stderr


environment = dict(os.environ, PATH=f"{command.parent}:{os.environ['PATH']}")
with tempfile.TemporaryDirectory() as folder:
    # Blocks of the Python package run in its own tests, with a Python that has it.
    python = [block for block in blocks("python") if "import augstream" not in block]
    check("there is a Python block", len(python) >= 1)
    for block in python:
        check("the Python block runs", *run([sys.executable, "-c", block], env=environment, cwd=folder))
    programs = blocks("c")
    check("there is a C block", len(programs) >= 1)
    for block in programs:
        source, program = pathlib.Path(folder, "program.c"), pathlib.Path(folder, "program")
        source.write_text(block)
        check("the C block compiles", *run([*compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-I", str(root / "include"),
              str(source), "-o", str(program), str(library), f"-Wl,-rpath,{library.parent}"]))
        ok, output = run([str(program)])
        check("the C block prints a rotation a batch", ok and len(output.split()) == 32, output)
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("augstream ")]
    local = [line for line in lines if line.split()[1] not in ("serve", "subscribe")]
    check("the README shows commands", len(local) >= 4)
    for line in local:
        check(line, *run(shlex.split(line), env=environment, cwd=folder))
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        check(f"the link {link} exists", (root / link).exists())

bad = results.count(False)
print(f"{len(results) - bad} passed, {bad} failed")
sys.exit(1 if bad else 0)
