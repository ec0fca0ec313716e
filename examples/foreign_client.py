#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of `augstream serve` written from docs/protocol.md alone: pyzmq, msgpack and NumPy.

usage: foreign_client.py ENDPOINT [--job J] [--rank R] [--world-size W] [--format columns|records] [--steps N] [--resume TOKEN]

A line a batch, then a summary. Exit status 1 when the server refuses or nobody answers.
"""
import argparse
import os
import sys
import time

import msgpack
import numpy as np
import zmq

PROTOCOL = 1
HELLO, FETCH, BYE = 1, 3, 6
WELCOME, BATCH, EOS, ERR, BUSY = 65, 66, 67, 68, 70
DTYPES = {1: "<f4", 4: "<i4", 5: "<u8", 6: "<i8", 7: "?"}
WINDOW = 8  # steps asked for ahead
PATIENCE = 5.0  # seconds without progress before the socket is replaced
ATTEMPTS = 5  # sockets without progress before giving up


class Failure(Exception):
    """The server refuses, or nobody answers."""


def plan_of_rank(n_samples, world_size, batch_size, rank, tail):
    """The positions of every step of a rank: strategy sequential, rank layout interleaved, last batch kept. Others: the tables
    in docs/protocol.md."""
    steps = []
    for first in range(0, n_samples, world_size * batch_size):
        count = min(world_size * batch_size, n_samples - first)
        dealt = {"pad": -(-count // world_size) * world_size, "drop": count // world_size * world_size, "uneven": count}[tail]
        if dealt == 0:
            break
        steps.append([first + e if e < count else (e - count) % n_samples for e in range(rank, dealt, world_size)])
    return steps


class Place:
    """Where a resume token leads. Its CHECK is not looked at: that needs XXH3, which is not in Python's library."""

    def __init__(self, token, job):
        fields = token.split(":")
        if len(fields) not in (9, 10) or fields[0] != "augs1":
            raise Failure("the token is no line augs1:JOB:FINGERPRINT:EPOCH:GENERATION:STEP:POSITION:PLACE:CHECK")
        self.fingerprint, place = fields[2], fields[7]
        self.epoch, self.generation, self.step, self.position = (int(field) for field in fields[3:7])
        if fields[1] not in ("-", job):
            raise Failure(f"the token is of the job {fields[1]}, not of {job}")
        if len(fields) == 10 and ";" in fields[8]:
            raise Failure("the token names samples of a batch that did not fit: only the pipeline that made it can give them again")
        if place != "a":
            raise Failure(f"the token is of a place '{place}' inside a window or a block; this client goes on from places 'a' only")


class Batch:
    """Columns by name: arrays (samples, values per sample), or lists of values for records."""

    def __init__(self, epoch, step, first, stride, n, columns, choices):
        self.epoch, self.step, self.first, self.stride, self.n = epoch, step, first, stride, n
        self.columns, self.choices = columns, choices


