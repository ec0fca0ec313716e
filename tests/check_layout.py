#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the layering rules: which folder may include which, who owns an external header, and unique file names.

    include <- base <- {presets, strategies} <- pipeline <- {distributed, offline} <- cli
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
if ROOT.is_file():
    ROOT = ROOT.parent.parent

# A private header is included by its path from the project's root. Each folder may include itself and:
STREAM = {"base", "presets", "pipeline/stream"}
PLAN = {"base", "strategies", "pipeline/machine", "pipeline/metrics", "pipeline/plan"}
LINE = STREAM | PLAN | {"pipeline/batch", "pipeline/records", "pipeline"}
MAY_INCLUDE = {
    "include": set(),
    "base": {"base"},
    "presets": {"base", "presets"},
    "strategies": {"base", "strategies"},
    "strategies/adaptive": {"base", "strategies", "strategies/adaptive"},
    "strategies/finder": {"base", "strategies", "strategies/finder", "pipeline/machine"},
    "pipeline/machine": {"base", "pipeline/machine"},
    "pipeline/metrics": {"base", "pipeline/metrics"},
    "pipeline/stream": STREAM,
    "pipeline/plan": PLAN,
    "pipeline/batch": STREAM | PLAN | {"pipeline/batch"},
    "pipeline/records": STREAM | PLAN | {"pipeline/batch", "pipeline/records"},
    "pipeline": LINE,
    "distributed": LINE | {"distributed"},
    "offline": LINE | {"offline"},
    "cli": {"cli", "cli/options"},
    "cli/options": {"cli", "cli/options"},
    "examples": set(),
    "bench": {"bench"},
    "python/src": {"python/src"},
}
# A header of another library, and the only folders that may include it.
OWNED = {
    "yaml.h": {"presets"},
    "zmq.h": {"distributed", "bench"},
    "msgpack.h": {"distributed", "pipeline/records"},
    "xxhash.h": {"base"},
    "zlib.h": {"base", "cli"},
    "jemalloc/jemalloc.h": {"cli"},
    "time.h": {"base", "cli", "distributed", "bench", "examples"},
}
LIBRARY = {"base", "presets", "strategies", "pipeline", "distributed", "offline"}
MAY_REPEAT = {"meson.build", "__init__.py"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
# A function or a table that other files can use: it is defined at the beginning of a line and is not static.
DEFINITION = re.compile(
    r"^(?!static\b|extern\b|typedef\b|return\b|else\b)[A-Za-z_][\w \t*]*?\b(\w+)(?:\([^;{}]*\)\s*\{|(?:\[[^\]]*\])*\s*=)", re.M)
# Pairs of files that use each other and are still to be opened. Nothing may be added.
KNOWN_CIRCLES = {
    ("offline/chunk_cursor.c", "offline/chunk_run.c"),
}


def without_comments(text):
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text, flags=re.S)


def circles(codes):
    """The pairs of files of which each uses something that the other defines, with what they use."""
    defined = {name: set(DEFINITION.findall(code)) for name, code in codes.items()}
    owner = {symbol: name for name, symbols in defined.items() for symbol in symbols}
    uses = collections.defaultdict(lambda: collections.defaultdict(set))
    for name, code in codes.items():
        without_texts = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', code)
        for symbol in set(re.findall(r"\b[A-Za-z_]\w*\b", without_texts)) - defined[name]:
            if symbol in owner and (symbol.startswith("augs") or name.startswith("cli/")):  # a local name of the library may be one of cli/
                uses[name][owner[symbol]].add(symbol)
    return [(a, b, sorted(uses[a][b]), sorted(uses[b][a])) for a in sorted(uses) for b in sorted(uses[a]) if a < b and a in uses[b]]


def main():
    faults = []
    codes = {}
    files = sorted({p for folder in list(MAY_INCLUDE) + ["tests", "fuzz"] for p in (ROOT / folder).rglob("*.[ch]")})
    if len(files) < 20:
        faults.append(f"{ROOT}: only {len(files)} C files found: is this the project's root?")
    for path in files:
        relative = path.relative_to(ROOT)
        top = relative.parts[0]
        folder = top if top in ("include", "tests") else str(relative.parent)
        text = path.read_text()
        if "SPDX-License-Identifier: Apache-2.0" not in text[:300]:
            faults.append(f"{relative}:1: no SPDX line")
        if top in ("tests", "fuzz"):
            continue
        if folder not in MAY_INCLUDE:
            faults.append(f"{relative}: MAY_INCLUDE has no row for the folder {folder}")
            continue
        for match in INCLUDE.finditer(text):
            line = text[: match.start()].count("\n") + 1
            own, system = match.groups()
            name = own or system
            if system and system in OWNED and not OWNED[system] & {top, folder}:
                faults.append(f"{relative}:{line}: <{system}> belongs to {sorted(OWNED[system])} alone")
            if system and system.startswith("augstream/"):
                if not (ROOT / "include" / system).exists():
                    faults.append(f"{relative}:{line}: <{system}> does not exist")
            if own:
                if folder == "bench" and (path.parent / name).is_file():
                    continue
                if not (ROOT / name).is_file():
                    faults.append(f'{relative}:{line}: "{name}" is not a path from the project\'s root')
                elif str(pathlib.Path(name).parent) not in MAY_INCLUDE[folder]:
                    faults.append(f'{relative}:{line}: {folder} may not include "{name}"')
        code = without_comments(text)
        if path.suffix == ".c" and top in LIBRARY | {"cli"}:
            codes[str(relative)] = code
        if top in LIBRARY:
            for call in re.finditer(r"\b(malloc|calloc|realloc|abort|exit|getenv|secure_getenv|printf|puts|time)\s*\(", code):
                if call.group(1) == "printf" and re.search(r"format\s*\(\s*$", code[: call.start()]):
                    continue
                line = code[: call.start()].count("\n") + 1
                faults.append(f"{relative}: the library does not call {call.group(1)}() (near line {line})")
            if top != "base" and re.search(r"\bfree\s*\(", code) and "yaml" not in text and "jansson" not in text:
                faults.append(f"{relative}: memory is given back by base/memory.h, not by free()")
        if top != "include" and re.search(r"pcg|PCG", code) and not str(relative).startswith("pipeline/stream/rng"):
            faults.append(f"{relative}: only pipeline/stream/rng* names PCG")
    for a, b, from_b, from_a in circles(codes):
        if (a, b) not in KNOWN_CIRCLES:
            faults.append(f"{a} and {b} use each other ({', '.join(from_b)}; {', '.join(from_a)}): one has to be readable without the other")
    for a, b in sorted(KNOWN_CIRCLES - {(a, b) for a, b, _, _ in circles(codes)}):
        faults.append(f"KNOWN_CIRCLES: {a} and {b} do not use each other any more: take them out")
    names = collections.defaultdict(list)
    for path in sorted({p for folder in [*MAY_INCLUDE, "tests", "docs", "fuzz", "scripts"] if folder != "include" for p in (ROOT / folder).rglob("*")}):
        if path.is_file() and path.name not in MAY_REPEAT and "__pycache__" not in path.parts and not {"data", "abi_v1"} & set(path.parts):
            names[path.name].append(str(path.relative_to(ROOT)))
    for name, places in names.items():
        if len(places) > 1:
            faults.append(f"the name {name} stands more than once: {', '.join(places)}")
    print("\n".join(faults) or f"{len(files)} files keep the rules")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
