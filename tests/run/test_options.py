"""One table of options; what is made from it holds all of it and nothing else."""

from __future__ import annotations

from argparse import ArgumentTypeError

import msgspec
import pytest

from pytest_matalign.run.options import OPTIONS, count, on_command_line
from pytest_matalign.run.settings import HostTable


def test_every_key_of_the_host_s_table_is_in_the_table_and_the_other_way_round() -> None:
    """A key that is read is explained, and one that is explained is read."""
    keys = [one.key for one in OPTIONS if one.key]
    assert sorted(keys) == sorted(HostTable.__struct_fields__)


def test_a_default_that_is_told_is_the_default() -> None:
    """Where the host's table has a value of its own."""
    fields = {field.name: field.default for field in msgspec.structs.fields(HostTable)}
    for one in OPTIONS:
        default = fields.get(one.key) if one.key else None
        if default and default is not msgspec.NODEFAULT:
            assert one.default == str(default), one.name


def test_pytest_declares_every_option_of_the_command_line(pytestconfig: pytest.Config) -> None:
    """Each is asked for by the name of its field."""
    for one in on_command_line():
        assert hasattr(pytestconfig.option, f"matalign_{one.field}"), one.name


def test_every_option_is_explained_in_one_sentence() -> None:
    """Help begins with a small letter and has no full stop, as pytest's own has."""
    for one in OPTIONS:
        assert one.help, one.name
        assert not one.help.endswith("."), one.name
        assert one.help[0].islower(), one.name


def test_what_takes_a_value_says_what_stands_for_it() -> None:
    """By a name or by the choices."""
    for one in on_command_line():
        assert one.kind == "flag" or one.metavar or one.choices, one.name


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", ""])
def test_a_count_is_a_whole_number_from_one(text: str) -> None:
    """Zero never means everything."""
    with pytest.raises(ArgumentTypeError, match="is not a positive whole number"):
        count(text)
    assert count("12") == 12
