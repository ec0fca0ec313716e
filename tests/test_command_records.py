#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`augstream generate` to stdout, as typed. usage: test_command_records.py COMMAND"""
import csv
import fcntl
import io
import json
import os
import resource
import signal
import struct
import subprocess
import termios

import msgpack
import numpy as np

from command_fixture import COMMAND, Case, environment, interrupt, main, numpy_moderate, run, wait_for

MODERATE = ("--preset", "moderate", "--seed", 7)


class Records(Case):
    def equal_to_numpy(self, records, expected, first=0):
        n = len(records)
        self.assertEqual([int(record["sample_id"]) for record in records], list(range(first, first + n)))
        for name, column in expected.items():
            ours = np.array([np.float32(record[name]) for record in records])
            np.testing.assert_array_equal(ours.view(np.uint32), column[first:first + n].view(np.uint32), name)

    def test_jsonl_equals_numpy_bit_for_bit(self):
        records = self.records(*MODERATE, "--samples", 1000, "--format", "jsonl")
        expected = numpy_moderate(1000, 7)
        self.assertEqual(len(records), 1000)
        self.assertEqual(list(records[0]), ["sample_id", *expected])
        self.equal_to_numpy(records, expected)

    def test_jsonl_is_the_default_and_out_dash_is_stdout(self):
        plain = run("generate", *MODERATE, "--samples", 100).stdout
        self.assertEqual(plain, run("generate", *MODERATE, "--samples", 100, "--out", "-").stdout)
        self.assertEqual(plain, run("generate", *MODERATE, "--samples=1_00", "--format=jsonl").stdout)
        self.assertEqual(len(plain.splitlines()), 100)

    def test_csv_equals_numpy_bit_for_bit(self):
        result = self.ends(0, "generate", *MODERATE, "--samples", 1000, "--format", "csv")
        self.equal_to_numpy(list(csv.DictReader(io.StringIO(result.stdout))), numpy_moderate(1000, 7))

    def test_msgpack_equals_numpy_bit_for_bit(self):
        result = self.ends(0, "generate", *MODERATE, "--samples", 1000, "--format", "msgpack", text=False)
        records = list(msgpack.Unpacker(io.BytesIO(result.stdout)))
        self.assertEqual(len(records), 1000)
        self.equal_to_numpy(records, numpy_moderate(1000, 7))

    def test_another_epoch_and_a_part_of_it(self):
        records = self.records(*MODERATE, "--epoch", 3, "--samples", 9000, "--start", 4090, "--count", 4200)
        self.assertEqual(len(records), 4200)
        self.equal_to_numpy(records, numpy_moderate(9000, 7, epoch=3), first=4090)

    def test_shuffled_holds_the_same_records_in_another_order(self):
        plain = self.records(*MODERATE, "--samples", 500)
        shuffled = self.records(*MODERATE, "--samples", 500, "--shuffle")
        self.assertNotEqual(plain, shuffled)
        self.assertEqual(plain, sorted(shuffled, key=lambda record: record["sample_id"]))

    def test_the_shards_together_are_the_whole(self):
        common = (*MODERATE, "--samples", 1000, "--shuffle", "--start", 3, "--chunk-size", 64)
        whole = run("generate", *common).stdout.splitlines()
        shards = [run("generate", *common, "--chunk-shard", f"{i}/3").stdout.splitlines() for i in range(3)]
        for chunk in range(16):
            part = whole[chunk * 64:(chunk + 1) * 64]
            start = chunk // 3 * 64
            self.assertEqual(shards[chunk % 3][start:start + len(part)], part)
        self.assertEqual(sum(map(len, shards)), len(whole))

    def test_shard_auto_is_the_launchers(self):
        common = (*MODERATE, "--samples", 1000, "--chunk-size", 100)
        by_hand = run("generate", *common, "--chunk-shard", "1/4").stdout
        self.assertEqual(len(by_hand.splitlines()), 300)
        result = self.ends(0, "generate", *common, "--chunk-shard", "auto", RANK="1", WORLD_SIZE="4",
                           says="rank 1/4 (torchrun)")
        self.assertEqual(result.stdout, by_hand)
        result = self.ends(0, "generate", *common, "--chunk-shard", "auto/4", JOB_COMPLETION_INDEX="1",
                           says="rank 1/4 (Kubernetes indexed job)")
        self.assertEqual(result.stdout, by_hand)
        self.ends(3, "generate", *common, "--chunk-shard", "auto", RANK="1", says=("RANK", "WORLD_SIZE", "--chunk-shard I/N"))
        self.ends(3, "generate", *common, "--chunk-shard", "auto/4", says=("JOB_COMPLETION_INDEX is not set", "I/4"))

    def test_set_changes_a_number_and_nothing_else(self):
        plain = self.records(*MODERATE, "--samples", 50)
        wider = self.records(*MODERATE, "--samples", 50, "--set", "rotation.uniform[0]=-60", "--set",
                             "rotation.uniform[1]=60")
        for before, after in zip(plain, wider):
            self.assertAlmostEqual(2 * before["rotation"], after["rotation"], places=4)
            self.assertEqual({**before, "rotation": 0}, {**after, "rotation": 0})

    def test_batches_carry_their_index(self):
        records = self.records(*MODERATE, "--samples", 10, "--batch-size", 4)
        self.assertEqual([record["batch"] for record in records], [0] * 4 + [1] * 4 + [2] * 2)
        records = self.records(*MODERATE, "--samples", 10, "--strategy", "sequential", "--batch-size", 4, "--drop-last")
        self.assertEqual(len(records), 8)
        records = self.records(*MODERATE, "--samples", 8, "--strategy", "round_robin", "--batches", 4)
        self.assertEqual([record["sample_id"] for record in records], [0, 4, 1, 5, 2, 6, 3, 7])
        self.assertEqual([record["batch"] for record in records], [0, 0, 1, 1, 2, 2, 3, 3])

    def test_a_last_batch_is_kept_dropped_filled_or_merged(self):
        common = (*MODERATE, "--samples", 11, "--batch-size", 5)
        sizes = {"keep": [5, 5, 1], "drop": [5, 5], "fill": [5, 5, 5], "merge": [5, 6]}
        for last_batch, expected in sizes.items():
            batches = [record["batch"] for record in self.records(*common, "--last-batch", last_batch)]
            self.assertEqual([batches.count(i) for i in range(len(expected))], expected, last_batch)
        self.assertEqual(self.records(*common, "--drop-last"), self.records(*common, "--last-batch", "drop"))
        filled = self.records(*common, "--last-batch", "fill")
        self.assertEqual([record["sample_id"] for record in filled[11:]], [0, 1, 2, 3])
        stderr = self.ends(0, "generate", *common, "--drop-last").stderr
        self.assertIn("left out of the epoch by --last-batch or --tail: 1 samples", stderr)
        stderr = self.ends(2, "generate", *common, "--drop-last", "--last-batch", "fill").stderr
        self.assertIn("accepted: one of them", stderr)
        stderr = self.ends(2, "generate", *MODERATE, "--samples", 11, "--batch-size", 32, "--drop-last").stderr
        self.assertIn("needs 32 positions for a batch, there are 11", stderr)

    def test_ranks_share_batches_as_tail_says(self):
        common = (*MODERATE, "--samples", 11, "--batch-size", 2, "--world-size", 3)
        sizes = {"pad": [4, 4, 4], "drop": [3, 3, 3], "uneven": [4, 4, 3]}
        for tail, expected in sizes.items():
            ranks = [[record["sample_id"] for record in self.records(*common, "--rank", rank, "--tail", tail)]
                     for rank in range(3)]
            self.assertEqual([len(ids) for ids in ranks], expected, tail)
            self.assertEqual(ranks[1][:3], [1, 4, 7], tail)
        self.assertIn("by --last-batch or --tail: 2 samples", self.ends(0, "generate", *common, "--tail", "drop").stderr)
        self.assertEqual(self.records(*MODERATE, "--samples", 7, "--strategy", "round_robin", "--batches", 5, "--world-size", 2,
                                      "--rank", 1, "--tail", "uneven")[0]["sample_id"], 5)
        self.assertIn("accepted: 0 to 2", self.ends(2, "generate", *common, "--rank", 3).stderr)
        self.assertIn("accepted with --out DIR", self.ends(2, "generate", *common, "--out", self.folder / "d").stderr)
        self.assertIn("accepted with --chunk-shard", self.ends(2, "generate", *common, "--chunk-shard", "0/2").stderr)

    def test_what_a_strategy_skips_takes_no_time(self):
        common = (*MODERATE, "--samples", 2**56, "--start", 2**56 - 3, "--drop-last")
        self.assertEqual(len(self.records(*common, "--batch-size", 1)), 3)
        self.assertEqual(len(self.records(*common, "--batch-size", 2)), 2)

    def test_shards_of_batches_are_every_nth_batch(self):
        common = (*MODERATE, "--samples", 103, "--batch-size", 10)
        whole = self.records(*common)
        for i in range(3):
            part = self.records(*common, "--chunk-shard", f"{i}/3")
            self.assertEqual(part, [record for record in whole if record["batch"] % 3 == i])

    def test_an_endless_stream_has_a_count(self):
        records = self.records(*MODERATE, "--count", 20, "--start", 10**9)
        self.assertEqual([record["sample_id"] for record in records], list(range(10**9, 10**9 + 20)))
        self.assertEqual(records, self.records(*MODERATE, "--samples", "endless", "--count", 20, "--start", 10**9))

    def test_an_empty_stream_is_an_empty_output(self):
        self.assertEqual(self.records(*MODERATE, "--samples", 0), [])

    def test_a_reader_that_goes_away_is_a_quiet_end(self):
        process = self.start("generate", *MODERATE, "--samples", "endless", text=False)
        self.assertEqual(json.loads(process.stdout.readline())["sample_id"], 0)
        process.stdout.close()
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(process.stderr.read(), b"")
        process.stdout = None

    def test_a_full_device_is_an_error(self):
        with open("/dev/full", "wb") as full:
            for arguments in (("generate", *MODERATE, "--samples", 10), ("presets", "list"), ("version",)):
                process = self.start(*arguments, stdout=full)
                self.assertEqual(process.wait(30), 1, arguments)
                self.assertRegex(process.stderr.read(), "No space left on device(; 0 bytes were written; make space|$)")

    def test_a_file_that_becomes_full_says_how_much_it_holds(self):
        limit = 300_000  # more than one piece of the output, and not a whole number of records
        def prepare():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        for form in ("jsonl", "csv", "msgpack"):
            path = self.folder / "full"
            with open(path, "wb") as file:
                process = subprocess.run([COMMAND, *map(str, ("generate", *MODERATE, "--samples", 20000, "--format", form))], stdout=file,
                                         stderr=subprocess.PIPE, text=True, env=environment(), preexec_fn=prepare, timeout=60)
            self.assertEqual(process.returncode, 1)
            self.assertEqual(os.path.getsize(path), limit)
            self.assertRegex(process.stderr, rf"writing to stdout: File too large; {limit} bytes were written, which end within a record; make space, "
                                             r"then run the same command again; chunk files \(--out DIR\) go on where they stopped\n$")

    def test_an_interrupt_ends_with_whole_records(self):
        process = self.start("generate", *MODERATE, "--samples", "endless", text=False)
        data = process.stdout.read(100000)
        interrupt(process)
        data += process.stdout.read()
        self.assertEqual(process.wait(30), 4)
        self.assertIn(b"stopped after", process.stderr.read())
        lines = data.splitlines()
        self.assertEqual([json.loads(line)["sample_id"] for line in lines], list(range(len(lines))))

    def test_one_interrupt_ends_a_run_whose_output_nobody_reads(self):
        for arguments in ((), ("--strategy", "sequential", "--batch-size", 200000), ("--chunk-shard", "1/2")):
            reader, writer = os.pipe()
            process = self.start("generate", *MODERATE, "--samples", "endless", *arguments, stdout=writer)
            wait_for(lambda: struct.unpack("i", fcntl.ioctl(reader, termios.FIONREAD, b"1234"))[0] > 0, "the first records")
            interrupt(process)
            self.assertEqual(process.wait(30), 4)
            self.assertRegex(process.stderr.read(), r"stopped while the reader of stdout took nothing; [1-9]\d* bytes were written, which end within a record")
            os.close(writer)
            os.close(reader)

    def test_an_interrupt_within_a_large_batch_ends_with_whole_records(self):
        process = self.start("generate", *MODERATE, "--samples", "endless", "--strategy", "sequential", "--batch-size", 400000, text=False)
        data = process.stdout.read(100000)
        interrupt(process)
        data += process.stdout.read()
        self.assertEqual(process.wait(30), 4)
        self.assertIn(b"stopped after 0 samples and some records of a batch", process.stderr.read())
        lines = data.splitlines()
        self.assertLess(len(lines), 400000)
        self.assertEqual([json.loads(line)["sample_id"] for line in lines], list(range(len(lines))))

    def test_a_second_interrupt_stops_at_once(self):
        process = self.start("generate", *MODERATE, "--samples", "endless", text=False)
        process.stdout.read(1000)
        process.send_signal(signal.SIGSTOP)  # so that both are there before it goes on
        interrupt(process)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(30), 1)

    def test_quiet_says_nothing(self):
        self.assertEqual(run("generate", *MODERATE, "--samples", 10, "--quiet").stderr, "")

    def test_memory_does_not_grow_with_the_stream(self):
        def peak(samples):
            process = subprocess.Popen([COMMAND, "generate", *map(str, MODERATE), "--samples", str(samples), "--format",
                                        "msgpack"], stdout=subprocess.DEVNULL, env=environment())
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            self.assertEqual(status, 0)
            return usage.ru_maxrss
        small, large = peak(20_000), peak(600_000)
        self.assertLess(large, small * 1.25 + 2048)


if __name__ == "__main__":
    main()
