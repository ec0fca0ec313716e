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
                shards, _ = self.generate(form + "-4", *common, "--chunk-shard", f"{i}/3")
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
        left = [path for path in folder.iterdir() if "tmp" in path.name]
        self.assertEqual(bool(left), "of unfinished files, which it left" in stderr, stderr)
        self.assertEqual(bool(left), (folder / ".lock-0of1").exists())  # the next run looks for what was left
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

    def test_a_truncated_chunk_is_named_and_recomputed(self):
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
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000, "--chunk-shard", "0/2")
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

    def test_damage_of_every_kind_is_named_and_repaired(self):
        common = (*STREAM, "--samples", 3000, "--chunk-size", 1000)
        folder, _ = self.generate("d", *common)
        good = files_of(folder)
        names = sorted(self.chunks(folder))
        for make in (lambda path: path.mkdir(), os.mkfifo, lambda path: path.symlink_to("nowhere"),
                     lambda path: (path.write_bytes(b""), os.truncate(path, 1 << 42))):
            for name in names[:2]:
                (folder / name).unlink()
                make(folder / name)
            result = run("verify", folder)
            self.assertIn(result.returncode, (4, 5), result.stderr)
            for name in names[:2]:
                self.assertIn(name, result.stderr)
                inspected = run("inspect", folder / name, "--json")
                self.assertEqual(inspected.returncode, 5, inspected.stderr)
                self.assertIsNotNone(json.loads(inspected.stdout)["fault"])
            self.generate("d", *common, "--check", "full")
            self.assertEqual(good, files_of(folder))

    def test_a_column_called_fault_is_no_fault(self):
        preset = self.folder / "fault.yaml"
        preset.write_text("augstream: 1\ncolumns:\n  fault: {choice: {values: [',\"fault\":\"', x]}}\n")
        folder, result = self.generate("d", "--preset", preset, "--seed", 1, "--samples", 100)
        told = json.loads(self.ends(0, "inspect", folder, "--json").stdout)
        self.assertIsNone(told["fault"])
        (folder / "COMPLETE").write_text("complete")
        told = json.loads(self.ends(5, "inspect", folder, "--json").stdout)
        self.assertFalse(told["complete"])
        self.assertIn("COMPLETE", told["fault"])
        (folder / "COMPLETE").unlink()
        told = json.loads(self.ends(0, "inspect", folder, "--json").stdout)
        self.assertEqual((told["complete"], told["fault"]), (False, None))

    def test_absurd_counts_are_refused_with_figures(self):
        for samples in (10**12, 10**14, 1 << 56):
            folder, result = self.generate("d", "--preset", "moderate", "--seed", 1, "--samples", samples, status=1,
                                           says=("bytes free", "nothing was written", "--force"))
            self.assertFalse(folder.exists())
            self.assertRegex(result.stderr, r"\d+ missing")

    def test_a_dry_run_tells_the_size_and_writes_nothing(self):
        for form in ("safetensors", "npy", "jsonl", "csv", "msgpack"):
            common = (*STREAM, "--samples", 3001, "--chunk-size", 1000, "--format", form)
            told = json.loads(self.generate(form, *common, "--dry-run", "--json")[1].stdout)
            self.assertFalse((self.folder / form).exists())
            folder, made = self.generate(form, *common, "--json")
            real = json.loads(made.stdout)
            self.assertEqual(told["exact"], form in ("safetensors", "npy"))
            self.assertEqual((told["chunks"], told["samples"]), (real["chunks"], real["samples"]))
            self.assertEqual(told["files"], len(self.chunks(folder)))
            if told["exact"]:
                self.assertEqual(told["bytes"], real["bytes"])
            self.assertGreaterEqual(told["bytes"], real["bytes"])
            self.assertGreater(told["seconds"], 0)
            again = json.loads(self.generate(form, *common, "--dry-run", "--json")[1].stdout)
            self.assertEqual((again["kept"], again["files"]), (4, 0))
        text = self.generate("other", *STREAM, "--samples", 3000, "--dry-run")[1].stdout
        self.assertIn("measured", text)
        self.ends(2, "generate", *STREAM, "--samples", 10, "--dry-run", says="--out DIR")

    def test_one_is_not_a_plural(self):
        for arguments, stream in ((("--dry-run",), "stdout"), ((), "stderr")):
            told = self.generate("one", *STREAM, "--samples", 1, *arguments)[1]
            self.assertRegex(getattr(told, stream), r"\b1 chunk\b.*\b1 sample\b")
            told = self.generate("two", *STREAM, "--samples", 2, "--chunk-size", 1, *arguments)[1]
            self.assertRegex(getattr(told, stream), r"\b2 chunks\b.*\b2 samples\b")

    def test_a_dry_run_shows_what_is_too_large_as_such(self):
        absurd = ("--preset", "mild", "--seed", 1, "--samples", 1 << 56, "--chunk-size", 1, "--dry-run")
        text = self.generate("d", *absurd)[1].stdout
        self.assertRegex(text, r"bytes: more than 18.4 EB\ndisk:  more than 18.4 EB needed")
        self.assertRegex(text, r"time:  about \d+ years,")
        told = json.loads(self.generate("d", *absurd, "--json")[1].stdout)
        self.assertEqual((told["bytes"], told["disk_bytes"]), (None, None))
        self.assertIn("more than 184467", self.generate("d", *absurd[:-1], status=1)[1].stderr)

    def test_a_dry_run_escapes_the_name_of_the_folder(self):
        text = self.generate("a\x1b[31mb\n", *STREAM, "--samples", 10, "--dry-run")[1].stdout
        self.assertIn("a\\x1b[31mb\\n: 1 of 1 chunk ", text)
        self.assertNotIn("\x1b", text)

    def test_what_goes_wrong_in_a_folder_is_told_without_advice_about_the_option(self):
        refused = self.generate("d", *STREAM, "--samples", 1 << 50, status=1, says="missing")[1]
        self.assertNotIn("accepted", refused.stderr)
        folder, _ = self.generate("d", *STREAM, "--samples", 10)
        (folder / ".lock-0of1").unlink(missing_ok=True)
        (folder / ".lock-0of1").mkdir()
        broken = self.generate("d", *STREAM, "--samples", 10, status=1, says=".lock-0of1")[1]
        self.assertNotIn("accepted", broken.stderr)

    def test_lines_of_a_manifest_in_another_order_are_the_same_run(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000, "--chunk-size", 1000)
        manifest = folder / "manifest-0of1.jsonl"
        header, *lines = manifest.read_text().splitlines(keepends=True)
        for changed in ([*reversed(lines)], [lines[1], *lines]):
            manifest.write_text("".join([header, *changed]))
            self.ends(0, "verify", folder)
            told = json.loads(self.ends(0, "inspect", folder).stdout)
            self.assertEqual((told["complete"], told["n_listed"], told["fault"]), (True, 3, None))

    def test_a_header_with_other_bytes_is_refused_with_the_reason(self):
        folder, _ = self.generate("d", *STREAM, "--samples", 3000)
        manifest = folder / "manifest-0of1.jsonl"
        manifest.write_bytes(manifest.read_bytes().replace(b"\n", b"\r\n"))
        before = files_of(folder)
        self.generate("d", *STREAM, "--samples", 3000, status=5, says="was edited")
        self.assertEqual(files_of(folder), before)

    def test_one_shard_of_very_many_is_read_by_what_is_there(self):
        many = ("--preset", "mild", "--seed", 1, "--samples", 60_000_000, "--chunk-size", 1)
        folder, _ = self.generate("d", *many, "--chunk-shard", "999999/1000000")
        self.generate("d", *many, "--chunk-shard", "7/1000000")
        self.assertIn("120 of 60000000 chunks are listed", self.ends(4, "verify", folder).stderr)
        told = json.loads(self.ends(0, "inspect", folder).stdout)
        self.assertEqual((told["n_listed"], told["n_shards"], told["complete"], told["fault"]),
                         (120, 1000000, False, None))
        self.assertEqual(told["records"][0]["sample_id"], 7)
        (folder / "part-10000007.safetensors").unlink()
        self.assertIn("part-10000007", self.ends(4, "verify", folder).stderr)

    def test_a_second_writer_is_told_to_try_again(self):
        import fcntl
        folder = self.folder / "d"
        folder.mkdir()
        with open(folder / ".lock-0of1", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.generate("d", *STREAM, "--samples", 3000, status=75, says="another process")
            self.generate("d", *STREAM, "--samples", 3000, "--no-lock")
        self.ends(0, "verify", folder)

    def test_a_signal_stops_at_once_whatever_is_done(self):
        folder = self.folder / "d"
        common = ("--preset", "moderate", "--seed", 1, "--samples", 1 << 40, "--chunk-size", 1 << 22, "--force",
                  "--out", folder)
        process = self.start("generate", *common)
        wait_for(lambda: list(folder.glob(".part-*")) or list(folder.glob("part-*")), "the first chunk is begun")
        interrupt(process)
        _, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 4, stderr)
        left = [path for path in folder.iterdir() if "tmp" in path.name]
        self.assertEqual(bool(left), "of unfinished files, which it left" in stderr, stderr)
        self.assertEqual(bool(left), (folder / ".lock-0of1").exists())  # the next run looks for what was left

    def test_hostile_manifests_are_corrupt_data(self):
        folder, _ = self.generate("d", "--preset", "moderate", "--seed", 7, "--count", 1000, "--chunk-size", 250)
        manifest = folder / "manifest-0of1.jsonl"
        header, *lines = manifest.read_text().splitlines()
        for changes in ({"count": 1 << 56, "records": 1 << 56, "chunk_size": 1}, {"count": 1 << 32, "records": 1 << 32},
                        {"count": -1}, {"chunk_size": 0}, {"chunk_size": 2**64}, {"start": 2**63}, {"n_shards": 1000000},
                        {"contract": 2**31}, {"epoch": -5}, {"fingerprint": "x"}, {"format": "nothing"}, {"seed": 7}):
            changed = json.dumps(dict(json.loads(header), **changes), separators=(",", ":"))
            manifest.write_text("\n".join([changed, *lines, ""]))
            for command in ("verify", "inspect"):
                result = run(command, folder)
                self.assertEqual(result.returncode, 5, f"{command} {changes}: {result.stderr}")

    def test_places_that_are_no_folders(self):
        (self.folder / "file").write_text("x")
        small = ("--preset", "mild", "--seed", 1, "--samples", 10)
        self.generate("file", *small, status=1)
        self.generate("file/below", *small, status=1, says="file/below")
        deep, _ = self.generate("made/on/the/way", *small)
        self.ends(0, "verify", deep)
        for command in ("verify", "inspect"):
            result = run(command, self.folder / "nothing")
            self.assertIn(result.returncode, (1, 3), result.stderr)
            self.assertIn("nothing", result.stderr)


if __name__ == "__main__":
    main()
