#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The table of options: complete rows, help at every width, and what each option refuses.
usage: test_command_options.py COMMAND"""
import json
import re

from command_fixture import Case, main, run

TABLE = {command["name"]: {option["name"]: option for option in command["options"]}
         for command in json.loads(run("help", "--json").stdout)["commands"]}
ROWS = [(command, option) for command, options in TABLE.items() for option in options.values()]

# What a command needs before one more option can be tried.
BASE = {
    "presets list": [], "presets show": ["mild"], "presets check": ["-"], "verify": ["none"], "inspect": ["none"],
    "generate": ["--preset", "mild", "--seed", 1, "--samples", 3],
    "serve": ["--preset", "mild", "--seed", 1, "--samples", 3, "--world-size", 1],
    "subscribe": ["--connect", "tcp://127.0.0.1:1", "--timeout", "0.05"],
    "plan": ["--strategy", "adaptive", "--samples", 3],
    "bench strategies": ["--samples", 100], "bench batch-size": ["--samples", 100],
    "env": [], "version": [], "completions": ["bash"], "help": [],
}
# Bad values of free texts, and options that have to come along.
BAD_TEXTS = {
    "preset": ["modrate", "MILD", "none/there.yaml", "there.yml", ""],
    "samples": ["1e6", "-3", "10k", "+1", " 1", "1 ", "0x10", "1__0", "_1", "1_", str(2**56 + 1), "9" * 40, "", "Endless"],
    "set": ["nonsense", "rotation.uniform[0]=x", ""],
    "strategy": ["adaptve", "ADAPTIVE", "adaptive:max-growth=0", "adaptive:batches=3", "adaptive:x=1", "adaptive:max-growth",
                 "adaptive:drop-last=1", "adaptive:", "adaptive:min-batch-size=3,", "round_robin:batches=1k", ""],
    "sizes": ["x", "1,,2", "0", "1,2k", ""],
    "journal": ["none/there.jsonl", ""],
    "replay": ["none/there.jsonl", ""],
    "metrics": ["none/there.jsonl", ""],
    "cost": ["x", "1", "1,2,3", "-1,0", "1,2,3,4,5", "1,nan", "1,2s", ""],
    "cost-bytes": ["x", "1", "1,2,3", "0,-1", ""],
    "chunk-shard": ["3/3", "a/b", "atuo", "1", "1/", "/2", "-1/2", "0/0", ""],
    "job-name": ["a b", "x" * 65, "\u00e4", ""],
    "job": ["a b", "x" * 65, ""],
    "bind": ["tcp://0.0.0.0:1", "http://x", "127.0.0.1:5757", "tcp://127.0.0.1:99999", ""],
    "connect": ["x", "tcp://127.0.0.1:1,,x", "tcp://", ""],
    "resume": ["junk", "@", "@none/there", ""],
    "token-file": ["none/there", ""],
    "out": ["/dev/null/there", ""],
    "ids": ["none/there.npy", ""],
}
NEEDS_SERVER = {"token-file", "ids", "out"}  # of subscribe: opened once the job is known


def bad_values(option):
    """Texts that must be refused."""
    if option["kind"] == "whole":
        yield from ("", "x", "10k", "1e3", "1.5", "-1", "+1", " 1", "1 ", "0x10", "1__0", "_1", "1_", "9" * 40)
        if option["most"] < 2**64 - 1:
            yield str(option["most"] + 1)
        if option["least"] > 0:
            yield str(option["least"] - 1)
    elif option["kind"] == "decimal":
        yield from ("", "x", "1s", "1e3", "-1", "+1", " 1", "1,5", "nan", "inf", ".", "1.2.3", "9" * 40)
        if option["above"]:
            yield f"{option['least']:g}"
    elif option["kind"] == "name":
        yield from ("", "xyzzy", option["names"][0].upper(), option["names"][0][:-1])
    else:
        yield from BAD_TEXTS[option["name"]]


def with_option(command, option, value):
    """The command line that gives this option and all that is required."""
    base = list(BASE[command])
    if f"--{option}" in base:
        at = base.index(f"--{option}")
        del base[at:at + 2]
    if command == "plan" and option in ("preset", "set"):
        base += ["--seed", 1] + ([] if option == "preset" else ["--preset", "mild"])
    if command == "generate" and option == "journal":
        base += ["--strategy", "adaptive"]
    return [*command.split(), *base, f"--{option}={value}"]


class Table(Case):
    def test_every_row_is_complete(self):
        for command, option in ROWS:
            with self.subTest(command=command, option=option["name"]):
                self.assertNotEqual(option["group"], "")
                self.assertNotEqual(option["help"], "")
                if option["kind"] == "flag":
                    self.assertEqual((option["value"], option.get("default")), ("", ""))
                    continue
                self.assertNotEqual(option["value"], "")
                told = [bool(option["required"]), bool(option.get("default")), bool(option.get("without"))]
                self.assertEqual(sum(told), 1, "required, a default, or a rule without it: one of them")
                if option["kind"] in ("text", "list"):
                    self.assertNotEqual(option["accepted"], "")
                elif option["kind"] == "name":
                    self.assertGreaterEqual(len(option["names"]), 2)
                elif option["kind"] == "decimal":
                    self.assertLess(option["least"], option["most"])
                else:
                    self.assertEqual(option["kind"], "whole")
                    self.assertLess(option["least"], option["most"])

    def test_a_default_is_one_of_what_is_accepted(self):
        for command, option in ROWS:
            default = option.get("default")
            with self.subTest(command=command, option=option["name"], default=default):
                if option["kind"] == "name" and default:
                    self.assertIn(default, option["names"])
                elif option["kind"] == "whole" and default and default.isdigit():
                    self.assertLessEqual(option["least"], int(default))
                    self.assertLessEqual(int(default), option["most"])

    def test_help_wraps_to_any_width_and_loses_nothing(self):
        for command, options in TABLE.items():
            for width in (25, 40, 59, 60, 80, 100):
                text = run(*command.split(), "--help", COLUMNS=str(width)).stdout
                self.assertLessEqual(max(map(len, text.splitlines())), width, (command, width))
                words = " ".join(text.split())
                for option in options.values():
                    self.assertRegex(text, rf"(?m)^  --{option['name']}\b")
                    if width >= 60:
                        self.assertIn(option["help"], re.sub(r"([,/]) (?=\S)", r"\1 ", words))
            self.assertEqual(run(*command.split(), "--help", COLUMNS="x").stdout,
                             run(*command.split(), "--help", COLUMNS="80").stdout)

    def test_help_has_groups(self):
        text = run("generate", "--help").stdout
        self.assertEqual(re.findall(r"(?m)^([A-Z][A-Za-z ]+):$", text),
                         ["The stream", "Batches", "Strategies that learn", "Feedback and journals", "Ranks and shards",
                          "Output", "General"])
        for command, options in TABLE.items():
            shown = re.findall(r"(?m)^(?:([A-Z][A-Za-z ]+):$|  --([a-z-]+))", run(*command.split(), "--help").stdout)
            group = None
            for title, name in shown:
                group = title or group
                self.assertTrue(title or options[name]["group"] == group, (command, name))

    def test_help_shows_every_default(self):
        for command, options in TABLE.items():
            words = " ".join(run(*command.split(), "--help").stdout.split())
            page = " ".join(run("help", "--man").stdout.replace("\\-", "-").split())
            for option in options.values():
                for word, told in (("default", option.get("default")), ("without it", option.get("without"))):
                    if told:
                        for text in words, page:
                            self.assertIn(f"{word}: {told})", text, (command, option["name"]))

    def test_json_and_man_are_of_all_commands(self):
        self.ends(2, "help", "--json", "--man", says="one of them")
        self.ends(2, "help", "--json", "generate", says="without COMMAND")


class Refusals(Case):
    def refuses(self, command, option, value):
        result = run(*with_option(command, option["name"], value), stdin="")
        self.assertIn(result.returncode, (1, 2, 3, 5), f"--{option['name']}={value}: {result.stdout} {result.stderr}")
        self.assertEqual(result.stdout, "")
        self.assertIn(f"--{option['name']}", result.stderr)
        self.assertIn(value if value.startswith("-") else f"'{value.split(':')[0]}", result.stderr)
        if result.returncode == 2:
            self.assertIn("accepted", result.stderr)

    def test_every_option_refuses_bad_values_by_name(self):
        for command, option in ROWS:
            if option["kind"] == "flag":
                with self.subTest(command=command, option=option["name"]):
                    self.ends(2, *with_option(command, option["name"], "yes"),
                              says=(f"--{option['name']} takes no value", "'yes'"))
                continue
            for value in bad_values(option):
                if command == "subscribe" and option["name"] in NEEDS_SERVER and value:
                    continue
                with self.subTest(command=command, option=option["name"], value=value):
                    self.refuses(command, option, value)

    def test_subscribe_refuses_outputs_that_cannot_be_written(self):
        for option in sorted(NEEDS_SERVER):
            for value in filter(None, BAD_TEXTS[option]):
                _, endpoint = self.serve("--preset", "mild", "--seed", 1, "--samples", 3, "--world-size", 1)
                self.ends(1, "subscribe", "--connect", endpoint, f"--{option}={value}", says=(f"--{option}", f"'{value}'"))

    def test_every_option_wants_its_value(self):
        for command, option in ROWS:
            if option["kind"] != "flag":
                name = f"--{option['name']}"
                with self.subTest(command=command, option=name):
                    self.ends(2, *command.split(), name, says=(f"{name} has no value", f"accepted: {name} "))
                    self.ends(2, *command.split(), name, "--help=x", says=f"{name} has no value")

    def test_an_option_of_another_strategy_is_refused_in_the_words_of_the_command(self):
        for command in ("generate", "plan"):
            for option in TABLE[command].values():
                owners = option["owners"].split(", ")
                if option["owners"] and option["group"] in ("Batches", "Strategies that learn"):
                    other = next(name for name in TABLE[command]["strategy"]["names"] if name not in owners)
                    value = {"memory-rule": "budget", "max-growth": "1.5", "max-reduction": "0.5"}.get(option["name"], "1")
                    line = with_option(command, option["name"], value)
                    line = [word for word in line if word not in ("--strategy", "adaptive")]
                    self.ends(2, *line, "--strategy", other,
                              says=(f"--{option['name']} is not an option of --strategy {other}",
                                    f"accepted with: {option['owners']}"))

    def test_a_value_that_looks_like_an_option_is_given_with_an_equals_sign(self):
        self.ends(2, "generate", *BASE["generate"], "--out", "--quiet", says="--out has no value")
        self.ends(2, "generate", *BASE["generate"], "--set", "--seed", 1, says="--set has no value")


class Proposals(Case):
    def test_what_was_meant(self):
        generate = ("generate", *BASE["generate"])
        for arguments, proposal in (
            (("gen",), "generate"), (("GENERATE",), "generate"), (("preset",), "presets"), (("BENCH",), "bench"),
            (("presets", "sh"), "presets show"), (("bench", "batch_size"), "bench batch-size"),
            (("bench", "strat"), "bench strategies"), (("help", "ver"), "verify"),
            ((*generate, "-preset", "x"), "--preset"), ((*generate, "-seed=3"), "--seed"),
            ((*generate, "--batch_size", 3), "--batch-size"), ((*generate, "--SEED", 3), "--seed"),
            ((*generate, "--chunk", 3), "--chunk-size"), ((*generate, "--max-mem", 3), "--max-memory-mb"),
            ((*generate, "--latency", 3), "--target-latency"),
            ((*generate, "--strategy", "ADAPTIVE"), "adaptive"), ((*generate, "--strategy", "mem"), "memory_optimized"),
            ((*generate, "--strategy", "round-robin"), "round_robin"), ((*generate, "--format", "JSONL"), "jsonl"),
            ((*generate, "--format", "safe"), "safetensors"),
            (("serve", *BASE["serve"], "--tail", "un"), "uneven"),
            (("presets", "show", "mixup"), "mixup-cutmix"), (("presets", "show", "IMAGENET"), "imagenet"),
            (("presets", "show", "mixup_cutmix"), "mixup-cutmix"),
            (("completions", "BASH"), "bash"),
            (("bench", "strategies", "--strategy", "round-robin:batches=3"), "round_robin"),
            (("bench", "strategies", "--strategy", "adaptive:grow=3"), "max-growth"),
            # names that options had once
            ((*generate, "--min", 3), "--min-batch-size"), ((*generate, "--max=3"), "--max-batch-size"),
            ((*generate, "--safety", 1), "--memory-safety"), ((*generate, "--growth", 2), "--max-growth"),
            ((*generate, "--reduction", 0.5), "--max-reduction"), ((*generate, "--window", 3), "--deal-window"),
            ((*generate, "--shard", "0/2"), "--chunk-shard"), (("serve", *BASE["serve"], "--shard", "block"), "--rank-layout"),
            (("serve", *BASE["serve"], "--window", 4), "--deal-window"),
            (("subscribe", *BASE["subscribe"], "--window", 4), "--steps-ahead"),
            (("bench", "strategies", "--strategy", "adaptive:max=64"), "max-batch-size"),
        ):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertIn(result.returncode, (2, 3))
                self.assertIn(f"did you mean '{proposal}'", result.stderr)


if __name__ == "__main__":
    main()
