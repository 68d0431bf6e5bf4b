"""The kinds of defects that a spec can plant, and how each gets into the estate.

``at`` is an instant as in :mod:`.spec`; without it a day before the end. The rest follows from the spec and is listed
by itself: see :mod:`.unasked`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import times
from ..times import DAY, span
from . import effects, exemptions, failures, streams, unasked
from .behaviours import Rule, fails_after
from .effects import Target
from .estate import Estate
from .spec import EstateError, Plant, instant
from .things import Planted

_NEVER_ENDS = 2**62


@dataclass(frozen=True)
class _Kind:
    """How a kind is planted: with a ``turn`` at an instant, else by changing runs. ``told`` is for people."""

    options: Mapping[str, Callable[[Any], Any]]
    told: str
    turn: Callable[[Target], None] | None = None


def _code(value: Any) -> str:
    if not failures.known(str(value)):
        raise ValueError(value)
    return str(value)


def _signed(value: Any) -> int:
    text = str(value)
    return -span(text[1:]) if text.startswith("-") else span(text)


def _rate(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(value)
    return float(value)


_RUNS: dict[str, Callable[[Any], Any]] = {"runs": int}
KINDS: dict[str, _Kind] = {
    "missed": _Kind(_RUNS, "`runs` (1): that many due times pass without a job"),
    "late": _Kind({**_RUNS, "by": span}, "`by`: runs start exactly so long after their due time; `runs` (1)"),
    "failed": _Kind({**_RUNS, "code": _code}, "`code` (InternalServerError), `runs` (1): that many runs fail"),
    "flaky": _Kind(
        {"rate": _rate, "code": _code, "for": span}, "`rate`, `code`, `for`: each run fails with that probability"
    ),
    "retried": _Kind(
        {**_RUNS, "code": _code, "pause": span},
        "`code`, `pause` (20m), `runs` (1): fails, and a second attempt succeeds",
    ),
    "long": _Kind({**_RUNS, "lasts": span}, "`lasts`: runs take exactly so long; `runs` (1)"),
    "stuck": _Kind({"lasts": span}, "`lasts`: a run hangs, then times out; without it, it hangs for good"),
    "drift": _Kind({"slope": span, "for": span}, "`slope`: durations grow by that much a day, from `at` on; `for`"),
    "kept": _Kind(
        {"by": _signed, "for": span},
        "`by`: points are kept so much longer, or with `-` shorter, than the policy says; `for`",
    ),
    "lingering": _Kind({"by": span, "for": span}, "`by`: snapshots stay so long after their point's expiry; `for`"),
    "stopped": _Kind({}, "protection stopped from `at` on", effects.stop),
    "suspended": _Kind({}, "backups suspended from `at` on", effects.suspend),
    "inError": _Kind({"code": _code}, "`code`: protection in error from `at` on", effects.fail_protection),
    "softDeleted": _Kind({}, "the instance deleted at `at`, and kept for 14 days", effects.soft_delete),
    "rolesRemoved": _Kind(
        {"role": str},
        "`role` (reader or snapshots): the vault loses it for the disks' whole resource group",
        effects.remove_role,
    ),
    "policyChanged": _Kind(
        {"policy": str}, "`policy`: another policy of the vault from `at` on", effects.change_policy
    ),
    "diskDeleted": _Kind({}, "the disk is gone, its instance and snapshots are not", effects.delete_disk),
    "diskRecreated": _Kind(
        {"after": span}, "`after`: deleted, and after so long made anew under its name", effects.recreate_disk
    ),
    "snapshotDeleted": _Kind(
        {"which": int},
        "`which` (1): the snapshot of the newest point but `which - 1` is deleted by hand",
        effects.delete_snapshot,
    ),
    "onDemand": _Kind(
        {"tag": str, "every": span, "jobs": int},
        "`tag` (Default), `jobs` (1), `every` (1h): that many jobs a person starts",
        effects.back_up,
    ),
    "orphanSnapshots": _Kind(
        {"count": int},
        "`count` (1): snapshots by Azure Backup of a disk that no longer exists, made at `at`",
        effects.leave_snapshots,
    ),
    "snapshotCount": _Kind(
        {"count": int},
        "`count`: snapshots by hand until the disk has exactly so many at the end",
        effects.fill_snapshots,
    ),
    "oddCasing": _Kind({}, "the instance spells ids in another casing than the resources themselves", effects.respell),
    "exempt": _Kind(
        dict.fromkeys(("expires", "category", "scope", "by"), str),
        "`expires`, `category` (Waiver), `scope` (disk, group or subscription), `by`: exempt from the Azure Policy that"
        " asks for backups",
        exemptions.exempt,
    ),
}
_NEEDED = {"late": "by", "long": "lasts", "flaky": "rate", "drift": "slope", "kept": "by", "lingering": "by"}
_NEEDED |= {"policyChanged": "policy", "snapshotCount": "count", "diskRecreated": "after", "inError": "code"}
_LASTING = ("flaky", "drift", "kept", "lingering")  # for a time, not for a number of runs
_AT_END = ("snapshotCount",)  # counted when all else has happened


def plant(estate: Estate) -> None:
    """Plant what the spec asks for. Raises :class:`EstateError` where it cannot be."""
    for name, ids, reason in unasked.listed(estate):
        estate.defects.append(Planted(name, ids, reason, [], len(estate.defects), {}))
    for item in estate.spec.plant:
        kind = KINDS.get(item.kind)
        if kind is None:
            raise EstateError(f"plant: no kind is called {item.kind}", f"There are {', '.join(KINDS)}.")
        _plant(estate, item, kind, _options(item, kind))


def _options(item: Plant, kind: _Kind) -> dict[str, Any]:
    known = ", ".join(kind.options) or "no options"
    made = {}
    for key, value in item.options.items():
        if key not in kind.options:
            raise EstateError(
                f"plant: {item.kind} has no option {key}", f"It has {known}, beside disks, share, at, reason."
            )
        try:
            made[key] = kind.options[key](value)
        except (ValueError, TypeError) as error:
            raise EstateError(f"plant: {item.kind}: {key} cannot be {value!r}", f"{item.kind} has {known}.") from error
    if item.kind in _NEEDED and _NEEDED[item.kind] not in made:
        raise EstateError(f"plant: {item.kind} says no {_NEEDED[item.kind]}", f"Add `{_NEEDED[item.kind]}:`.")
    return made


def _plant(estate: Estate, item: Plant, kind: _Kind, options: dict[str, Any]) -> None:
    end = estate.spec.end_ticks
    at = end if item.kind in _AT_END else _instant(item, end)
    cause = len(estate.defects)
    numbers, disks = _targets(estate, item)
    ids = [estate.instances[number].id for number in numbers]
    shown = {key: value if isinstance(value, str | int | float) else str(value) for key, value in item.options.items()}
    defect = Planted(item.kind, ids, item.reason or item.kind, [], cause, shown)
    estate.defects.append(defect)
    target = Target(estate, numbers, disks, at, defect, options)
    if kind.turn is not None:
        kind.turn(target)
        return
    if not numbers:
        raise EstateError(
            f"plant: {item.kind} is on no instance", "Name protected disks in `disks:`, or give a `share:`."
        )
    _rule(target)


def _instant(item: Plant, end: int) -> int:
    try:
        return end - DAY if item.at is None else instant(item.at, end)
    except ValueError as error:
        raise EstateError(
            f"plant: {item.kind}: at cannot be {item.at!r}", "Write -3d, or 2026-02-27T08:00Z."
        ) from error


def _targets(estate: Estate, item: Plant) -> tuple[list[int], list[Any]]:
    """The instances, in order, and disks that an item is on. A share depends on each instance alone."""
    if item.share:
        lucky = streams.below(streams.draw(estate.seed, estate.engine.fleet["key"], _salt(estate, item)), item.share)
        return np.flatnonzero(lucky).tolist(), []
    disks = [disk for name in item.disks for disk in estate.named(name)]
    wanted = {disk.id.lower() for disk in disks}
    numbers = [number for number, one in enumerate(estate.instances) if one.source.lower() in wanted]
    return numbers, disks


def _salt(estate: Estate, item: Plant) -> str:
    """Two items of one kind fall on different instances."""
    alike = [other for other in estate.spec.plant if other.kind == item.kind]
    return f"plant/{item.kind}/{next(place for place, other in enumerate(alike) if other is item)}"


def _rule(target: Target) -> None:
    """Runs are counted by the due times of each target's policy."""
    engine, options = target.estate.engine, target.options
    code = options.get("code", failures.TIMED_OUT if target.defect.kind == "stuck" else failures.SERVICE)
    facts = {
        "lag": options.get("by", 0) if target.defect.kind == "late" else 0,
        "lasts": options.get("lasts", 0) if target.defect.kind in ("long", "stuck") else fails_after(code),
        "fault": engine.code(code),
        "rate": options.get("rate", 0.0),
        "slope": options.get("slope", 0),
        "extra": options.get("by", 0),
        "pause": options.get("pause", 20 * 60 * times.SECOND),
    }
    members = np.array(target.numbers, np.int64)
    engine.change(members, ruled=True)
    policies, codes = np.unique(engine.fleet["policy"][members], return_inverse=True)
    windows = np.array([_window(target, policy) for policy in policies.tolist()], np.int64)[codes]
    engine.rules.append(Rule(target.defect.kind, members, windows[:, 0], windows[:, 1], target.defect.cause, **facts))


def _window(target: Target, policy: int) -> tuple[int, int]:
    """The first and the last due time that a rule is about."""
    if target.defect.kind in _LASTING:
        return target.at, target.at + target.options.get("for", _NEVER_ENDS - target.at)
    plan = target.estate.engine.plans[policy]
    due = plan.next_due(target.at - 1) if plan else None
    if plan is None or due is None:
        kind = target.defect.kind
        raise EstateError(f"plant: {kind} is on an instance whose policy has no schedule", "Name another disk.")
    first = last = due
    for _ in range(target.options.get("runs", 1) - 1):
        following = plan.next_due(last)
        assert following is not None, "a schedule does not end"
        last = following
    return first, last
