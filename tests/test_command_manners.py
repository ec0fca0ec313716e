#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How the command behaves on terminals, with hostile texts, and with what a parent left it.
usage: test_command_manners.py COMMAND"""
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios

from command_fixture import COMMAND, Case, environment, main, run, wait_for

GENERATE = ("generate", "--preset", "moderate", "--seed", 7)
HOSTILE = "a\x1b[31mred\x07\r\x9b2J\u202e\u2028end"
ESCAPED = "a\\x1b[31mred\\x07\\r\\u009b2J\\u202e\\u2028end"
UNSAFE = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def read_terminal(leader):
    """All that it gets until the last holder closes it."""
    seen = b""
    while True:
        try:
            seen += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    return seen.decode()


def on_terminal(*arguments, columns=80, stdout=False, **settings):
    """What a terminal gets from stderr, and from stdout as well if it is the same one."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    settings = {"TERM": "xterm", **settings}
    process = subprocess.Popen([COMMAND, *map(str, arguments)], stderr=follower, env=environment(**settings),
                               stdout=follower if stdout else subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    os.close(follower)
    seen = read_terminal(leader)
    process.wait(60)
    return seen


class Terminal(Case):
    def test_colors_only_where_they_are_understood(self):
        self.assertIn("\033[1;31m", on_terminal("xyzzy"))
        for settings in ({"TERM": "dumb"}, {"TERM": ""}, {"NO_COLOR": "1"}, {"TERM": "dumb", "NO_COLOR": ""}):
            self.assertNotIn("\033", on_terminal("xyzzy", **settings), settings)
        path = self.folder / "bad.yaml"
        path.write_text("augstream: 1\ncolumns: {a: {bernoulli: 7}}\n")
        self.assertIn("\033[1;32m^", on_terminal("presets", "check", path))
        self.assertNotIn("\033", on_terminal("presets", "check", path, TERM="dumb"))

    def test_a_total_that_cannot_be_counted_is_none(self):
        """2^56 samples in 257 epochs: 64 bits would say 2^56."""
        for epochs, shown in ((257, False), (255, True)):
            leader, follower = pty.openpty()
            fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))
            server = subprocess.Popen([COMMAND, "serve", "--preset", "mild", "--seed", "1", "--samples", str(2**56), "--world-size", "1",
                                       "--bind", "tcp://127.0.0.1:*", "--epochs", str(epochs)], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=follower, env=environment(TERM="xterm"), text=True)
            os.close(follower)
            server.stdout.readline()
            server.send_signal(signal.SIGINT)
            said = read_terminal(leader)
            server.communicate(timeout=60)
            self.assertIn("served 0 samples", said)
            self.assertEqual(f"/{2**56 * epochs}" in said, shown, said)
            self.assertNotIn(f"/{2**56} ", said)

    def test_a_dumb_terminal_gets_no_bar(self):
        seen = on_terminal(*GENERATE, "--samples", 5000, "--chunk-size", 100, "--out", self.folder / "d", TERM="dumb")
        self.assertNotIn("\033", seen)
        self.assertEqual(seen.replace("\r\n", "").count("\r"), 0)
        self.assertIn("50 made", seen)

    def test_the_bar_fits_every_width(self):
        for columns in (5, 10, 20, 25, 40, 60, 80, 200):
            seen = on_terminal(*GENERATE, "--samples", 3000, "--chunk-size", 100, "--out", self.folder / str(columns),
                               columns=columns, LC_ALL="C")
            bars = [line.removesuffix("\033[K") for line in re.split(r"[\r\n]+", seen) if "%" in line]
            self.assertGreaterEqual(len(bars), 1, seen)
            self.assertLess(max(map(len, bars)), columns, bars)
            self.assertIn("100%", bars[-1])
            if columns >= 25:
                self.assertRegex(bars[-1], r"^generate: 100%\|#{4,}\|")

    def test_records_on_the_same_terminal_have_no_bar_between_them(self):
        seen = on_terminal(*GENERATE, "--samples", 20000, stdout=True)
        lines = seen.split("\r\n")
        self.assertNotIn("\r", "".join(lines))
        self.assertNotIn("%|", seen)
        self.assertEqual([json.loads(line)["sample_id"] for line in lines if line.startswith("{")], list(range(20000)))

    def test_help_is_as_wide_as_the_terminal(self):
        for columns in (40, 80):
            seen = on_terminal("generate", "--help", columns=columns, stdout=True)
            widths = [len(line) for line in seen.split("\r\n")]
            self.assertLessEqual(max(widths), columns)
            self.assertGreater(max(widths), columns - 8)
        self.assertEqual(on_terminal("generate", "--help", columns=40, stdout=True, COLUMNS="60").replace("\r\n", "\n"),
                         run("generate", "--help", COLUMNS="60").stdout)


