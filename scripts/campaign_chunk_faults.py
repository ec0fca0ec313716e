#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails one system call of `generate --out` and of `verify` at a time, and checks what is left.

usage: campaign_chunk_faults.py COMMAND [--short] [--format F] [--threads T]

strace makes the n-th call of a kind fail with an error, for every n and every error below. After each:

* a chunk under its final name has the right bytes, and no temporary is left unless it could not be removed;
* COMPLETE and exit status 0 stand only beside a whole folder;
* verify ends with 0, 1, 4 or 5, and never says that a damaged folder is good;
* the same command started again makes the folder that an undisturbed run makes.

Without strace the campaign is skipped (exit status 77). `--short` takes the first, a middle and the last call of each kind.
"""
import argparse
import collections
import pathlib
import shutil
import subprocess
import sys
import tempfile

# the errors that each call may answer with
WRITING = {
    "openat": ("ENOSPC", "EIO", "EINTR", "EMFILE", "EACCES"),
    "write": ("ENOSPC", "EIO", "EINTR", "EDQUOT"),
    "fsync": ("EIO", "ENOSPC", "EINTR"),
    "close": ("EIO", "EINTR", "ENOSPC"),
    "renameat": ("EIO", "ENOSPC"),
    "mkdir": ("ENOSPC", "EIO"),
    "unlinkat": ("EIO", "EROFS"),
    "flock": ("ENOLCK", "ENOSYS", "EINTR", "EIO"),
    "fstatfs": ("EIO",),
    "getdents64": ("EIO",),
    "newfstatat": ("EIO",),
    "fstat": ("EIO",),
    "pread64": ("EIO", "EINTR"),
    "ftruncate": ("EIO",),
}
# calls that only files of many MB make: chunks of 8.4 MB
WRITING_LARGE = {
    "fdatasync": ("EIO", "ENOSPC", "EINTR"),
    "sync_file_range": ("EIO", "ENOSYS"),
}
READING = {
    "openat": ("EIO", "EINTR", "EMFILE", "EACCES"),
    "pread64": ("EIO", "EINTR"),
    "read": ("EIO",),
    "close": ("EIO", "EINTR"),
    "getdents64": ("EIO",),
    "fstat": ("EIO",),
    "newfstatat": ("EIO",),
}
SECONDS = 60


def files_of(folder):
    if not folder.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}


class Campaign:
    def __init__(self, arguments, place):
        self.command, self.short, self.place = arguments.command, arguments.short, place
        self.generate = ["generate", "--preset", "moderate", "--seed", "7", "--samples", "1000", "--chunk-size", "250",
                         "--format", arguments.format, "--threads", str(arguments.threads), "--quiet", "--out"]
        self.generate_large = [*self.generate[:5], "--samples", "600000", "--chunk-size", "300000", *self.generate[9:]]
        self.trace = place / "trace"
        self.figures = collections.Counter()
        self.faults = []

    def run(self, *arguments, inject=None):
        traced = [] if inject is None else ["strace", "-f", "-qq", "-o", self.trace, "-e", f"trace={inject[0]}",
                                            "-e", f"inject={inject[0]}:error={inject[1]}:when={inject[2]}"]
        return subprocess.run([*traced, self.command, *map(str, arguments)], capture_output=True, text=True, timeout=SECONDS)

    def is_silent(self, result):
        """Whether a run failed and said nothing. strace counts the calls of each thread for itself, so after the call of
        a worker it may fail the write of the message, too: then nothing can be said."""
        if result.returncode == 0 or result.stderr.strip():
            return False
        lines = self.trace.read_text(errors="replace").splitlines()
        of_messages = {line.split()[0] for line in lines if " write(2, " in line}
        return not any(line.split()[0] in of_messages and "INJECTED" in line and ("write(2, " in line or "resumed" in line)
                       for line in lines)

    def calls(self, *arguments):
        """How many calls of each kind an undisturbed run makes."""
        counts = self.place / "counts"
        subprocess.run(["strace", "-f", "-c", "-o", counts, self.command, *map(str, arguments)], capture_output=True, timeout=SECONDS)
        found = {}
        for line in counts.read_text().splitlines():
            words = line.split()
            if len(words) >= 5 and words[0][0].isdigit() and words[3].isdigit():
                found[words[-1]] = int(words[3])
        return found

    def places(self, n_calls):
        every = range(1, n_calls + 1)
        return sorted({1, (n_calls + 1) // 2, n_calls}) if self.short and n_calls > 3 else every

    def fault(self, what, inject, message):
        self.faults.append(f"{what}, {inject[0]} {inject[2]} {inject[1]}: {message}")

    def check_write(self, inject, generate, whole):
        folder = self.place / "one"
        shutil.rmtree(folder, ignore_errors=True)
        result = self.run(*generate, folder, inject=inject)
        there = files_of(folder)
        is_whole = all(there.get(name) == data for name, data in whole.items())
        self.figures["generate", inject[0], inject[1], result.returncode] += 1
        if result.returncode < 0:
            self.fault("generate", inject, f"ended by signal {-result.returncode}")
        if (result.returncode == 0 or "COMPLETE" in there) and not is_whole:
            self.fault("generate", inject, "says that it is complete, and is not")
        if self.is_silent(result):
            self.fault("generate", inject, "failed without a message")
        for name, data in there.items():
            if name.startswith("part-") and data != whole.get(name):
                self.fault("generate", inject, f"{name} has wrong bytes")
            if name.startswith(".") and inject[0] not in ("unlinkat", "flock"):
                self.fault("generate", inject, f"{name} is left")
        again = self.run(*generate, folder)
        if again.returncode != 0 or files_of(folder) != whole:
            self.fault("generate", inject, f"started again: {again.returncode} {again.stderr.strip()[:200]}")

    def check_read(self, inject, folder, is_damaged):
        result = self.run("verify", folder, "--quiet", inject=inject)
        self.figures["verify", inject[0], inject[1], result.returncode] += 1
        if result.returncode not in (0, 1, 3, 4, 5, 127):
            self.fault("verify", inject, f"exit status {result.returncode}")
        if is_damaged and result.returncode == 0:
            self.fault("verify", inject, "says that a damaged folder is good")
        if self.is_silent(result):
            self.fault("verify", inject, "failed without a message")

    def write_all(self, generate, folder, calls):
        """Fails every call of a run; returns what an undisturbed run makes."""
        self.run(*generate, folder)
        whole = files_of(folder)
        assert "COMPLETE" in whole, "an undisturbed run is not complete"
        counts = self.calls(*generate, self.place / "counted")
        shutil.rmtree(self.place / "counted")
        for call, errors in calls.items():
            for error in errors:
                for n in self.places(counts.get(call, 0)):
                    self.check_write((call, error, n), generate, whole)
        return whole

    def all(self):
        folder = self.place / "large"
        self.write_all(self.generate_large, folder, WRITING_LARGE)
        shutil.rmtree(folder)
        folder = self.place / "whole"
        whole = self.write_all(self.generate, folder, WRITING)
        damaged = self.place / "damaged"
        shutil.copytree(folder, damaged)
        part = sorted(damaged.glob("part-*"))[-1]
        data = part.read_bytes()
        part.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        counts = self.calls("verify", folder, "--quiet")
        for call, errors in READING.items():
            for error in errors:
                for n in self.places(counts.get(call, 0)):
                    for one in (folder, damaged):
                        self.check_read((call, error, n), one, one is damaged)
        assert files_of(folder) == whole, "verify changed a folder"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--format", default="safetensors")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    probe = shutil.which("strace") and subprocess.run(
        ["strace", "-qq", "-o", "/dev/null", "-e", "inject=sync:error=EIO", "true"], capture_output=True)
    if not probe or probe.returncode != 0:
        print("skipped: strace is missing, or may not trace here")
        return 77
    with tempfile.TemporaryDirectory(prefix="augstream-campaign-") as place:
        campaign = Campaign(arguments, pathlib.Path(place))
        campaign.all()
    for (what, call, error, status), n in sorted(campaign.figures.items()):
        print(f"{what} {call} {error}: exit status {status}, {n} times")
    for fault in campaign.faults:
        print("FAULT", fault)
    print(f"{sum(campaign.figures.values())} failing calls, {len(campaign.faults)} faults")
    return 1 if campaign.faults else 0


if __name__ == "__main__":
    sys.exit(main())
