#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Batch size, throughput and memory over the batches of a run, as SVG.

    scripts/plot_metrics.py METRICS.jsonl [OUT.svg]

METRICS.jsonl is what augs_metrics_save wrote; OUT.svg is METRICS.svg if it is not given, "-" is standard output.

Drawn by matplotlib (Debian: python3-matplotlib), because it is what the people who train models draw with: axes, units
and legends that they know, one place to change the look, and a file format that it has written well for twenty years.
An SVG writer of our own would be another thing to keep. The text in the file is text, and the same metrics give the
same bytes.
"""
import argparse
import io
import json
import os
import pathlib
import statistics
import sys

try:
    import matplotlib
except ImportError:
    sys.exit("plot_metrics.py: matplotlib is missing; Debian: apt install python3-matplotlib, elsewhere: pip install matplotlib")

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend comes first)
from matplotlib.lines import Line2D  # noqa: E402
from matplotlib.patches import Patch  # noqa: E402
from matplotlib.ticker import EngFormatter, MaxNLocator  # noqa: E402

# Okabe and Ito's colors, which people with any kind of color vision can tell apart
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, YELLOW, GRAY = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#777777")
WHY_COLORS = [ORANGE, GREEN, PURPLE, SKY, RED, YELLOW, GRAY]
LEVEL_COLORS = {"elevated": YELLOW, "high": ORANGE, "critical": RED}
MEDIAN_OF = 15
MOST_MARKS = 400  # changes of size that get a mark each


class BadMetrics(Exception):
    pass


def read_metrics(path):
    """The batches and the summary (None if the file has none)."""
    batches, summary = [], None
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                entry = json.loads(line.decode())
                if "summary" in entry:
                    summary = entry["summary"]
                    continue
                batch = {name: entry[name] for name in ("step", "n_samples", "seconds")}
                numbers = [batch["step"], batch["n_samples"], batch["seconds"] or 0]
                numbers += [entry.get(name) or 0 for name in ("samples_per_second", "bytes", "available_bytes", "epoch")]
                if not all(isinstance(n, (int, float)) for n in numbers):
                    raise ValueError("a field that should be a number is none")
            except (ValueError, KeyError, TypeError) as fault:
                what = f"the field {fault} is missing" if isinstance(fault, KeyError) else fault
                raise BadMetrics(f"{path}:{number}: no line of augs_metrics_save: {what}") from None
            batches.append(entry)
    if not batches:
        raise BadMetrics(f"{path}: no batch in it")
    return batches, summary


def known(batches, name):
    """Values for matplotlib: what is not known is a gap."""
    return [float("nan") if batch.get(name) is None else batch[name] for batch in batches]


def running_median(values, width):
    out = []
    for i in range(len(values)):
        near = [v for v in values[max(0, i - width // 2): i + width // 2 + 1] if v == v]
        out.append(statistics.median(near) if near else float("nan"))
    return out


def draw_sizes(axes, x, batches):
    sizes = [batch["n_samples"] for batch in batches]
    axes.step(x, sizes, where="mid", color=BLUE, linewidth=1.2, gid="size")
    axes.set_ylabel("batch size\n(samples)")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylim(bottom=0)
    changes = [i for i in range(1, len(sizes)) if sizes[i] != sizes[i - 1]]
    words = sorted({str(batches[i].get("why") or "?") for i in changes})
    if not changes or len(changes) > MOST_MARKS:
        return
    for k, word in enumerate(words):
        at = [i for i in changes if str(batches[i].get("why") or "?") == word]
        axes.scatter([x[i] for i in at], [sizes[i] for i in at], s=16, zorder=3, label=word,
                     color=WHY_COLORS[k % len(WHY_COLORS)], gid=f"why-{word}")
    axes.legend(title="changed by", fontsize=7, title_fontsize=7, ncol=min(4, len(words)), loc="best")


def draw_throughput(axes, x, batches):
    rates = known(batches, "samples_per_second")
    timed = [(a, rate) for a, rate in zip(x, rates) if rate == rate]
    axes.scatter([a for a, _ in timed], [rate for _, rate in timed], s=5, color=SKY, linewidths=0, gid="throughput")
    if len(timed) >= MEDIAN_OF:
        axes.plot(x, running_median(rates, MEDIAN_OF), color=BLUE, linewidth=1.4, gid="throughput-median",
                  label=f"median of {MEDIAN_OF}")
        axes.legend(fontsize=7, loc="best")
    axes.set_ylabel("throughput\n(samples/s)")
    axes.yaxis.set_major_formatter(EngFormatter(sep=" "))
    axes.set_ylim(bottom=0)


def draw_memory(axes, x, batches):
    axes.plot(x, known(batches, "bytes"), color=RED, linewidth=1.2, marker=".", markersize=2, gid="memory")
    axes.plot(x, known(batches, "available_bytes"), color=GREEN, linewidth=1.2, linestyle="--", gid="available")
    levels = [batch.get("level") for batch in batches]
    start = 0
    for i in range(1, len(x) + 1):  # one rectangle for each run of a level
        if i == len(x) or levels[i] != levels[start]:
            if levels[start] in LEVEL_COLORS:
                axes.axvspan(x[start] - 0.5, x[i - 1] + 0.5, color=LEVEL_COLORS[levels[start]], alpha=0.2, linewidth=0)
            start = i
    entries = [Line2D([], [], color=RED, label="needed by the batch"),
               Line2D([], [], color=GREEN, linestyle="--", label="available")]
    entries += [Patch(color=color, alpha=0.2, label=level) for level, color in LEVEL_COLORS.items() if level in levels]
    axes.legend(handles=entries, fontsize=7, loc="best")
    axes.set_ylabel("memory\n(bytes)")
    axes.yaxis.set_major_formatter(EngFormatter(unit="B", sep=" "))
    axes.set_ylim(bottom=0)


def headline(batches, summary):
    if summary is None:
        return f"{len(batches):,} batches"
    parts = [f"{summary['n_batches']:,} batches, {summary['n_samples']:,} samples"]
    if summary["n_batches"] > len(batches):
        parts.append(f"the last {len(batches):,} are shown")
    if summary.get("mean_throughput") is not None:
        parts.append(f"{summary['mean_throughput']:,.0f} samples/s")
    if summary.get("best_size") is not None:
        parts.append(f"best size {summary['best_size']:,} ({summary['best_throughput']:,.0f} samples/s)")
    return "; ".join(parts)


def draw(batches, summary):
    steps = [batch["step"] for batch in batches]
    by_step = all(a < b for a, b in zip(steps, steps[1:]))  # over epochs steps begin again
    x = steps if by_step else list(range(len(steps)))
    with plt.rc_context({"svg.fonttype": "none", "svg.hashsalt": "augstream", "font.size": 9,
                         "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.alpha": 0.3}):
        figure, (top, middle, bottom) = plt.subplots(3, 1, sharex=True, figsize=(9, 7), layout="constrained")
        draw_sizes(top, x, batches)
        draw_throughput(middle, x, batches)
        draw_memory(bottom, x, batches)
        epochs = [batch.get("epoch", 0) for batch in batches]
        for i in range(1, len(x)):
            if epochs[i] != epochs[i - 1]:
                for axes in (top, middle, bottom):
                    axes.axvline(x[i] - 0.5, color=GRAY, linewidth=0.8, linestyle=":")
        bottom.set_xlabel("step" if by_step else "batch (dotted: a new epoch)")
        bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
        figure.suptitle(headline(batches, summary), fontsize=10)
        image = io.BytesIO()
        figure.savefig(image, format="svg", metadata={"Date": None, "Title": "augstream: metrics of a run"})
        plt.close(figure)
    return image.getvalue()


def write(out, image):
    if out == "-":
        sys.stdout.buffer.write(image)
        return
    temporary = f"{out}.{os.getpid()}.tmp"
    try:
        pathlib.Path(temporary).write_bytes(image)
        os.replace(temporary, out)
    except OSError:
        pathlib.Path(temporary).unlink(missing_ok=True)
        raise


def main():
    parser = argparse.ArgumentParser(description="Batch size, throughput and memory over the batches of a run, as SVG.")
    parser.add_argument("metrics", help="the JSON Lines that augs_metrics_save wrote")
    parser.add_argument("out", nargs="?", help="the SVG; METRICS.svg if it is not given, - is standard output")
    arguments = parser.parse_args()
    out = arguments.out or str(pathlib.Path(arguments.metrics).with_suffix(".svg"))
    try:
        write(out, draw(*read_metrics(arguments.metrics)))
    except BadMetrics as fault:
        sys.exit(f"plot_metrics.py: {fault}")
    except OSError as fault:
        sys.exit(f"plot_metrics.py: {fault.filename or out}: {fault.strerror}")


if __name__ == "__main__":
    main()
