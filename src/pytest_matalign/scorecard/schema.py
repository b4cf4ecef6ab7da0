"""The JSON Schema of scorecards, made from the structs themselves so that it cannot drift."""

from __future__ import annotations

import json

import msgspec

from pytest_matalign.scorecard.model import SCHEMA_VERSION, Scorecard

PUBLISHED = "scorecard.schema.json"
"""File beside this module; a test holds it against `schema_text`."""


def schema_text() -> str:
    """JSON Schema (draft 2020-12) of the scorecard, as indented JSON."""
    schema = msgspec.json.schema(Scorecard)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"pytest-matalign scorecard, schema version {SCHEMA_VERSION}",
    }
    return json.dumps({**head, **schema}, indent=1) + "\n"
