#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`augstream generate --out DIR`, `verify` and `inspect`, as typed. usage: test_command_folder.py COMMAND"""
import json
import os
import re

import numpy as np

from command_fixture import Case, files_of, interrupt, main, numpy_moderate, run, wait_for

STREAM = ("--preset", "imagenet", "--seed", 7, "--shuffle")


class Folder(Case):
    def generate(self, name, *arguments, status=0, **settings):
        folder = self.folder / name
        return folder, self.ends(status, "generate", "--out", folder, *arguments, **settings)

    def chunks(self, folder):
        return {name: data for name, data in files_of(folder).items() if name.startswith("part-")}

    def test_twice_and_on_other_threads_and_as_shards_the_files_are_identical(self):
        for form in ("safetensors", "npy", "jsonl", "csv", "msgpack"):
            common = (*STREAM, "--samples", 5000, "--chunk-size", 700, "--format", form)
            one, _ = self.generate(form + "-1", *common)
            two, _ = self.generate(form + "-2", *common)
            threads, _ = self.generate(form + "-3", *common, "--threads", 3)
            for i in (2, 0, 1):
                shards, _ = self.generate(form + "-4", *common, "--shard", f"{i}/3")
            self.assertGreaterEqual(len(self.chunks(one)), 8)
            self.assertEqual(files_of(one), files_of(two))
            self.assertEqual(files_of(one), files_of(threads))
            self.assertEqual(self.chunks(one), self.chunks(shards))
            self.assertEqual((one / "COMPLETE").read_bytes(), (shards / "COMPLETE").read_bytes())
            for folder in (one, threads, shards):
                self.ends(0, "verify", folder)

    def test_record_chunks_are_what_stdout_prints(self):
        common = ("--preset", "moderate", "--seed", 7, "--samples", 1000, "--format", "jsonl")
        folder, _ = self.generate("d", *common, "--chunk-size", 300)
        joined = b"".join(data for _, data in sorted(self.chunks(folder).items()))
        self.assertEqual(joined.decode(), run("generate", *common).stdout)

    def test_npy_chunks_equal_numpy(self):
        folder, _ = self.generate("d", "--preset", "moderate", "--seed", 7, "--samples", 1000, "--format", "npy",
                                  "--chunk-size", 400)
        for name, column in numpy_moderate(1000, 7).items():
            parts = sorted(path for path in folder.iterdir() if re.fullmatch(rf"part-\d+\W{name}\.npy", path.name))
            self.assertEqual(len(parts), 3, list(files_of(folder)))
            np.testing.assert_array_equal(np.concatenate([np.load(part) for part in parts]), column)

    def test_a_finished_run_started_again_writes_nothing(self):
        common = (*STREAM, "--samples", 2000, "--chunk-size", 500)
        folder, first = self.generate("d", *common, "--json")
        before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
        _, second = self.generate("d", *common, "--json")
        self.assertEqual(before, {path.name: path.stat().st_mtime_ns for path in folder.iterdir()})
        made = json.loads(first.stdout)
        self.assertEqual((made["made"], made["kept"], made["samples"], made["complete"]), (4, 0, 2000, True))
        self.assertEqual((json.loads(second.stdout)["made"], json.loads(second.stdout)["kept"]), (0, 4))

    def test_an_interrupted_run_goes_on_to_the_same_files(self):
        common = (*STREAM, "--samples", 400000, "--chunk-size", 2000)
        folder = self.folder / "d"
        process = self.start("generate", "--out", folder, *common)
        wait_for(lambda: len(list(folder.glob("part-*"))) > 3, "the first chunks")
        interrupt(process)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4, stderr)
        self.assertFalse((folder / "COMPLETE").exists())
        n = len(self.chunks(folder))
        self.assertLess(n, 200)
        self.assertFalse([path for path in folder.iterdir() if "tmp" in path.name])
        self.ends(4, "verify", folder)
        _, result = self.generate("d", *common, "--json")
        self.assertEqual(json.loads(result.stdout)["kept"], n)
        whole, _ = self.generate("whole", *common)
        self.assertEqual(self.chunks(whole), self.chunks(folder))
        self.ends(0, "verify", folder)

    def test_a_killed_run_goes_on_to_the_same_files(self):
        common = (*STREAM, "--samples", 200000, "--chunk-size", 2000, "--threads", 2)
        folder = self.folder / "d"
        process = self.start("generate", "--out", folder, *common)
        wait_for(lambda: len(list(folder.glob("part-*"))) > 3, "the first chunks")
        process.kill()
        process.communicate()
        self.generate("d", *common)
        whole, _ = self.generate("whole", *common)
        self.assertEqual(self.chunks(whole), self.chunks(folder))
        self.ends(0, "verify", folder)

    def test_a_truncated_chunk_is_named_and_made_again(self):
        common = (*STREAM, "--samples", 3000, "--chunk-size", 1000)
        folder, _ = self.generate("d", *common)
        good = self.chunks(folder)
        chunk = folder / sorted(good)[1]
        chunk.write_bytes(chunk.read_bytes()[:-7])
        self.ends(5, "verify", folder, says=chunk.name)
        self.ends(5, "verify", folder, "--hashes-only", says=chunk.name)
        self.generate("d", *common)
        self.assertEqual(good, self.chunks(folder))
        self.ends(0, "verify", folder)

    def test_a_changed_byte_is_found_by_verify_and_by_check_full(self):
        common = (*STREAM, "--samples", 3000, "--chunk-size", 1000)
        folder, _ = self.generate("d", *common)
        good = self.chunks(folder)
        chunk = folder / sorted(good)[2]
        data = bytearray(chunk.read_bytes())
        data[-100] ^= 1
        chunk.write_bytes(data)
        result = run("verify", folder, "--jsonl", "--quiet")
        self.assertEqual(result.returncode, 5)
        findings = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(findings[0]["chunk"], 2)
        self.assertEqual(findings[-1]["faults"], len(findings) - 1)
        self.generate("d", *common, "--check", "full")
        self.assertEqual(good, self.chunks(folder))

    def test_a_missing_chunk_is_partly_done(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000)
        chunk = folder / sorted(self.chunks(folder))[1]
        chunk.unlink()
        self.ends(4, "verify", folder, says=chunk.name)

    def test_a_missing_shard_is_partly_done(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000, "--shard", "0/2")
        self.ends(4, "verify", folder)

    def test_a_folder_of_another_stream_is_refused(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000)
        before = files_of(folder)
        result = run("generate", "--out", folder, "--preset", "imagenet", "--seed", 8, "--shuffle", "--samples", 3000,
                     "--chunk-size", 1000)
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertEqual(len(set(re.findall(r"\b[0-9a-f]{32}\b", result.stderr))), 2, result.stderr)
        self.assertEqual(before, files_of(folder))

    def test_the_summary_of_verify(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000)
        summary = json.loads(self.ends(0, "verify", folder, "--json", "--threads", 2).stdout)
        self.assertEqual((summary["chunks"], summary["samples"], summary["faults"]), (3, 3000, 0))
        self.assertTrue(summary["complete"])
        other, _ = self.generate("e", *STREAM, "--samples", 3000, "--chunk-size", 77, "--format", "npy")
        again = json.loads(self.ends(0, "verify", other, "--json").stdout)
        self.assertRegex(summary["digest"], r"^[0-9a-f]{32}$")
        self.assertEqual(summary["digest"], again["digest"])

    def test_inspect_tells_where_it_is_from(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--epoch", 2, "--chunk-size", 1000)
        told = json.loads(self.ends(0, "inspect", folder, "--json").stdout)
        self.assertEqual((told["seed"], told["epoch"], len(told["records"])), (7, 2, 3))
        chunk = folder / sorted(self.chunks(folder))[1]
        part = json.loads(self.ends(0, "inspect", chunk, "--json", "--records", 1).stdout)
        self.assertEqual((part["first"], part["count"], len(part["records"])), (1000, 1000, 1))
        self.assertEqual(json.loads(self.ends(0, "inspect", chunk, "--records", 1).stdout), part)
        self.assertIsNone(part["fault"])
        os.truncate(chunk, 1000)
        result = self.ends(5, "inspect", chunk, "--json", says=chunk.name)
        self.assertIn("1000 bytes", json.loads(result.stdout)["fault"])
        (self.folder / "other.txt").write_text("text")
        self.ends(3, "inspect", self.folder / "other.txt", says=("'other.txt'", "manifest"))

    def test_batches_in_chunks_are_those_of_stdout(self):
        common = ("--preset", "moderate", "--seed", 7, "--samples", 1000, "--strategy", "round_robin", "--batches", 7,
                  "--format", "jsonl")
        folder, _ = self.generate("d", *common, "--chunk-size", 300)
        joined = b"".join(data for _, data in sorted(self.chunks(folder).items()))
        self.assertEqual(joined.decode(), run("generate", *common).stdout)

    def test_places_that_are_no_folders(self):
        (self.folder / "file").write_text("x")
        small = ("--preset", "mild", "--seed", 1, "--samples", 10)
        self.generate("file", *small, status=1)
        self.generate("no/such/folder", *small, status=1, says="no/such/folder")
        for command in ("verify", "inspect"):
            result = run(command, self.folder / "nothing")
            self.assertIn(result.returncode, (1, 3), result.stderr)
            self.assertIn("nothing", result.stderr)


if __name__ == "__main__":
    main()
