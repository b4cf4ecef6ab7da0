"""`--matalign-markdown`: the scorecard in a file, and in the step summary of a CI."""

from __future__ import annotations

import pytest

from hosts import Host


def test_markdown_goes_to_the_file_and_to_the_step_summary(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GitHub's variable is honoured without an option."""
    summary = host.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    host.run("--matalign-markdown", "card.md")
    assert summary.read_text() == (host.path / "card.md").read_text()
    assert summary.read_text().startswith("### Alignment scorecard: ✅ no failures")
