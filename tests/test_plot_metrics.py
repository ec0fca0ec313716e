#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/plot_metrics.py with files that the library itself has written.

    test_plot_metrics.py LIBRARY SCRIPT
"""
import ctypes
import importlib.util
import math
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml

LIBRARY, SCRIPT = sys.argv[1:3]
SVG = "{http://www.w3.org/2000/svg}"


class BatchMetrics(ctypes.Structure):
    _fields_ = [("size", ctypes.c_uint32), ("epoch", ctypes.c_uint32), ("step", ctypes.c_uint64),
                ("n_samples", ctypes.c_uint64), ("seconds", ctypes.c_double), ("bytes", ctypes.c_uint64),
                ("available_bytes", ctypes.c_uint64), ("level", ctypes.c_uint32), ("part", ctypes.c_uint32),
                ("outcome", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("why", ctypes.c_char * 16), ("cpu_seconds", ctypes.c_double),
                ("resident_bytes", ctypes.c_uint64), ("allocated_bytes", ctypes.c_uint64)]


library = ctypes.CDLL(LIBRARY)
for function in (library.augs_metrics_add, library.augs_metrics_free):
    function.restype = None
library.augs_metrics_open.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p]
library.augs_metrics_add.argtypes = [ctypes.c_void_p, ctypes.POINTER(BatchMetrics)]
library.augs_metrics_save.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
library.augs_metrics_free.argtypes = [ctypes.c_void_p]


def save(path, batches):
    metrics = ctypes.c_void_p()
    assert library.augs_metrics_open(None, ctypes.byref(metrics), None) == 0
    for batch in batches:
        library.augs_metrics_add(metrics, ctypes.byref(BatchMetrics(size=ctypes.sizeof(BatchMetrics), **batch)))
    assert library.augs_metrics_save(metrics, str(path).encode(), None) == 0
    library.augs_metrics_free(metrics)


def a_run(n_batches):
    draw = random.Random(5)
    sizes = [16, 32, 64, 128, 96]
    for step in range(n_batches):
        n_samples = sizes[min(step // 10, 4)]
        yield dict(step=step, epoch=0, n_samples=n_samples, seconds=(0.01 + n_samples / 5000) * draw.lognormvariate(0, 0.1),
                   bytes=n_samples << 20, available_bytes=(200 - n_samples) << 20, level=2 if n_samples > 100 else 0,
                   why=b"explore" if step < 40 else b"memory")


class Plot(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.metrics = pathlib.Path(self.folder.name) / "m.jsonl"

    def plot(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, *map(str, arguments)], capture_output=True, timeout=120,
                              cwd=self.folder.name)

    def image(self):
        done = self.plot("m.jsonl")
        self.assertEqual((done.returncode, done.stdout), (0, b""), done.stderr)
        return xml.parse(self.metrics.with_suffix(".svg")).getroot()

    @staticmethod
    def texts(image):
        return ["".join(node.itertext()).strip() for node in image.iter(SVG + "text")]

    @staticmethod
    def group(image, name):
        return next(node for node in image.iter(SVG + "g") if node.get("id") == name)

    def heights(self, image, name):
        """Of the vertices of a line, upwards."""
        path = next(self.group(image, name).iter(SVG + "path"))
        return [-float(y) for _, y in re.findall(r"[ML] (-?[\d.]+) (-?[\d.]+)", path.get("d"))]

    def test_three_panels_with_their_units_and_the_summary(self):
        save(self.metrics, a_run(50))
        image = self.image()
        texts = self.texts(image)
        for text in ("batch size", "(samples)", "throughput", "(samples/s)", "memory", "step", "changed by", "explore",
                     "needed by the batch", "available", "high"):
            self.assertIn(text, texts)
        self.assertTrue(any(t.startswith("50 batches, 3,360 samples; ") and "best size" in t for t in texts), texts)
        self.assertIn("100 MB", texts)

    def test_the_lines_have_the_shape_of_the_data(self):
        batches = list(a_run(50))
        save(self.metrics, batches)
        image = self.image()
        sizes = sorted({b["n_samples"] for b in batches})
        memory = self.heights(image, "memory")
        self.assertEqual(len(memory), 50)
        levels = sorted({round(y, 3) for y in memory})
        self.assertEqual(len(levels), len(sizes))
        for i in range(1, len(sizes)):  # heights go with the values
            self.assertAlmostEqual((levels[i] - levels[0]) / (levels[-1] - levels[0]),
                                   (sizes[i] - sizes[0]) / (sizes[-1] - sizes[0]), places=3)
        self.assertEqual(len({round(y, 3) for y in self.heights(image, "size")}), len(sizes))
        self.assertEqual(len(list(self.group(image, "throughput").iter(SVG + "use"))), 50)
        self.assertEqual(len(list(self.group(image, "why-explore").iter(SVG + "use"))), 3)
        self.assertEqual(len(list(self.group(image, "why-memory").iter(SVG + "use"))), 1)

    def test_what_is_not_known_is_a_gap(self):
        batches = [dict(step=s, n_samples=8, seconds=math.nan if s % 2 else 0.5, bytes=0, available_bytes=0) for s in range(9)]
        save(self.metrics, batches)
        image = self.image()
        self.assertEqual(len(list(self.group(image, "throughput").iter(SVG + "use"))), 5)
        self.assertNotIn("nan", xml.tostring(image).decode())

    def test_one_batch_and_several_epochs_can_be_drawn(self):
        save(self.metrics, [dict(step=7, n_samples=8, seconds=0.1)])
        self.image()
        save(self.metrics, [dict(epoch=e, step=s, n_samples=8, seconds=0.1) for e in range(3) for s in range(5)])
        self.assertIn("batch (dotted: a new epoch)", self.texts(self.image()))

    def test_the_same_metrics_give_the_same_bytes(self):
        save(self.metrics, a_run(30))
        first, second = self.plot("m.jsonl", "-"), self.plot("m.jsonl", "-")
        self.assertEqual(first.returncode, 0, first.stderr)
        self.assertTrue(first.stdout.startswith(b"<?xml"))
        self.assertEqual(first.stdout, second.stdout)

    def test_faults_are_named_with_their_place(self):
        good = b'{"epoch":0,"step":0,"n_samples":8,"seconds":null,"samples_per_second":null}\n'
        for content, expected in ((None, "m.jsonl: No such file"), (b"", "m.jsonl: no batch in it"),
                                  (b'{"summary":{}}\n', "m.jsonl: no batch in it"),
                                  (good + b"{\n", "m.jsonl:2: no line of augs_metrics_save"),
                                  (good + b'{"step":1}\n', "m.jsonl:2: no line of augs_metrics_save: the field 'n_samples' is missing"),
                                  (good + b"[]\n", "m.jsonl:2: no line"),
                                  (good.replace(b"8", b'"8"'), "m.jsonl:1: no line"),
                                  (b"\xff\xfe\n", "m.jsonl:1: no line")):
            if content is not None:
                self.metrics.write_bytes(content)
            done = self.plot("m.jsonl")
            self.assertEqual(done.returncode, 1, content)
            self.assertIn(expected, done.stderr.decode())
            self.assertNotIn("Traceback", done.stderr.decode())
            self.assertFalse(self.metrics.with_suffix(".svg").exists())
        self.metrics.write_bytes(good)
        done = self.plot("m.jsonl", "no/such/folder.svg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no/such/folder.svg", done.stderr.decode())
        self.assertEqual(self.plot().returncode, 2)


if __name__ == "__main__":
    if importlib.util.find_spec("matplotlib") is None:
        print("skipped: matplotlib is missing (scripts/setup --test installs it)")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1], verbosity=2)
