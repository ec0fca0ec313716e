#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Streams against live NumPy: random seeds, names, epochs, ranges, ids, shapes and kinds.

    test_numpy.py LIBAUGSTREAM.so [CASES [SEED]]

NumPy makes the same words with its own SeedSequence and PCG64DXSM; what a word becomes is written here again from
docs/contract.md. A case fails with everything needed to repeat it; the run's seed is printed first. With
AUGS_TEST_PYTHON_NEW, the path of another Python, the cases run there as well.
"""
import ctypes
import math
import os
import secrets
import statistics
import subprocess
import sys
import zlib

try:
    import numpy as np
except ImportError:
    sys.exit(f"test_numpy.py: {sys.executable} has no NumPy, and without NumPy nothing is compared")

KINDS = ["constant", "uniform", "log_uniform", "normal", "beta", "bernoulli", "integer", "choice", "permutation", "seed", "sample"]
DTYPES = {1: np.float32, 4: np.int32, 5: np.uint64, 6: np.int64, 7: np.bool_}
ENDLESS = 2**64 - 1
MASK = 2**64 - 1
HAS_MIN, HAS_MAX = 1, 2
U32, U64, TEXT, F64 = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_char_p, ctypes.c_double


class Choice(ctypes.Structure):
    _fields_ = [("text", TEXT), ("weight", F64), ("is_number", U32), ("reserved", U32)]


class ColumnInfo(ctypes.Structure):
    _fields_ = [("size", U32), ("kind", U32), ("dtype", U32), ("shape", U32), ("width", U32), ("flags", U32),
                ("numbers", F64 * 4), ("gate", U32), ("gate_value", U32), ("identity_bits", U64), ("name", TEXT),
                ("unit", TEXT), ("doc", TEXT), ("source", TEXT), ("choices", ctypes.POINTER(Choice)),
                ("n_choices", U32), ("reserved", U32), ("mean", F64), ("std_dev", F64)]


class StreamOptions(ctypes.Structure):
    _fields_ = [("size", U32), ("order", U32), ("seed", U64), ("n_samples", U64), ("epoch", U32), ("reserved", U32)]


class Span(ctypes.Structure):
    _fields_ = [("first", U64), ("stride", U64), ("count", U64)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int32), ("message", ctypes.c_char * 1024)]


augs = None
rng = None


def call(function, *arguments):
    error = Error()
    status = function(*arguments, ctypes.byref(error))
    if status < 0:
        raise AssertionError(f"{function.__name__}: {status}: {error.message.decode()}")


# what NumPy says -----------------------------------------------------------------------------------

def generator(seed, epoch, name, outputs_to_skip):
    bits = np.random.PCG64DXSM(np.random.SeedSequence(seed, spawn_key=(epoch, zlib.crc32(name.encode()))))
    if outputs_to_skip:
        bits.advance(outputs_to_skip)
    return bits


def words_of(seed, epoch, name, first, n):
    """The column's 32-bit words first .. first + n - 1 as NumPy's next_uint32 yields them."""
    bits = generator(seed, epoch, name, first >> 1)
    raw = bits.random_raw((first + n + 1) // 2 - (first >> 1))
    halves = np.empty(2 * len(raw), dtype=np.uint64)
    halves[0::2], halves[1::2] = raw & np.uint64(0xFFFFFFFF), raw >> np.uint64(32)
    return halves[first & 1:][:n]


def uniform_of(seed, epoch, name, first, n, low, high):
    """By Generator.random itself, which takes the same words."""
    numbers = np.random.Generator(generator(seed, epoch, name, first >> 1))
    if first & 1:
        numbers.random(1, dtype=np.float32)
    u = numbers.random(n, dtype=np.float32)
    return np.float32(low) + (np.float32(high) - np.float32(low)) * u


def choice_of(words, weights):
    sums, total = [], 0.0
    for weight in weights:
        total += weight
        sums.append(total)
    thresholds = [float(np.rint((4294967296.0 * s) / total)) for s in sums[:-1]]
    return np.searchsorted(np.array(thresholds), words.astype(np.float64), side="right").astype(np.int32)


def permutation_of(word, k):
    items, result, rank = list(range(k)), [], (int(word) * math.factorial(k)) >> 32
    for i in range(k, 0, -1):
        at, rank = divmod(rank, math.factorial(i - 1))
        result.append(items.pop(at))
    return result


def order_of(position, n, seed, epoch):
    if n <= 1:
        return position
    keys = np.random.SeedSequence(seed, spawn_key=(epoch, zlib.crc32(b"augstream.order"))).generate_state(8, np.uint64)
    bits = max(8, (n - 1).bit_length())
    low = bits // 2
    high = bits - low
    while True:
        left, right = position >> low, position & ((1 << low) - 1)
        for number, key in enumerate(keys):
            s = ((left if number % 2 else right) * 6364136223846793005 + int(key)) & MASK
            t = (((s >> ((s >> 59) + 5)) ^ s) * 12605985483714917081) & MASK
            if number % 2:
                right ^= (t ^ (t >> 43)) >> (64 - low)
            else:
                left ^= (t ^ (t >> 43)) >> (64 - high)
        position = left << low | right
        if position < n:
            return position


NORMAL = statistics.NormalDist()


def tail(x):
    return 0.5 * math.erfc(-x / math.sqrt(2))


def inverse_tail(p, q):
    return NORMAL.inv_cdf(p) if p <= 0.5 else -NORMAL.inv_cdf(q)


def transcendental_of(kind, spec, words):
    """In binary64 or better, far closer than an ulp of binary32."""
    v = (words.astype(np.longdouble) + np.longdouble(0.5)) * np.longdouble(2.0**-32)
    if kind == "log_uniform":
        low, high = (np.log(np.longdouble(x)) for x in spec)
        return np.clip(np.exp(low + v * (high - low)), np.float32(spec[0]), np.float32(spec[1]))
    if kind == "beta":
        a, b = spec
        return v ** (np.longdouble(1) / a) if b == 1 else -np.expm1(np.log1p(-v) / np.longdouble(b))
    mean, std, low, high = spec
    below, above = (0.0 if low is None else tail((low - mean) / std)), (0.0 if high is None else tail((mean - high) / std))
    mass = 1 - below - above
    values = [mean + std * inverse_tail(float(below + x * mass), float(above + (1 - x) * mass)) for x in v]
    return np.clip(np.array(values), -np.inf if low is None else np.float32(low), np.inf if high is None else np.float32(high))


def expected(case, first, n):
    """Elements first .. first + n - 1 of the case's column."""
    kind, spec, seed, epoch, name = (case[key] for key in ("kind", "spec", "seed", "epoch", "name"))
    if kind == "constant":
        return np.full(n, spec, dtype=np.float32)
    if kind == "uniform":
        return uniform_of(seed, epoch, name, first, n, *spec)
    if kind in ("seed", "sample"):
        raw = generator(seed, epoch, name, first).random_raw(n)
        return raw if kind == "seed" else np.array([(int(x) * case["n_samples"]) >> 64 for x in raw], dtype=np.int64)
    words = words_of(seed, epoch, name, first, n)
    if kind == "bernoulli":
        return (words.astype(np.float64) < np.rint(spec * 4294967296.0))
    if kind == "integer":
        return np.array([spec[0] + ((int(w) * (spec[1] - spec[0] + 1)) >> 32) for w in words], dtype=np.int32)
    if kind == "choice":
        return choice_of(words, spec)
    if kind == "permutation":
        return np.array([permutation_of(w, spec) for w in words], dtype=np.int32).reshape(-1)
    return transcendental_of(kind, spec, words)


