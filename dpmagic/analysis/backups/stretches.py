"""Which policy each instance followed when, as far as its jobs say, and which due times that makes certain.

A stretch is a row of jobs of an instance that name one policy. Between its first and its last job the policy's due
times are certain. Before it they are if it is the instance's first and the instance is known to have been there; after
it, if it is the last, protection is on, and the instance still has that policy. All others are unverifiable.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas

from dpmagic.analysis.backups.keys import SCHEDULED, among, by_text, instants, key
from dpmagic.schedules import Instants

_TIMES = ("first", "last", "before", "after", "since")
_BEFORE = "nothing shows that the instance was there by then"
_GONE = "the instance is gone; since when is not recorded"
_OFF = "protection is not on; since when is not recorded"
_MOVED = "the policy changed; when is not recorded"


@dataclass(frozen=True)
class Span:
    """The instants that matter: the window ``[start, end)``, from when on there are jobs, and the last due time whose
    run should have begun by now."""

    start: np.datetime64
    end: np.datetime64
    reach: np.datetime64
    until: np.datetime64


def first_signs(instances: pandas.DataFrame, jobs: pandas.DataFrame) -> pandas.Series:
    """By instance, the earliest instant at which it is known to have been protected, whatever that is known from."""
    points = instances["oldestRecoveryPoint"].set_axis(key(instances["id"]))
    started = by_text(jobs.groupby("instance")["startTime"].min())
    signs: pandas.Series = pandas.concat([points, started]).groupby(level=0).min()
    return signs


def stretches(scheduled: pandas.DataFrame, instances: pandas.DataFrame, signs: pandas.Series) -> pandas.DataFrame:
    """The stretches of every instance in order: ``instance``, ``policy``, ``first`` and ``last`` job's start.

    ``head`` and ``tail`` are whether it is the instance's first and last; ``since`` is the first sign of the instance.
    ``before`` is the start of the last job before it, ``after`` that of the first one after it; ``closed`` says why the
    due times after it are not certain, "" if they are. An instance without jobs has one stretch, of its policy.
    """
    whose = scheduled[["instance", "policy"]]
    begins = (whose != whose.shift()).any(axis=1).to_numpy()
    ends = np.append(begins[1:], True)[: len(begins)]
    found = whose[begins].astype("str").reset_index(drop=True)
    found["first"] = scheduled["startTime"].array[begins]
    found["last"] = scheduled["startTime"].array[ends]
    found["head"] = found["instance"].ne(found["instance"].shift())
    found["tail"] = found["instance"].ne(found["instance"].shift(-1))
    found["before"] = found["last"].shift().mask(found["head"])
    found["after"] = found["first"].shift(-1).mask(found["tail"])
    now = _as_they_are(instances)
    found = pandas.concat([found, _today(found, now)], ignore_index=True)
    found["since"] = signs.reindex(found["instance"]).set_axis(found.index)
    found = found.astype(dict.fromkeys(("first", "last", "before", "after", "since"), "datetime64[us, UTC]"))
    found["closed"] = _closed(found, now)
    return found


def _as_they_are(instances: pandas.DataFrame) -> pandas.DataFrame:
    """Policy and state of the instances that there are, by id."""
    made = pandas.DataFrame(
        {
            "policy": key(instances["policyId"]).to_numpy(),
            "state": instances["currentProtectionState"].to_numpy(),
            "on": among(instances["currentProtectionState"], SCHEDULED).to_numpy(),
        },
        index=key(instances["id"]),
    )
    return made[~made.index.duplicated()]


def _today(found: pandas.DataFrame, now: pandas.DataFrame) -> pandas.DataFrame:
    """Stretches without a job: of instances that have none, and of policies that an instance got since its last one."""
    last = found[found["tail"]].set_index("instance")
    policy = last["policy"].reindex(now.index)
    more = now[policy.isna() | (now["on"] & (policy != now["policy"]))]
    before = last["last"].reindex(more.index).astype("datetime64[us, UTC]")
    never = pandas.Series(pandas.NaT, index=range(len(more)), dtype="datetime64[us, UTC]")
    return pandas.DataFrame(
        {
            "instance": more.index, "policy": more["policy"].to_numpy(), "first": never, "last": never,
            "head": before.isna().to_numpy(), "tail": True, "before": before.array, "after": never,
        }
    )  # fmt: skip


def _closed(found: pandas.DataFrame, now: pandas.DataFrame) -> pandas.Series:
    """Why the due times after each stretch are not certain; "" where they are."""
    state = found["instance"].map(now["state"])
    on = found["instance"].map(now["on"]).astype("boolean").fillna(False).astype(bool)
    still = found["policy"] == found["instance"].map(now["policy"])
    gone = ~found["instance"].isin(now.index)
    off = ("protection is " + state.astype("str") + "; since when is not recorded").fillna(_OFF)
    why = pandas.Series("", index=found.index, dtype="str")
    why = why.mask(~found["tail"] | (on & ~still) | ~(found["head"] | found["first"].notna()), _MOVED)
    return why.mask(found["tail"] & gone, _GONE).mask(found["tail"] & ~gone & ~on, off)


@dataclass(frozen=True)
class Places:
    """Of stretches, by their rows, places in the due times of their policy: from ``low`` to ``high``, both included."""

    row: Any
    low: Any
    high: Any


@dataclass(frozen=True)
class Lines:
    """What `stretches` are as arrays, of which the stretches of one policy are taken in no time."""

    first: Instants
    last: Instants
    before: Instants
    after: Instants
    since: Instants
    head: Any
    certain: Any

    @classmethod
    def of(cls, found: pandas.DataFrame) -> Lines:
        first, last, before, after, since = (instants(found[name]) for name in _TIMES)
        head, certain = found["head"].to_numpy(bool), found["closed"].eq("").to_numpy(bool)
        return cls(first, last, before, after, since, head, certain)

    def take(self, rows: Any) -> Lines:
        return Lines(*(getattr(self, one.name)[rows] for one in fields(self)))


def ranges(rows: Any, of: Lines, due: Instants, span: Span) -> tuple[Places, Places, Places]:
    """Of the stretches of one policy, the places in ``due`` that are certain, and those before and after that are not.

    ``rows`` are where they stand, ``of`` is what they are.  All keep to the window, and to due times whose run should
    have begun by now.
    """
    ran, head = ~np.isnat(of.first), of.head
    start = int(np.searchsorted(due, max(span.start, span.reach)))
    last = min(np.searchsorted(due, span.end), np.searchsorted(due, span.until, side="right")) - 1
    first, final, before = (_up_to(due, times) for times in (of.first, of.last, of.before))
    since = np.where(np.isnat(of.since), len(due), np.searchsorted(due, of.since))
    # Where there are no jobs, a first stretch is certain from the first sign on, and a later one never.
    low = np.where(head, np.where(ran, np.minimum(first, since), since), np.where(ran, first, len(due)))
    high = np.where(of.certain, last, np.where(ran, final, -1))
    next_one = np.where(np.isnat(of.after), last, np.searchsorted(due, of.after) - 1)
    begin = np.where(ran, final + 1, np.where(head, low, len(due)))
    return (
        _places(rows, np.maximum(low, start), np.minimum(high, last)),
        _places(rows, np.maximum(np.where(head, start, before + 1), start), np.minimum(low - 1, last)),
        _places(rows, np.maximum(begin, start), np.where(of.certain, -1, np.minimum(next_one, last))),
    )


def why_before(head: Any) -> Any:
    """Why the due times before stretches are not certain, by whether each is its instance's first."""
    return np.where(head, _BEFORE, _MOVED).astype(object)


def _up_to(due: Instants, at: Instants) -> Any:
    """The place of the latest due time up to each instant, -1 if there is none or no instant."""
    return np.where(np.isnat(at), -1, np.searchsorted(due, at, side="right") - 1)


def _places(rows: Any, low: Any, high: Any) -> Places:
    """Those of the ranges that are not empty."""
    some = high >= low
    return Places(rows[some], low[some], high[some])
