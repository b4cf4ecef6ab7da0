"""Blocks of rows: how every pass goes through matrices that never exist as a whole.

Each block is worked out on one thread and several blocks at once, and results come in the order
of the rows. So the number of threads changes the time taken and not a bit of any sum.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import torch

from pytest_matalign.metrics.arrays import single_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MEMORY = 1 << 26
"""Bytes that the blocks of all spaces in work at one time take."""
_SMALLEST, _LARGEST = 16, 256


def block_rows(n: int, *, spaces: int = 1, memory: int = MEMORY) -> int:
    """Return rows in a block, 16 to 256, so that blocks of float64 (rows, n) fit into memory."""
    return int(min(_LARGEST, max(_SMALLEST, memory // (8 * spaces * n))))


def threads_on(device: torch.device | None) -> int:
    """Return how many pieces of work are done at once: on all threads of the CPU, else one."""
    return torch.get_num_threads() if device is None or device.type == "cpu" else 1


def one_thread_each(threads: int) -> ThreadPoolExecutor:
    """Return a pool whose pieces of work are each done on one thread, with the same bits."""
    return ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))


def in_blocks(
    work: Callable[[int, int], T],
    n: int,
    *,
    rows: int,
    start: int = 0,
    device: torch.device | None = None,
) -> Iterator[tuple[int, T]]:
    """Yield (stop, work(start, stop)) for consecutive blocks of rows, in order.

    Args:
        work: Is called from several threads at once on the CPU, from one on another device.
        n: Rows in all.
        rows: Rows in a block.
        start: First row.
        device: Where the work is done; the CPU where None.
    """
    edges = [(first, min(first + rows, n)) for first in range(start, n, rows)]
    threads = threads_on(device)
    if threads == 1 or len(edges) == 1:
        for edge in edges:
            with single_thread():
                result = work(*edge)
            yield edge[1], result
        return
    # Not all at once: results wait in memory until they are taken.
    at_once = 8 * threads
    with one_thread_each(threads) as pool:
        for place in range(0, len(edges), at_once):
            batch = edges[place : place + at_once]
            with single_thread():
                results = list(pool.map(work, *zip(*batch, strict=True)))
            for (_, stop), result in zip(batch, results, strict=True):
                yield stop, result
