"""One function that puts an adapter through every conformance check."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_matalign.errors import ConfigurationError
from pytest_matalign.splits.sample import Sample
from pytest_matalign.testing.checks import run_checks
from pytest_matalign.testing.report import ConformanceReport
from pytest_matalign.testing.samples import default_samples
from pytest_matalign.testing.subject import FaultError, Subject
from pytest_matalign.zoo.card import ModelCard
from pytest_matalign.zoo.model import Model

TOLERANCE = 1e-3
"""Change of an embedding that counts as none, in median distances between two samples.

float32 sums in another order move the models of the zoo by 1e-7 to 1e-4 of that distance; a
thousandth of it does not change who is whose neighbour.
"""


def check_adapter(
    model: str | ModelCard,
    *,
    samples: Sequence[Sample] | None = None,
    loaded: Model | None = None,
    tolerance: float = TOLERANCE,
    allow_pickle: bool = False,
) -> ConformanceReport:
    """Check that an adapter does what the rest of the package relies on.

    The output (dtype, shape, finite values), determinism, independence of the order and size of
    batches, that samples are told apart and left as they are, that labels are not read, symmetry
    (order of atoms, rotation, translation, supercell, way of writing a SMILES) as far as the
    card's modality and kind promise it, refusal of what the card rules out, odd samples, speed.

    The model is loaded as `pytest --matalign` would load it, in its isolated environment if it
    has one.

    Args:
        model: Id of a model of the zoo, or a card of your own.
        samples: Samples to embed; those that are refused are left out. By default small ones of
            the bundled splits, of every form the card reads.
        loaded: The model itself, if it is in memory already.
        tolerance: Change of an embedding that counts as none, in units of the median distance
            between the embeddings of two samples.
        allow_pickle: Whether code may run that comes with the weights.

    Raises:
        UnavailableError: If the model cannot be loaded here.
        ConfigurationError: If there is no such model, or it takes none of the samples.
    """
    from pytest_matalign.embeddings.extraction import one_thread
    from pytest_matalign.embeddings.sources import ZooSource
    from pytest_matalign.environments.loading import environment_of
    from pytest_matalign.environments.provenance import packages_behind
    from pytest_matalign.zoo.catalogue import card as card_of

    card = card_of(model) if isinstance(model, str) else model
    with one_thread():
        ready = ZooSource(card, allow_pickle=allow_pickle).load() if loaded is None else loaded
        chosen = _chosen(card, ready, samples)
        subject = Subject(card, ready, chosen, tolerance)
        checks = run_checks(subject)
    width = subject.vectors.shape[1] if checks[0].outcome == "passed" else None
    used = environment_of(card) if loaded is None else None
    return ConformanceReport(
        model=card.id,
        family=card.family,
        samples=len(chosen),
        width=width,
        checks=checks,
        packages=packages_behind(card),
        environment=used.name if used else None,
    )


def _chosen(card: ModelCard, model: Model, samples: Sequence[Sample] | None) -> tuple[Sample, ...]:
    """The samples the model takes; one it stumbles over is kept, for the checks to tell of it."""
    probe = Subject(card, model, (), TOLERANCE)

    def accepts(sample: Sample) -> bool:
        try:
            return probe.reason(sample) is None
        except FaultError:
            return True

    if samples is None:
        found = default_samples(card, accepts=accepts)
    else:
        found = tuple(sample for sample in samples if accepts(sample))
    if not found:
        origin = "bundled splits" if samples is None else "samples given"
        raise ConfigurationError(
            f"{card.id} takes none of the {origin}; hand `check_adapter` samples of its domain."
        )
    return found
