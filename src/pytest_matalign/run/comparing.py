"""Compare embeddings, remembering results in the store and preparations in memory."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from pytest_matalign.cache import key_of
from pytest_matalign.embeddings.embedding import Embedding, common_ids
from pytest_matalign.embeddings.extraction import one_thread
from pytest_matalign.statistics.alignment import Alignment, Difference

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytest_matalign.embeddings.store import Store
    from pytest_matalign.metrics.spec import MetricSpec
    from pytest_matalign.statistics.assess import Prepared
    from pytest_matalign.suites.schema import SuiteMetric

RESULT_VERSION = 2
"""Raised whenever the content of a stored result changes."""
PREPARED_KEPT = 40
"""Prepared embeddings held in memory; more than the models of a suite, so pairs share them."""


def spec_of(metric: SuiteMetric) -> MetricSpec:
    """The metric of a suite, checked.

    Raises:
        MetricInputError: If there is no such metric, or it has no such setting.
    """
    from pytest_matalign.metrics.spec import metric_spec

    return metric_spec(metric.name, k=metric.k, preprocess=metric.preprocess)


class Comparer:
    """Alignments of two embeddings, and differences of two alignments.

    On one thread: the order in which a product is summed must not depend on the machine.
    """

    def __init__(self, *, store: Store, metrics: Iterable[SuiteMetric]) -> None:
        self._store = store
        self._metrics = tuple(dict.fromkeys(metrics))
        self._specs: tuple[MetricSpec, ...] = ()
        self._prepared: OrderedDict[tuple[str, tuple[str, ...]], Prepared] = OrderedDict()

    def alignment(self, a: Embedding, b: Embedding, spec: MetricSpec) -> Alignment:
        """Return the alignment of two models on the samples both accepted.

        Raises:
            MetricInputError: If the two cannot be compared.
        """
        from pytest_matalign.statistics.assess import assess

        ids = common_ids(a, b)
        key = self._key([a, b], ids, spec, kind="embeddings")
        found = self._store.read_result(key, type=Alignment)
        if found is None:
            with one_thread():
                found = assess(self._prepare(a, ids), self._prepare(b, ids), spec)
            self._store.write_result(key, found)
        return found

    def difference(
        self,
        first: Embedding,
        second: Embedding,
        *,
        partner: Embedding,
        spec: MetricSpec,
        tolerance: float,
    ) -> Difference:
        """Return how much more the first agrees with the partner than the second does.

        Raises:
            MetricInputError: If too few samples are common to the three.
        """
        from pytest_matalign.statistics.assess import assess_difference

        three = [first, second, partner]
        ids = common_ids(*three)
        key = self._key(three, ids, spec, kind=f"difference {tolerance!r}")
        found = self._store.read_result(key, type=Difference)
        if found is None:
            with one_thread():
                new, old, other = (self._prepare(embedding, ids) for embedding in three)
                found = assess_difference(new, old, other, spec, tolerance=tolerance)
            self._store.write_result(key, found)
        return found

    def _key(
        self, embeddings: list[Embedding], ids: tuple[str, ...], spec: MetricSpec, *, kind: str
    ) -> str:
        return key_of(
            {
                "version": RESULT_VERSION,
                kind: [embedding.digest for embedding in embeddings],
                "ids": key_of({"ids": list(ids)}),
                "spec": [spec.estimator, spec.k, spec.preprocess],
            }
        )

    def _prepare(self, embedding: Embedding, ids: tuple[str, ...]) -> Prepared:
        from pytest_matalign.statistics.assess import prepare

        key = (embedding.digest, ids)
        if key not in self._prepared:
            # Every metric of every suite of the run, so that one preparation serves all.
            self._specs = self._specs or tuple(map(spec_of, self._metrics))
            self._prepared[key] = prepare(embedding.rows(ids), specs=self._specs)
            if len(self._prepared) > PREPARED_KEPT:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(key)
        return self._prepared[key]
