"""What changed between two instants of an archive: new, fixed and still open findings, and settings that moved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas

from dpmagic.analysis.arguments import file_of, text
from dpmagic.analysis.backups.answers import answer
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.backups.naming import tag_of
from dpmagic.analysis.findings import COLUMNS as FINDINGS
from dpmagic.analysis.findings import KINDS, findings
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.opening import open_archive
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.completeness import KEY
from dpmagic.estate.estate import Estate
from dpmagic.estate.window import instant

NEW, FIXED, OPEN, CHANGED = "new", "fixed", "open", "changed"
CHANGES = (NEW, FIXED, CHANGED, OPEN)
"""What can have become of something, in the order of the answer."""

COLUMNS = (
    "change", "kind", "severity", "id", "name", "subscriptionId", "owner", "reason", "since", "sinceIs", "lasted",
    "atLeast", "atMost", "detail", "before", "after", "command",
)  # fmt: skip
_SPAN = re.compile(r"(\d+)([hdw])")
_INSTANTS = "write 2026-03-02 or 2026-03-02T09:00Z (UTC); 36h, 7d or 2w (before the last run); yesterday, or now"
_HOURS = {"h": 1, "d": 24, "w": 168}
_NEAR = timedelta(hours=6)
# Settings whose change is told, by table; what a table lists (vaults, policies, instances) is told as new or gone.
_WATCHED = {
    "vaults": (
        "storageType", "softDeleteState", "retentionDurationInDays", "immutabilityState", "crossRegionRestoreState",
        "crossSubscriptionRestoreState", "isVaultProtectedByResourceGuard", "encryptionState", "identityType",
    ),
    "policies": ("policyRules", "datasourceTypes"),
    "instances": ("policyId", "currentProtectionState", "resourceGroupId"),
}  # fmt: skip
_SINCE = ["since", "sinceIs"]
_JUDGED = ("vaults", "policies", "instances", "disks", "snapshots", "role_assignments")  # what findings go by
_ONE = {"vaults": "vault", "policies": "policy", "instances": "instance"}


def compare(directory: str | Path, start: Any = "yesterday", end: Any = "now", *, owner: str = "owner") -> Any:
    """What changed in the archive between two instants: one row each, what is new first.

    ``start`` and ``end`` are instants, ``now`` (the last run), ``yesterday`` (a day before it), or so long before it:
    ``7d``, ``36h``, ``2w``.  A run near such an instant is what is meant, though it began a little later: within a
    quarter of that span, and six hours; else, and for instants, the last run until then: what two runs saw is compared.

    Columns: ``change`` is ``new`` (a finding of ``end`` that ``start`` had not), ``fixed``, ``open`` (in both) or
    ``changed`` (a setting); ``kind``, ``severity``, ``id``, ``name``, ``subscriptionId``, ``owner``, ``reason`` and
    ``detail`` as in `findings`, where for a setting ``reason`` is its column and ``before`` and ``after`` its values
    (vaults, policies and instances that came or went have no ``reason`` but that); ``since`` and ``sinceIs`` as in
    `findings`, or ``before`` the earlier look where it was there and nothing else is known; ``lasted`` until ``end``
    (what is fixed: until ``start``, when it was still there), and whether it may be longer (``atLeast``) or shorter
    (``atMost``, of what is fixed until ``end``); ``command`` as in `findings`.

    What both have and is known to have begun ``at`` an instant after ``start`` was over in between: a backup that
    recovered and failed anew is ``fixed`` and ``new``. What came and went between the two is in neither.

    Nothing is told of a subscription, or a kind of findings, that one of the two did not know: a note says which.

    ``attrs["dpmagic"]`` has ``from``, ``to``, the counts, and ``uncompared``, those notes.  Raises `NotAnArchive`, and
    `InvalidArgument` for an instant that the archive does not reach, or that is not before the other.
    """
    text(owner, "the tag of owners", "owner")
    folder = file_of(directory, "archive", "name the folder that dpmagic collect writes")
    before, after = _instants(folder, start, end)
    old, new = (open_archive(directory, at=at) for at in (before, after))
    each = [_known(estate, owner, old.has("vaults") or old.has("instances")) for estate in (old, new)]
    unknown = {kind: why for _, told in each for kind, why in told.items()}
    first, second = (one[~one["kind"].isin(set(unknown))] for one, _ in each)
    found = pandas.concat([_findings(first, second, old, new), _settings(old, new, owner)], ignore_index=True)
    unseen = _unseen(old, new)
    found = found[~found["subscriptionId"].str.lower().isin(set(unseen))]
    order = found["change"].map(CHANGES.index)
    found = found.assign(order=order).sort_values(
        ["order", "severity", "kind", "reason", "name", "id"], kind="stable", na_position="last", ignore_index=True
    )
    counts = {change: int((found["change"] == change).sum()) for change in CHANGES}
    told = {"from": before.isoformat(), "to": after.isoformat()}
    left = [*unseen.values(), *_unknown(unknown)]
    return answer(new, found[list(COLUMNS)], *left, *_missed(old, new), **told, counts=counts, uncompared=left)


def _known(estate: Estate, owner: str, more: bool) -> tuple[pandas.DataFrame, dict[str, str]]:
    """The findings, and why those of some kinds are not known; of all, where there is ``more`` to compare."""
    try:
        found = findings(estate, owner=owner, partial=True)
    except InvalidArgument as error:
        if not more:
            raise
        return pandas.DataFrame(columns=list(FINDINGS)), dict.fromkeys(KINDS, error.message)
    return found, found.attrs[KEY]["unanswered"]


def _instants(path: Path, start: Any, end: Any) -> tuple[datetime, datetime]:
    """The two runs that are meant, by when each looked."""
    looks = [run.at for run in read_manifest(path).runs]
    after, before = _instant(end, looks), _instant(start, looks)
    if len(looks) == 1 and before < looks[0]:
        raise InvalidArgument(
            f"the archive has one run, of {looks[0]:%Y-%m-%d %H:%M}Z, and nothing before it to compare with",
            "compare after the next `dpmagic collect DIR`",
        )
    if looks and before < looks[0]:
        told = f"the archive begins at {_shown(looks[0])}, after {_shown(before)}"
        raise InvalidArgument(told, "name a later instant: `dpmagic archive runs DIR` lists the runs")
    if before >= after:
        raise InvalidArgument(
            f"from {_shown(before)} to {_shown(after)} is no time", "name an earlier instant first, such as 7d"
        )
    first, last = (max((look for look in looks if look <= one), default=one) for one in (before, after))
    if looks and first == last:
        raise InvalidArgument(
            f"the last run until {_shown(before)} is that until {_shown(after)}, of {_shown(first)}",
            "name instants with a run between them: `dpmagic archive runs DIR` lists them",
        )
    return first, last


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _instant(given: Any, looks: Sequence[datetime]) -> datetime:
    if looks and isinstance(given, str):
        word = given.strip().lower()
        if word == "now":
            return looks[-1]
        if match := _SPAN.fullmatch("1d" if word == "yesterday" else word):
            try:
                return _near(looks, timedelta(hours=int(match[1]) * _HOURS[match[2]]))
            except OverflowError as error:
                raise InvalidArgument(f"{given!r} is before the first year", "write 7d, 36h or 2w") from error
    try:
        return instant("2000-01-01" if isinstance(given, str) and given in ("now", "yesterday") else given)
    except InvalidArgument as error:
        hint = error.hint if isinstance(given, datetime) else _INSTANTS
        if isinstance(given, str):
            hint = f"{did_you_mean(given.strip().lower(), ('yesterday', 'now'))} {hint}".strip()
        raise InvalidArgument(f"{given!r} is not an instant", hint) from error


def _near(looks: Sequence[datetime], span: timedelta) -> datetime:
    """So long before the last run; or the run nearest to that: a night's does not begin at the same second each time,
    and one that began a little later is not to be passed over for that of the night before."""
    meant = looks[-1] - span
    near = [look for look in looks[:-1] if abs(look - meant) <= min(span / 4, _NEAR)]
    return min(near, key=lambda look: abs(look - meant)) if near else meant


def _findings(first: pandas.DataFrame, second: pandas.DataFrame, old: Estate, new: Estate) -> pandas.DataFrame:
    parts = [part.assign(key=key(part["id"]), rank=range(len(part))) for part in (first, second)]
    columns = ["kind", "key", "reason"]
    first, second = (part.drop_duplicates(columns) for part in parts)
    both = second.merge(first[[*columns, *_SINCE]], on=columns, how="left", indicator=True, suffixes=("", "Then"))
    held = both["_merge"] == "both"
    # What began after the earlier look is another one than that look saw.
    held &= ~(both["sinceIs"].eq("at") & (both["since"] > pandas.Timestamp(old.now)))
    both["change"] = held.map({True: OPEN, False: NEW})
    gone = first.merge(both.loc[held, columns], on=columns, how="left", indicator=True)
    gone = gone[gone["_merge"] == "left_only"].assign(change=FIXED, command=None)
    return _typed(pandas.concat([_lasted(_known_since(both, held, old.now), new), _over(gone, old, new)]))


def _known_since(both: pandas.DataFrame, held: pandas.Series, look: datetime) -> pandas.DataFrame:
    """The findings with since when they are there: by what either look knew, or else that the earlier look had them."""
    then, told = both["sinceThen"], both["since"].isna() & held
    # The earlier look saw further back.
    further = held & both["sinceIs"].eq("before") & (then < both["since"])
    for name in _SINCE:
        both[name] = both[name].mask(told | further, both[f"{name}Then"])
    bare = held & both["since"].isna()
    both["since"] = both["since"].mask(bare, pandas.Timestamp(look).as_unit("us"))
    return both.assign(sinceIs=both["sinceIs"].mask(bare, "before"))


def _lasted(found: pandas.DataFrame, until: Estate) -> pandas.DataFrame:
    lasted = pandas.Timestamp(until.now) - found["since"]
    return found.assign(lasted=lasted, atLeast=found["sinceIs"].eq("before"), atMost=found["sinceIs"].eq("after"))


def _over(gone: pandas.DataFrame, old: Estate, new: Estate) -> pandas.DataFrame:
    """What is fixed ended between the looks: what is known is either how long at least, or how long at most."""
    least, most = _lasted(gone, old), _lasted(gone, new)
    late = most["atMost"]
    return least.assign(
        lasted=least["lasted"].where(~late, most["lasted"]), atLeast=~late & gone["since"].notna(), atMost=late
    )


def _settings(old: Estate, new: Estate, owner: str) -> pandas.DataFrame:
    parts = [_moved(old, new, table, owner) for table in _WATCHED if old.has(table) and new.has(table)]
    return _typed(pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=list(COLUMNS)))


def _moved(old: Estate, new: Estate, table: str, owner: str) -> pandas.DataFrame:
    """The watched columns of a table that have another value, and what came and went."""
    before, after = (estate.table(table) for estate in (old, new))
    watched = [name for name in _WATCHED[table] if name in before]
    # As objects: a row of a table on its own takes long to make.
    earlier, later = (dict(zip(key(side["id"]), side.to_dict("records"), strict=True)) for side in (before, after))
    rows: list[dict[str, Any]] = []
    for one in sorted({*earlier, *later}):
        was, is_ = earlier.get(one), later.get(one)
        there = later[one] if one in later else earlier[one]
        about = {
            "change": CHANGED, "kind": _ONE[table], "id": there["id"], "name": there["name"],
            "subscriptionId": there["subscriptionId"], "owner": tag_of(there.get("tags"), owner),
        }  # fmt: skip
        if was is None or is_ is None:
            rows.append({**about, "reason": "added" if was is None else "removed"})
            continue
        values = {name: (_text(was[name]), _text(is_[name])) for name in watched}
        rows += [
            {**about, "reason": name, "before": then, "after": now}
            for name, (then, now) in values.items()
            if then != now
        ]
    return pandas.DataFrame(rows, columns=list(COLUMNS))


def _text(value: Any) -> str | None:
    import json

    if isinstance(value, (list, dict)):
        return json.dumps(value, sort_keys=True)
    if value is None or value is pandas.NA or value != value:
        return None
    return str(value).lower() if isinstance(value, str) and value.startswith("/") else str(value)


def _typed(rows: pandas.DataFrame) -> pandas.DataFrame:
    texts = [name for name in COLUMNS if name not in ("severity", "since", "lasted", "atLeast", "atMost")]
    dtypes = {
        **dict.fromkeys(texts, "str"), "severity": "Int64", "since": "datetime64[us, UTC]",
        "lasted": "timedelta64[us]", "atLeast": "boolean", "atMost": "boolean",
    }  # fmt: skip
    return rows.reindex(columns=list(COLUMNS)).astype(dtypes)


def _unseen(old: Estate, new: Estate) -> dict[str, str]:
    """The subscriptions of which one look at least knows nothing, and a note of each."""
    names = {one.lower(): name for estate in (old, new) for one, name in _names(estate)}
    when: dict[str, list[str]] = {}
    for estate in (old, new):
        for one in estate.source.scope.unreadable:
            when.setdefault(one.lower(), []).append(_at(estate.now))
    return {
        one: f"of subscription {names.get(one) or one} nothing is compared: not read at {' and '.join(looks)}"
        for one, looks in when.items()
    }


def _unknown(kinds: Mapping[str, str]) -> list[str]:
    """A note for each reason why kinds of findings are not known."""
    reasons = {why: [kind for kind in kinds if kinds[kind] == why] for why in kinds.values()}
    return [f"findings of kind {', '.join(of)} are not compared: {why}" for why, of in reasons.items()]


def _names(estate: Estate) -> list[tuple[str, str]]:
    if not estate.has("subscriptions"):
        return []
    rows = estate.subscriptions()
    return list(zip(rows["subscriptionId"].dropna(), rows["name"], strict=False))


def _missed(old: Estate, new: Estate) -> list[str]:
    """Days between both on which nobody looked, spans whose jobs nobody saw, and tables that a look could not read."""
    wider = new.over((old.now, new.now))
    notes = [note for name in ("vaults", "jobs") if wider.has(name) for note in wider.remembers(name)["notes"]]
    for estate in (old, new):
        stale: dict[datetime, list[str]] = {}
        for name in _JUDGED:
            if estate.has(name) and estate.seen(name) < estate.now:
                stale.setdefault(estate.seen(name), []).append(name)
        notes += [
            f"at {_at(estate.now)} {', '.join(of)} are as of {_at(seen)}, when last read" for seen, of in stale.items()
        ]
    return notes


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}Z"
