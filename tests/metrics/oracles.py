"""Slow definitions, written with loops from the papers; nothing is shared with the package."""

from __future__ import annotations

import itertools
import math

import numpy as np


def neighbour_shares(closeness, k):
    """Dict per row of {neighbour: share}; those tied for the last places share them."""
    result = []
    for i, row in enumerate(closeness):
        others = sorted((j for j in range(len(row)) if j != i), key=lambda j: -row[j])
        last = row[others[k - 1]]
        sure = [j for j in others if row[j] > last]
        tied = [j for j in others if row[j] == last]
        shares = dict.fromkeys(sure, 1.0)
        shares.update(dict.fromkeys(tied, (k - len(sure)) / len(tied)))
        result.append(shares)
    return result


def inner(x):
    return [[math.fsum(a * b for a, b in zip(p, q, strict=True)) for q in x] for p in x]


def dist(x):
    return [[math.dist(p, q) for q in x] for p in x]


def overlap(x, y, k, *, kernels=False):
    """Mutual kNN, or CKNNA as written in the paper."""
    kx, ky = inner(x), inner(y)
    nx, ny = neighbour_shares(kx, k), neighbour_shares(ky, k)

    def centred(kernel, i, j):
        return kernel[i][j] - math.fsum(kernel[i]) / len(kernel) if kernels else 1.0

    def align(na, ka, nb, kb):
        return math.fsum(
            na[i][j] * nb[i][j] * centred(ka, i, j) * centred(kb, i, j)
            for i in range(len(x))
            for j in na[i]
            if j in nb[i]
        )

    return align(nx, kx, ny, ky) / math.sqrt(align(nx, kx, nx, kx) * align(ny, ky, ny, ky))


def imbalance(x, y, k):
    dx, dy = dist(x), dist(y)
    n = len(x)
    total = 0.0
    for i, shares in enumerate(neighbour_shares([[-d for d in row] for row in dx], k)):
        for j, share in shares.items():
            others = [dy[i][m] for m in range(n) if m != i]
            less = sum(d < dy[i][j] for d in others)
            same = sum(d == dy[i][j] for d in others)
            total += share * (less + (same + 1) / 2)
    return 2 * total / (n * n * k)


def hsic_unbiased(a, b):
    """Average over quadruples of different samples, Song et al. 2012, no algebra."""
    total, count = 0.0, 0
    for i, j, q, r in itertools.permutations(range(len(a)), 4):
        total += a[i][j] * (b[i][j] + b[q][r] - 2 * b[i][q])
        count += 1
    return total / count


def ratio_unbiased(a, b):
    return hsic_unbiased(a, b) / math.sqrt(hsic_unbiased(a, a) * hsic_unbiased(b, b))


def as_lists(x):
    return np.asarray(x, dtype=float).tolist()
