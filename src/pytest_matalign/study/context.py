"""What the sections of a study share: embeddings cut to common samples, tables made once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pytest_matalign.analysis.facts import ModelFacts, facts_of
from pytest_matalign.analysis.pairs import PairTable, pair_table
from pytest_matalign.analysis.partial import CrossFit, project_out, side_by_side
from pytest_matalign.analysis.probes import Probe, ProbeMethod, probe
from pytest_matalign.errors import ConfigurationError, MatalignError
from pytest_matalign.metrics.arrays import Float64
from pytest_matalign.metrics.spec import MetricSpec, metric_spec
from pytest_matalign.splits.sample import Sample
from pytest_matalign.study.obtain import Embeddings
from pytest_matalign.study.plan import COVERAGE, Plan

LEAST_SAMPLES = 40


@dataclass(frozen=True, kw_only=True, eq=False)
class SplitData:
    """One split as several models see it, on the samples all of them accept."""

    split: str  # Split id
    samples: tuple[Sample, ...]  # The samples, in the order of the rows
    embeddings: Mapping[str, Float64]  # Arrays (n, d) by model
    facts: Mapping[str, ModelFacts]  # By model
    left_out: Mapping[str, str]  # Reason by model that is not among the embeddings

    @property
    def n(self) -> int:
        """Samples."""
        return len(self.samples)

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the samples."""
        return tuple(sample.id for sample in self.samples)

    @property
    def trained(self) -> list[str]:
        """Pretrained models."""
        return [model for model in self.embeddings if self.facts[model].pretrained]

    def reading(self, modality: str) -> list[str]:
        """Pretrained models of one modality."""
        return [model for model in self.trained if self.facts[model].modality == modality]

    @property
    def potentials(self) -> list[str]:
        """Pretrained models that read structures."""
        return self.reading("3d")

    @property
    def controls(self) -> list[str]:
        """Controls that no model may fail to beat; descriptors are no such thing."""
        kinds = {"composition", "size", "random", "untrained"}
        return [model for model in self.embeddings if self.facts[model].control in kinds]

    @cached_property
    def covariates(self) -> Float64:
        """Composition and size (n, 269), from the controls of those names, of equal weight."""
        return side_by_side(self.embeddings["composition"], self.embeddings["size"])

    @cached_property
    def crossfit(self) -> CrossFit:
        """Predicts from composition and size."""
        return CrossFit(self.covariates)

    @cached_property
    def residuals(self) -> Mapping[str, Float64]:
        """Embeddings with composition and size projected out; the two controls left away."""
        others = {m: x for m, x in self.embeddings.items() if m not in {"composition", "size"}}
        return project_out(others, self.crossfit)

    def labels(self, name: str) -> Float64:
        """One label (n,), NaN where a sample has none."""
        values = [sample.labels.get(name, np.nan) for sample in self.samples]
        return np.array([v if isinstance(v, float | int) else np.nan for v in values], dtype=float)

    def label_names(self) -> list[str]:
        """Numeric labels that at least half of the samples have."""
        names = dict.fromkeys(name for sample in self.samples for name in sample.labels)
        return [n for n in names if np.isfinite(self.labels(n)).sum() >= max(self.n / 2, 40)]

    def first(self, n: int) -> SplitData:
        """The first n samples, to compare splits of different size at the same n."""
        return self._rows(range(min(n, self.n)))

    def where(self, names: Collection[str], name_of: Callable[[str], str] = str) -> SplitData:
        """The samples whose id, put through `name_of`, is among the names; order is kept."""
        return self._rows(i for i, name in enumerate(self.ids) if name_of(name) in names)

    def _rows(self, chosen: Iterable[int]) -> SplitData:
        rows = list(chosen)
        return replace(
            self,
            samples=tuple(self.samples[i] for i in rows),
            embeddings={model: x[rows] for model, x in self.embeddings.items()},
        )

    def only(self, models: Sequence[str]) -> SplitData:
        """Some of the models."""
        return replace(self, embeddings={model: self.embeddings[model] for model in models})

    def probes(self, method: ProbeMethod) -> dict[str, dict[str, Probe]]:
        """Return a probe by model and label, labels with what composition explains taken off.

        On crystals and molecules alike every model knows the composition; what is left of a label
        after the cross-fitted composition and size part is what structure must tell.
        """
        found: dict[str, dict[str, Probe]] = {model: {} for model in self.embeddings}
        for name in self.label_names():
            known, left = self.crossfit.label_residuals(self.labels(name))
            for model, x in self.embeddings.items():
                found[model][name] = probe(x[known], left, method=method)
        return found


class Study:
    """Embeddings and alignment tables of one study, each made when first asked for."""

    def __init__(self, source: Embeddings, plan: Plan) -> None:
        self.plan, self.source, self.store = plan, source, source.store
        self.facts = {model: facts_of(card) for model, card in source.cards.items()}
        self._data: dict[str, SplitData] = {}
        self._tables: dict[tuple[object, ...], PairTable] = {}
        self._probes: dict[tuple[object, ...], dict[str, dict[str, Probe]]] = {}

    def data(self, split: str) -> SplitData:
        """A split of the plan, embedded by every model that accepts most of it.

        Raises:
            ConfigurationError: The models at hand leave too few common samples.
        """
        if split not in self._data:
            self._data[split] = self._collect(split)
        return self._data[split]

    def table(self, data: SplitData, metric: str, *, partial: bool = False) -> PairTable:
        """Alignment of every pair on a split, raw or with composition and size projected out."""
        spec = metric_spec(metric)
        models = data.residuals if partial else data.embeddings
        key = (data.split, data.ids, tuple(models), spec, partial)
        if key not in self._tables:
            self._tables[key] = pair_table(models, _fitting(spec, data.n), split=data.split)
        return self._tables[key]

    def probes(self, data: SplitData, method: ProbeMethod) -> dict[str, dict[str, Probe]]:
        """Probes of every numeric label from every model, by model and label."""
        key = (data.split, data.ids, tuple(data.embeddings), method)
        if key not in self._probes:
            self._probes[key] = data.probes(method)
        return self._probes[key]

    def _collect(self, split: str) -> SplitData:
        from pytest_matalign.embeddings.embedding import common_ids

        wanted = self.plan.split(split)
        loaded = self.source.split(wanted)
        found, left_out = {}, {}
        for model in self.plan.readers(split, self.source.cards):
            try:
                embedding = self.source.embedding(model, wanted)
            except MatalignError as error:
                left_out[model] = str(error)
                continue
            if len(embedding) < COVERAGE * len(loaded):
                left_out[model] = f"accepts {len(embedding)} of {len(loaded)} samples"
                continue
            found[model] = embedding
        ids = common_ids(*found.values()) if found else ()
        if len(ids) < LEAST_SAMPLES:
            raise ConfigurationError(
                f"The study has {len(ids)} samples of {split} that all models at hand accept; it "
                f"needs {LEAST_SAMPLES}. Ask for more with --samples, or install the zoo's models."
            )
        place = {sample.id: sample for sample in loaded.samples}
        return SplitData(
            split=split,
            samples=tuple(place[name] for name in ids),
            embeddings={m: e.rows(ids).astype(np.float64) for m, e in found.items()},
            facts=self.facts,
            left_out=left_out,
        )


def _fitting(spec: MetricSpec, n: int) -> MetricSpec:
    """The metric with no more neighbours than a quarter of the samples."""
    if spec.k is None or spec.k <= n // 4:
        return spec
    return metric_spec(spec.name, k=n // 4, preprocess=spec.preprocess)
