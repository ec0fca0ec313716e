#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks the words of pages, headers, messages, comments and names: check_words.py ROOT

* No word of the table WORDS stands in any file: not in a page, a comment, a message, a help text or a name.
* A rate says "per": "ns per value", not "ns a value".
* A sentence of a page has at most 25 words. A line of a page has at most 80 columns, or is one sentence. Tables,
  code and the addresses of links are left out.
* A figure with a unit of time or rate stands in a page only between marks of bench/pages.py, and in no comment.

Each fault names the file, the line, the word and what to write.
"""
import pathlib
import re
import subprocess
import sys

MOST_WORDS = 25
MOST_COLUMNS = 80

# A word, as a regular expression, and what to write.
WORDS = [
    ("laws?", "contract, or rule"),
    ("house|houses", "layout, or project"),
    ("rooms?", "space, capacity, or folder"),
    ("crews?", "worker pool"),
    ("tooth|teeth", "offset"),
    ("zoo", "sample preset, or examples"),
    ("strangers?", "unknown peers, or unexpected files"),
    ("made again", "recomputed"),
    ("planners?", "strategy (the table), or scheduler (the object)"),
    ("bent", "changed, or clamped"),
    ("riddles?", "a plain word"),
    ("colours?|coloured", "color"),
    ("grey", "gray"),
    ("centres?|centred", "center"),
    ("neighbour\\w*", "neighbor"),
    ("behaviour\\w*", "behavior"),
    ("favour\\w*|honour\\w*", "favor, honor"),
    ("licence", "license"),
    ("artefacts?", "artifact"),
    ("whilst|amongst", "while, among"),
    ("(?:optim|serial|initial|uninitial|normal|standard|recogn|organ|synchron|minim|maxim|util|summar|random|parallel|real"
     "|special|general|final|priorit|character|emphas)is(?:e|es|ed|er|ers|ing|ation|ations)", "the spelling with z"),
]
# What a rate is of, and what it is per.
AMOUNTS = ("ns|us|ms|s|seconds|nanoseconds|microseconds|bytes|kib|mib|gib|kb|mb|gb|samples|records|values|elements|words|lines"
           "|steps|batches|positions|messages|jobs|columns|numbers|digits|entries|rows|objects|object|map|array|arrays|trials"
           "|once|twice|times")
PARTS = ("ranks?|samples?|records?|elements?|chunks?|second|trials?|batch|batches|files?|steps?|groups?|values?|rounds?"
         "|messages?|columns?|rows?|calls?|shards?|threads?|items?|words?|entry|epochs?|workers?|cores?|positions?|lines?|cell|scenario")
RATE = re.compile(rf"(?<![a-z])(?:{AMOUNTS}) an? (?:{PARTS})(?![a-z])(?! (?:takes?|took|needs?|needed|has|had|is|was|may|can|gets?|gives"
                  rf"|holds|makes|of|that|which|for|with|at|and)\b)")
TABLE = [(re.compile(rf"(?<![a-z])(?:{word})(?![a-z])"), instead) for word, instead in WORDS]
FIGURE = re.compile(r"(?<![\w.^-])\d[\d,.]*(?:e\d+)?\s(?:ns|us|GB/s|MB/s|records/s)\b")

SOURCES = {".c", ".h", ".py", ".build", ".map", ".yaml", ".md", ".sh", ""}
# Texts of others, recorded data, and the two files that have to name the words.
LEFT_OUT = re.compile(r"^(?:LICENSE|tests/(?:check|test)_words\.py|tests/abi_v1/|tests/data/|docs/measurements\.json|fuzz/corpus)")
# It tells what was renamed, so it may name what was.
HISTORY = {"CHANGELOG.md"}
OLD_NAMES = re.compile("planner")

# Words that mean something else there.
ALLOWED = [
    ("colours?", r"tests/test_presets\.c$"),  # a preset that spells a name in another way than its override
]


def is_allowed(place, word):
    return any(re.fullmatch(allowed, word) and re.match(files, place) for allowed, files in ALLOWED)


class Text:
    """Text without frames of comments and joined over lines, that still knows its lines."""

    def __init__(self, text):
        parts, self.starts = [], []
        length = 0
        for number, line in enumerate(text.split("\n"), 1):
            line = re.sub(r"^\s*(?:/\*+|\*/|\*|//+|#+)?\s?", "", line).rstrip()
            line = re.sub(r"\s*\*/$", "", line).replace("_", " ").lower()
            self.starts.append((length, number))
            parts.append(line.strip() + " ")
            length += len(parts[-1])
        self.joined = "".join(parts)

    def line_of(self, offset):
        low, high = 0, len(self.starts) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.starts[middle][0] <= offset else (low, middle - 1)
        return self.starts[low][1]


def check_words(place, text):
    flat = Text(text)
    for word, instead in TABLE:
        for found in word.finditer(flat.joined):
            if is_allowed(place, found.group()) or place in HISTORY and OLD_NAMES.match(found.group()):
                continue
            yield flat.line_of(found.start()), f"'{found.group()}'; write {instead}"
    for found in RATE.finditer(flat.joined):
        instead = re.sub(r" an? ", " per ", found.group())
        yield flat.line_of(found.start()), f"'{found.group()}'; write '{instead}'"


# ---- pages ----

def blank(match):
    """The same number of lines, with nothing in them."""
    return "\n" * match.group().count("\n")


def prose_of(text):
    """A page without code blocks and generated tables; a name in code is one word."""
    text = re.sub(r"^```.*?^```", blank, text, flags=re.M | re.S)
    text = re.sub(r"<!-- table .*?<!-- end -->", blank, text, flags=re.S)
    text = re.sub(r"<!--.*?-->", blank, text, flags=re.S)
    text = re.sub(r"\]\([^)\s]*\)", "]", text)
    return re.sub(r"(`+)[^`]+?\1", lambda found: "`code`" + blank(found), text)


def paragraphs_of(prose):
    """(line, text) of each paragraph, item of a list, heading and cell of a table."""
    lines, first = [], 1
    for number, line in enumerate([*prose.split("\n"), ""], 1):
        begins = re.match(r"\s*(?:[*+-]|\d+\.)\s|#|>|\|", line)
        if lines and (not line.strip() or begins):
            yield first, " ".join(lines)
            lines = []
        if line.startswith("|"):
            for cell in line.strip("| ").split("|"):
                yield number, cell
        elif line.strip():
            first = first if lines else number
            lines.append(re.sub(r"^\s*(?:[*+-]|\d+\.|#+|>)\s+", "", line).strip())


def sentences_of(paragraph):
    return re.split(r"(?<=[.:;?!])[\"*)']*\s+", " ".join(paragraph.split()))


def check_page(place, text):
    prose = prose_of(text)
    for number, paragraph in paragraphs_of(prose):
        for sentence in sentences_of(paragraph):
            if len(sentence.split()) > MOST_WORDS:
                yield number, f"{len(sentence.split())} words in one sentence; write at most {MOST_WORDS}: {sentence[:60]}..."
    in_code = False
    for number, (line, raw) in enumerate(zip(prose.split("\n"), text.split("\n")), 1):
        in_code ^= raw.startswith("```")
        shown = re.sub(r"<!--.*?-->|\]\([^)\s]*\)", "", raw)
        if not in_code and not raw.startswith(("|", "```")) and line and len(shown) > MOST_COLUMNS:
            if re.search(r"[.?!][\"*)]*\s+(?=[A-Z`\[*(])", re.sub(r"^\s*(?:[*+-]|\d+\.)\s+", "", line).strip()):
                yield number, f"{len(shown)} columns and more than one sentence; write a line per sentence"
    typed = prose_of(re.sub(r"<!-- measured.*?<!-- end -->", blank, text, flags=re.S))
    for found in FIGURE.finditer(typed):
        yield typed[: found.start()].count("\n") + 1, f"the figure '{found.group()}'; write <!-- measured PART.FIGURE.value -->"


def check_comments(place, text):
    """No measured figure in a comment of C."""
    for comment in re.finditer(r"/\*.*?\*/", text, re.S):
        for found in FIGURE.finditer(re.sub(r"\n\s*\*", "  ", comment.group())):
            line = text[: comment.start()].count("\n") + 1
            yield line, f"the figure '{found.group()}' in a comment; leave it to docs/measurements.json"


def checks_of(name):
    path = pathlib.PurePath(name)
    yield check_words
    if path.suffix == ".md" and name not in HISTORY:
        yield check_page
    if path.suffix in (".c", ".h") and not name.startswith(("tests/", "bench/")):
        yield check_comments


def files_of(root):
    """Tracked and new files; without git, as in an archive, all of them but what is built."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard"],
                          capture_output=True, text=True)
    names = done.stdout.split("\n") if done.returncode == 0 else [
        str(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_file()]
    for name in names:
        if name and pathlib.PurePath(name).suffix in SOURCES and not LEFT_OUT.match(name) and (root / name).is_file():
            if not name.startswith(("build", ".git/", "python/build")):
                yield name


def faults_of(root, names):
    for name in names:
        try:
            text = (root / name).read_text()
        except UnicodeDecodeError:
            continue
        for check in checks_of(name):
            for line, fault in check(name, text):
                yield f"{name}:{line}: {fault}"


def main():
    root = pathlib.Path(sys.argv[1])
    names = list(files_of(root))
    faults = list(faults_of(root, names))
    print("\n".join(faults) or f"the words of {len(names)} files are plain")
    return 1 if faults or not names else 0


if __name__ == "__main__":
    sys.exit(main())
