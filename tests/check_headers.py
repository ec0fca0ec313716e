#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that the public headers are contracts: check_headers.py ROOT COMPILER...

* Every exported function has a comment of its own directly above it.
* The comment of a function that takes an augs_error names a code together with its condition.
* A header that declares functions opens with an example of about ten lines, which compiles.
* Every member of a public struct has a comment.
* No sentence is longer than 25 words. tests/check_words.py looks after the words.
"""
import pathlib
import re
import subprocess
import sys

MOST_WORDS = 25
EXAMPLE_LINES = range(4, 17)

DECLARATION = re.compile(r"^AUGS_API\b[^;]*;", re.M | re.S)
COMMENT = re.compile(r"/\*.*?\*/", re.S)
CONDITION = re.compile(r"AUGS_E_\w+(?:(?:,| or| and)\s+AUGS_E_\w+)*\s*(?::|\b(?:if|when|where|after|before|for|unless|in|is)\b)")
STRUCT = re.compile(r"^typedef struct (augs_\w+) \{\n(.*?)^\} \1;", re.M | re.S)
# What the example of a header takes from the program around it.
AROUND = {
    "abi": ["const char *name", "augs_member member", "augs_error error"],
    "batch": ["augs_pipeline *pipeline", "augs_batch *batch", "augs_error error"],
    "batch_size": ["augs_batch_probe probe", "void *model", "augs_error error"],
    "chunks": ["augs_stream *stream", "augs_error error"],
    "cpu": ["uint32_t n_trainers"],
    "memory_monitor": ["augs_error error", "int more"],
    "metrics": ["augs_stream *stream", "augs_pipeline *pipeline", "augs_error error"],
    "pipeline": ["augs_stream *stream", "augs_error error"],
    "plan": ["augs_stream *stream", "augs_pipeline *pipeline", "augs_error error", "int status"],
    "preset": ["augs_error error"],
    "scheduler": ["augs_error error"],
    "server": ["augs_stream *stream", "augs_error error"],
    "sink": ["augs_stream *stream", "augs_pipeline *pipeline", "augs_error error"],
    "status": ["augs_preset *preset"],
    "strategy": ["augs_error error"],
    "stream": ["augs_preset *preset", "augs_error error"],
    "subscriber": ["augs_error error"],
}
# Functions of the program around the examples.
PROGRAM = """
int train(const augs_batch *batch);
int train_span(const augs_span *span);
int work(void);
int write_to_file(void *user, const void *data, size_t n_bytes);
"""


def comment_above(text, start):
    """The comment that ends on the line before `start`, or None."""
    before = text[:start]
    return before[before.rindex("/*"):] if before.endswith("*/\n") else None


def check_functions(text, place):
    for match in DECLARATION.finditer(text):
        name = re.search(r"(\w+)\s*\(", match.group()).group(1)
        line = text[: match.start()].count("\n") + 1
        comment = comment_above(text, match.start())
        if comment is None or "AUGS_API" in comment or len(comment.split()) < 5:
            yield f"{place}:{line}: {name} has no comment of its own above it"
        elif "augs_error *error" in match.group() and not CONDITION.search(words_of(comment)):
            yield f"{place}:{line}: {name} takes an augs_error, but its comment names no AUGS_E_ code with a condition"


def words_of(comment):
    """The text of a comment without its frame and its examples."""
    lines = comment.removeprefix("/*").removesuffix("*/").split("\n")
    return "\n".join(re.sub(r"^ *\*? ?", "", line) for line in lines if not is_example(line))


def is_example(line):
    return re.match(r" \*     \S", line) is not None or re.match(r" {4,}\*     \S", line) is not None


def check_sentences(text, place):
    for match in COMMENT.finditer(text):
        line = text[: match.start()].count("\n") + 1
        words = words_of(match.group())
        for paragraph in re.split(r"\n\s*\n|\n(?=[*-] )", words):
            for sentence in re.split(r"[.:;?!]\s", " ".join(paragraph.split()) + " "):
                if len(sentence.split()) > MOST_WORDS:
                    yield f"{place}:{line}: {len(sentence.split())} words in one sentence: {sentence[:70]}..."


def check_members(text, place):
    """A comment stands above a member, or behind it."""
    for match in STRUCT.finditer(text):
        first = text[: match.start(2)].count("\n") + 1
        body = match.group(2)
        for member in re.finditer(r"^    (?! |/\*)(?:[^;/]|/(?!\*))*;", body, re.M):
            line = body[: member.start()].count("\n") + first
            behind = body[member.end():].split("\n")[0]
            above = body[: member.start()]
            # one that begins behind another member belongs to that member
            has_own = above.endswith("*/\n") and not above[: above.rindex("/*")].rsplit("\n", 1)[-1].strip()
            if "/*" not in behind and not has_own:
                yield f"{place}:{line}: a member of {match.group(1)} has no comment: {' '.join(member.group().split())}"


def example_of(text):
    top = COMMENT.findall(text[: text.find("#ifndef")])[-1]
    return [line[7:] for line in top.split("\n") if re.match(r" \*     .*\S", line)]


def check_example(text, place, header, root, compiler):
    example = example_of(text)
    if not example:
        if DECLARATION.search(text):
            yield f"{place}:1: it declares functions, but opens with no example (lines that begin with ' *     ')"
        return
    if len(example) not in EXAMPLE_LINES:
        yield f"{place}:1: an example of {len(example)} lines; about ten are wanted"
    given = AROUND.get(header.stem, [])
    unused = "".join(f"    (void){re.split('[ *]', one)[-1]};\n" for one in given)
    source = ("#include <stdbool.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <augstream/augstream.h>\n" + PROGRAM +
              f"int example({', '.join(given) or 'void'});\n" +
              f"int example({', '.join(given) or 'void'})\n{{\n{unused}" + "\n".join(example) + "\n    return 0;\n}\n")
    done = subprocess.run([*compiler, "-x", "c", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                           f"-I{root / 'include'}", "-"], input=source, text=True, capture_output=True)
    if done.returncode != 0:
        yield f"{place}:1: its example does not compile:\n{done.stderr.strip()}\n{source}"


def main():
    root, compiler = pathlib.Path(sys.argv[1]), sys.argv[2:] or ["cc"]
    faults, n_functions = [], 0
    headers = sorted((root / "include" / "augstream").glob("*.h"))
    for header in headers:
        text = header.read_text()
        place = f"include/augstream/{header.name}"
        n_functions += len(DECLARATION.findall(text))
        for check in (check_functions, check_sentences, check_members):
            faults += check(text, place)
        faults += check_example(text, place, header, root, compiler)
    print("\n".join(faults) or f"{n_functions} functions are documented")
    return 1 if faults or n_functions == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