def agrees(case, got, want):
    if case["kind"] not in ("log_uniform", "normal", "beta"):
        return got.dtype == want.dtype and np.array_equal(got.view(np.uint8), want.view(np.uint8))
    ulp = np.spacing(np.abs(got)).astype(np.longdouble)
    slack = ulp * 1.001
    if case["kind"] == "beta":
        slack = np.maximum(slack, np.longdouble(2.0**-32))
    if case["kind"] == "normal":  # where mean + std * z cancels, binary64 of both sides shows
        slack = slack + np.longdouble(2.0**-46) * (abs(case["spec"][0]) + case["spec"][1])
    return bool(np.all(np.abs(got.astype(np.longdouble) - want) <= slack))


# random cases --------------------------------------------------------------------------------------

def random_integer(bits):
    """Of any length up to `bits`: short and long ones alike."""
    return int.from_bytes(rng.bytes(8), "little") >> (64 - int(rng.integers(1, bits + 1)))


def random_name():
    letters = "abcdefghijklmnopqrstuvwxyz"
    rest = letters + "0123456789_"
    parts = []
    for _ in range(rng.integers(1, 4)):
        length = rng.integers(0, 15)
        parts.append(letters[rng.integers(26)] + "".join(rest[i] for i in rng.integers(0, len(rest), length)))
    name = ".".join(parts)
    return name if name not in ("sample_id", "augstream.order") else "x"