class HostileTexts(Case):
    def is_safe(self, result):
        for text in result.stdout, result.stderr:
            self.assertNotRegex(text, UNSAFE)

    def test_arguments_are_escaped(self):
        for arguments in ((HOSTILE,), ("presets", HOSTILE), ("help", HOSTILE), ("generate", f"--{HOSTILE}"), ("generate", f"-{HOSTILE}"),
                          (*GENERATE, "--samples", HOSTILE), (*GENERATE, "--samples", 1, HOSTILE), ("env", "--rank", HOSTILE),
                          ("generate", "--preset", HOSTILE, "--seed", 1, "--samples", 1), ("completions", HOSTILE),
                          ("generate", "--preset", f"./{HOSTILE}", "--seed", 1, "--samples", 1),
                          (*GENERATE, "--samples", 1, "--set", HOSTILE), (*GENERATE, "--samples", 1, "--format", HOSTILE),
                          (*GENERATE, "--samples", 1, "--strategy", "adaptive", "--replay", HOSTILE),
                          ("verify", HOSTILE), ("inspect", HOSTILE), ("presets", "check", HOSTILE),
                          ("bench", "strategies", "--strategy", f"adaptive:{HOSTILE}=1"), ("bench", "batch-size", "--sizes", HOSTILE),
                          ("bench", "strategies", "--cost", HOSTILE),
                          ("subscribe", "--connect", f"tcp://{HOSTILE}"), ("subscribe", "--connect", "tcp://a:1", "--job", HOSTILE)):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertNotEqual(result.returncode, 0)
                self.is_safe(result)
                self.assertRegex(result.stderr, r"a(\\x1b|\?)\[31mred")

    def test_bytes_that_are_no_characters_are_escaped(self):
        for raw, shown in ((b"\xff\xfe", "\\xff\\xfe"), (b"\xed\xa0\x80", "\\xed\\xa0\\x80"), (b"\xc0\xaf", "\\xc0\\xaf"),
                           ("\u00e4\u65e5".encode(), "\u00e4\u65e5"), (b"\xe2\x82", "\\xe2\\x82")):
            result = subprocess.run([COMMAND, b"x" + raw], capture_output=True, env=environment())
            self.assertIn(f"'x{shown}'", result.stderr.decode())

    def test_texts_of_presets_are_escaped(self):
        path = self.folder / "hostile.yaml"
        text = json.dumps(HOSTILE)
        path.write_text(f"augstream: 1\nname: {text}\ndescription: {text}\nsource: {text}\ncolumns:\n"
                        f"  a: {{choice: {{values: [{text}, b]}}, doc: {text}, source: {text}, unit: {text}}}\n")
        result = run("presets", "show", path)
        self.is_safe(result)
        if result.returncode == 0:
            self.assertIn(ESCAPED, result.stdout)
        checked = run("presets", "check", path)
        self.is_safe(checked)
        told = run("presets", "show", path, "--json")
        self.is_safe(told)
        path.write_text(f"augstream: 1\ndescription: {text}\nsource: {text}\ncolumns: {{a: {{bernoulli: 1, doc: {text}, source: {text}}}}}\n")
        shown = self.ends(0, "presets", "show", path)
        self.is_safe(shown)
        self.assertEqual(shown.stdout.count(ESCAPED), 4, shown.stdout)

    def test_a_fault_shows_its_line_without_its_controls(self):
        path = self.folder / "bad.yaml"
        path.write_bytes("augstream: 1\ncolumns: {a: {doc: \"\u202e\u2028x\", bernoulli: 7}}\n".encode())
        stderr = self.ends(3, "presets", "check", path).stderr
        self.assertNotRegex(stderr, UNSAFE)
        line, caret = re.search(r"\n(.*bernoulli.*)\n( *\^)", stderr).groups()
        self.assertEqual(line[len(caret) - 1], "7")

    def test_settings_of_launchers_are_escaped(self):
        result = run("env", RANK="0", WORLD_SIZE="1", SLURM_JOB_ID=HOSTILE, OMPI_COMM_WORLD_RANK=HOSTILE)
        self.is_safe(result)
        self.assertIn("a\\x1b[31m", result.stdout + result.stderr)

    def test_file_names_that_are_not_utf8_give_valid_json(self):
        folder = os.fsencode(self.folder) + b"/d\xff\xfe\x1b"
        made = subprocess.run([COMMAND, *map(str, GENERATE), "--samples", "100", "--json", "--out", folder], capture_output=True,
                              env=environment())
        self.assertEqual(made.returncode, 0, made.stderr)
        self.assertTrue(json.loads(made.stdout.decode("utf-8", "strict"))["folder"].endswith("d\ufffd\ufffd\x1b"))
        for arguments in (("verify", "--json"), ("verify", "--jsonl"), ("inspect", "--json"), ("inspect",)):
            told = subprocess.run([COMMAND, *arguments, folder], capture_output=True, env=environment())
            self.assertEqual(told.returncode, 0, told.stderr)
            json.loads(told.stdout.decode("utf-8", "strict"))
        os.remove(folder + b"/part-000000.safetensors")
        told = subprocess.run([COMMAND, "verify", "--jsonl", folder], capture_output=True, env=environment())
        for line in told.stdout.decode("utf-8", "strict").splitlines():
            json.loads(line)
        preset = os.fsencode(self.folder) + b"/p\xff.yaml"
        with open(preset, "wb") as file:
            file.write(b"augstream: 1\ncolumns: {a: {bernoulli: 7}}\n")
        for option in ("--json", "--jsonl"):
            told = subprocess.run([COMMAND, "presets", "check", option, preset], capture_output=True, env=environment())
            self.assertEqual(told.returncode, 3)
            self.assertIn("p\ufffd.yaml", json.dumps(json.loads(told.stdout.decode("utf-8", "strict")), ensure_ascii=False))


