#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages, exit statuses, help, manual and completions of the command, as typed.
usage: test_command_usage.py COMMAND"""
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import tempfile
import termios

from command_fixture import COMMAND, Case, environment, main, run

GENERATE = ("generate", "--preset", "moderate", "--seed", 7)
SERVE = ("serve", "--preset", "moderate", "--seed", 7, "--samples", 10, "--world-size", 1)
SUBSCRIBE = ("subscribe", "--connect", "tcp://127.0.0.1:1")
COMMANDS = ["presets list", "presets show", "presets check", "generate", "verify", "inspect", "serve", "subscribe", "plan",
            "bench strategies", "bench batch-size", "env", "version", "completions", "help"]


def options_of(command):
    """The options that --help of a command shows."""
    return set(re.findall(r"^  --([a-z-]+)", run(*command.split(), "--help").stdout, flags=re.M))


class Usage(Case):
    def test_wrong_usage_is_named_with_what_is_accepted(self):
        for arguments, says in (
            (("gnerate",), ("'gnerate'", "did you mean 'generate'")),
            (("xyzzy",), ("'xyzzy' is no command",)),
            (("presets",), ("presets what", "list", "check FILE")),
            (("bench",), ("bench what", "bench strategies, bench batch-size")),
            (("generate", "--preset", "", "--seed", 1), ("--preset '' is empty", "a shipped preset")),
            ((*SERVE, "--strategy", "adaptive"), ("--strategy 'adaptive'", "accepted: round_robin, sequential")),
            ((*SERVE, "--max-memory-mb", 3), ("serve has no option --max-memory-mb",)),
            ((*SERVE[:-1], 3, "--global-batch-size", 1), ("nearest: 3",)),
            ((*SUBSCRIBE, "--resume", "@"), ("--resume '@' names no file",)),
            ((*SUBSCRIBE, "--timeout", "-1"), ("a decimal number from 0",)),
            (("presets", "lst"), ("did you mean 'presets list'",)),
            (("preset", "list"), ("did you mean 'presets'",)),
            ((*GENERATE, "--sampels", 3), ("--sampels", "did you mean '--samples'")),
            ((*GENERATE, "--samples", "1e6"), ("--samples '1e6'", "accepted: a whole number", "endless")),
            ((*GENERATE, "--samples", "-3"), ("'-3'", "accepted")),
            ((*GENERATE, "--samples", "10k"), ("'10k'", "accepted")),
            ((*GENERATE, "--samples", "1__0"), ("'1__0'", "accepted")),
            ((*GENERATE, "--samples", ""), ("--samples '' is empty",)),
            ((*GENERATE, "--samples", 2**56 + 1), ("accepted", str(2**56))),
            ((*GENERATE, "--samples"), ("--samples has no value",)),
            (GENERATE, ("--samples N is missing",)),
            (("generate", "--preset", "mild", "--samples", 3), ("--seed S is missing",)),
            (("generate", "--seed", 3, "--samples", 3), ("--preset P is missing",)),
            ((*GENERATE, "--samples", 3, "--seed", 8), ("--seed is given twice",)),
            ((*GENERATE, "--samples", 3, "--shuffle=yes"), ("--shuffle takes no value",)),
            ((*GENERATE, "--samples", 3, "extra"), ("'extra' is one word too many",)),
            ((*GENERATE, "--samples", 3, "-x"), ("-x",)),
            ((*GENERATE, "--samples", 3, "--epoch", 2**32), ("--epoch", "4294967295")),
            ((*GENERATE, "--samples", 3, "--format", "jsnl"), ("did you mean 'jsonl'", "safetensors")),
            ((*GENERATE, "--samples", 3, "--format", "npy"), ("npy", "--out DIR", "jsonl, csv, msgpack")),
            ((*GENERATE, "--samples", 3, "--strategy", "sequentail"), ("did you mean 'sequential'", "round_robin")),
            ((*GENERATE, "--samples", 3, "--strategy", "round_robin"), ("batches",)),
            ((*GENERATE, "--samples", 3, "--check", "full"), ("--check needs --out",)),
            ((*GENERATE, "--samples", 3, "--json"), ("--json needs --out",)),
            ((*GENERATE, "--samples", 3, "--chunk-shard", "3/3"), ("--chunk-shard '3/3'", "0 <= I < N")),
            ((*GENERATE, "--samples", 3, "--chunk-shard", "atuo"), ("accepted: I/N",)),
            ((*GENERATE, "--samples", 3, "--start", 4), ("--start 4", "3 samples")),
            ((*GENERATE, "--samples", 3, "--start", 1, "--count", 3), ("accepted: a count up to 2",)),
            ((*GENERATE, "--samples", "endless", "--out", "x"), ("--count",)),
            ((*GENERATE, "--samples", "endless", "--count", 3, "--shuffle"), ("endless",)),
            ((*GENERATE, "--samples", 3, "--threads", 0), ("--threads", "from 1")),
            (("verify",), ("DIR is missing",)),
            (("verify", "a", "b"), ("'b' is one word too many",)),
            ((*SERVE, "--batch-size", 2, "--global-batch-size", 4), ("one of them",)),
            ((*SERVE[:-1], 3, "--global-batch-size", 4), ("no multiple of --world-size 3", "3 and 6")),
            ((*SERVE, "--tail", "pda"), ("did you mean 'pad'", "uneven")),
            ((*SERVE, "--rank-layout", "blok"), ("did you mean 'block'",)),
            (("serve", "--preset", "mild", "--seed", 1, "--samples", "endless", "--world-size", 1), ("endless",)),
            ((*SUBSCRIBE, "--rank", 1), ("--rank", "--world-size")),
            ((*SUBSCRIBE, "--rank", 2, "--world-size", 2), ("rank 2", "world size 2")),
            ((*SUBSCRIBE, "--timeout", "1m"), ("--timeout '1m'", "decimal number")),
            (("subscribe", "--connect", "tcp://127.0.0.1:1,,x"), ("empty endpoint",)),
            (("completions", "tcsh"), ("bash, zsh, fish",)),
            (("help", "serv"), ("did you mean 'serve'",)),
        ):
            with self.subTest(arguments=arguments):
                result = self.ends(2, *arguments, says=says)
                self.assertEqual(result.stdout, "")

    def test_without_a_command_it_shows_them_and_fails(self):
        self.assertIn("presets list", self.ends_quietly(2).stderr)
        self.assertIn("presets list", self.ends(0, "help").stdout)
        self.assertEqual(run("help").stdout, run("--help").stdout)

    def ends_quietly(self, status, *arguments):
        result = run(*arguments)
        self.assertEqual(result.returncode, status)
        return result


class Presets(Case):
    def test_list_names_the_shipped_ones(self):
        names = [line.split()[0] for line in self.ends(0, "presets", "list").stdout.splitlines()]
        self.assertLessEqual({"mild", "moderate", "aggressive", "imagenet", "simclr", "mixup-cutmix"}, set(names))
        told = json.loads(self.ends(0, "presets", "list", "--json").stdout)
        self.assertEqual([preset["name"] for preset in told["presets"]], names)
        lines = self.ends(0, "presets", "list", "--jsonl").stdout.splitlines()
        self.assertEqual([json.loads(line)["name"] for line in lines], names)

    def test_a_preset_that_is_not_there_is_named_once(self):
        for name, status, words in (("simcrl", 3, "no such preset, did you mean 'simclr'?; accepted: aggressive, "),
                                    ("nope.yaml", 3, "No such file or directory; accepted: a shipped preset")):
            stderr = self.ends(status, "generate", "--preset", name, "--seed", 7, "--samples", 1).stderr
            self.assertTrue(stderr.startswith(f"augstream: --preset '{name}': {words}"), stderr)
            self.assertEqual((stderr.count(f"'{name}'"), stderr.count("accepted")), (1, 1), stderr)

    def test_a_gate_that_never_opens_is_a_warning_and_no_fault(self):
        path = self.folder / "closed.yaml"
        path.write_text("augstream: 1\ncolumns:\n  on: {bernoulli: 0}\n  kind: {choice: {values: [a, b]}, when: on}\n"
                        "  x: {uniform: [1, 2], when: {kind: a}, identity: 0}\n")
        stderr = self.ends(0, "presets", "check", path).stderr
        self.assertIn(f"{path}:4:42: warning: column 'kind' is never open: its gate 'on' is never true [closed-gate]", stderr)
        self.assertIn("is good, with 2 warnings", stderr)
        self.assertEqual(self.ends(0, "presets", "check", path, "--quiet").stderr, "")
        told = json.loads(run("presets", "check", path, "--json").stdout)["faults"]
        self.assertEqual([(f["line"], f["severity"], f["warning"]) for f in told], [(4, "warning", "closed-gate"), (5, "warning", "closed-gate")])
        records = run("generate", "--preset", path, "--seed", "1", "--samples", "500", "--format", "jsonl").stdout.splitlines()
        self.assertEqual({json.loads(record)["x"] for record in records}, {0})

    def test_every_shipped_preset_shows_checks_and_generates(self):
        for line in run("presets", "list").stdout.splitlines():
            name = line.split()[0]
            shown = self.ends(0, "presets", "show", name).stdout
            schema = json.loads(self.ends(0, "presets", "show", name, "--json").stdout)
            for column in schema["columns"]:
                self.assertIn(column["name"], shown)
            path = self.folder / f"{name}.yaml"
            path.write_text(self.ends(0, "presets", "show", name, "--yaml").stdout)
            self.ends(0, "presets", "check", path)
            common = ("--seed", 1, "--samples", 20)
            self.assertEqual(self.records("--preset", path, *common), self.records("--preset", name, *common))

    def test_a_name_that_is_none(self):
        self.ends(3, "presets", "show", "modrate", says=("'modrate'", "did you mean 'moderate'"))
        self.ends(3, "generate", "--preset", "modrate", "--seed", 1, "--samples", 1, says="did you mean 'moderate'")
        self.ends(3, "presets", "check", self.folder / "none.yaml", says=("none.yaml", "No such file"))
        self.ends(3, "generate", "--preset", self.folder / "none.yaml", "--seed", 1, "--samples", 1, says="none.yaml")

    def test_every_fault_of_a_file_in_one_run(self):
        path = self.folder / "bad.yaml"
        path.write_text("augstream: 1\nname: bad\ncolumns:\n  a: {uniform: [3, 1]}\n\n"
                        "  ääää: {bernoulli: 1.5}\n  b: {bernouli: 0.5}\n")
        generated = self.ends(3, "generate", "--preset", path, "--seed", 1, "--samples", 1)
        result = self.ends(3, "presets", "check", path)
        for stderr in (generated.stderr, result.stderr):
            places = re.findall(rf"^{re.escape(str(path))}:(\d+):(\d+): (.+)\n(.*)\n( *)\^$", stderr, flags=re.M)
            lines = [int(place[0]) for place in places]
            self.assertEqual(lines, sorted(lines))
            self.assertLessEqual({4, 6, 7}, set(lines), stderr)
            for _, column, _, source, spaces in places:
                self.assertEqual(len(spaces), int(column) + 1)
                self.assertTrue(source.startswith("  "))
            self.assertEqual(places[0][3], "    a: {uniform: [3, 1]}")
        self.assertIn("did you mean 'bernoulli'", result.stderr)
        told = json.loads(run("presets", "check", path, "--json").stdout)
        self.assertEqual([fault["line"] for fault in told["faults"]], lines)

    def test_the_caret_stands_under_the_fault_of_wide_and_long_lines(self):
        path = self.folder / "wide.yaml"
        path.write_text("augstream: 1\ncolumns:\n  a: {doc: 日本, bernoulli: 7}\n  b: {doc: e\u0301, bernoulli: 7}\n"
                        f"  c: {{doc: {'x' * 500}, bernoulli: 7, unit: u{'y' * 500}}}\n", encoding="utf-8")
        stderr = self.ends(3, "presets", "check", path).stderr
        shown = re.findall(r": column '(.)': .+\n(.*)\n( *)\^$", stderr, flags=re.M)
        self.assertEqual([name for name, _, _ in shown], ["a", "b", "c"], stderr)
        for name, source, spaces in shown:
            cells = {"a": 2, "b": -1}.get(name, 0)  # that the line takes beyond its characters
            self.assertEqual(source[len(spaces) - cells], "7", stderr)

    def test_a_text_from_stdin(self):
        self.ends(0, "presets", "check", "-", stdin=run("presets", "show", "mild", "--yaml").stdout)
        self.ends(3, "presets", "check", "-", stdin="augstream: 1\ncolumns: {a: {uniform: [0, 1, 2]}}\n", says="stdin:2:")

    def test_a_wrong_override_is_answered_with_those_that_exist(self):
        for value in ("rotation.uniform[2]=1", "rotatoin.uniform[0]=1", "rotation.uniform[0]=x", "rotation.uniform[0]=50",
                      "nonsense"):
            result = self.ends(3, *GENERATE, "--samples", 1, "--set", value)
            self.assertIn("rotation", result.stderr + "rotation" * (value == "nonsense"), value)


class Manual(Case):
    def test_help_of_every_command_shows_its_options(self):
        for command in COMMANDS:
            text = self.ends(0, *command.split(), "--help").stdout
            self.assertIn(f"usage: augstream {command}", text)
            self.assertIn("--help", text)
            self.assertEqual(run("help", *command.split()).stdout, text)
            self.assertLessEqual(max(map(len, text.splitlines())), 120)
        self.assertLessEqual({"preset", "seed", "samples", "epoch", "start", "count", "shuffle", "set", "strategy",
                              "batch-size", "min-batch-size", "max-batch-size", "multiple-of", "drop-last", "batches", "deal-window", "chunk-shard",
                              "format", "chunk-size", "out", "threads", "check"}, options_of("generate"))
        self.assertLessEqual({"connect", "job", "rank", "world-size", "resume", "token-file", "verify", "format", "out",
                              "ids", "steps-ahead", "timeout", "json"}, options_of("subscribe"))
        self.assertLessEqual({"preset", "seed", "samples", "epoch", "epochs", "shuffle", "set", "world-size", "batch-size",
                              "global-batch-size", "rank-layout", "tail", "strategy", "bind", "job-name", "fillers",
                              "exit-when-done"}, options_of("serve"))

    def test_help_of_a_group_is_that_of_its_commands(self):
        for group in "presets", "bench":
            text = self.ends(0, group, "--help").stdout
            self.assertEqual(re.findall(r"^usage: augstream ([a-z]+ [a-z-]+)", text, flags=re.M),
                             [command for command in COMMANDS if command.startswith(group)])
            self.assertEqual((run(group, "-h").stdout, run("help", group).stdout), (text, text))

    def test_what_is_near_nothing_is_no_proposal(self):
        self.assertNotIn("did you mean", self.ends(2, "presets", "list", "--sets").stderr)
        self.ends(2, "presets", "show", "mild", "--sets", says="did you mean '--set'")
        self.ends(3, "presets", "check", "mild", says=("is a shipped preset", "takes files"))

    def test_help_lists_every_command(self):
        text = run("help").stdout
        self.assertEqual(re.findall(r"^  ([a-z]+(?: [a-z-]+)?)  ", text, flags=re.M), COMMANDS)

    def test_the_man_page_has_every_option(self):
        page = self.ends(0, "help", "--man").stdout
        sections = dict(re.findall(r'^\.SS "augstream ([a-z -]+)"\n(.*?)(?=^\.S[SH] )', page, flags=re.M | re.S))
        self.assertEqual(list(sections), COMMANDS)
        for command in COMMANDS:
            for option in options_of(command):
                self.assertIn(".B \\-\\-" + option.replace("-", "\\-"), sections[command])
        if shutil.which("man"):
            path = self.folder / "augstream.1"
            path.write_text(page)
            shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", str(path)], capture_output=True,
                                   text=True, env=environment(LC_ALL="C.UTF-8", MANROFFSEQ=""))
            self.assertEqual((shown.returncode, shown.stderr), (0, ""))

    def test_the_completions_have_every_option(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.ends(0, "completions", shell).stdout
            for command in COMMANDS:
                for option in options_of(command):
                    self.assertRegex(text, rf"(--|-l ){option}\b")
            for word in ("round_robin", "moderate", "safetensors", "uneven"):
                self.assertIn(word, text)
            if shutil.which(shell):
                checked = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
                self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_bash_completes(self):
        script = self.folder / "completion"
        script.write_text(run("completions", "bash").stdout)
        def complete(*words):
            lines = "COMP_WORDS=(augstream %s); COMP_CWORD=%d; _augstream; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
                " ".join(f"'{word}'" for word in words), len(words))
            done = subprocess.run(["bash", "-c", f"complete() {{ :; }}; . {script}; {lines}"], capture_output=True, text=True)
            return done.stdout.split()
        self.assertEqual(complete("gen"), ["generate"])
        self.assertEqual(complete("presets", "s"), ["show"])
        self.assertEqual(complete("bench", ""), ["strategies", "batch-size"])
        self.assertEqual(complete("bench", "batch-size", "--siz"), ["--sizes"])
        self.assertEqual(complete("generate", "--preset", "mod"), ["moderate"])
        self.assertEqual(complete("generate", "--strategy", "r"), ["round_robin"])
        self.assertEqual(complete("subscribe", "--tok"), ["--token-file"])
        self.assertEqual(complete("presets", "show", "sim"), ["simclr"])
        self.assertEqual(complete("verify", "--strat"), [])


class Others(Case):
    def test_version_tells_contract_simd_and_hash(self):
        told = json.loads(self.ends(0, "version", "--json").stdout)
        self.assertEqual((told["version"], told["contract"]), ("0.1.0", 1))
        self.assertIn(told["simd"], ("scalar", "avx2", "avx512"))
        self.assertRegex(told["self_test_hash"], r"^[0-9a-f]{16}$")
        text = self.ends(0, "version").stdout
        for value in told.values():
            self.assertIn(str(value), text)
        self.assertEqual(run("--version").stdout, text)

    def test_env_tells_memory_allocator_and_cpu_time(self):
        told = json.loads(self.ends(0, "env", "--json").stdout)
        names = [f"allocator_{name}_bytes" for name in ("allocated", "active", "resident", "retained")]
        self.assertGreater(told["resident_bytes"], 0)
        self.assertGreaterEqual(told["peak_resident_bytes"], told["resident_bytes"])
        self.assertGreater(told["cpu_seconds"], 0)
        self.assertGreaterEqual(told["cpu_usage"], 0)
        text = self.ends(0, "env").stdout
        self.assertRegex(text, r"process: [0-9.]+ MB resident, [0-9.]+ s of CPU time, [0-9.]+ CPUs in use")
        if told["allocator"].startswith("jemalloc"):
            allocated, active, resident, _ = (told[name] for name in names)
            self.assertTrue(0 < allocated <= active <= resident, told)
            self.assertRegex(text, r"allocator: jemalloc .*: [0-9.]+ MB allocated, [0-9.]+ active, [0-9.]+ resident")
        else:
            self.assertEqual([told[name] for name in names], [None] * 4)

    def test_metrics_of_a_command_have_the_figures_of_its_allocator(self):
        uses_jemalloc = json.loads(self.ends(0, "env", "--json").stdout)["allocator"].startswith("jemalloc")
        for strategy in ("sequential", "adaptive"):
            with tempfile.TemporaryDirectory() as folder:
                self.ends(0, "generate", "--preset", "mild", "--seed", 1, "--samples", 2000, "--strategy", strategy,
                          "--batch-size", 500, "--metrics", f"{folder}/m")
                first = json.loads(open(f"{folder}/m").readline())
                self.assertGreater(first["resident_bytes"], 0)
                self.assertGreaterEqual(first["cpu_seconds"], 0)
                self.assertEqual(first["allocated_bytes"] is not None, uses_jemalloc)

    def test_a_batch_size_outside_min_and_max_is_refused(self):
        for strategy in ("sequential", "memory_optimized", "adaptive"):
            for command in (("plan", "--samples", 10), ("generate", "--preset", "mild", "--seed", 1, "--samples", 10)):
                self.ends(2, *command, "--strategy", strategy, "--batch-size", 5, "--min-batch-size", 10, says="below min_batch_size 10")
                self.ends(2, *command, "--strategy", strategy, "--batch-size", 50, "--max-batch-size", 10, says="above max_batch_size 10")

    def test_numbers_that_cannot_be_kept_are_refused(self):
        for strategy, options in (("adaptive", ("target-memory", "target-latency", "max-memory-mb", "max-growth", "max-reduction",
                                                "batch-size", "min-batch-size", "max-batch-size", "multiple-of")),
                                  ("memory_optimized", ("memory-safety", "max-memory-mb")), ("round_robin", ("batches", "deal-window"))):
            for option in options:
                for value in ("0", "-1", "nan", "inf", "-0", "0.0", "1e400"):
                    self.ends(2, "plan", "--strategy", strategy, "--samples", 10, f"--{option}={value}", says="accepted:")

    def test_env_tells_the_source(self):
        self.assertEqual(self.ends(0, "env").stdout.splitlines()[0], "rank 0/1 (default)")
        result = self.ends(0, "env", RANK="3", WORLD_SIZE="8", PMI_RANK="1", PMI_SIZE="2")
        self.assertEqual(result.stdout.splitlines()[0], "rank 3/8 (torchrun)")
        self.assertRegex(result.stdout, r"torchrun +used: RANK=3 WORLD_SIZE=8")
        self.assertRegex(result.stdout, r"PMI +set, not used: PMI_RANK=1 PMI_SIZE=2")
        told = json.loads(self.ends(0, "env", "--json", SLURM_PROCID="1", SLURM_NTASKS="4", SLURM_STEP_ID="0").stdout)
        self.assertEqual((told["rank"], told["world_size"], told["source"]), (1, 4, "Slurm step"))
        told = json.loads(self.ends(0, "env", "--rank", 1, "--world-size", 2, "--json", RANK="7", WORLD_SIZE="8").stdout)
        self.assertEqual((told["rank"], told["world_size"]), (1, 2))
        self.assertGreater(told["memory_available_bytes"], 0)
        self.assertLessEqual(told["memory_used_bytes"], told["memory_limit_bytes"])
        self.assertIn(told["memory_level"], ("normal", "elevated", "high", "critical"))
        self.ends(3, "env", RANK="3", says=("RANK is set and WORLD_SIZE is not",))
        self.ends(3, "env", RANK="x", WORLD_SIZE="8", says="RANK is 'x'")
        self.ends(3, "env", RANK="8", WORLD_SIZE="8", says="world size 8")

    def test_no_colors_where_nobody_looks(self):
        self.assertNotIn("\033", self.ends(2, "xyzzy").stderr)

    def on_terminal(self, *arguments, **settings):
        """What a terminal of 100 columns sees on stderr."""
        leader, follower = pty.openpty()
        fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        process = subprocess.Popen([COMMAND, *map(str, arguments)], stderr=follower, stdout=subprocess.DEVNULL,
                                   env=environment(**{"TERM": "xterm", **settings}))
        os.close(follower)
        seen = b""
        while True:
            try:
                seen += os.read(leader, 65536)
            except OSError:  # the last holder closed it
                break
        process.wait(60)
        os.close(leader)
        return seen.decode()

    def test_a_terminal_sees_colors_unless_told_not_to(self):
        self.assertIn("\033[1;31maugstream:\033[0m 'xyzzy'", self.on_terminal("xyzzy", NO_COLOR=""))
        self.assertNotIn("\033", self.on_terminal("xyzzy", NO_COLOR="1"))

    def test_a_terminal_sees_the_bar_of_tqdm(self):
        arguments = (*GENERATE, "--samples", 3000, "--chunk-size", 1000, "--out")
        for locale, full in (("C.UTF-8", "\u2588"), ("C", "#")):
            seen = self.on_terminal(*arguments, self.folder / locale, LC_ALL=locale)
            last = [line for line in re.split(r"[\r\n]", seen) if "%" in line][-1].removesuffix("\033[K")
            self.assertRegex(last, rf"^generate: 100%\|{full}+\| 3000/3000 \[00:\d\d<00:00, [\d.]+samples/s\]$")
            self.assertLess(len(last), 100)
        self.assertEqual(self.on_terminal(*arguments, self.folder / "quiet", "--quiet"), "")

    def test_the_library_is_linked_and_jemalloc_is_not_in_it(self):
        if not shutil.which("ldd"):
            self.skipTest("no ldd")
        linked = subprocess.run(["ldd", COMMAND], capture_output=True, text=True).stdout
        library = re.search(r"libaugstream\.so\S* => (\S+)", linked)
        self.assertIsNotNone(library)
        needed = subprocess.run(["readelf", "-d", library.group(1)], capture_output=True, text=True).stdout
        self.assertNotIn("jemalloc", needed)
        self.assertTrue(pathlib.Path(library.group(1)).exists())


if __name__ == "__main__":
    main()
