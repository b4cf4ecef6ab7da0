"""Public tests for adapters, and models made up for testing what is built on them.

from pytest_matalign.testing import assert_conforms, check_adapter

def test_my_model_conforms():
    assert_conforms(check_adapter("my-model"))
"""

from __future__ import annotations

from pytest_matalign.testing.conformance import TOLERANCE, check_adapter
from pytest_matalign.testing.mocks import MockModel, mock_card, mock_model
from pytest_matalign.testing.report import Check, ConformanceReport, assert_conforms

__all__ = [
    "TOLERANCE",
    "Check",
    "ConformanceReport",
    "MockModel",
    "assert_conforms",
    "check_adapter",
    "mock_card",
    "mock_model",
]
