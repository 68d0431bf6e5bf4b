"""Columns of Arrow for an estate's rows of Resource Graph: what instances say, in dictionaries; instants; guids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import arrow, times
from ..world import group_id, name_of, subscription_of
from . import documents, streams
from .estate import Estate
from .things import Instance

EPOCH = 719_162 * times.DAY  # 1970-01-01 in ticks
Numbers = NDArray[Any]


class Facts:
    """What rows say of their instances: columns of a value for each instance, in dictionaries."""

    def __init__(self, estate: Estate, instances: Numbers) -> None:
        self._estate = estate
        self._instances = instances

    def columns(self) -> dict[str, Any]:
        """The columns that jobs and snapshots have."""
        return {
            "vault": self.of(lambda one: one.vault),
            "vaultName": self.of(lambda one: name_of(one.vault)),
            "vaultGroup": self.of(lambda one: name_of(group_id(one.vault)).lower()),
            "vaultSubscription": self.of(lambda one: subscription_of(one.vault)),
            "instanceId": self.of(lambda one: one.id),
            "source": self.of(lambda one: one.source),
            "sourceName": self.of(lambda one: name_of(one.source)),
            "sourceGroup": self.of(lambda one: name_of(group_id(one.source))),
            "sourceSubscription": self.of(lambda one: subscription_of(one.source)),
            "diskId": self.of(lambda one: one.disk.id if one.disk else one.source),
            "dataSourceType": self.of(lambda one: one.type),
            "location": self.of(lambda one: one.location),
            "snapshotGroup": self.of(lambda one: one.snapshots),
            "bytes": _int64([documents.size(one) for one in self._estate.instances], self._instances),
        }

    def of(self, say: Callable[[Instance], str]) -> Any:
        """A dictionary column of what instances say."""
        codes: dict[str, int] = {}
        coded = np.array([codes.setdefault(say(one), len(codes)) for one in self._estate.instances], np.int32)
        return dictionary(coded[self._instances], list(codes))


def _int64(values: Sequence[int], rows: Numbers) -> Any:
    return arrow.numbers(np.array(values, np.int64)[rows])


def dictionary(codes: Numbers, values: Sequence[str | None]) -> Any:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(arrow.numbers(codes.astype(np.int32)), arrow.texts(values))


def instants(ticks: Numbers, known: NDArray[np.bool_] | None = None) -> Any:
    """Ticks as timestamps of nanoseconds; null where the instant is not known."""
    return arrow.instants((ticks - EPOCH) * 100, known)


def guids(halves: tuple[streams.Keys, streams.Keys]) -> Any:
    return streams.arrow_texts([streams.guids(*halves)])


def rank(texts: Sequence[str]) -> Numbers:
    """The place of each text among the sorted ones; like texts have like places."""
    places = {text: place for place, text in enumerate(sorted(set(texts)))}
    return np.array([places[text] for text in texts], np.int64)
