"""A run takes its references from packs, and needs none of their packages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hosts import MINI, Host
from packing import packed
from pytest_matalign import load_split
from pytest_matalign.embeddings.pack import bundled_pack
from pytest_matalign.embeddings.pack_build import licence_problem
from pytest_matalign.environments import loading
from pytest_matalign.splits.catalogue import split_card
from pytest_matalign.zoo import adapter, catalogue
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.weights.files import described_digest

REAL = MINI.replace('"composition", "size", "random"', '"chgnet-0.3.0", "sevennet-0", "ani-1x"')


@pytest.fixture
def bare(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host where no model package is installed, with a suite of models that need one."""

    def missing(card: ModelCard) -> list[str]:
        return list(card.requires) if card.weights else []

    monkeypatch.setattr(loading, "missing_packages", missing)
    host.suite(REAL)
    return host


def card_of(host: Host) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((host.path / "card.json").read_text())
    return loaded


def test_without_any_model_package_the_bundled_pack_serves(bare: Host) -> None:
    """Three real models compared, none of them installed."""
    bare.run("--matalign-json", "card.json").assert_outcomes(passed=9)
    assert card_of(bare)["run"]["embedding_origins"] == {"pack": 3}
    measured = [record["alignment"] for record in card_of(bare)["alignments"]]
    assert all(one["value"] > 0.1 for one in measured if one["metric"] != "cknna")


def test_installed_only_never_reads_a_pack(bare: Host) -> None:
    """Then every model is missing, with the reason."""
    result = bare.run("--matalign-references", "installed", "-rs")
    result.assert_outcomes(skipped=9)
    result.stdout.fnmatch_lines(["*chgnet is not installed*"])


def test_packs_are_used_even_where_packages_are_installed(host: Host) -> None:
    """The same numbers on every machine; controls are computed, as they need nothing."""
    host.suite(REAL.replace('"ani-1x"', '"composition"'))
    host.run("--matalign-references", "packs", "--matalign-json", "card.json").assert_outcomes(
        passed=9
    )
    run = card_of(host)["run"]
    assert run["embedding_origins"] == {"computed": 1, "pack": 2}
    assert sorted(run["rows_from"].values()) == ["computed", "pack", "pack"]


def test_a_pack_of_the_host_is_asked_first(bare: Host) -> None:
    """Named in `[tool.matalign]` or on the command line; one that is not there is told."""
    packed(bare.path / "own", "composition")
    bare.configure('packs = ["own"]')
    bare.run("--collect-only", "-q").assert_outcomes()
    result = bare.run("--matalign-pack", "absent")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*There is no reference pack *absent*; correct the path*"])


def test_the_bundled_pack_is_whole_and_may_be_passed_on() -> None:
    """Every entry reads, belongs to today's splits and cards, and states what it lost."""
    pack = bundled_pack()
    assert pack is not None
    for split, model in pack:
        entry, _ = pack.entry(split, model)
        card = catalogue.card(model)
        assert licence_problem(card) is None
        assert entry.adapter_version == adapter.adapter_version(card)
        assert entry.weights == described_digest(card)
        assert entry.split_version == split_card(split).version
        assert entry.loss is not None
        assert max(entry.loss.metrics.values()) < 5e-3
        embedding = pack.embedding(model, load_split(split, samples=min(20, len(entry.ids))))
        assert len(embedding) + len(embedding.refused) == min(20, len(entry.ids))
