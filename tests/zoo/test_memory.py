"""Memory kept between the layers of a network."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from pytest_matalign.zoo.adapters._support.memory import kept_memory

FAULTS = """
import resource, sys
import torch
from contextlib import nullcontext
from pytest_matalign.zoo.adapters._support.memory import kept_memory

def layers():
    for _ in range(10):
        torch.ones(10_000_000) + 1.0

with kept_memory() if sys.argv[1] == "kept" else nullcontext():
    layers()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_large_tensors_reuse_memory_inside_the_block() -> None:
    """Without it, every 40 MB tensor is mapped anew, page by page."""

    def faults(mode: str) -> int:
        command = [sys.executable, "-c", FAULTS, mode]
        result = subprocess.run(
            command, capture_output=True, text=True, check=True, env={**os.environ}
        )
        return int(result.stdout)

    assert faults("kept") < 1000
    assert faults("plain") > 10_000


def test_errors_pass_through_and_blocks_may_be_nested() -> None:
    """The settings are put back on the way out."""
    with pytest.raises(KeyError), kept_memory(), kept_memory():
        raise KeyError


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is called where there is no mallopt."""
    from pytest_matalign.zoo.adapters._support import memory

    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    memory._mallopt.cache_clear()
    with kept_memory():
        assert memory._mallopt() is None
    memory._mallopt.cache_clear()
