"""What one check of the gate found, and the judgement all of them make together."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from pytest_matalign.verdicts.gate.standing import Standing  # noqa: TC001  msgspec resolves it

GateVerdict = Literal["passed", "moved", "undecided", "regressed", "failed"]
SERIOUSNESS: tuple[GateVerdict, ...] = get_args(GateVerdict)
"""Verdicts from the best to the worst; the worst of all findings is the judgement's."""
SHOWN = 10
"""Samples a finding names."""


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one check found.

    Attributes:
        check: Its name.
        verdict: `moved` is shown and fails nothing.
        why: One sentence.
        groups: Groups of samples that it names.
        samples: Ids of samples that it names, the worst first.
        figures: What was measured, by name.
    """

    check: str
    verdict: GateVerdict
    why: str
    groups: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    figures: dict[str, float] = {}


class Judgement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One judgement of a candidate on a split.

    Attributes:
        verdict: The worst of its findings.
        why: The sentence of the finding that decided.
        groups: Groups that failing findings name.
        samples: Samples that failing findings name.
        findings: All of them, in the order of the checks.
        notes: What could not be taken into account, a sentence each.
        standings: Where the candidate stands among trained and untrained models, by metric.
    """

    verdict: GateVerdict
    why: str
    groups: tuple[str, ...]
    samples: tuple[str, ...]
    findings: tuple[Finding, ...]
    standings: tuple[Standing, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def fails(self) -> bool:
        """Whether the release fails."""
        return self.verdict in {"regressed", "failed"}

    @property
    def is_first(self) -> bool:
        """Whether it is of a candidate without a baseline, held against a floor."""
        return any(finding.check == "floor" for finding in self.findings)


def judgement(
    findings: tuple[Finding, ...],
    *,
    standings: tuple[Standing, ...] = (),
    notes: tuple[str, ...] = (),
) -> Judgement:
    """Return the judgement that findings make together.

    The worst decides, the first of equals; where all passed, the last, which says most.
    """
    worst = max(findings, key=lambda finding: SERIOUSNESS.index(finding.verdict))
    if worst.verdict == "passed":
        worst = findings[-1]
    failing = [f for f in findings if f.verdict in {"regressed", "failed"}]
    return Judgement(
        verdict=worst.verdict,
        why=worst.why,
        groups=tuple(dict.fromkeys(group for f in failing for group in f.groups)),
        samples=tuple(dict.fromkeys(sample for f in failing for sample in f.samples)),
        findings=findings,
        standings=standings,
        notes=notes,
    )
