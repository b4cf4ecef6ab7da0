"""`--matalign-store`: what is kept from run to run."""

from __future__ import annotations

import json

from hosts import Host, card


def test_a_second_run_is_answered_from_the_store(host: Host) -> None:
    """Same numbers, nothing computed."""
    host.run("--matalign-json", "first.json")
    host.run("--matalign-json", "second.json")
    assert card(host.path / "first.json") == card(host.path / "second.json")
    run = json.loads((host.path / "second.json").read_text())["run"]
    assert run["embedding_origins"] == {"store": 3}


def test_a_damaged_store_file_is_computed_again_with_a_message(host: Host) -> None:
    """Same numbers, and a warning that names the file."""
    host.run("--matalign-json", "first.json", "--matalign-store", "kept")
    victim = sorted((host.path / "kept" / "embeddings").rglob("*.safetensors"))[0]
    victim.write_bytes(victim.read_bytes()[:100])
    result = host.run("--matalign-json", "second.json", "--matalign-store", "kept")
    result.stdout.fnmatch_lines([f"*{victim.name} is damaged*computing it again*"])
    assert card(host.path / "first.json") == card(host.path / "second.json")