class PresetFiles(Case):
    COMMON = ("--seed", 1, "--samples", 20)

    def test_every_name_of_a_yaml_or_json_file_is_read(self):
        text = run("presets", "show", "simclr", "--yaml").stdout
        expected = run("generate", "--preset", "simclr", *self.COMMON).stdout
        for name in ("p.yaml", "p.yml"):
            (self.folder / name).write_text(text)
        (self.folder / "p.json").write_text(json.dumps(
            {"augstream": 1, "columns": {"a": {"uniform": [-1.5, 2e0], "doc": "\u00e4/\"\\ \t"}, "b": {"choice": {"values": ["x", "y"]}}}}, indent="\t"))
        (self.folder / "q.yaml").write_text('augstream: 1\ncolumns:\n  a: {uniform: [-1.5, 2.0]}\n  b: {choice: {values: [x, y]}}\n')
        os.chdir(self.folder)
        self.addCleanup(os.chdir, "/")
        for name in ("p.yaml", "p.yml"):
            self.assertEqual(self.ends(0, "generate", "--preset", name, *self.COMMON).stdout, expected)
            self.ends(0, "presets", "check", name)
            self.assertIn("columns:", self.ends(0, "presets", "show", name).stdout)
        self.assertEqual(self.ends(0, "generate", "--preset", "p.json", *self.COMMON).stdout,
                         self.ends(0, "generate", "--preset", "q.yaml", *self.COMMON).stdout)
        self.ends(0, "presets", "show", "p.json", "--json")
        self.ends(3, "generate", "--preset", "none.yml", *self.COMMON, says=("none.yml", "No such file"))

    def test_stdin_is_read_wherever_a_preset_is_accepted(self):
        text = run("presets", "show", "simclr", "--yaml").stdout
        common = ("--preset", "-", *self.COMMON)
        self.assertEqual(self.ends(0, "generate", *common, stdin=text).stdout,
                         run("generate", "--preset", "simclr", *self.COMMON).stdout)
        self.assertEqual(self.ends(0, "presets", "show", "-", stdin=text).stdout,
                         run("presets", "show", "simclr").stdout)
        self.assertEqual(self.ends(0, "presets", "show", "-", "--yaml", stdin=text).stdout, text)
        self.assertEqual(self.ends(0, "plan", "--strategy", "sequential", *common, stdin=text).stdout.count("\n"), 1)
        self.ends(0, "bench", "batch-size", "--preset", "-", "--samples", 100, "--quiet", stdin=text)
        for command in ("generate", "plan --strategy sequential"):
            self.ends(3, *command.split(), *common, stdin="augstream: 1\ncolumns: {a: {bernoulli: 7}}\n",
                      says=("stdin:2:26: ", "^", "preset 'stdin' has 1 fault"))
        self.ends(3, "generate", *common, stdin="", says="stdin")
        self.ends(3, "generate", *common, "--set", "nope=1", stdin=text, says=("nope", "--set"))


