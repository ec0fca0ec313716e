#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The rules of the house that a program can check: who may include whom, and names.

    include <- base <- {presets, strategies} <- pipeline <- {distributed, offline} <- cli
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
if ROOT.is_file():
    ROOT = ROOT.parent.parent

MAY_INCLUDE = {
    "include": set(),
    "base": {"base"},
    "presets": {"base", "presets"},
    "strategies": {"base", "strategies"},
    "pipeline": {"base", "presets", "strategies", "pipeline"},
    "distributed": {"base", "presets", "strategies", "pipeline", "distributed"},
    "offline": {"base", "presets", "strategies", "pipeline", "offline"},
    "cli": {"cli"},
    "examples": set(),
    "bench": {"bench"},
}
# a header of a library, and the only rooms that may name it
OWNED = {
    "yaml.h": {"presets"},
    "zmq.h": {"distributed", "bench"},
    "msgpack.h": {"distributed", "pipeline"},
    "xxhash.h": {"base"},
    "zlib.h": {"base", "cli"},
    "jemalloc/jemalloc.h": {"cli"},
    "time.h": {"base", "cli", "distributed", "bench", "examples"},
}
LIBRARY = {"base", "presets", "strategies", "pipeline", "distributed", "offline"}
MAY_REPEAT = {"meson.build", "__init__.py"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)


def without_comments(text):
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text, flags=re.S)


def main():
    faults = []
    files = [p for room in list(MAY_INCLUDE) + ["tests", "fuzz"] for p in (ROOT / room).rglob("*.[ch]")]
    room_of = {}
    for path in files:
        room_of.setdefault(path.name, path.relative_to(ROOT).parts[0])
    if len(files) < 20:
        faults.append(f"{ROOT}: only {len(files)} C files found: is this the project's root?")
    for path in files:
        relative = path.relative_to(ROOT)
        room = relative.parts[0]
        text = path.read_text()
        if "SPDX-License-Identifier: Apache-2.0" not in text[:300]:
            faults.append(f"{relative}:1: no SPDX line")
        if room in ("tests", "fuzz"):
            continue
        for match in INCLUDE.finditer(text):
            line = text[: match.start()].count("\n") + 1
            own, system = match.groups()
            name = own or system
            if system and system in OWNED and room not in OWNED[system]:
                faults.append(f"{relative}:{line}: <{system}> belongs to {sorted(OWNED[system])} alone")
            if system and system.startswith("augstream/"):
                if not (ROOT / "include" / system).exists():
                    faults.append(f"{relative}:{line}: <{system}> does not exist")
            if own:
                target = room_of.get(pathlib.Path(name).name)
                if target is None:
                    faults.append(f'{relative}:{line}: "{name}" is no file of the project')
                elif target not in MAY_INCLUDE[room]:
                    faults.append(f'{relative}:{line}: {room} may not include "{name}" of {target}')
        code = without_comments(text)
        if room in LIBRARY:
            for call in re.finditer(r"\b(malloc|calloc|realloc|abort|exit|getenv|secure_getenv|printf|puts|time)\s*\(", code):
                if call.group(1) == "printf" and re.search(r"format\s*\(\s*$", code[: call.start()]):
                    continue
                line = code[: call.start()].count("\n") + 1
                faults.append(f"{relative}: the library does not call {call.group(1)}() (near line {line})")
            if room != "base" and re.search(r"\bfree\s*\(", code) and "yaml" not in text and "jansson" not in text:
                faults.append(f"{relative}: memory is given back by base/memory.h, not by free()")
        if room != "include" and re.search(r"pcg|PCG", code) and path.stem.split("_")[0] != "rng":
            faults.append(f"{relative}: only pipeline/rng* names PCG")
    names = collections.defaultdict(list)
    for path in (p for room in list(MAY_INCLUDE) + ["tests", "docs", "fuzz", "scripts"] for p in (ROOT / room).rglob("*")):
        if path.is_file() and path.name not in MAY_REPEAT and "__pycache__" not in path.parts and not {"data", "abi_v1"} & set(path.parts):
            names[path.name].append(str(path.relative_to(ROOT)))
    for name, places in names.items():
        if len(places) > 1:
            faults.append(f"the name {name} stands more than once: {', '.join(places)}")
    print("\n".join(faults) or f"{len(files)} files keep the rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
