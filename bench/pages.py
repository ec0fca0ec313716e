#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Puts the figures of docs/measurements.json into the pages: pages.py [--check] [ROOT]

A page names a figure between two comments, which a reader of the page does not see:

    <!-- measured fill.gather_scalar.value .1f -->38.8<!-- end -->      one figure, with a format of Python
    <!-- table fill.uniform -->                                         a table, up to the next comment `end`
    <!-- end -->

Without --check, the text between the comments is written anew. With it nothing is written: a page that says
something else than the file, and a figure that the file does not have, are faults.
"""
import json
import pathlib
import re
import sys

MARK = re.compile(r"<!-- (measured|table) ([^ ]+)(?: ([^ ]+))? -->(.*?)<!-- end -->", re.S)


def read(root):
    path = root / "docs" / "measurements.json"
    return json.loads(path.read_text()) if path.exists() else {}


def write(root, measured):
    """One line per figure and per row, so that a change can be read."""
    def compact(value):
        return json.dumps(value, ensure_ascii=False)

    out = []
    for part, entry in sorted(measured.items()):
        lines = [f'  "{key}": {compact(value)}' for key, value in entry.items() if key not in ("figures", "tables")]
        figures = ",\n".join(f"   {compact(name)}: {compact(one)}" for name, one in entry["figures"].items())
        lines.append('  "figures": {\n' + figures + "\n  }" if figures else '  "figures": {}')
        tables = ",\n".join(f"   {compact(name)}: [\n" + ",\n".join("    " + compact(row) for row in rows) + "\n   ]"
                            for name, rows in entry["tables"].items())
        lines.append('  "tables": {\n' + tables + "\n  }" if tables else '  "tables": {}')
        out.append(f' "{part}": {{\n' + ",\n".join(lines) + "\n }")
    path = root / "docs" / "measurements.json"
    new = path.with_suffix(".json.new")
    new.write_text("{\n" + ",\n".join(out) + "\n}\n")
    new.replace(path)


# ---- tables ----

def row(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def grid(head, rows):
    return "\n".join([row(head), row("---" for _ in head)] + [row(cells) for cells in rows])


def spread(figure, digits):
    """The quartiles of a figure, or the least and the most of few runs."""
    low, high = figure.get("quartiles") or figure.get("range")
    return f"{low:.{digits}f} to {high:.{digits}f}"


def figure_rows(part, names, digits):
    """Rows with name, median, quartiles and number of runs of those figures that were taken."""
    for name, words in names:
        figure = part["figures"].get(name)
        if figure:
            yield [words, f"{figure['value']:.{digits}f}", spread(figure, digits), f"{figure['runs']:,}"]


HEAD = ["median", "half of the runs", "runs"]


def made(part):
    machine = part["machine"]
    kind = "a virtual machine" if machine["virtual"] else "a machine"
    load = part["load_before"]
    return (f"`{part['command']}`, {part['date']}, commit {part['commit']}.\n"
            f"{kind.capitalize()} with {machine['cores']} cores of {machine['cpu']} ({machine['vectors']}) and "
            f"{machine['memory_gib']} GiB.\n"
            f"{machine['system']}, {machine['compiler']}.\n"
            f"Load before the run: {load:.2f} per core.")


def fill_uniform(part):
    names = [("numpy_f32", f"NumPy {part['figures']['numpy']['value']}, float32"), ("numpy_f64", "NumPy, float64"),
             ("ours_scalar", "augstream, plain loop"), ("ours_avx512", "augstream, AVX-512")]
    rows = []
    for (name, _), cells in zip([one for one in names if one[0] in part["figures"]], figure_rows(part, names, 2)):
        ratio = part["figures"].get("ratio_" + name.removeprefix("ours_"))
        rows.append([*cells, f"{ratio['value']:.1f}" if ratio else ""])
    return grid(["ns per value", *HEAD, "NumPy float32 / this"], rows)


def fill_records(part):
    names = [("gather_scalar", "random ids, 16 uniform columns, plain loop"),
             ("gather_avx512", "random ids, 16 uniform columns, AVX-512")]
    names += [("preset_" + name, f"shuffled `{name}`") for name in ("moderate", "imagenet", "simclr", "mixup-cutmix")]
    return grid(["ns per record", *HEAD], figure_rows(part, names, 0))


def network(part):
    names = [("augstream", "augstream, GB/s"), ("libzmq", "libzmq alone, GB/s"), ("ratio", "ratio, round by round")]
    return grid(["", *HEAD], figure_rows(part, names, 2))


def memory(part):
    rows = []
    for power in range(5, 9):
        server, subscriber = (part["figures"].get(f"{who}_1e{power}") for who in ("server", "subscriber"))
        if server and subscriber:
            rows.append([f"{10**power:,}", f"{server['value']:.1f}", spread(server, 1), f"{subscriber['value']:.1f}",
                         spread(subscriber, 1), server["runs"]])
    return grid(["samples", "server, MiB", "least and most", "subscriber, MiB", "least and most", "runs"], rows)


def decisions(part):
    names = [("monitor_reading", "memory monitor: a reading of the system"),
             ("monitor_kept", "memory monitor: a reading within `interval_ms`"),
             ("adaptive", "`adaptive`: a step and its feedback"),
             ("memory_optimized", "`memory_optimized`: a step and its feedback"),
             ("metrics", "metrics: one batch"),
             ("adaptive_journal", "`adaptive` with a journal, its sync included")]
    rows = [[*cells, f"{part['figures'][name]['p99']:.2f}"] for (name, _), cells in zip(names, figure_rows(part, names, 2))]
    return grid(["us per call", *HEAD, "99 % below"], rows)


def gates(part):
    names = [("default_gated", "default environment, a call that sets it"), ("default_direct", "default environment, a call that does not"),
             ("other_gated", "flush-to-zero and rounding upwards, a call that sets it"),
             ("other_direct", "flush-to-zero and rounding upwards, a call that does not")]
    return grid(["ns per call", *HEAD], figure_rows(part, names, 1))


def result(one):
    """Throughput of all batches and of the last 100, with the marks that the page explains."""
    marks = ("L" if one["late"] else "") + ("M" if one["over_memory"] else "") + ("*" if one["reached"] else "")
    return f"{one['full']:.1f} / {one['last']:.1f}" + (" " + marks if marks else "")


def pivot(rows, column, heads, first):
    """Rows of one scenario become cells of one line; the last lines sum up."""
    keys = list(dict.fromkeys(one[column] for one in rows))
    scenarios = list(dict.fromkeys(one["scenario"] for one in rows))
    cell = {(one["scenario"], one[column]): one for one in rows}
    lines = [[name, *first(cell[name, keys[0]]), *(result(cell[name, key]) for key in keys)] for name in scenarios]
    blank = [""] * len(first(rows[0]))
    of = [[one for one in rows if one[column] == key] for key in keys]
    lines.append(["mean", *blank, *(f"{mean(many, 'full'):.1f} / {mean(many, 'last'):.1f}" for many in of)])
    lines.append([f"reached, of {len(scenarios)}", *blank, *(sum(one["reached"] for one in many) for many in of)])
    return grid([*heads, *(str(key) for key in keys)], lines)


def mean(rows, member):
    return sum(one[member] for one in rows) / len(rows)


def adaptive_named(part):
    return pivot(part["tables"]["named"], "strategy", ["consumer", "best size"], lambda one: [one["best_size"]])


def adaptive_late(part):
    return pivot(part["tables"]["late"], "delay", ["consumer \\ batches late"], lambda one: [])


def adaptive_worst(part):
    chosen = [one for one in part["tables"]["worst"] if re.match("disturbance|pause", one["scenario"])]
    return grid(["consumer", "median", "5 %", "worst"],
                ([one["scenario"]] + [" / ".join(f"{x:.1f}" for x in one[key]) for key in ("median", "p5", "worst")]
                 for one in chosen))


def adaptive_random(part):
    keys = ["mean", "p5", "p10", "p25", "p50"]
    return grid(["strategy", "mean", "5 %", "10 %", "25 %", "median", "reached, %", "late", "memory broken"],
                ([one["strategy"], *(f"{one[key][0]:.1f} / {one[key][1]:.1f}" for key in keys),
                  one["reached"], one["late"], one["over_memory"]] for one in part["tables"]["random"]))


def quantiles(part):
    """One line per kind: the sums and the extremes over its sets of parameters."""
    rows = []
    for kind in ("log_uniform", "normal", "beta"):
        sets = [one for one in part["tables"]["sets"] if one["kind"] == kind]
        words = sum(one["words"] for one in sets)
        rows.append([f"`{kind}`", len(sets), f"{words:,}", f"{sum(one['not_rounded'] for one in sets) / words:.1e}",
                     sum(one["beyond_1_ulp"] for one in sets), extremes(sets, "ns_per_value"), extremes(sets, "open_us")])
    return grid(["kind", "sets of parameters", "values", "part not correctly rounded", "beyond 1 ulp", "ns per value",
                 "us to open a column"], rows)


def extremes(rows, member):
    values = sorted(one[member] for one in rows)
    return f"{values[0]:.1f} to {values[-1]:.1f}"


CONSUMERS = {
    "array": "one array per batch",
    "mmap": "one array per batch, straight from the system",
    "samples": "an allocation per sample",
    "small samples given back by malloc_trim": "allocations of 1,000 bytes, `malloc_trim(0)` after each batch",
    "small samples that the allocator keeps": "allocations of 1,000 bytes that glibc keeps",
    "samples much smaller than what malloc takes": "allocations of 24 bytes",
    "a buffer that is kept": "a buffer that is kept and grown",
}
REPORTS = {"bytes": "`bytes`", "all": "`bytes` and `available_bytes`", "nothing": "nothing"}


def consumer(part):
    """One line per consumer, with a cell per limit."""
    rows = part["tables"]["shares"]
    limits = list(dict.fromkeys(one["limit"] for one in rows))
    share = {(one["consumer"], one["limit"]): f"{100 * one['steady']:.0f} %, {100 * one['with_ramp']:.0f} %" for one in rows}
    lines = []
    for name in sorted(dict.fromkeys(one["consumer"] for one in rows)):
        takes, reports = name.split(", reports ")
        lines.append([CONSUMERS.get(takes, takes), REPORTS[reports], *(share.get((name, limit), "") for limit in limits)])
    return grid(["the consumer takes", "and reports", *limits], lines)


def demo(part):
    names = [("seconds", "seconds for the epoch"), ("records", "million records per second"), ("bytes", "MB per second")]
    return grid(["four ranks together", "median", "least and most", "runs"], figure_rows(part, names, 2))


def campaigns(part):
    words = {"fuzz_preset": "fuzzer: presets with overrides", "fuzz_wire": "fuzzer: messages and state machines of the protocol",
             "fuzz_manifest": "fuzzer: manifests of chunk files", "worlds": "simulated worlds of servers and ranks",
             "calls": "failing system calls of `generate` and `verify`"}
    return grid(["campaign", "runs", "seconds", "findings"],
                ([words[name], f"{one['value']:,}", one["seconds"], one.get("faults", 0)]
                 for name, one in part["figures"].items()))


def python_ways(part):
    """The parameters of 256 samples in each way that was measured, and how much longer it takes."""
    figures = part["figures"]
    versions = {name: figures[f"version_{name}"]["value"] for name in ("numpy", "torchvision", "kornia", "jax")
                if f"version_{name}" in figures}
    names = []
    for preset in ("imagenet", "simclr"):
        names += [("c_gather_" + preset, f"`{preset}`: the C call"), ("stream_" + preset, f"`{preset}`: `stream[ids]`"),
                  ("views_" + preset, f"`{preset}`: `stream[ids]` and a view of each column"),
                  ("ctypes_" + preset, f"`{preset}`: the C call by ctypes into NumPy arrays"),
                  ("c_next_" + preset, f"`{preset}`: the next batch of a pipeline in C"),
                  ("next_" + preset, f"`{preset}`: the next batch of `stream.batches(256)`")]
    names += [("jax", f"JAX {versions.get('jax')}, `jit`, `vmap` and `fold_in`"),
              ("kornia", f"kornia {versions.get('kornia')}, `forward_parameters`"),
              ("numpy", f"NumPy {versions.get('numpy')}, one Generator per sample"),
              ("torchvision", f"torchvision {versions.get('torchvision')}, v2 `make_params`")]
    rows = []
    for (name, _), cells in zip([one for one in names if one[0] in figures], figure_rows(part, names, 1)):
        ratio = figures.get("ratio_" + name)
        rows.append([*cells, f"{ratio['value']:.1f}" if ratio else ""])
    rows += [[row["peer"], "not measured", "", "", ""] for row in part["tables"].get("not_measured", [])]
    return grid(["us per 256 samples", *HEAD, "times as long as `stream[ids]` with views"], rows)


def python_costs(part):
    names = [("over_c_stream_imagenet", "`stream[ids]` above the C call, us"),
             ("over_c_views_imagenet", "`stream[ids]` and a view of each column above the C call, us"),
             ("over_c_next_imagenet", "a batch of an iterator above the C call, us"),
             ("import", "`import augstream` above `import numpy`, ms")]
    return grid(["`imagenet`", *HEAD], figure_rows(part, names, 1))


TABLES = {
    "fill.uniform": fill_uniform,
    "fill.records": fill_records,
    "network.rates": network,
    "memory.peaks": memory,
    "decisions.calls": decisions,
    "gates.calls": gates,
    "quantiles.kinds": quantiles,
    "consumer.shares": consumer,
    "demo.rates": demo,
    "python.ways": python_ways,
    "python.costs": python_costs,
    "campaigns.runs": campaigns,
    "adaptive.named": adaptive_named,
    "adaptive.late": adaptive_late,
    "adaptive.worst": adaptive_worst,
    "adaptive.random": adaptive_random,
}


def tables_of(measured, part):
    """All tables of a part, for the terminal."""
    return "\n\n".join(name + "\n" + make(measured[part]) for name, make in TABLES.items() if name.split(".")[0] == part)


# ---- pages ----

def text_of(measured, kind, key, form):
    """What stands between the comments. KeyError says what is missing."""
    part, *path = key.split(".")
    if part not in measured:
        raise KeyError(f"docs/measurements.json has no part '{part}'")
    if kind == "table":
        if path == ["made"]:
            return "\n" + made(measured[part]) + "\n"
        if key not in TABLES:
            raise KeyError(f"there is no table '{key}'; there are: {', '.join(TABLES)}, and PART.made")
        return "\n" + TABLES[key](measured[part]) + "\n"
    value = {**measured[part]["figures"], **{name: measured[part][name] for name in ("date", "commit")}}
    for name in path:
        if not isinstance(value, dict) or name not in value:
            raise KeyError(f"docs/measurements.json has no '{key}'")
        value = value[name]
    return format(value, form or "")


def pages(root):
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").glob("*.md"))]


def filled(text, measured, place, faults):
    def put(match):
        kind, key, form, old = match.groups()
        try:
            new = text_of(measured, kind, key, form)
        except (KeyError, ValueError, TypeError) as error:
            line = text[: match.start()].count("\n") + 1
            faults.append(f"{place}:{line}: {error.args[0]}")
            return match.group()
        return match.group().replace(f"-->{old}<!-- end", f"-->{new}<!-- end")
    return MARK.sub(put, text)


def update(root, check=False):
    """The pages that were written anew; with `check`, exits with what does not fit."""
    measured, faults, changed = read(root), [], []
    for page in pages(root):
        text, place = page.read_text(), page.relative_to(root)
        new = filled(text, measured, place, faults)
        n_open, n_marks = len(re.findall(r"<!-- (?:measured|table) ", text)), len(MARK.findall(text))
        if n_open != n_marks or text.count("<!-- end -->") != n_marks:
            faults.append(f"{place}: {n_open} marks begin, {text.count('<!-- end -->')} end, {n_marks} are whole")
        if new != text:
            changed.append(str(place))
            if check:
                at = next(i for i, (a, b) in enumerate(zip(text + "\0", new + "\1")) if a != b)
                faults.append(f"{place}:{text[:at].count(chr(10)) + 1}: differs from docs/measurements.json; "
                              "run scripts/measurements")
            else:
                page.write_text(new)
    if faults:
        sys.exit("\n".join(faults))
    return changed


def main():
    arguments = [one for one in sys.argv[1:] if one != "--check"]
    root = pathlib.Path(arguments[0]) if arguments else pathlib.Path(__file__).resolve().parent.parent
    changed = update(root, check="--check" in sys.argv[1:])
    n_marks = sum(len(MARK.findall(page.read_text())) for page in pages(root))
    print("".join(f"written: {page}\n" for page in changed) + f"{n_marks} figures and tables in the pages are as measured")
    return 0


if __name__ == "__main__":
    sys.exit(main())
