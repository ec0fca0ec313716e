# SPDX-License-Identifier: Apache-2.0
"""What the tests of the command as typed share: running it, a server, NumPy's values of a preset."""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import zlib

import numpy as np

COMMAND = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else "augstream"
LAUNCHERS = re.compile(r"(AUGSTREAM_|RANK$|WORLD_SIZE$|OMPI_|PMI_|SLURM_|HOROVOD_|FLUX_|JOB_COMPLETION_)")
SECONDS = 120


def environment(**settings):
    """Ours without any launcher's variables, with `settings`."""
    kept = {name: value for name, value in os.environ.items() if not LAUNCHERS.match(name)}
    return dict(kept, **settings)


def run(*arguments, text=True, stdin=None, **settings):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=text, timeout=SECONDS,
                          input=stdin, env=environment(**settings))


def start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True):
    return subprocess.Popen([COMMAND, *map(str, arguments)], stdout=stdout, stderr=stderr, text=text,
                            env=environment())


def interrupt(process):
    process.send_signal(signal.SIGINT)


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.005)


def numpy_column(name, low, high, n, seed, epoch=0):
    key = np.random.SeedSequence(seed, spawn_key=(epoch, zlib.crc32(name.encode())))
    u = np.random.Generator(np.random.PCG64DXSM(key)).random(n, dtype=np.float32)
    return np.float32(low) + (np.float32(high) - np.float32(low)) * u


def numpy_moderate(n, seed, epoch=0):
    schema = json.loads(run("presets", "show", "moderate", "--json").stdout)
    ranges = {"rotation": (-30, 30), "brightness": (0.8, 1.2), "scale": (0.8, 1.2), "noise": (0, 0.1),
              "contrast": (0.7, 1.3)}
    names = [column["name"] for column in schema["columns"] if column["name"] != "sample_id"]
    assert sorted(names) == sorted(ranges), names
    return {name: numpy_column(name, *ranges[name], n, seed, epoch) for name in names}


class Case(unittest.TestCase):
    maxDiff = 2000

    def setUp(self):
        self._folder = tempfile.TemporaryDirectory(prefix="augstream-test-")
        self.folder = pathlib.Path(self._folder.name)
        self.processes = []

    def tearDown(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._folder.cleanup()

    def start(self, *arguments, **options):
        process = start(*arguments, **options)
        self.processes.append(process)
        return process

    def ends(self, status, *arguments, says=(), **settings):
        """Runs it, checks the exit status and that stderr names each of `says`; returns the result."""
        result = run(*arguments, **settings)
        self.assertEqual(result.returncode, status, f"{arguments}: {result.stderr}")
        for word in [says] if isinstance(says, str) else says:
            self.assertIn(word, result.stderr, str(arguments))
        if status != 0:
            stderr = result.stderr if isinstance(result.stderr, str) else result.stderr.decode()
            self.assertIn("augstream: ", stderr)
        return result

    def records(self, *arguments, **settings):
        result = self.ends(0, "generate", *arguments, **settings)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def serve(self, *arguments):
        """A server that is ready: (process, endpoint)."""
        process = self.start("serve", "--bind", "tcp://127.0.0.1:0", *arguments)
        endpoint = process.stdout.readline().strip()
        if not endpoint:
            raise AssertionError(process.communicate()[1])
        return process, endpoint


def files_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def main():
    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=2)
