"""`matalign pack verify` runs what is installed again and compares."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from packing import SPLIT, packed, stored
from pytest_matalign.cli.main import main
from pytest_matalign.embeddings.pack import Pack, add_entry
from pytest_matalign.embeddings.pack_verify import verify_entry


def test_what_the_model_computes_is_the_same(tmp_path: Path) -> None:
    """Within the loss of the encoding and what processors differ by."""
    found = verify_entry(Pack(packed(tmp_path, "size", drop=2)), "qm9", "size", samples=10)
    assert found.outcome == "same"


def test_other_numbers_differ(tmp_path: Path) -> None:
    """A whole and well-formed file that the model did not make."""
    rows = np.random.default_rng(0).normal(size=(len(SPLIT), 139)).astype(np.float32)
    one = stored(vectors=rows)
    add_entry(tmp_path, one.entry, one.tensors, title="t")
    assert verify_entry(Pack(tmp_path), "qm9", "composition", samples=10).outcome == "DIFFERS"


def test_what_cannot_be_run_is_only_intact(tmp_path: Path) -> None:
    """Files of a model that is not in the zoo are checked, not believed."""
    one = stored()
    card = msgspec.structs.replace(one.entry.card, id="our-model")
    entry = msgspec.structs.replace(one.entry, card=card)
    add_entry(tmp_path, entry, one.tensors, title="t")
    found = verify_entry(Pack(tmp_path), "qm9", "our-model", samples=10)
    assert (found.outcome, found.detail) == ("intact", "not a model of the zoo")


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Show and verify, with an exit status that tells."""
    folder = packed(tmp_path, "composition", "size")
    assert main(["pack", "show", str(folder)]) == 0
    assert "30/30" in capsys.readouterr().out
    assert main(["pack", "verify", str(folder), "--recompute", "5"]) == 0
    assert capsys.readouterr().out.count("same") == 2
    (folder / "qm9" / "size.safetensors").write_bytes(b"")
    assert main(["pack", "verify", str(folder)]) == 2
    assert "is refused" in capsys.readouterr().err
