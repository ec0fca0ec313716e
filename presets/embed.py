#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the shipped presets as a C table: embed.py OUTPUT FILE.yaml..."""
import pathlib
import sys

files = sorted((pathlib.Path(name) for name in sys.argv[2:]), key=lambda path: path.stem)
lines = ["/* Made by presets/embed.py. */", '#include "presets/preset_impl.h"', ""]
for i, path in enumerate(files):
    data = path.read_bytes()
    lines.append(f"static const unsigned char text_{i}[] = {{")
    lines += ["    " + ", ".join(str(b) for b in data[k : k + 24]) + "," for k in range(0, len(data), 24)]
    lines += ["    0};", ""]
lines.append("const augsi_shipped augsi_shipped_presets[] = {")
lines += [f'    {{"{path.stem}", (const char *)text_{i}, sizeof text_{i} - 1}},' for i, path in enumerate(files)]
lines += ["};", "const uint32_t augsi_n_shipped = sizeof augsi_shipped_presets / sizeof augsi_shipped_presets[0];", ""]
pathlib.Path(sys.argv[1]).write_text("\n".join(lines))
