"""The errors a user can meet; each message is one sentence naming what, where and what to do."""

from __future__ import annotations


class MatalignError(Exception):
    """Base of every error raised on purpose by this package."""


class ConfigurationError(MatalignError):
    """An option, suite file, card or `[tool.matalign]` table is wrong."""


class UnavailableError(MatalignError):
    """A model or file is not at hand here; under pytest this is a skip, not a failure."""


class ExtractionError(MatalignError):
    """A model returned something that is not an embedding (shape, dtype, non-finite values)."""


class MetricInputError(MatalignError, ValueError):
    """Arrays handed to a metric cannot be compared."""
