#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each default that help tells is what happens without the option, and another value is something else.
usage: test_command_defaults.py COMMAND"""
import json
import subprocess

from command_fixture import COMMAND, Case, environment, files_of, main, run

TABLE = {command["name"]: {option["name"]: option for option in command["options"]}
         for command in json.loads(run("help", "--json").stdout)["commands"]}
STREAM = ("--preset", "mild", "--seed", 1)
# Another value than the default, with which something else happens; None: nothing that can be seen does.
OTHERS = {
    "epoch": 1, "epochs": 2, "start": 1, "strategy": "round_robin", "memory-rule": "published", "chunk-shard": "1/2", "rank-layout": "block", "out": None,
    "chunk-size": 20000, "threads": None, "check": "full", "seed": 2, "samples": 50, "preset": "mild", "cost": "0.5,0",
    "cost-bytes": "7,0", "sizes": "2", "world-size": 2, "rank": 1, "records": 1, "job-name": "x", "bind": "tcp://127.0.0.1:0", "job": "x",
    "fillers": None, "deal-window": None, "steps-ahead": None, "timeout": "0.1", "format": "csv", "tail": "drop", "batch-size": 5, "min-batch-size": 9, "max-batch-size": 20,
    "multiple-of": 7, "last-batch": "drop", "memory-safety": "0.5", "target-memory": "0.3", "max-growth": None, "max-reduction": None,
}
STRATEGIES = ("adaptive", "memory_optimized", "sequential")


class Defaults(Case):
    def plan(self, *arguments, strategy, n=60000, bytes_per_sample=10**6, available=10**9, knee=256):
        """The sizes of batches for a consumer with `available` bytes and a knee at 256, from the 20th batch on at `knee`."""
        process = subprocess.Popen([COMMAND, "plan", "--strategy", strategy, "--samples", str(n), *map(str, arguments)], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
        self.processes.append(process)
        sizes = []
        for line in process.stdout:
            count = json.loads(line)["count"]
            sizes.append(count)
            if len(sizes) == 40:
                break
            told = {"seconds": 0.02 + 1e-4 * count + 1e-3 * max(0, count - (knee if len(sizes) > 20 else 256)), "bytes": bytes_per_sample * count,
                    "available_bytes": max(0, available - bytes_per_sample * count)}
            process.stdin.write(json.dumps(told) + "\n")
            process.stdin.flush()
        return sizes

    def announced(self, *arguments):
        process = self.start("serve", *STREAM, "--samples", 11, "--world-size", 2, "--json", *arguments)
        line = process.stdout.readline()
        process.kill()
        told = json.loads(line) if line else {"error": process.communicate()[1]}
        told.pop("endpoint", None)
        return told

    def served(self, *arguments):
        """What the first of two ranks gets."""
        _, endpoint = self.serve(*STREAM, "--samples", 11, "--world-size", 2, *arguments)
        return self.ends(0, "subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 2, "--out", "-", "--quiet").stdout

    def subscribed(self, *arguments):
        _, endpoint = self.serve(*STREAM, "--samples", 11, "--world-size", 1)
        limit = ("--timeout", "0.5") if "x" in arguments else ()  # nobody answers for a job that there is not
        result = run("subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 1, "--out", "-", "--quiet", *limit, *arguments)
        return result.returncode, result.stdout

    def folder_of(self, *arguments):
        folder = self.folder / str(len(list(self.folder.iterdir())))
        self.ends(0, "generate", *STREAM, "--samples", 70000, "--format", "jsonl", "--out", folder, *arguments)
        return sorted(files_of(folder))

    def repaired(self, *arguments):
        """Whether a chunk of the right size and other bytes is recomputed."""
        folder = self.folder / str(len(list(self.folder.iterdir())))
        line = ("generate", *STREAM, "--samples", 10, "--format", "jsonl", "--out", folder)
        self.ends(0, *line)
        (folder / "COMPLETE").unlink()
        part = folder / "part-000000.jsonl"
        part.write_bytes(part.read_bytes().replace(b"1", b"2"))
        return json.loads(self.ends(0, *line, "--json", *arguments).stdout)["made"]

    def bench(self, command, *arguments):
        told = json.loads(self.ends(0, *command.split(), "--json", "--quiet", *arguments).stdout)
        rows = told["strategies" if command == "bench strategies" else "sizes"]
        return [(row["name"], row["samples"], row["peak_bytes"] * (row["name"] in ("sequential", "1", "2")), round(row["p50_seconds"], 1)) for row in rows]

    def journal(self, *arguments):
        path = self.folder / f"j{len(list(self.folder.iterdir()))}"
        self.ends(0, "plan", "--strategy", "adaptive", "--samples", 100, "--journal", path, *arguments, stdin="")
        return path.read_text()

    def observe(self, command, option, arguments):
        """Something that depends on the option."""
        if command == "generate":
            if option in ("chunk-size", "threads"):
                return self.folder_of(*arguments)
            if option == "check":
                return self.repaired(*arguments)
            plan = ("--batch-size", 7) if option == "strategy" and "round_robin" not in arguments else ()
            plan = ("--batches", 2) if "round_robin" in arguments else plan
            if option in ("last-batch", "tail", "rank", "world-size"):
                plan = ("--batch-size", 3, *(() if option == "rank" else ("--rank", 0)),
                        *(() if option == "world-size" else ("--world-size", 3)))
            return self.ends(0, "generate", *STREAM, "--samples", 20, *plan, *arguments).stdout
        if command == "serve":
            if option in ("chunk-shard", "rank-layout", "tail", "last-batch", "strategy", "fillers"):
                plan = ("--batches", 3) if "round_robin" in arguments else ("--batch-size", 2) if option != "strategy" else ()
                return self.served(*plan, *arguments)
            return self.announced(*arguments, *(() if option == "bind" else ("--bind", "tcp://127.0.0.1:0")))
        if command == "subscribe":
            return self.subscribed(*arguments)
        if command.startswith("bench"):
            own = () if option in ("samples", "sizes") else ("--samples", 100)
            return self.bench(command, *own, *arguments)
        if command == "plan" and option in ("last-batch", "tail"):
            return self.ends(0, "plan", "--strategy", "sequential", "--samples", 100, "--batch-size", 7, "--world-size", 3,
                             *arguments, stdin="").stdout
        if command == "plan":
            return self.journal(*arguments)
        folder = self.folder / "whole"
        if not folder.exists():
            self.ends(0, "generate", *STREAM, "--samples", 20, "--out", folder)
        return run(command, folder, "--json", *arguments).stdout.partition('"seconds"')[0]

    def test_a_default_is_what_happens_without_the_option(self):
        for command, options in TABLE.items():
            for name, option in options.items():
                default = option.get("default")
                if not default or option["owners"] or (name in ("bind", "timeout", "preset", "seed") and command != "generate"):
                    continue  # those have tests of their own below
                if name in ("min-batch-size", "max-batch-size", "multiple-of"):
                    continue
                other = OTHERS[name]
                with self.subTest(command=command, option=name, default=default):
                    without = self.observe(command, name, ())
                    self.assertEqual(self.observe(command, name, (f"--{name}", default)), without)
                    if other is not None:
                        self.assertNotEqual(self.observe(command, name, (f"--{name}", other)), without)

    def test_defaults_of_strategies_are_what_they_use(self):
        for name in ("batch-size", "min-batch-size", "max-batch-size", "multiple-of", "memory-safety", "memory-rule", "target-memory", "max-growth", "max-reduction"):
            option = TABLE["plan"][name]
            told = dict(part.split() for part in option["default"].split(", ") if len(part.split()) == 2)
            owners = option["owners"].split(", ") if option["owners"] else STRATEGIES
            for strategy in owners:
                default = told.get(strategy, told.get("others", option["default"]))
                with self.subTest(option=name, strategy=strategy, default=default):
                    arguments = {"max-batch-size": {"available": 10**14, "bytes_per_sample": 1, "knee": 10**6},
                                 "max-growth": {"knee": 4096, "available": 10**12}, "max-reduction": {"knee": 16}}.get(name, {})
                    arguments["n"] = 10**7 if name == "max-batch-size" else 60000
                    without = self.plan(strategy=strategy, **arguments)
                    if default != "no limit" and " " not in default:
                        self.assertEqual(self.plan(f"--{name}", default, strategy=strategy, **arguments), without)
                    other = 33 if name == "min-batch-size" else OTHERS[name]
                    if other is not None:
                        self.assertNotEqual(self.plan(f"--{name}", other, strategy=strategy, **arguments), without)

    def test_a_server_of_default_batch_size_says_its_size(self):
        default = TABLE["serve"]["batch-size"]["default"].removeprefix("sequential ")
        self.assertEqual(str(self.announced("--bind", "tcp://127.0.0.1:0")["batch_size"]), default)
        self.assertEqual(self.announced("--bind", "tcp://127.0.0.1:0", "--batch-size", 5)["batch_size"], 5)
        self.assertEqual(self.announced("--bind", "tcp://127.0.0.1:0", "--global-batch-size", 10)["batch_size"], 5)

    def test_the_default_endpoint_is_bound_or_named(self):
        process = self.start("serve", *STREAM, "--samples", 1, "--world-size", 1)
        endpoint = process.stdout.readline().strip()  # empty: another process has the port
        process.kill()
        self.assertIn(TABLE["serve"]["bind"]["default"], endpoint or process.communicate()[1])

    def test_the_default_preset_and_seed_of_comparisons(self):
        for command in ("bench strategies", "bench batch-size"):
            options = TABLE[command]
            self.assertEqual((options["preset"]["default"], options["seed"]["default"]), ("moderate", "1"))
            broken = self.folder / "none.yaml"
            self.ends(3, *command.split(), "--preset", broken, says="--preset")

    def test_every_default_has_a_probe(self):
        for command, options in TABLE.items():
            for name, option in options.items():
                if option.get("default"):
                    self.assertIn(name, OTHERS, command)


if __name__ == "__main__":
    main()
