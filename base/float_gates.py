#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts a gate around public functions: float_gates.py GATES.c NAMES.h HEADER.h...

The library's own files are compiled with NAMES.h, which renames each gated function augs_x to augsi_inner_x. GATES.c has
the public augs_x: it sets the floating-point environment, calls augsi_inner_x and puts the caller's environment back.
A new public function is gated unless it is written down here as one that does not compute.
"""
import pathlib
import re
import sys

# Functions that neither compute in floating point nor call what does: they read a member, count references or look up a
# name. Those that may be called from a signal handler must be here.
DIRECT = set("""
    batch_column_data batch_column_dtype batch_column_name batch_column_shape batch_column_width batch_find_column
    batch_get_info batch_n_columns batch_n_samples batch_ref batch_slab batch_stream batch_unref
    column_has_number constant_count constant_find constant_name contract_version dtype_bytes dtype_name
    format_at format_find format_flags format_name kind_form kind_name kind_number_name memory_level_name
    memory_source_name metrics_free metrics_n_held pipeline_step pipeline_why scheduler_step scheduler_why
    preset_column preset_description preset_find_column preset_n_columns preset_name preset_ref preset_source
    preset_text preset_unref server_endpoint server_get_stats server_stop shipped_preset_count shipped_preset_name shipped_preset_text
    simd_name sink_free sink_open_null status_name status_text strategy_count strategy_find strategy_name
    stream_column stream_column_bytes stream_epoch stream_fingerprint stream_n_columns stream_n_samples stream_order
    stream_preset stream_ref stream_sample_bytes stream_seed stream_unref struct_bytes struct_count
    struct_first_bytes struct_init struct_member struct_name subscriber_cancel subscriber_n_steps
    subscriber_get_stats text_free version
""".split())

PROTOTYPE = re.compile(r"AUGS_API\s+([^;{(]*?)(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*;", re.S)


def arguments(text):
    """The names of the parameters."""
    if text.strip() in ("void", ""):
        return []
    parts, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    found = [re.search(r"\(\s*\*\s*(\w+)\s*\)", part) or re.search(r"(\w+)\s*(?:\[\w*\])?\s*$", part) for part in parts]
    return [match.group(1) for match in found]


def main():
    functions = []
    for name in sys.argv[3:]:
        text = re.sub(r"/\*.*?\*/", " ", pathlib.Path(name).read_text(), flags=re.S)
        found = PROTOTYPE.findall(text)
        if len(found) != len(re.findall(r"\bAUGS_API\b", text)):
            sys.exit(f"{name}: a declaration with AUGS_API cannot be read")
        functions += [(" ".join(kind.split()), function, " ".join(given.split())) for kind, function, given in found]
    unknown = DIRECT - {function.removeprefix("augs_") for _, function, _ in functions}
    if unknown:
        sys.exit(f"float_gates.py: there is no function {', '.join(sorted(unknown))}")
    gated = [one for one in functions if one[1].removeprefix("augs_") not in DIRECT]
    inner = {function: "augsi_inner_" + function.removeprefix("augs_") for _, function, _ in gated}
    names = ["/* Made by base/float_gates.py. */", '#include "base/strict_math.h"']
    names += [f"#define {function} {inner[function]}" for _, function, _ in gated]
    pathlib.Path(sys.argv[2]).write_text("\n".join(names) + "\n")
    lines = ["/* Made by base/float_gates.py. */"]
    lines += [f"#undef {function}" for _, function, _ in gated]
    lines += ["#include <augstream/augstream.h>", '#include "base/float_env.h"', ""]
    for kind, function, given in gated:
        call = f"{inner[function]}({', '.join(arguments(given))})"
        lines += [f"{kind} {inner[function]}({given});", f"{kind} {function}({given})", "{", "    augsi_float_stay stay;",
                  "    augsi_float_enter(&stay);"]
        if kind == "void":
            lines += [f"    {call};", "    augsi_float_leave(&stay);", "}", ""]
        else:
            space = "" if kind.endswith("*") else " "
            lines += [f"    {kind}{space}result = {call};", "    augsi_float_leave(&stay);", "    return result;", "}", ""]
    pathlib.Path(sys.argv[1]).write_text("\n".join(lines))


main()