class Parents(Case):
    """Signals, closed files and files that do not block."""

    def test_an_ignored_interrupt_stays_ignored(self):
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            for ignored in (True, False):
                def prepare():
                    signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
                process = subprocess.Popen([COMMAND, *map(str, GENERATE), "--samples", "endless"], stdout=subprocess.PIPE,
                                           stderr=subprocess.PIPE, env=environment(), preexec_fn=prepare)
                process.stdout.read(1000)  # it runs, and its handlers stand
                process.send_signal(number)
                if ignored:
                    process.stdout.read(1 << 20)  # more than a pipe holds: it went on
                    self.assertIsNone(process.poll())
                    process.kill()
                stderr = process.communicate(timeout=60)[1]
                self.assertEqual(b"finishing" in stderr, not ignored, (number, ignored))
                if not ignored:
                    self.assertEqual(process.returncode, 4)

    def closed(self, numbers, *arguments):
        def prepare():
            for number in numbers:
                os.close(number)
        return subprocess.run([COMMAND, *map(str, arguments)], env=environment(), close_fds=False, preexec_fn=prepare,
                              stdin=subprocess.DEVNULL, timeout=60,
                              stdout=None if 1 in numbers else subprocess.PIPE, stderr=None if 2 in numbers else subprocess.PIPE)

    def test_closed_files_are_no_files_of_the_run(self):
        expected = self.folder / "expected"
        self.ends(0, *GENERATE, "--samples", 1000, "--out", expected)
        for numbers in ((0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)):
            folder = self.folder / "".join(map(str, numbers))
            result = self.closed(numbers, *GENERATE, "--samples", 1000, "--out", folder)
            self.assertEqual(result.returncode, 0, numbers)
            for path in expected.iterdir():
                self.assertEqual(path.read_bytes(), (folder / path.name).read_bytes())
            told = self.closed(numbers, *GENERATE, "--samples", 1000, "--json", "--out", folder)
            self.assertEqual(told.returncode, 1 if 1 in numbers else 0, numbers)
            self.assertEqual(len(list(folder.iterdir())), len(list(expected.iterdir())))
        for arguments in (("help",), ("presets", "list"), (*GENERATE, "--samples", 10), ("plan", "--strategy", "sequential", "--samples", 9)):
            result = self.closed((1,), *arguments)
            self.assertEqual(result.returncode, 1, arguments)
            self.assertIn(b"writing to stdout: Bad file descriptor", result.stderr)
        self.assertEqual(self.closed((2,), "xyzzy").returncode, 2)
        self.assertEqual(self.closed((0,), "presets", "check", "-").returncode, 3)

    def test_output_that_does_not_block_is_complete(self):
        for arguments in ((*GENERATE, "--samples", 30000), (*GENERATE, "--samples", 30000, "--format", "csv"),
                          ("help", "--man"), ("help", "--json"), ("plan", "--strategy", "sequential", "--samples", 90000, "--batch-size", 20)):
            expected = subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, env=environment(), stdin=subprocess.DEVNULL).stdout
            read_end, write_end = os.pipe()
            fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
            os.set_blocking(write_end, False)
            process = subprocess.Popen([COMMAND, *map(str, arguments)], stdout=write_end, stderr=subprocess.PIPE,
                                       stdin=subprocess.DEVNULL, env=environment())
            self.processes.append(process)
            os.close(write_end)
            self.fills(process)
            with open(read_end, "rb") as file:
                self.assertEqual(file.read(), expected, arguments)
            self.assertEqual(process.wait(60), 0, process.stderr.read())

    def fills(self, process):
        """Waits until the process sleeps: the pipe is full."""
        stat = pathlib.Path(f"/proc/{process.pid}/stat")
        wait_for(lambda: process.poll() is not None or stat.read_text().rpartition(")")[2].split()[0] == "S", "a full pipe")

    def test_input_that_does_not_block_is_waited_for(self):
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        process = subprocess.Popen([COMMAND, "plan", "--strategy", "adaptive", "--samples", "1000"], stdin=read_end,
                                   stdout=subprocess.PIPE, env=environment())
        self.processes.append(process)
        os.close(read_end)
        process.stdout.readline()
        self.fills(process)
        os.write(write_end, b'{"seconds":0.01}\n')
        self.assertEqual(json.loads(process.stdout.readline())["step"], 1)
        self.fills(process)
        os.close(write_end)
        self.assertEqual(process.wait(60), 0)

    def test_a_reader_that_goes_away_is_a_quiet_end(self):
        for ignored in (True, False):
            def prepare():
                signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignored else signal.SIG_DFL)
            process = subprocess.Popen([COMMAND, *map(str, GENERATE), "--samples", "endless"], stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, env=environment(), preexec_fn=prepare)
            process.stdout.read(1000)
            process.stdout.close()
            self.assertEqual((process.wait(60), process.stderr.read()), (0, b""))
            process.stderr.close()

    def test_a_timeout_of_no_millisecond_is_one(self):
        self.ends(75, "subscribe", "--connect", "tcp://127.0.0.1:1", "--timeout", "0.0001")


if __name__ == "__main__":
    main()
