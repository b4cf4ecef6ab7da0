"""Run one model in two ways on the same samples; `verdicts.same` judges what they gave."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import numpy as np

from pytest_matalign.embeddings.embedding import common_ids
from pytest_matalign.embeddings.obtain import Door
from pytest_matalign.embeddings.store import Store
from pytest_matalign.embeddings.way import Way, way_of
from pytest_matalign.errors import ConfigurationError, MatalignError, UnavailableError
from pytest_matalign.splits.catalogue import split_cards
from pytest_matalign.splits.load import load_split
from pytest_matalign.splits.own import own_samples
from pytest_matalign.splits.sample import Input  # noqa: TC001  msgspec resolves it at run time
from pytest_matalign.splits.split import Split
from pytest_matalign.verdicts.records import GateRecord
from pytest_matalign.verdicts.same import (
    LIMITS,
    ChannelName,
    Comparison,
    comparison,
    energy_channel,
    forces_channel,
    rows_channel,
)
from pytest_matalign.zoo.adapters.candidate import is_factory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_matalign.embeddings.embedding import Embedding
    from pytest_matalign.embeddings.obtain import ProgressMaker
    from pytest_matalign.verdicts.same import Channel
    from pytest_matalign.verdicts.verdict import Verdict

SAMPLES = 100
USUAL: dict[Input, str] = {
    "atoms": "mp-crystals",
    "smiles": "qm9",
    "sequence": "pdb-chains",
    "backbone": "pdb-chains",
}
RATTLED = "@rattle=0.1"
"""Of crystals where forces are asked for: at rest there are none to get wrong."""
_JUDGES = {"rows": rows_channel, "energy": energy_channel, "forces": forces_channel}
_VERDICTS: dict[str, Verdict] = {"same": "passed", "differs": "failed", "undecided": "undecided"}


class SamePair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Two ways to run one model that must give the same; an entry of `same` in `[tool.matalign]`.

    Attributes:
        a: `MODEL` or `MODEL@PLACE`, as `matalign same` reads it.
        b: The other way.
        split: Bundled split, its card, or a file of samples; a usual one of the form if None.
        samples: How many of them.
        channel: What is compared; `energy` and `forces` need ASE calculators.
        input: What a factory reads, where `[tool.matalign]` does not say it.
        limit: Largest distance of a row that counts as none, in median distances between samples.
    """

    a: str
    b: str
    split: str | None = None
    samples: Annotated[int, msgspec.Meta(ge=3)] = SAMPLES
    channel: tuple[ChannelName, ...] = ("rows",)
    input: Input | None = None
    limit: Annotated[float, msgspec.Meta(gt=0)] = LIMITS["rows"]

    @property
    def name(self) -> str:
        """What the check is called."""
        return f"same[{self.a}~{self.b}]"


def compare_ways(
    pair: SamePair,
    *,
    root: Path,
    run_id: str,
    progress: ProgressMaker,
    form: Input | None = None,
    allow_pickle: bool = False,
) -> Comparison:
    """Run both ways and judge them.

    All rows are made anew: what is asked is what the code gives now, not what the store has.

    Args:
        pair: The two ways.
        root: Where relative paths and the host's modules are looked for.
        run_id: Of this run.
        progress: Makes the progress of an embedding.
        form: What a factory reads, unless the pair says it.
        allow_pickle: Whether weights may be read that can run code when they are read.

    Raises:
        MatalignError: One of them cannot be run.
    """
    form = pair.input or form or _form_of(pair, root)
    first, second = (
        way_of(spec, form=form, root=root, run_id=run_id, allow_pickle=allow_pickle)
        for spec in (pair.a, pair.b)
    )
    split = _split(pair, first, root=root)
    # A place of its own for each: two folders of code may claim the same digest.
    with tempfile.TemporaryDirectory() as folder:
        doors = [Door(store=Store(Path(folder) / side), progress=progress) for side in "ab"]
        channels: list[Channel] = []
        refused: dict[str, str] = {}
        for name in dict.fromkeys(pair.channel):
            a, b = (
                door.obtain(way.source("mean" if name == "rows" else name), split)
                for door, way in zip(doors, (first, second), strict=True)
            )
            channels.append(_judged(name, a, b, limit=pair.limit))
            refused |= _refused(a, b)
    return comparison(channels, a=pair.a, b=pair.b, split=split.card.id, refused=refused)


