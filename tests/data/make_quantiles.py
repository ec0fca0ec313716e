#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes quantiles.json: correctly rounded binary32 values of the quantile functions, from mpmath.

Needs mpmath and scipy (for first guesses only). Run: python3 make_quantiles.py > quantiles.json
Each value is solved for at 200 bits or more, and the residual is checked.
"""
import json
import random
import struct

import mpmath as mp
from scipy.special import betaincinv

mp.mp.prec = 200
EDGES = [0, 1, 2, 3, 255, 65536, 2**24 - 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 3 * 2**30, 2**32 - 65537,
         2**32 - 256, 2**32 - 3, 2**32 - 2, 2**32 - 1]
LOG_UNIFORM = [(0.75, 4 / 3), (0.5, 2), (1e-6, 1e6), (1e-38, 3e38), (1e-45, 1e-40), (0.999999, 1.000001), (1, 10),
               (1e-4, 1e-1), (3, 3.0000005)]
INF = float("inf")
NORMAL = [(0, 1, -INF, INF), (9, 0.5, 0, 10), (0, 1, 5, 6), (0, 1, -40, -38), (0, 1, 10, INF), (0, 1, -INF, -10),
          (0, 1, 26.9, 28), (0, 1, 27.1, INF), (0, 1, 100, 101), (0, 1, 1000, INF), (0, 1, -2, 2), (0, 1, -1, 2),
          (0, 1, 0, INF), (0, 1, -INF, 0), (100, 1, -INF, INF), (1, 0.1, 0.5, 2), (0, 2.5, 1, 1.0001), (-3, 1, 0, 1e30),
          (0, 1, -0.01, 0.02), (0, 1e-30, -INF, INF), (0, 1e30, -1e30, 1e31), (5, 0.1, 0, 1), (0, 1, -50, 50),
          (0, 1, 4, 300), (-100, 1, 0, 1), (0, 1, -30, 3), (0, 1, 8, 8.0000001)]
BETA = [(0.2, 0.2), (1, 1), (32, 32), (0.5, 0.5), (0.4, 0.4), (0.01, 0.01), (1000, 0.01), (0.01, 1000), (1000, 1000),
        (0.01, 1), (1, 0.01), (1, 1000), (1000, 1), (2, 5), (5, 2), (8, 8), (0.1, 0.1), (1.5, 0.3), (200, 3), (3, 200),
        (0.3, 50), (1000, 500), (999.5, 0.75), (16, 15.9), (0.9999, 1.0001), (0.05, 3), (40, 1000)]


def f32_bits(x):
    """Correctly rounded binary32 of x."""
    if abs(x) < mp.mpf(2) ** -300:
        return "00000000"
    exponent = max(mp.floor(mp.log(abs(x), 2)), -126)
    step = mp.mpf(2) ** (exponent - 23)
    return struct.pack(">f", float(mp.nint(x / step) * step)).hex()


def tail(x):
    """1 - Phi(x)."""
    return mp.erfc(x / mp.sqrt(2)) / 2


def normal_inverse(mass, guess):
    """x > 0 with 1 - Phi(x) = mass <= 1/2."""
    x = guess
    for _ in range(60):
        q = tail(x)
        step = (mp.log(mass) - mp.log(q)) * q / mp.npdf(x)
        x -= step
        if abs(step) <= abs(x) * mp.mpf(2) ** -150:
            break
    assert mass == mp.mpf("0.5") or abs(tail(x) / mass - 1) < mp.mpf(2) ** -120
    return x


def normal(mean, std, low, high, word):
    mp.mp.prec = 400
    m, s, v = mp.mpf(mean), mp.mpf(std), (mp.mpf(word) + mp.mpf("0.5")) / 2**32
    a, b = (mp.mpf(low) - m) / s, (mp.mpf(high) - m) / s
    if a + b >= 0:  # out of the upper tail
        q = tail(a) + v * (tail(b) - tail(a))
        sign = 1
    else:
        q = tail(-b) + (1 - v) * (tail(-a) - tail(-b))
        sign = -1
    if q > mp.mpf("0.5"):
        q, sign = 1 - q, -sign
    if q == mp.mpf("0.5"):
        return m
    guess = mp.sqrt(-2 * mp.log(2 * q))
    return m + sign * s * normal_inverse(q, guess)


def ln_beta_lower(a, b, x, log_beta):
    """ln I_x(a, b), by the series of positive terms."""
    term = total = mp.mpf(1)
    k = 0
    while term > total * mp.mpf(2) ** -205:
        term *= (a + b + k) / (a + 1 + k) * x
        total += term
        k += 1
    return a * mp.log(x) + b * mp.log(1 - x) - mp.log(a) - log_beta + mp.log(total), total


def beta_lower(a, b, v):
    """x with I_x(a, b) = v, for x that are not far above the mode."""
    log_beta = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    guess = float(betaincinv(float(a), float(b), float(v)))
    u = mp.log(mp.mpf(guess)) if 1e-290 < guess < 1 else (mp.log(v) + mp.log(a) + log_beta) / a
    for _ in range(60):
        x = mp.exp(u)
        value, total = ln_beta_lower(a, b, x, log_beta)
        step = (value - mp.log(v)) * (1 - x) * total / a
        u -= step
        if abs(step) <= mp.mpf(2) ** -140:
            break
    assert abs(value - mp.log(v)) < mp.mpf(2) ** -100
    return mp.exp(u)


def beta(a, b, word):
    a, b, v = mp.mpf(a), mp.mpf(b), (mp.mpf(word) + mp.mpf("0.5")) / 2**32
    if float(betaincinv(float(a), float(b), float(v))) <= float((a + 1) / (a + b + 2)):
        return beta_lower(a, b, v)
    return 1 - beta_lower(b, a, 1 - v)


def log_uniform(low, high, word):
    v = (mp.mpf(word) + mp.mpf("0.5")) / 2**32
    return mp.exp(mp.log(low) + v * (mp.log(high) - mp.log(low)))


def clamp(bits, low, high):
    value = struct.unpack(">f", bytes.fromhex(bits))[0]
    low, high = (struct.unpack("f", struct.pack("f", x))[0] for x in (low, high))
    return struct.pack(">f", min(max(value, low), high)).hex()


def main():
    rng = random.Random(20261121)
    lines = []
    for kind, function, sets in (("log_uniform", log_uniform, LOG_UNIFORM), ("normal", normal, NORMAL),
                                 ("beta", beta, BETA)):
        for params in sets:
            words = sorted(set(EDGES + [rng.getrandbits(32) for _ in range(24)]))
            bits = []
            for word in words:
                mp.mp.prec = 200
                text = f32_bits(function(*params, word))
                if kind == "log_uniform":
                    text = clamp(text, *params)
                elif kind == "normal":
                    text = clamp(text, *params[2:])
                bits.append(text)
            shown = [None if abs(p) == INF else p for p in params]
            lines.append(json.dumps({"kind": kind, "params": shown, "words": words, "bits": bits},
                                    separators=(",", ":")))
    print('{"cases":[\n' + ",\n".join(lines) + "\n]}")


if __name__ == "__main__":
    main()
