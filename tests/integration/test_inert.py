"""Installed and not asked for, the plugin costs nothing and leaves nothing."""

from __future__ import annotations

import pytest

HEAVY = ("torch", "numpy", "scipy", "ase", "rdkit", "huggingface_hub", "safetensors", "msgspec")


def test_without_the_option_nothing_heavy_is_imported(pytester: pytest.Pytester) -> None:
    """A run of an unrelated project has none of our libraries in memory."""
    pytester.makepyfile(
        f"""
        import sys

        def test_light(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("matalign")
            assert [name for name in {HEAVY!r} if name in sys.modules] == []
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)


def test_without_the_option_no_file_is_left(pytester: pytest.Pytester) -> None:
    """The project folder holds what it held before, apart from Python's own caches."""
    pytester.makepyfile("def test_nothing(): pass")
    before = {path.name for path in pytester.path.iterdir()}
    pytester.runpytest_subprocess("-p", "no:cacheprovider")
    own = {"__pycache__", "stdout", "stderr", "runpytest-0", "runpytest-current"}
    after = {path.name for path in pytester.path.iterdir()} - own
    assert after == before


def test_the_options_are_in_the_help(pytester: pytest.Pytester) -> None:
    """`pytest --help` shows them in a group of their own."""
    result = pytester.runpytest_inprocess("--help")
    result.stdout.fnmatch_lines(["representational alignment of scientific models:"])
    result.stdout.fnmatch_lines(["*--matalign-candidate*"])
