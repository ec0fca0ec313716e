#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`augstream serve` and `augstream subscribe`, as typed. usage: test_command_network.py COMMAND"""
import csv
import io
import json
import re
import signal
import socket

import msgpack
import numpy as np
import zmq

from command_fixture import Case, interrupt, main, run, wait_for

STREAM = ("--preset", "moderate", "--seed", 7, "--shuffle")


class Network(Case):
    def serve_job(self, samples, world_size, *arguments):
        return self.serve(*STREAM, "--samples", samples, "--world-size", world_size, *arguments)

    def subscribe(self, endpoint, rank, world_size, *arguments, status=0, **options):
        return self.ends(status, "subscribe", "--connect", endpoint, "--rank", rank, "--world-size", world_size, "--timeout", 20,
                         *arguments, **options)

    def done(self, process, status=0):
        stdout, stderr = process.communicate(timeout=60)
        self.assertEqual(process.returncode, status, stderr)
        return stdout, stderr

    def whole(self, samples, *arguments):
        """Records of the epoch by sample id."""
        return {record["sample_id"]: record for record in self.records(*STREAM, "--samples", samples, *arguments)}

    def test_every_position_is_served_once_or_counted(self):
        for i in range(12):
            last_batch, tail = ("keep", "drop", "fill", "merge")[i % 4], ("pad", "drop", "uneven")[i // 4]
            server, line = self.serve_job(23, 3, "--batch-size", 2, "--last-batch", last_batch, "--tail", tail,
                                          "--exit-when-done", "--json")
            job, ids, padded = json.loads(line), [], 0
            for rank in range(3):
                done = self.subscribe(job["endpoint"], rank, 3, "--verify", "--json", "--format", "jsonl")
                summary = json.loads(done.stderr.strip().splitlines()[-1])
                taken = [json.loads(record)["sample_id"] for record in done.stdout.splitlines()]
                ids, padded = ids + taken, padded + summary["padded"]
            self.done(server)
            self.assertEqual(len(set(ids)) + job["left_out"], 23, (last_batch, tail))
            self.assertEqual(len(ids) - len(set(ids)), padded, (last_batch, tail))
            self.assertEqual(padded > 0, last_batch == "fill" or (tail == "pad" and last_batch != "drop"), (last_batch, tail))

    def test_a_job_that_delivers_nothing_is_not_served(self):
        stderr = self.ends(2, "serve", *STREAM, "--samples", 7, "--world-size", 4, "--batch-size", 2, "--drop-last").stderr
        self.assertIn("needs 8 positions for a batch of all ranks, there are 7", stderr)

    def refused_with(self, text):
        """What subscribe prints when a server answers HELLO with ERR and these bytes as its text."""
        with zmq.Context() as context, context.socket(zmq.ROUTER) as server:
            server.linger = 0
            port = server.bind_to_random_port("tcp://127.0.0.1")
            process = self.start("subscribe", "--connect", f"tcp://127.0.0.1:{port}", "--rank", 0, "--world-size", 2,
                                 "--timeout", 3, "--format", "jsonl", text=False)
            while process.poll() is None:
                if server.poll(50):
                    peer, frame = server.recv_multipart()[:2]
                    hello = msgpack.unpackb(frame)
                    err = msgpack.packb([1, 68, hello[4], 0, 2, 0, 0, ""])
                    server.send_multipart([peer, err[:-1] + b"\xdb" + len(text).to_bytes(4, "big") + text])
            stdout, stderr = process.communicate()
        self.assertEqual(stdout, b"")
        return process.returncode, stderr.decode()

    def test_the_text_of_a_hostile_server_cannot_write_to_a_terminal(self):
        text = "no \x1b[31mred\x07\r\naugstream: done \x9b2J \u202eabc \u2028 \x7f"
        status, stderr = self.refused_with(text.encode())
        self.assertEqual(status, 3)
        self.assertEqual(stderr.splitlines()[1:], [r"augstream: the server refuses: no \x1b[31mred\x07\r\naugstream: done "
                                                   r"\u009b2J \u202eabc \u2028 \x7f"])
        status, stderr = self.refused_with(b"x" * 60000)
        self.assertEqual(status, 3)
        self.assertLess(len(stderr), 1200)
        status, stderr = self.refused_with(b"bad \xff\xfe\x00")
        self.assertEqual(status, 75)
        self.assertIn("a field of the message of type 68 has the wrong type or range", stderr)
        self.assertRegex(stderr, r"\A[\n -~]*\Z")

    def test_four_ranks_take_every_position_once_and_one_is_killed(self):
        samples, world_size = 40000, 4
        server, endpoint = self.serve_job(samples, world_size, "--batch-size", 16, "--tail", "uneven", "--exit-when-done")
        def arguments(rank):
            place = self.folder / f"rank{rank}"
            return ("subscribe", "--connect", endpoint, "--rank", rank, "--world-size", world_size, "--verify", "--timeout", 30,
                    "--out", f"{place}.jsonl", "--ids", f"{place}.npy", "--token-file", f"{place}.token",
                    "--resume", f"@{place}.token", "--json", "--quiet")
        ranks = [self.start(*arguments(rank)) for rank in range(world_size)]
        token = self.folder / "rank2.token"
        def batches_taken():
            return int(token.read_text().split(":")[5]) if token.exists() else 0
        kills = 0
        for least in (5, 40, 120):
            wait_for(lambda: batches_taken() >= least or ranks[2].poll() is not None, "batches of rank 2")
            if ranks[2].poll() is None:
                ranks[2].send_signal(signal.SIGKILL)
                ranks[2].communicate()
                kills += 1
                ranks[2] = self.start(*arguments(2))
        self.assertGreaterEqual(kills, 1)
        summaries = [json.loads(self.done(rank)[0]) for rank in ranks]
        self.done(server)
        whole = self.whole(samples)
        positions = np.array(list(whole), dtype=np.uint64)
        seen = []
        for rank in range(world_size):
            ids = np.load(self.folder / f"rank{rank}.npy")
            lines = (self.folder / f"rank{rank}.jsonl").read_text().splitlines()
            records = [json.loads(line) for line in lines]
            self.assertEqual([record["sample_id"] for record in records], ids.tolist())
            self.assertTrue(all(record == whole[record["sample_id"]] for record in records))
            np.testing.assert_array_equal(ids, positions[rank::world_size])
            seen += ids.tolist()
            self.assertEqual(summaries[rank]["rank"], rank)
        self.assertEqual(sorted(seen), list(range(samples)))
        self.assertLess(summaries[2]["samples"], samples // world_size)

    def test_the_digests_of_the_ranks_add_up_to_that_of_the_chunks(self):
        samples = 5001
        server, endpoint = self.serve_job(samples, 3, "--batch-size", 64, "--tail", "uneven", "--exit-when-done")
        ranks = [self.start("subscribe", "--connect", endpoint, "--rank", rank, "--world-size", 3, "--json", "--timeout", 30)
                 for rank in range(3)]
        summaries = [json.loads(self.done(rank)[0]) for rank in ranks]
        self.done(server)
        folder = self.folder / "chunks"
        self.ends(0, "generate", *STREAM, "--samples", samples, "--out", folder)
        chunks = json.loads(self.ends(0, "verify", folder, "--json").stdout)
        total = sum(int(summary["digest"], 16) for summary in summaries) % 2**128
        self.assertEqual(f"{total:032x}", chunks["digest"])
        self.assertEqual(sum(summary["samples"] for summary in summaries), samples)
        self.assertEqual([summary["padded"] for summary in summaries], [0, 0, 0])

    def test_padding_is_counted_and_dropping_drops(self):
        for tail, expected in (("pad", [4, 4, 4]), ("drop", [3, 3, 3]), ("uneven", [4, 3, 3])):
            server, endpoint = self.serve_job(10, 3, "--batch-size", 2, "--tail", tail, "--exit-when-done")
            ranks = [self.start("subscribe", "--connect", endpoint, "--rank", rank, "--world-size", 3, "--json", "--verify",
                                "--timeout", 30) for rank in range(3)]
            summaries = [json.loads(self.done(rank)[0]) for rank in ranks]
            self.done(server)
            self.assertEqual([summary["samples"] for summary in summaries], expected, tail)
            self.assertEqual(sum(summary["padded"] for summary in summaries), 2 if tail == "pad" else 0)

    def test_block_shards_are_contiguous(self):
        server, endpoint = self.serve_job(10, 4, "--batch-size", 2, "--rank-layout", "block", "--tail", "uneven", "--exit-when-done")
        order = list(self.whole(10))
        parts = []
        for rank in range(4):
            out = self.subscribe(endpoint, rank, 4, "--out", "-", "--verify").stdout
            parts.append([json.loads(line)["sample_id"] for line in out.splitlines()])
        self.done(server)
        self.assertEqual([len(part) for part in parts], [3, 3, 2, 2])
        self.assertEqual(sum(parts, []), order)

    def test_records_in_every_format(self):
        server, endpoint = self.serve_job(100, 1, "--batch-size", 8)
        expected = list(self.whole(100).values())
        jsonl = self.subscribe(endpoint, 0, 1, "--format", "jsonl").stdout
        self.assertEqual([json.loads(line) for line in jsonl.splitlines()], expected)
        rows = list(csv.DictReader(io.StringIO(self.subscribe(endpoint, 0, 1, "--out", "-", "--format", "csv").stdout)))
        self.assertEqual([int(row["sample_id"]) for row in rows], [record["sample_id"] for record in expected])
        packed = self.subscribe(endpoint, 0, 1, "--format", "msgpack", text=False).stdout
        self.assertEqual([record["sample_id"] for record in msgpack.Unpacker(io.BytesIO(packed))],
                         [record["sample_id"] for record in expected])
        result = self.subscribe(endpoint, 0, 1, "--out", "-", "--json")
        self.assertEqual(result.stdout, jsonl)
        self.assertIn('"samples":100', result.stderr)

    def test_several_epochs_one_after_the_other(self):
        server, endpoint = self.serve_job(50, 1, "--batch-size", 8, "--epoch", 3, "--epochs", 2, "--exit-when-done")
        out = self.subscribe(endpoint, 0, 1, "--out", "-", "--verify").stdout
        self.done(server)
        expected = list(self.whole(50, "--epoch", 3).values()) + list(self.whole(50, "--epoch", 4).values())
        self.assertEqual([json.loads(line) for line in out.splitlines()], expected)

    def test_a_global_batch_size_is_shared_by_the_ranks(self):
        server, endpoint = self.serve_job(96, 2, "--global-batch-size", 32)
        summary = json.loads(self.subscribe(endpoint, 1, 2, "--json").stdout)
        self.assertEqual((summary["samples"], summary["batches"]), (48, 3))

    def test_a_stopped_rank_goes_on_from_its_token_in_csv(self):
        server, endpoint = self.serve_job(300000, 1, "--batch-size", 64)
        out, token, ids = self.folder / "out.csv", self.folder / "token", self.folder / "ids.npy"
        common = ("subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 1, "--timeout", 30, "--format", "csv", "--out",
                  out, "--ids", ids, "--token-file", token)
        rank = self.start(*common)
        wait_for(lambda: token.exists(), "the first token")
        interrupt(rank)
        _, stderr = self.done(rank, status=4)
        self.assertIn("stopped after", stderr)
        n_before = len(np.load(ids))
        self.assertLess(n_before, 300000)
        with open(out, "a") as file:  # as if killed between record and token
            file.write("1,2,3\n")
        result = self.ends(0, *common, "--resume", f"@{token}", "--verify")
        self.assertIn("every batch as made here", result.stderr)
        whole = run("generate", *STREAM, "--samples", 300000, "--format", "csv").stdout
        self.assertEqual(out.read_text(), whole)
        np.testing.assert_array_equal(np.load(ids), [int(line.split(",")[0]) for line in whole.splitlines()[1:]])

    def test_a_token_as_text_goes_on(self):
        server, endpoint = self.serve_job(100, 1, "--batch-size", 10)
        token = self.folder / "token"
        summary = json.loads(self.subscribe(endpoint, 0, 1, "--json", "--token-file", token).stdout)
        self.assertEqual(summary["token"], token.read_text().splitlines()[0])
        again = json.loads(self.subscribe(endpoint, 0, 1, "--json", "--resume", summary["token"]).stdout)
        self.assertEqual(again["samples"], 0)

    def test_a_token_of_another_stream_is_refused_with_both_fingerprints(self):
        _, one = self.serve_job(100, 1, "--batch-size", 10)
        _, two = self.serve("--preset", "moderate", "--seed", 8, "--samples", 100, "--world-size", 1, "--batch-size", 10)
        token = json.loads(self.subscribe(one, 0, 1, "--json").stdout)["token"]
        result = self.subscribe(two, 0, 1, "--resume", token, status=5)
        self.assertEqual(len(set(re.findall(r"\b[0-9a-f]{32}\b", result.stderr))), 2, result.stderr)
        self.subscribe(one, 0, 1, "--resume", token[:-1] + ("0" if token[-1] != "0" else "1"), status=5, says="token")
        self.subscribe(one, 0, 1, "--resume", "nonsense", status=5, says="token")
        self.subscribe(one, 0, 1, "--resume", f"@{self.folder}/none", status=3, says="no such file")
        garbage = self.folder / "garbage"
        garbage.write_text(token + "\nout what\n")
        self.subscribe(one, 0, 1, "--resume", f"@{garbage}", status=5, says="no file of --token-file")

    def test_an_output_that_does_not_belong_to_the_token_is_refused(self):
        _, endpoint = self.serve_job(100, 1, "--batch-size", 10)
        out, token = self.folder / "out", self.folder / "token"
        common = ("--out", out, "--token-file", token)
        self.subscribe(endpoint, 0, 1, *common)
        self.subscribe(endpoint, 0, 1, *common, "--resume", f"@{token}", "--format", "csv", status=5, says=("jsonl", "csv"))
        out.write_text("short")
        self.subscribe(endpoint, 0, 1, *common, "--resume", f"@{token}", status=5, says="5 bytes")
        self.assertEqual(out.read_text(), "short")

    def test_a_change_of_any_byte_of_the_token_file_is_refused(self):
        _, endpoint = self.serve_job(1000, 1, "--batch-size", 100)
        out, ids, token = self.folder / "out", self.folder / "ids.npy", self.folder / "token"
        common = ("--out", out, "--ids", ids, "--token-file", token)
        self.subscribe(endpoint, 0, 1, *common)
        good, before = token.read_bytes(), out.read_bytes()
        lines = good.splitlines(keepends=True)
        self.assertEqual([line.split()[0] for line in lines[1:]], [b"out", b"ids", b"check"])
        changed = [good[:-1], b"", lines[0], b"".join(lines[:-1]), b"".join(lines[:2] + lines[3:]), good + b"\n",
                   b"".join([lines[0], lines[2], lines[1], lines[3]]), good.replace(b"out jsonl", b"out csv")]
        for i in range(len(lines[0]), len(good)):
            changed.append(good[:i] + bytes([good[i] ^ 1]) + good[i + 1:])
        for text in changed:
            token.write_bytes(text)
            self.subscribe(endpoint, 0, 1, *common, "--resume", f"@{token}", status=5, says="token")
            self.assertEqual((token.read_bytes(), out.read_bytes()), (text, before))
        token.write_bytes(good)
        self.subscribe(endpoint, 0, 1, *common, "--resume", f"@{token}")
        self.assertEqual(out.read_bytes(), before)

    def test_a_token_of_another_plan_leads_to_its_position(self):
        """Step 5 of batches of 100 is the end, that of batches of 50 the middle: nothing may come twice or never."""
        server, endpoint = self.serve_job(1000, 2, "--batch-size", 100)
        token = json.loads(self.subscribe(endpoint, 0, 2, "--json").stdout)["token"]
        self.assertEqual(token.split(":")[5:7], ["5", "1000"])
        other = json.loads(self.subscribe(endpoint, 1, 2, "--json", "--resume", token).stdout)
        self.assertEqual(other["samples"], 0)  # a rank may go on with another's token
        for rank, world_size, arguments in ((0, 2, ("--batch-size", 50)), (1, 2, ("--batch-size", 50)), (2, 3, ("--batch-size", 50)),
                                            (0, 2, ("--strategy", "round_robin", "--batches", 7))):
            server, endpoint = self.serve_job(1000, world_size, *arguments)
            self.assertEqual(json.loads(self.subscribe(endpoint, rank, world_size, "--json", "--resume", token).stdout)["samples"], 0)

    def test_ranks_of_another_number_go_on_where_a_token_stands(self):
        """Three ranks of batches of 7 stop after some steps; two ranks of batches of 16 take the rest, to the last sample."""
        server, endpoint = self.serve_job(300000, 3, "--batch-size", 7, "--tail", "uneven")
        token = self.folder / "token"
        rank = self.start("subscribe", "--connect", endpoint, "--rank", 1, "--world-size", 3, "--timeout", 30, "--token-file", token)
        wait_for(token.exists, "the first token")
        interrupt(rank)
        self.done(rank, status=4)
        text = token.read_text().splitlines()[0]
        step, position = (int(field) for field in text.split(":")[5:7])
        self.assertTrue(0 < position < 300000 and position == step * 21, text)
        _, endpoint = self.serve_job(300000, 2, "--batch-size", 16, "--tail", "uneven")
        ids = []
        for rank in range(2):
            self.subscribe(endpoint, rank, 2, "--resume", text, "--verify", "--ids", self.folder / f"{rank}.npy")
            ids += np.load(self.folder / f"{rank}.npy").tolist()
        order = self.ends(0, "generate", *STREAM, "--samples", 300000, "--start", position, "--format", "csv").stdout.splitlines()[1:]
        self.assertEqual(sorted(ids), sorted(int(line.split(",")[0]) for line in order))
        # blocks have no such place
        _, endpoint = self.serve_job(300000, 2, "--batch-size", 16, "--rank-layout", "block")
        self.subscribe(endpoint, 0, 2, "--resume", text, status=5, says=("resume token", f"position {position}", "cannot go on there"))

    def test_a_batch_that_could_not_be_written_is_not_in_the_token(self):
        server, endpoint = self.serve_job(1000, 1, "--batch-size", 100)
        rank = ("subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 1)
        result = self.ends(1, *rank, "--out", "/dev/full", "--json", says="No space left")
        summary = json.loads(result.stdout)
        self.assertEqual((summary["samples"], summary["batches"], summary["digest"]), (0, 0, "0" * 32))
        self.assertEqual(summary["token"].split(":")[5:7], ["0", "0"])
        result = self.ends(1, *rank, "--out", self.folder / "no" / "folder", "--json", says="No such file")
        self.assertEqual((result.stdout, result.stderr.count("augstream: --out '")), ("", 1))
        self.assertNotIn("closing", result.stderr)

    def test_outputs_that_would_overwrite_one_another_are_refused(self):
        server, endpoint = self.serve_job(10, 1)
        rank = ("subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 1)
        a, b = self.folder / "a", self.folder / "b"
        self.ends(2, *rank, "--out", a, "--ids", a, says=("--out and --ids", "same file"))
        self.ends(2, *rank, "--out", a, "--token-file", a, says=("--out and --token-file",))
        self.assertFalse(a.exists())
        self.ends(2, *rank, "--out", a, "--ids", f"{self.folder}/./a", says=("--out and --ids", "same file"))
        b.symlink_to(a)
        self.ends(2, *rank, "--ids", a, "--token-file", b, says=("--ids and --token-file",))

    def test_no_server_is_try_again(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            port = closed.getsockname()[1]
            self.ends(75, "subscribe", "--connect", f"tcp://127.0.0.1:{port}", "--timeout", "0.5", says=("no answer", str(port)))

    def test_a_taken_port_is_named(self):
        _, endpoint = self.serve_job(10, 1)
        self.ends(3, "serve", *STREAM, "--samples", 10, "--world-size", 1, "--bind", endpoint, says=endpoint)

    def test_places_that_are_not_loopback_are_refused(self):
        for bind in ("tcp://0.0.0.0:0", "tcp://*:5757", "udp://127.0.0.1:5", "nonsense"):
            self.ends(3, "serve", *STREAM, "--samples", 10, "--world-size", 1, "--bind", bind, says=bind)

    def test_ipc_works_as_tcp_does(self):
        self.folder.chmod(0o700)
        endpoint = f"ipc://{self.folder}/socket"
        server = self.start("serve", *STREAM, "--samples", 100, "--world-size", 1, "--bind", endpoint, "--exit-when-done")
        self.assertEqual(server.stdout.readline().strip(), endpoint)
        self.assertEqual(len(self.subscribe(endpoint, 0, 1, "--out", "-").stdout.splitlines()), 100)
        self.done(server)

    def test_a_world_size_or_job_that_is_not_the_servers_is_refused(self):
        _, endpoint = self.serve_job(10, 2)
        self.subscribe(endpoint, 0, 3, status=3, says="world")
        self.subscribe(endpoint, 0, 2, "--job", "other", status=3, says="job")

    def test_a_server_is_stopped_by_a_signal(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server, endpoint = self.serve_job(10, 1)
            self.subscribe(endpoint, 0, 1)
            server.send_signal(number)
            _, stderr = self.done(server)
            self.assertIn("served 10 samples", stderr)
        server, endpoint = self.serve_job(10, 1, "--exit-when-done")
        interrupt(server)
        _, stderr = self.done(server, status=4)
        self.assertIn("0 of 1 ranks were done", stderr)

    def test_a_server_that_dies_and_comes_again_is_not_noticed(self):
        server, endpoint = self.serve_job(200000, 1, "--batch-size", 32)
        rank = self.start("subscribe", "--connect", endpoint, "--rank", 0, "--world-size", 1, "--json", "--verify", "--ids",
                          self.folder / "ids.npy", "--timeout", 60)
        wait_for(lambda: (self.folder / "ids.npy").exists() and (self.folder / "ids.npy").stat().st_size > 10000, "ids")
        server.kill()
        server.communicate()
        again = self.start("serve", *STREAM, "--samples", 200000, "--world-size", 1, "--batch-size", 32, "--bind", endpoint)
        self.assertEqual(again.stdout.readline().strip(), endpoint)
        summary = json.loads(self.done(rank)[0])
        self.assertEqual(summary["samples"], 200000)
        self.assertGreaterEqual(summary["reconnects"], 1)
        self.assertEqual(sorted(np.load(self.folder / "ids.npy").tolist()), list(range(200000)))

    def test_serve_tells_about_itself_in_json(self):
        server, line = self.serve_job(10, 2, "--json", "--batch-size", 3, "--job-name", "train.1")
        told = json.loads(line)
        self.assertEqual((told["job"], told["world_size"], told["batch_size"], told["samples"]), ("train.1", 2, 3, 10))
        self.subscribe(told["endpoint"], 0, 2, "--job", "train.1")

    def test_serve_tells_the_batch_size_that_the_plan_uses(self):
        for arguments, size in (((), 32), (("--batch-size", 10, "--multiple-of", 4), 8), (("--max-batch-size", 10), 10),
                                (("--min-batch-size", 48), 48), (("--multiple-of", 7), 28), (("--batch-size", 5, "--last-batch", "fill"), 5),
                                (("--global-batch-size", 24), 12), (("--batch-size", 50, "--rank-layout", "block"), 50),
                                (("--batch-size", 3000), 3000), (("--strategy", "round_robin", "--batches", 5), None)):
            server, line = self.serve_job(1000, 2, "--json", *arguments)
            told = json.loads(line)
            self.assertEqual(told["batch_size"], size, arguments)
            first = json.loads(self.subscribe(told["endpoint"], 0, 2, "--json").stdout)
            if size is not None:
                self.assertEqual(first["batches"], -(-500 // size), arguments)
            interrupt(server)
            self.done(server)

    def test_the_rank_of_a_launcher_is_used(self):
        _, endpoint = self.serve_job(10, 2, "--tail", "uneven")
        result = self.ends(0, "subscribe", "--connect", endpoint, "--timeout", 20, "--json", RANK="1", WORLD_SIZE="2",
                           says="rank 1/2 (torchrun)")
        self.assertEqual(json.loads(result.stdout)["rank"], 1)
        self.ends(3, "subscribe", "--connect", endpoint, RANK="1", says="WORLD_SIZE")


if __name__ == "__main__":
    main()
