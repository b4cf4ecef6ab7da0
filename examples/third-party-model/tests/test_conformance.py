"""The model's adapter keeps what pytest-matalign relies on, and its card is in the zoo."""

from pytest_matalign import assert_conforms, card, check_adapter


def test_the_card_is_in_the_zoo():
    """Installing the package is all a user does."""
    assert card("tiny-gap").adapter == "tiny_gap.matalign"


def test_the_adapter_conforms():
    """Symmetries, batches, refusals and odd molecules."""
    assert_conforms(check_adapter("tiny-gap"))
