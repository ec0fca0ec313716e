#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the constants and structs of the public headers as a C table: abi_table.py OUTPUT HEADER.h...

Every `#define AUGS_X number`, every AUGS_..._MAP(X) of (code, ...) rows and every `typedef struct` enters by itself,
so none can be forgotten. The C compiler fills in values, offsets and sizes.
"""
import pathlib
import re
import sys

DEFINE = re.compile(r"^#define (AUGS_\w+)(\(X\))?[ \t]+(.+)$", re.M)
STRUCT = re.compile(r"typedef struct (augs_\w+) \{(.*?)\n\} \1;", re.S)


def declarators(declaration):
    """("uint64_t", ["a", "b[2]"]) of "uint64_t a, b[2]"."""
    function = re.fullmatch(r"(.*?\(\*)(\w+)(\)\s*\(.*\))", declaration, re.S)
    if function:
        return [(function.group(2), function.group(1) + function.group(3))]
    first, *rest = declaration.split(",")
    start = re.fullmatch(r"(.*?)(\w+)((?:\[[^]]+\])?)", first.strip(), re.S)
    base = start.group(1).strip()
    found = [(start.group(2), base + start.group(3))]
    for one in rest:
        name, array = re.fullmatch(r"(\w+)((?:\[[^]]+\])?)", one.strip()).groups()
        found.append((name, base + array))
    return found


def main():
    constants, structs, sized = [], [], set()
    for name in sys.argv[2:]:
        text = re.sub(r"/\*.*?\*/", " ", pathlib.Path(name).read_text(), flags=re.S).replace("\\\n", " ")
        sized |= set(re.findall(r"^AUGS_SIZED_STRUCT\((\w+),", text, re.M))
        for constant, is_map, value in DEFINE.findall(text):
            if is_map and constant.endswith("_MAP"):
                constants.append(f"    {constant}(ROW)")
            elif not is_map and re.fullmatch(r"\(?(-?\d|U?INT\d+_M).*", value.strip()):
                constants.append(f'    {{"{constant}", (uint64_t)(int64_t)({constant})}},')
        structs += STRUCT.findall(text)
    lines = ["/* Made by base/abi_table.py. */", '#include "base/abi_table.h"', "", "#include <augstream/augstream.h>", ""]
    lines += ["#define ROW(code, ...) {#code, (uint64_t)(int64_t)(code)},", ""]
    lines += ["const augsi_constant_row augsi_constant_rows[] = {", *constants, "};"]
    lines += ["const uint32_t augsi_n_constant_rows = sizeof augsi_constant_rows / sizeof *augsi_constant_rows;", ""]
    rows = []
    for name, body in structs:
        members = [one for part in body.split(";") if part.strip() for one in declarators(" ".join(part.split()))]
        lines.append(f"static const augsi_member_row of_{name}[] = {{")
        lines += [f'    {{"{member}", {{"{kind}", offsetof({name}, {member}), sizeof(((const {name} *)0)->{member})}}}},'
                  for member, kind in members]
        lines.append("};")
        first = f"(size_t){name}_v1_bytes" if name in sized else f"sizeof({name})"
        rows.append(f'    {{"{name}", sizeof({name}), {first}, {str(name in sized).lower()}, of_{name}, '
                    f"sizeof of_{name} / sizeof *of_{name}}},")
    lines += ["", "const augsi_struct_row augsi_struct_rows[] = {", *rows, "};"]
    lines += ["const uint32_t augsi_n_struct_rows = sizeof augsi_struct_rows / sizeof *augsi_struct_rows;", ""]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines))


main()
