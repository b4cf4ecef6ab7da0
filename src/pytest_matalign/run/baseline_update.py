"""Write the baseline: a deliberate act on a person's machine, committed and reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from pytest_matalign import __version__
from pytest_matalign.run.policy import BASELINE
from pytest_matalign.verdicts.baseline import Baseline, row_of, write_baseline
from pytest_matalign.verdicts.earlier_release import MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytest_matalign.run.suite_run import SuiteRun
    from pytest_matalign.scorecard.model import Scorecard
    from pytest_matalign.verdicts.baseline import Key
    from pytest_matalign.verdicts.records import EmbeddingRecord


@dataclass(frozen=True, kw_only=True)
class Update:
    """What an update did to the baseline, in numbers of rows."""

    new: int
    replaced: int
    kept: int
    dropped: int
    splits: tuple[str, ...]
    """Splits whose embeddings were written."""

    def in_words(self) -> str:
        """One sentence."""
        rows = f"{self.new} new, {self.replaced} replaced, {self.kept} kept"
        if self.dropped:
            rows += f", {self.dropped} stale rows dropped"
        return f"{rows}; embeddings of {', '.join(self.splits) or 'no split'}"


def update(run: SuiteRun, scorecard: Scorecard) -> Update:
    """Write what the run measured into the baseline.

    `new` adds rows of checks the baseline has none for. `regressed` takes over, whole, every
    split on which a check regressed: rows and embedding of a split always belong to one release.
    `all` takes over everything measured, and drops rows that are stale or were not to be had.

    Args:
        run: The run.
        scorecard: What it found.
    """
    mode = run.settings.update
    old = run.baseline.baseline
    before = {row.key: row for row in old.rows} if old else {}
    measured = {row.key: row for row in map(row_of, scorecard.alignments) if row is not None}
    regressed = {r.split for r in scorecard.alignments if r.verdict == "regressed"}
    regressed |= {r.split for r in scorecard.embeddings if r.release and r.release.fails}
    taken = {
        key: row
        for key, row in measured.items()
        if mode == "all" or key not in before or (mode == "regressed" and key[1] in regressed)
    }
    stale = {(s.suite, s.split, s.reference, s.metric) for s in scorecard.stale}
    # `stale` are asked for no more; what was asked for and not measured would be lost each run.
    stale |= {
        (r.suite, r.split, r.b, r.metric) for r in scorecard.alignments if r.alignment is None
    }
    dropped = stale & set(before) if mode == "all" else set()
    after = {key: row for key, row in {**before, **taken}.items() if key not in dropped}
    splits = _embeddings(run, scorecard, taken=set(taken), before=set(before))
    if taken or dropped or old is None:
        write_baseline(
            run.baseline.path,
            Baseline(
                candidate=scorecard.candidate or "",
                package_version=__version__,
                policy=_policy(run, earlier=old.policy if old and mode != "all" else {}),
                rows=tuple(after.values()),
            ),
        )
    return Update(
        new=len(set(taken) - set(before)),
        replaced=len(set(taken) & set(before)),
        kept=len(set(before) - set(taken) - dropped),
        dropped=len(dropped),
        splits=splits,
    )


def _policy(run: SuiteRun, *, earlier: Mapping[str, str]) -> dict[str, str]:
    """The policy of the run, and of what it left alone; without the file that it is part of."""
    parts = {**earlier, **run.policy_now()}
    del parts[BASELINE]
    return parts


def _embeddings(
    run: SuiteRun, scorecard: Scorecard, *, taken: set[Key], before: set[Key]
) -> tuple[str, ...]:
    """Write the candidate's embeddings of the splits that are taken over whole."""
    encoding = run.settings.baseline_embeddings
    if encoding == "none":
        return ()
    # What is merely added must not replace the embedding that earlier rows were measured with.
    staying = {key[1] for key in before} if run.settings.update == "new" else set()
    whole = {key[1] for key in taken} - staying
    written: list[str] = []
    for record in scorecard.embeddings:
        if record.model != scorecard.candidate or record.split not in whole - set(written):
            continue
        if _write_embedding(run, scorecard, record, encoding=encoding):
            written.append(record.split)
    return tuple(written)


def _write_embedding(
    run: SuiteRun, scorecard: Scorecard, record: EmbeddingRecord, *, encoding: str
) -> bool:
    from pytest_matalign.embeddings.obtain import Recorded
    from pytest_matalign.embeddings.pack import add_entry
    from pytest_matalign.embeddings.pack_build import encoded

    if record.digest is None:
        return False
    wanted = next(split for split in run.suites[record.suite].split if split.id == record.split)
    split = run.evaluator.measurer.split(wanted)
    assert run.candidate is not None, "only a candidate has a baseline"
    card = run.candidate.card
    # The rows the checks had, which another process may have embedded; a file has no blocks.
    blocks = scorecard.run.blocks.get(record.digest, ())
    source = Recorded(card.id, blocks=blocks, digest=record.digest)
    one = encoded(
        run.door.obtain(source if blocks else run.sources[card.id], split),
        card=msgspec.structs.replace(card, id=MODEL, name=card.id),
        split=split,
        weights=record.digest,
        adapter_version=0,
        encoding="float16" if encoding == "float16" else "float32",
    )
    title = f"baseline of {card.id}"
    add_entry(run.baseline.folder, one.entry, one.tensors, title=title)
    return True