def random_range():
    scale = 10.0 ** rng.integers(-3, 6)
    low = float(rng.uniform(-scale, scale))
    return [low, low + float(rng.uniform(0.001, 1)) * scale]


def random_spec(kind):
    if kind == "constant":
        return float(np.float32(rng.normal()))
    if kind == "uniform":
        return random_range()
    if kind == "log_uniform":
        low = float(10.0 ** rng.uniform(-6, 3))
        return [low, low * float(10.0 ** rng.uniform(0.01, 4))]
    if kind == "normal":
        mean, std = float(rng.normal()) * 10.0 ** rng.integers(-1, 3), float(10.0 ** rng.uniform(-2, 2))
        low = mean - std * float(rng.uniform(0.5, 4)) if rng.integers(2) else None
        high = mean + std * float(rng.uniform(0.5, 4)) if rng.integers(2) else None
        return [mean, std, low, high]
    if kind == "beta":  # those whose quantile has a closed form; tests/test_quantiles.c has the others
        other = float(rng.uniform(0.05, 20))
        return [1.0, other] if rng.integers(2) else [other, 1.0]
    if kind == "bernoulli":
        return float([0.0, 1.0, 0.5, rng.uniform(), rng.uniform() * 1e-9][rng.integers(5)])
    if kind == "integer":
        ends = sorted((random_integer(32) - 2**31, random_integer(32) - 2**31))
        return [-2**31, 2**31 - 1] if rng.integers(10) == 0 else [ends[0], max(ends[1], ends[0] + 1) if ends[0] < 2**31 - 1 else ends[1]]
    if kind == "choice":
        weights = [float(w) for w in rng.uniform(0, 1, [2, 3, 17, 250][rng.integers(4)])]
        if rng.integers(2):
            weights[rng.integers(len(weights))] = 0.0
        return weights
    return int(rng.integers(2, 13)) if kind == "permutation" else None


def random_case():
    kind = KINDS[rng.integers(len(KINDS))]
    shape = int([1, 1, 2, 3, 10, 17, 256][rng.integers(7)])
    n_samples = max(1, random_integer(56))
    order = int(rng.integers(2))
    if kind != "sample" and rng.integers(4) == 0:
        n_samples, order = ENDLESS, 0
    return {"kind": kind, "shape": shape, "order": order, "n_samples": n_samples, "seed": random_integer(64),
            "epoch": int([0, random_integer(32), 2**32 - 1][rng.integers(3)]), "name": random_name(), "spec": random_spec(kind)}


def column_of(case):
    spec = case["spec"]
    info = ColumnInfo(size=ctypes.sizeof(ColumnInfo), kind=KINDS.index(case["kind"]) + 1, shape=case["shape"],
                      gate=2**32 - 1, name=case["name"].encode())
    if case["kind"] == "choice":
        info.choices = (Choice * len(spec))(*[Choice(text=f"v{i}".encode(), weight=w) for i, w in enumerate(spec)])
        info.n_choices = len(spec)
    elif case["kind"] == "normal":
        info.numbers[:] = [x or 0.0 for x in spec]
        info.flags = (HAS_MIN if spec[2] is not None else 0) | (HAS_MAX if spec[3] is not None else 0)
    elif spec is not None:
        for i, number in enumerate(spec if isinstance(spec, list) else [spec]):
            info.numbers[i] = float(number)
    return info