def _judged(name: ChannelName, a: Embedding, b: Embedding, *, limit: float) -> Channel:
    ids = common_ids(a, b)
    rows = [one.rows(ids).astype(np.float64) for one in (a, b)]
    return _JUDGES[name](*rows, ids=ids, limit=limit if name == "rows" else LIMITS[name])


def _refused(a: Embedding, b: Embedding) -> dict[str, str]:
    """Return what one of the two refuses, with its reason."""
    return {
        sample: f"{one.model}: {one.refused[sample]}"
        for one, other in ((a, b), (b, a))
        for sample in one.refused
        if sample not in other.refused
    }


def _form_of(pair: SamePair, root: Path) -> Input | None:
    """What a factory reads, by the other way or by the samples; None where both leave it open."""
    for spec in (pair.a, pair.b):
        if not is_factory(spec.partition("@")[0]):
            inputs = way_of(spec, form=None, root=root, run_id="").card.inputs
            return inputs[0]
    if "energy" in pair.channel or "forces" in pair.channel:
        return "atoms"
    if pair.split is None:
        return None
    inputs = _named_split(pair.split, samples=1, root=root).card.inputs
    return inputs[0] if len(inputs) == 1 else None


def _split(pair: SamePair, way: Way, *, root: Path) -> Split:
    if pair.split is not None:
        return _named_split(pair.split, samples=pair.samples, root=root)
    form = way.card.inputs[0]
    usual = "qm9" if form == "atoms" and way.card.periodic == "refused" else USUAL[form]
    rattled = RATTLED if form == "atoms" and "forces" in pair.channel else ""
    return load_split(f"{usual}{rattled}", samples=pair.samples)


def _named_split(name: str, *, samples: int, root: Path) -> Split:
    """Return the samples of a bundled split, of a card, or of a user's own file."""
    path = root / name
    if name.partition("@")[0] in split_cards() or path.suffix == ".toml":
        return load_split(path if path.suffix == ".toml" else name, samples=samples)
    if not path.exists():
        return load_split(name)  # says what there is
    own = own_samples(path).split
    return Split(own.card, own.samples[:samples])


def checked(
    pairs: Sequence[SamePair],
    *,
    root: Path,
    run_id: str,
    progress: ProgressMaker,
    form: Input | None,
    allow_pickle: bool,
    strict: bool,
) -> list[GateRecord]:
    """Return a gate for each pair of `[tool.matalign]`; one that cannot be run fails.

    One whose model or package is not at hand is skipped, and fails a strict run.
    """
    found = []
    for pair in pairs:
        value: float | None = None
        verdict: Verdict
        try:
            compared = compare_ways(
                pair, root=root, run_id=run_id, progress=progress, form=form,
                allow_pickle=allow_pickle,
            )  # fmt: skip
        except UnavailableError as error:
            verdict, why = ("failed" if strict else "skipped"), str(error)
        except MatalignError as error:
            verdict, why = "failed", f"cannot tell: {error}"
        else:
            verdict = _VERDICTS[compared.verdict]
            why, value = f"{compared.verdict}: {compared.why}", compared.channels[0].largest
        found.append(_gate(pair, verdict=verdict, why=why, value=value))
    return found


def _gate(pair: SamePair, *, verdict: Verdict, why: str, value: float | None) -> GateRecord:
    return GateRecord(
        suite="run",
        id=pair.name,
        kind="same",
        bound="at_most",
        limit=pair.limit if pair.channel[0] == "rows" else LIMITS[pair.channel[0]],
        value=value,
        source="`same` in [tool.matalign]",
        verdict=verdict,
        reason=f"{pair.a} and {pair.b}: {why}",
    )


def no_pairs() -> ConfigurationError:
    """Return what is said where nothing is named."""
    return ConfigurationError(
        "Name two ways to run a model, A and B, or give pairs as `same` in [tool.matalign]."
    )
