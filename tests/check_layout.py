#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the layering rules: which folder may use which, that nothing goes round in a circle, who owns an external
header, and unique file names.

    include <- base <- {presets, strategies} <- pipeline <- {distributed, offline} <- cli

A folder uses another if a file of it includes a private header of the other, or names a function or a table that the
other defines: public headers declare those of every folder. tests/test_layout_rules.py breaks each rule on purpose.
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
    "cli": {"cli", "cli/options"},  # and what it compiles into the command itself, see below
    "cli/options": {"cli", "cli/options"},
    "examples": set(),
    "bench": {"bench"},
    "python/src": {"python/src"},
}
# A private header that needs nothing but the C library, and the folders whose program compiles its source once more.
ALSO_COMPILED = {"base/file.h": {"cli"}, "base/words.h": {"cli", "cli/options"}}
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
# What a folder may name without including a private header of its owner: the public headers declare it.
MAY_NAME = {
    "strategies": {"strategies/adaptive", "strategies/finder"},  # the registry lists them
    "pipeline/metrics": {"pipeline/machine"},
}
# Folders that may use each other: one holds the other, which is a part of it.
NESTED = [{"cli", "cli/options"}, {"strategies", "strategies/adaptive"}]
# Files that use each other, directly or through others of the set, and are still to be opened. Nothing may be added.
KNOWN_CIRCLES = []


def without_comments(text):
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', lambda m: m.group(0) if m.group(0)[0] == '"' else " ", text, flags=re.S)


def macros(code):
    """The function-like macros that a text defines: name, parameters, body."""
    joined = code.replace("\\\n", " ")
    return {name: ([p.strip() for p in given.split(",")], body)
            for name, given, body in re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(([^)]*)\)[ \t]*(.*)$", joined, re.M)}


def expand(macro, text):
    """What the macro makes of one list of arguments."""
    parameters, body = macro
    given = [part.strip() for part in re.split(r",(?![^()]*\))", text)]
    values = dict(zip(parameters, given))
    return re.sub(r"\s*##\s*", "", re.sub(r"\b\w+\b", lambda m: values.get(m.group(0), m.group(0)), body))


def with_made_names(code, shared):
    """The code and what its macros that paste names make, so that names put together by ## are seen: ROW(a, b) of
    `#define ROW(x, y) &prefix_##y` and LIST(ROW) of a list `#define LIST(X) X(a, b) X(c, d)`."""
    own = {**shared, **macros(code)}
    pasting = {name: macro for name, macro in own.items() if "##" in macro[1]}
    lists = {name: body for name, (parameters, body) in own.items()
             if len(parameters) == 1 and re.search(rf"\b{re.escape(parameters[0])}\(", body)}
    lines = re.sub(r"^[ \t]*#.*(?:\\\n.*)*", "", code, flags=re.M)
    made = []
    for name, body in lists.items():
        item = own[name][0][0]
        for row in re.findall(rf"\b{name}\((\w+)\)", lines):
            if row in pasting:
                made += [expand(pasting[row], given) for given in re.findall(rf"\b{item}\(([^()]*)\)", body)]
    for name in pasting:
        made += [expand(pasting[name], given) for given in re.findall(rf"\b{name}\(([^()]*)\)", lines)]
    return code + "\n" + "\n".join(made)


def uses_of(codes, headers):
    """For each file, the other files of which it names something: {user: {owner: names}}."""
    shared = {}
    for code in headers:
        shared.update(macros(code))
    whole = {name: with_made_names(code, shared) for name, code in codes.items()}
    defined = {name: set(DEFINITION.findall(code)) for name, code in whole.items()}
    owner = {symbol: name for name, symbols in defined.items() for symbol in symbols}
    uses = collections.defaultdict(lambda: collections.defaultdict(set))
    for name, code in whole.items():
        without_texts = re.sub(r'"(?:\\.|[^"\\\n])*"', '""', code)
        for symbol in set(re.findall(r"\b[A-Za-z_]\w*\b", without_texts)) - defined[name]:
            # a local name of the library may be one of cli/
            if symbol in owner and (symbol.startswith("augs") or name.startswith("cli/")):
                uses[name][owner[symbol]].add(symbol)
    return uses


def circles(uses):
    """The largest sets in which each member uses each other one, directly or through others."""
    reached = {}
    for start in uses:
        seen, waiting = set(), [start]
        while waiting:
            for other in uses.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        reached[start] = seen
    found = []
    for start in sorted(uses):
        ring = {other for other in reached[start] if start in reached.get(other, ())}
        if len(ring) > 1 and ring not in found:
            found.append(ring)
    return found


def circle_text(ring, uses):
    """The edges inside of a circle, with what makes them."""
    edges = [f"{a} uses {', '.join(sorted(uses[a][b])[:3])} of {b}" for a in sorted(ring) for b in sorted(uses[a]) if b in ring]
    return "; ".join(edges[:8]) + (f"; and {len(edges) - 8} more" if len(edges) > 8 else "")


def folder_uses(uses):
    """The same graph between folders: {user: {owner: names with their file}}."""
    folders = collections.defaultdict(lambda: collections.defaultdict(set))
    for user, owners in uses.items():
        for owner, symbols in owners.items():
            a, b = (str(pathlib.PurePath(name).parent) for name in (user, owner))
            if a != b:
                folders[a][b] |= {f"{symbol} ({user})" for symbol in symbols}
    return folders


def check_uses(codes, headers):
    """Faults of the graph of files and of the graph of folders."""
    faults = []
    uses = uses_of(codes, headers)
    rings = circles(uses)
    for ring in rings:
        if not any(ring <= known for known in KNOWN_CIRCLES):
            faults.append(f"{', '.join(sorted(ring))} use each other: {circle_text(ring, uses)}: each has to be readable without the others")
    for known in KNOWN_CIRCLES:
        if not any(ring <= known for ring in rings):
            faults.append(f"KNOWN_CIRCLES: {', '.join(sorted(known))} do not use each other any more: take them out")
    folders = folder_uses(uses)
    for folder, owners in folders.items():
        for other in sorted(set(owners) - MAY_INCLUDE[folder] - MAY_NAME.get(folder, set())):
            if not folder.startswith("cli"):  # the command names the public functions of every folder
                faults.append(f"{folder} may not use {other}: {', '.join(sorted(owners[other])[:3])}")
    for ring in circles(folders):
        if ring not in NESTED:
            faults.append(f"the folders {', '.join(sorted(ring))} use each other: {circle_text(ring, folders)}")
    return faults


def main():
    faults = []
    codes = {}
    headers = []
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
                elif str(pathlib.Path(name).parent) not in MAY_INCLUDE[folder] and folder not in ALSO_COMPILED.get(name, ()):
                    faults.append(f'{relative}:{line}: {folder} may not include "{name}"')
        code = without_comments(text)
        if path.suffix == ".c" and top in LIBRARY | {"cli"}:
            codes[str(relative)] = code
        elif path.suffix == ".h" and top in LIBRARY | {"cli", "include"}:
            headers.append(code)
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
    faults += check_uses(codes, headers)
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
