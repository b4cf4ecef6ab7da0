"""What changed from one scorecard to another, for a person to read in a comment."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from pytest_matalign.escaping import code
from pytest_matalign.escaping import markdown as escaped
from pytest_matalign.scorecard.summary import in_words, verdict_counts
from pytest_matalign.scorecard.tables import markdown_table
from pytest_matalign.verdicts.baseline import row_of
from pytest_matalign.verdicts.policy import policy_changes, policy_line
from pytest_matalign.verdicts.regression import judge_values
from pytest_matalign.verdicts.verdict import fails

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.records import AlignmentRecord, BaselineOutcome

SHOWN = 30
Key: TypeAlias = tuple[str, str, str, str, str]


@dataclass(frozen=True, kw_only=True)
class Change:
    """One check in both scorecards."""

    record: AlignmentRecord  # The later of the two
    failed_before: bool  # Whether the earlier one failed
    before: float  # Value of the earlier one
    after: float  # Value of the later one
    outcome: BaselineOutcome  # Of the later value against the earlier one, taken as independent

    @property
    def newly_failing(self) -> bool:
        """Whether the check fails now and did not."""
        return fails(self.record) and not self.failed_before


@dataclass(frozen=True, kw_only=True)
class ScorecardComparison:
    """Two scorecards, check by check."""

    before: Scorecard
    after: Scorecard
    changes: tuple[Change, ...]
    only_before: tuple[Key, ...]
    only_after: tuple[Key, ...]

    @property
    def worse(self) -> list[Change]:
        """Checks that fail newly, or lost alignment beyond doubt."""
        return [
            change
            for change in self.changes
            if change.newly_failing or change.outcome.verdict == "regressed"
        ]


def compare(before: Scorecard, after: Scorecard, *, tolerance: float) -> ScorecardComparison:
    """Match the checks of two scorecards; a candidate may have another name in each."""
    old = {_key(record, before): record for record in before.alignments}
    new = {_key(record, after): record for record in after.alignments}
    shared = [key for key in new if key in old]
    changes = (
        Change(
            record=new[key],
            failed_before=fails(old[key]),
            before=then.alignment.value,
            after=now.alignment.value,
            outcome=judge_values(
                now, then, tolerance=tolerance, higher_is_closer=new[key].higher_is_closer
            ),
        )
        for key in shared
        if (then := row_of(old[key])) is not None and (now := row_of(new[key])) is not None
    )
    return ScorecardComparison(
        before=before,
        after=after,
        changes=tuple(sorted(changes, key=_loss, reverse=True)),
        only_before=tuple(key for key in old if key not in new),
        only_after=tuple(key for key in new if key not in old),
    )


def markdown(found: ScorecardComparison) -> str:
    """The comparison as Markdown, worst first and details folded."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: ScorecardComparison) -> Iterator[str]:
    parts = (card.policy for card in (found.before, found.after))
    if changed := policy_line([*policy_changes(*parts)]):
        yield f"**{escaped(changed)}**"
        yield ""
    worse = found.worse
    before, after = (card.candidate or "all pairs" for card in (found.before, found.after))
    head = f"❌ {len(worse)} checks are worse" if worse else "✅ nothing is worse"
    yield f"### Alignment of {code(after)} against {code(before)}: {head}"
    yield ""
    counts: Counter[str] = Counter(change.outcome.verdict for change in found.changes)
    yield f"- {len(found.changes)} checks compared: {in_words(counts)}"
    for label, card in (("before", found.before), ("after", found.after)):
        yield f"- {label}: {in_words(verdict_counts(card.alignments))}"
    yield ""
    if worse:
        yield from markdown_table(_HEAD, [_cells(change) for change in worse[:SHOWN]])
    others = [change for change in found.changes if change not in worse]
    if others:
        yield f"<details><summary>Largest other changes ({len(others)} in all)</summary>"
        yield ""
        others.sort(key=lambda change: -abs(change.outcome.difference or 0.0))
        yield from markdown_table(_HEAD, [_cells(change) for change in others[:SHOWN]])
        yield "</details>"
        yield ""
    for label, keys in (("before", found.only_before), ("after", found.only_after)):
        if keys:
            yield f"{len(keys)} checks are only in the scorecard {label}."
            yield ""


_HEAD = ["suite", "split", "metric", "models", "before", "after", "change", "verdict"]


def _cells(change: Change) -> list[str]:
    now, outcome = change.record, change.outcome
    value = "–" if outcome.difference is None else f"{outcome.difference:+.3f}"
    if outcome.low is not None and outcome.high is not None:
        value += f" [{outcome.low:+.3f}, {outcome.high:+.3f}]"
    verdict = "now failing" if change.newly_failing else outcome.verdict
    return [
        now.suite,
        now.split,
        now.metric,
        f"{now.a} – {now.b}",
        f"{change.before:.3f}",
        f"{change.after:.3f}",
        value,
        verdict if outcome.verdict != "not-comparable" else f"not-comparable: {outcome.reason}",
    ]


def _key(record: AlignmentRecord, card: Scorecard) -> Key:
    first = "candidate" if record.a == card.candidate else record.a
    return (record.suite, record.split, first, record.b, record.metric)


def _loss(change: Change) -> float:
    """Alignment lost, for sorting; what cannot be compared comes last."""
    difference = change.outcome.difference
    if difference is None:
        return float("-inf")
    return -difference if change.record.higher_is_closer else difference
