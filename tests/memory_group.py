# SPDX-License-Identifier: Apache-2.0
"""A memory control group of a test's own below the one of this process, of version 1 or 2."""
import os
import pathlib
import sys
import unittest


def not_run(why):
    print(f"not run here: {why}", file=sys.stderr, flush=True)
    raise unittest.SkipTest(why)


def own_group():
    """The folder of this process's memory group, and the version of the hierarchy."""
    names = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        number, controllers, name = line.split(":", 2)
        names["memory" if "memory" in controllers.split(",") else number] = name.rstrip("/")
    if "memory" in names:
        return pathlib.Path("/sys/fs/cgroup/memory" + names["memory"]), 1
    folder = pathlib.Path("/sys/fs/cgroup" + names.get("0", ""))
    if (folder / "memory.stat").exists() or (folder / "cgroup.subtree_control").exists():
        return folder, 2
    return not_run("no memory control groups")


class Group:
    """Limited to `limit` bytes, without swap."""

    def __init__(self, limit):
        above, version = own_group()
        self.path = above / f"augstream-test-{os.getpid()}"
        try:
            self.path.mkdir()
            if version == 2:
                (above / "cgroup.subtree_control").write_text("+memory")
        except OSError as error:
            self.close()
            not_run(f"no control group of our own: {error}")
        try:
            (self.path / ("memory.limit_in_bytes" if version == 1 else "memory.max")).write_text(str(limit))
        except OSError as error:
            self.close()
            not_run(f"a control group cannot be limited: {error}")
        try:
            if version == 1:
                (self.path / "memory.memsw.limit_in_bytes").write_text(str(limit))
            else:
                (self.path / "memory.swap.max").write_text("0")
        except OSError:
            pass  # no swap is counted here

    def enter(self):
        """For subprocess.Popen's preexec_fn."""
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def figures(self):
        lines = (self.path / "memory.stat").read_text().splitlines()
        return {name: int(number) for name, number in (line.split() for line in lines)}

    def close(self):
        if self.path.exists():
            self.path.rmdir()