def open_stream(case):
    preset, stream, info = ctypes.c_void_p(), ctypes.c_void_p(), column_of(case)
    options = StreamOptions(size=ctypes.sizeof(StreamOptions), order=case["order"], seed=case["seed"],
                            n_samples=case["n_samples"], epoch=case["epoch"])
    call(augs.augs_preset_open_columns, b"numpy", ctypes.byref(info), U32(1), ctypes.c_size_t(ctypes.sizeof(info)), None,
         ctypes.byref(preset))
    call(augs.augs_stream_open, preset, ctypes.byref(options), ctypes.byref(stream))
    info.size = ctypes.sizeof(ColumnInfo)
    augs.augs_stream_column(stream, U32(1), ctypes.byref(info))
    augs.augs_preset_unref(preset)
    return stream, DTYPES[info.dtype], info.shape * info.width


def read(stream, dtype, per_sample, function, argument, n):
    ids, values = np.zeros(n, dtype=np.int64), np.zeros(n * per_sample, dtype=dtype)
    columns = (ctypes.c_void_p * 2)(ids.ctypes.data, values.ctypes.data)
    call(function, stream, *argument, columns)
    return ids, values


def run_case(case):
    """A consecutive run (sequential streams), a strided span, and a list of ids."""
    stream, dtype, per_sample = open_stream(case)
    shape = case["shape"]
    limit = min(case["n_samples"], 2**56)
    count = int(min(limit, rng.integers(1, 300 if shape < 20 else 8)))
    first = random_integer(56) % (limit - count + 1)
    span = Span(first, 1, count)
    ids, values = read(stream, dtype, per_sample, augs.augs_stream_fill, [ctypes.byref(span)], count)
    some = list(range(first, first + count)) if case["order"] == 0 else [order_of(first + k, limit, case["seed"], case["epoch"]) for k in range(min(count, 12))]
    assert [int(x) for x in ids[:len(some)]] == some, f"sample ids from position {first} on"
    if case["order"] == 0:
        assert agrees(case, values, expected(case, first * shape, count * shape)), f"samples {first} to {first + count - 1}"
    else:
        for k, sample in enumerate(some):
            assert agrees(case, values[k * per_sample:(k + 1) * per_sample], expected(case, sample * shape, shape)), f"sample {sample}"
    picks = np.array([random_integer(56) % limit for _ in range(int(rng.integers(1, 12)))], dtype=np.int64)
    ids, values = read(stream, dtype, per_sample, augs.augs_stream_gather, [ctypes.c_void_p(picks.ctypes.data), ctypes.c_size_t(len(picks))], len(picks))
    assert np.array_equal(ids, picks), "sample ids of a gather"
    for k, sample in enumerate(picks):
        assert agrees(case, values[k * per_sample:(k + 1) * per_sample], expected(case, int(sample) * shape, shape)), f"gathered sample {sample}"
    augs.augs_stream_unref(stream)


def main():
    global augs, rng
    augs = ctypes.CDLL(sys.argv[1])
    for name in ("preset_open_columns", "preset_unref", "stream_open", "stream_unref", "stream_column", "stream_fill", "stream_gather"):
        getattr(augs, "augs_" + name).restype = None if name.endswith("unref") else ctypes.c_int
    n_cases = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else secrets.randbits(64)
    print(f"test_numpy.py: seed {seed}, {n_cases} cases, NumPy {np.__version__}, Python {sys.version.split()[0]}", flush=True)
    levels = [level for level in (b"scalar", b"avx2", b"avx512") if augs.augs_simd_select(level) == 0]
    counts = dict.fromkeys(KINDS, 0)
    for i in range(n_cases):
        rng = np.random.default_rng([seed, i])
        case = random_case()
        level = levels[rng.integers(len(levels))]
        augs.augs_simd_select(level)
        try:
            run_case(case)
        except AssertionError as fault:
            sys.exit(f"failed: case {i} of seed {seed}, {level.decode()}: {fault}\n  {case}")
        counts[case["kind"]] += 1
    print("agree:", ", ".join(f"{count} {kind}" for kind, count in counts.items()), "on", ", ".join(level.decode() for level in levels), flush=True)
    another = os.environ.pop("AUGS_TEST_PYTHON_NEW", None)
    if another and os.path.exists(another):
        sys.exit(subprocess.run([another, *sys.argv]).returncode)


if __name__ == "__main__":
    main()
