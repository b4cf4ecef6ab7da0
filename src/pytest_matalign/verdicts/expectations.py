"""Hold a measured alignment against what its suite expects of it.

An expectation fails only when the whole interval is on the wrong side of the bound, passes when
the whole interval is on the right side, and is undecided in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from pytest_matalign.statistics.power import samples_needed
from pytest_matalign.verdicts.records import ExpectationOutcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytest_matalign.suites.schema import Measured
    from pytest_matalign.verdicts.records import BaselineOutcome
    from pytest_matalign.verdicts.verdict import Verdict

CONFIDENCE = 0.95
SAME_SIZE = 0.1
"""Two sample counts within a tenth of each other count as the same."""


class Bounded(Protocol):
    """Anything with one bound and a source: an expectation, a band, a gate."""

    @property
    def id(self) -> str:
        """Name within the suite."""
        ...

    @property
    def at_least(self) -> float | None:
        """Lower bound."""
        ...

    @property
    def at_most(self) -> float | None:
        """Upper bound."""
        ...

    @property
    def source(self) -> str:
        """Where the bound comes from."""
        ...

    @property
    def tooltip(self) -> str:
        """What it means, in a sentence."""
        ...


def judge_bound(
    expectation: Bounded, *, quantity: str, value: float, low: float, high: float
) -> ExpectationOutcome:
    """Return the outcome of one bound on a quantity with the interval [low, high]."""
    if expectation.at_least is not None:
        limit = expectation.at_least
        verdict: Verdict = "passed" if low >= limit else "failed" if high < limit else "undecided"
        bound: Literal["at_least", "at_most"] = "at_least"
        margin = (low + high) / 2 - limit
    else:
        assert expectation.at_most is not None, "the suite schema demands one of the two bounds"
        limit = expectation.at_most
        verdict = "passed" if high <= limit else "failed" if low > limit else "undecided"
        bound = "at_most"
        margin = limit - (low + high) / 2
    return ExpectationOutcome(
        id=expectation.id,
        bound=bound,
        limit=limit,
        source=expectation.source,
        tooltip=expectation.tooltip,
        quantity=quantity,
        value=value,
        low=low,
        high=high,
        p_value=one_sided_p(margin, half_width=(high - low) / 2),
        verdict=verdict,
    )


def bound_speaks(measured: Measured | None, *, n: int) -> bool:
    """Return whether a bound read off a measurement may be held against an alignment of n samples.

    Alignment at fixed k falls as n grows, so a bound speaks only about runs of its own size.
    """
    return measured is None or abs(n - measured.n) <= SAME_SIZE * measured.n


def one_sided_p(margin: float, *, half_width: float) -> float:
    """Return the probability of a margin this bad if the true one were 0, from a normal interval.

    Args:
        margin: Value on the good side of a bound; negative on the bad side.
        half_width: Of the interval at `CONFIDENCE`.
    """
    from scipy.special import ndtr, ndtri

    if half_width == 0:
        return 0.0 if margin < 0 else 1.0
    return float(ndtr(margin / half_width * ndtri(0.5 + CONFIDENCE / 2)))


def combined_verdict(
    outcomes: Iterable[ExpectationOutcome], baseline: BaselineOutcome | None = None
) -> Verdict:
    """Return the verdict of a case: the worst of its expectations, then what its baseline says.

    A failed expectation outweighs a regression, a regression outweighs doubt, and where all is
    well an expectation that passed says more than being unchanged. Without either there is no
    baseline, which is an outcome and not an error.
    """
    expected = {outcome.verdict for outcome in outcomes}
    compared = baseline.verdict if baseline is not None else "no-baseline"
    worst_first: Sequence[Verdict] = (
        "failed",
        "regressed",
        "undecided",
        "moved",
        "passed",
        "not-comparable",
    )
    return next((verdict for verdict in worst_first if verdict in {*expected, compared}), compared)


def explain_bounds(outcomes: Iterable[ExpectationOutcome], *, n: int) -> str:
    """Return a sentence for each expectation that did not pass, and what would decide a doubt."""
    words = {"at_least": "at least", "at_most": "at most"}
    sentences = []
    for outcome in outcomes:
        if outcome.value is None or outcome.low is None or outcome.high is None:
            continue
        found = (
            f"{outcome.quantity} = {outcome.value:.3f} [{outcome.low:.3f}, {outcome.high:.3f}] "
            f"at n = {n}"
        )
        if outcome.verdict == "not-comparable":
            sentences.append(f"{found}; {outcome.id} was measured at another n.")
        elif outcome.verdict != "passed":
            deciding = _deciding(outcome, (outcome.low, outcome.high), n)
            sentences.append(
                f"{found}, expected {words[outcome.bound]} {outcome.limit:.3f} "
                f"({outcome.id}: {outcome.source}){deciding}."
            )
    return " ".join(sentences)


def _deciding(outcome: ExpectationOutcome, ends: tuple[float, float], n: int) -> str:
    """At how many samples an interval, narrowing with their root, would not hold the bound.

    Nothing is said of an interval that excludes it already, as after adjustment for multiplicity.
    """
    margin = abs(sum(ends) / 2 - outcome.limit)
    half_width = (ends[1] - ends[0]) / 2
    if outcome.verdict != "undecided" or half_width <= margin:
        return ""
    if margin == 0:
        return "; no number of samples decides a value this close"
    needed = samples_needed(margin, half_width, n=n)
    return f"; about {needed} samples would decide with a chance of 80 %"
