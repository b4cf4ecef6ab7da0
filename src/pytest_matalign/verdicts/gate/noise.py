"""Whether what moved has anything to do with the samples; training does, noise does not.

A release that keeps the axes of its baseline (fine-tuning, a port, another quantisation) may be
compared feature by feature. Training moves each row as a function of its sample, so the
displacement can be told from the baseline's row; dropout left on, a sum that is not deterministic
or a coarse rounding moves rows without regard to them. New axes make no difference here: of a
displacement between unrelated axes the baseline's own row is half, which it tells.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_matalign.analysis.shared import NEAR_CONSTANT
from pytest_matalign.verdicts.gate.finding import Finding

if TYPE_CHECKING:
    from pytest_matalign.analysis.partial import CrossFit
    from pytest_matalign.metrics.arrays import Float64

LEAST_TOLD = 0.05
"""Share of a displacement that its sample must tell, as small as the losses that are accepted;
.41 to .99 in real releases that keep their axes (6 ordered pairs of 3 families), none in noise."""


def noise(candidate: Float64, baseline: Float64, told: CrossFit) -> Finding:
    """Return whether a candidate (n, d) moved with regard to its samples.

    Args:
        candidate: Its rows.
        baseline: Rows of the baseline.
        told: The fit whose covariates are the baseline's rows.
    """
    if candidate.shape != baseline.shape:
        return Finding(check="noise", verdict="passed", why="the number of features changed.")
    spread = baseline.std(axis=0)
    used = spread > NEAR_CONSTANT * spread.max()
    share = told.explained((candidate - baseline)[:, used] / spread[used])
    surely = share.high < LEAST_TOLD
    return Finding(
        check="noise",
        verdict="regressed" if surely else "passed",
        why=(
            f"rows moved {'without' if surely else 'with'} regard to their samples: "
            f"{max(share.value, 0.0):.0%} of the change can be told from the baseline's rows"
            f"{', as if noise had been added' if surely else ''}."
        ),
        figures={"told": share.value},
    )