class Client:
    def __init__(self, endpoint, job="default", rank=0, world_size=1, form="columns", token=None):
        self.endpoint, self.job, self.rank, self.world_size, self.form = endpoint, job, rank, world_size, form
        self.context, self.socket, self.request = zmq.Context(), None, 0
        self.fingerprint = self.cursor = None  # the cursor: (epoch, step) of the next batch
        self.place = None if token is None else Place(token, job)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.socket is not None:
            self.socket.close(linger=1000)
        self.context.term()

    def send(self, kind, *fields):
        self.socket.send(msgpack.packb([PROTOCOL, kind, *fields]))

    def receive(self):
        """(type, fields, payload), or None when nothing came in time."""
        if not self.socket.poll(int(1000 * PATIENCE)):
            return None
        header, *payload = self.socket.recv_multipart()
        protocol, kind, *fields = msgpack.unpackb(header)
        if protocol != PROTOCOL:
            raise Failure(f"the server speaks protocol {protocol}")
        if kind == ERR:
            _, _, code, retry_ms, _, text = fields
            if retry_ms == 0:
                raise Failure(f"the server refuses (code {code}): {text}")
            time.sleep(retry_ms / 1000)
            return None
        return kind, fields, payload[0] if payload else b""

    def connect(self):
        """A new socket is a new incarnation: what was asked for with the old one no longer counts."""
        if self.socket is not None:
            self.socket.close(linger=0)
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.set(zmq.RCVHWM, 0)
        self.socket.set(zmq.RECONNECT_IVL, 86_400_000)  # a new connection begins with HELLO: it needs a new socket
        self.socket.set(zmq.LINGER, 0)
        self.socket.connect(self.endpoint)
        self.incarnation = int.from_bytes(os.urandom(8), "little")
        self.send(HELLO, PROTOCOL, PROTOCOL, self.incarnation, self.job, self.rank, self.world_size, self.form, "foreign_client.py")
        answer = self.receive()
        if answer is None or answer[0] != WELCOME:
            return False
        _, _, _, fingerprint, _, schema, plan, credit, *_ = answer[1]
        if self.fingerprint not in (None, fingerprint):
            raise Failure(f"the job is another stream now: {fingerprint}, before {self.fingerprint}")
        self.fingerprint, self.schema, self.window = fingerprint, schema, min(WINDOW, credit)
        self.generation, self.n_steps = plan[0], plan[5]
        first_epoch, n_epochs = plan[15], plan[16]
        self.end_epoch = first_epoch + n_epochs
        if self.cursor is None:
            self.begin(first_epoch)
        self.asked = self.cursor[1]  # asked for up to here
        return True

    def begin(self, first_epoch):
        """The first cursor, the base of its epoch's plan, and the step at which the epoch ends, None if only EOS will tell."""
        place = self.place
        self.cursor, self.base, self.end_step = (first_epoch, 0), (0, 0), self.n_steps
        if place is not None:
            if place.fingerprint != self.fingerprint:
                raise Failure(f"the token is of the stream {place.fingerprint}, the job of {self.fingerprint}")
            if not first_epoch <= place.epoch < self.end_epoch or place.generation != self.generation:
                raise Failure(f"the token is of epoch {place.epoch}, generation {place.generation}; the job has the epochs {first_epoch} to "
                              f"{self.end_epoch - 1}, generation {self.generation}")
            self.cursor, self.base, self.end_step = (place.epoch, place.step), (place.step, place.position), None

    def fetch(self):
        """Asks for more when half of the window is free."""
        epoch, step = self.cursor
        end = step + self.window if self.end_step is None else min(step + self.window, self.end_step)
        count = end - self.asked
        if count > 0 and self.asked - step <= self.window // 2:
            self.request += 1
            self.send(FETCH, self.incarnation, self.request, self.job, self.fingerprint, self.generation, self.rank,
                      self.world_size, epoch, *self.base, self.asked, count, None)
            self.asked += count

    def decode(self, payload, n):
        """The columns of a payload of n samples."""
        if self.form == "records":
            records = msgpack.unpackb(payload)
            if len(records) != n:
                raise Failure(f"{len(records)} records instead of {n}")
            return {name: [record[name] for record in records] for name, *_ in self.schema}
        columns, at = {}, 0
        for name, dtype, shape, width, _ in self.schema:
            count, kind = n * shape * width, np.dtype(DTYPES[dtype])
            columns[name] = np.frombuffer(payload, kind, count, at).reshape(n, shape * width)
            at = (at + count * kind.itemsize + 63) // 64 * 64
        if at != len(payload):
            raise Failure(f"a payload of {len(payload)} bytes instead of {at}")
        return columns

    def take(self, fields, payload):
        """The batch if it is the next one, else None."""
        incarnation, _, generation, rank, epoch, from_step, step, first, stride, n, _, n_bytes, _ = fields
        expected = (self.incarnation, self.generation, self.rank, self.cursor[0], len(payload))
        if (incarnation, generation, rank, epoch, n_bytes) != expected or not from_step <= self.cursor[1] <= step:
            return None
        self.cursor = (epoch, step + 1)  # the steps between have no samples for this rank
        self.asked = max(self.asked, step + 1)
        choices = {name: texts for name, _, _, _, texts in self.schema if texts}
        return Batch(epoch, step, first, stride, n, self.decode(payload, n), choices)

    def batches(self):
        """Every batch from the cursor to the end of the last epoch, each once, whatever happens in between."""
        failures, connected = 0, False
        while True:
            if not connected:
                if failures == ATTEMPTS:
                    raise Failure(f"no answer from {self.endpoint}")
                failures += 1
                connected = self.connect()
                continue
            if self.cursor[1] == self.end_step:
                if self.cursor[0] + 1 == self.end_epoch:
                    self.send(BYE, self.incarnation, self.cursor[0], *self.base, self.cursor[1])
                    return
                self.cursor, self.asked = (self.cursor[0] + 1, 0), 0
                self.base, self.end_step = (0, 0), self.n_steps
            self.fetch()
            answer = self.receive()
            if answer is None:
                connected = False
            elif answer[0] == BATCH:
                batch = self.take(answer[1], answer[2])
                connected = batch is not None
                if batch is not None:
                    failures = 0
                    yield batch
            elif answer[0] == EOS and answer[1][0] == self.incarnation and answer[1][3] == self.cursor[0]:
                from_step, end_step = answer[1][4:6]
                connected = from_step <= self.cursor[1] <= end_step  # otherwise batches before it are missing
                if connected:
                    self.cursor, self.end_step = (self.cursor[0], end_step), end_step


def main():
    parser = argparse.ArgumentParser(description="takes one rank's batches of an augstream server")
    parser.add_argument("endpoint")
    parser.add_argument("--job", default="default")
    parser.add_argument("--rank", type=int, default=0)
    parser.add_argument("--world-size", type=int, default=1)
    parser.add_argument("--format", choices=("columns", "records"), default="columns")
    parser.add_argument("--steps", type=int, default=None, help="stop after so many batches")
    parser.add_argument("--resume", metavar="TOKEN", default=None, help="go on from a token of augstream, of any rank, world size and batch size")
    arguments = parser.parse_args()
    n_batches = n_samples = sum_of_ids = 0
    try:
        with Client(arguments.endpoint, arguments.job, arguments.rank, arguments.world_size, arguments.format, arguments.resume) as client:
            for batch in client.batches() if arguments.steps != 0 else ():
                ids = np.asarray(batch.columns["sample_id"], dtype=np.int64).ravel()
                n_batches, n_samples, sum_of_ids = n_batches + 1, n_samples + batch.n, sum_of_ids + int(ids.sum())
                print(f"epoch {batch.epoch} step {batch.step}: {batch.n} samples from position {batch.first}, stride {batch.stride}, "
                      f"{len(batch.columns)} columns")
                if n_batches == arguments.steps:
                    break
    except Failure as failure:
        print(f"foreign_client.py: {failure}", file=sys.stderr)
        return 1
    print(f"{n_samples} samples in {n_batches} batches, sum of ids {sum_of_ids}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
