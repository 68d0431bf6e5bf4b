"""What is left out of the count of disks on purpose: by a tag, by a list, by an exemption of Azure Policy.

An exclusion is a record with a reason, who made it and until when. One that has run out excludes nothing, and is
still listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pandas

from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.scopes import Chains, levels
from dpmagic.analysis.protection.tags import tag
from dpmagic.errors import InvalidArgument, did_you_mean
from dpmagic.estate.window import instant

COLUMNS = ("kind", "id", "tag", "value", "reason", "by", "until")
_GIVEN = ("id", "tag", "value", "reason", "by", "until")
_HOW = 'write "tags.backup=none", an id, or {"id": ..., "reason": ..., "by": ..., "until": ...}'
# The built-in policies that ask for backups of managed disks.
_BUILT_IN = ("a25a41a7-a769-4271-841d-7ce0297be0c0",)


def records(exclude: Any, exemptions: pandas.DataFrame | None, now: datetime) -> pandas.DataFrame:
    """Every exclusion, those of the caller first: `COLUMNS`, and whether it has ``expired`` by ``now``.

    ``exclude`` is one exclusion or several, each a text (``tags.NAME=VALUE``, ``tags.NAME``, or the id of a disk,
    resource group or subscription) or a mapping with ``id`` or ``tag``, and ``reason``, ``by``, ``until``; or a frame
    of such rows.  Raises `InvalidArgument` for anything else.
    """
    rows = [_record(one) for one in _several(exclude)]
    if exemptions is not None and len(exemptions):
        rows += _exempted(exemptions)
    made = pandas.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(COLUMNS[:-1], "str"))
    made["until"] = pandas.to_datetime(made["until"], utc=True).astype("datetime64[us, UTC]")
    made["expired"] = (made["until"] <= pandas.Timestamp(now)).to_numpy(bool)
    return made


def _several(exclude: Any) -> Iterable[Any]:
    if exclude is None:
        return ()
    if isinstance(exclude, pandas.DataFrame):
        kept = exclude[[name for name in _GIVEN if name in exclude]]
        return [
            {str(key): value for key, value in row.items() if pandas.notna(value)} for row in kept.to_dict("records")
        ]
    several = isinstance(exclude, Iterable) and not isinstance(exclude, str | Mapping)
    return list(exclude) if several else [exclude]


def _record(one: Any) -> dict[str, Any]:
    if isinstance(one, str):
        if one.startswith("/"):
            return _record({"id": one})
        name, equals, value = one.removeprefix("tags.").partition("=")
        if not one.startswith("tags.") or not name:
            raise InvalidArgument(f"{one!r} excludes nothing", _HOW)
        return _record({"tag": name, **({"value": value} if equals else {})})
    if not isinstance(one, Mapping):
        raise InvalidArgument(f"a value of type {type(one).__name__} excludes nothing", _HOW)
    for name in one:
        if name not in _GIVEN:
            raise InvalidArgument(f"an exclusion has no {name}", did_you_mean(str(name), _GIVEN, _HOW))
    if bool(one.get("id")) == bool(one.get("tag")):
        raise InvalidArgument("an exclusion names either an id or a tag", _HOW)
    if one.get("id") and not str(one["id"]).startswith("/"):
        raise InvalidArgument(f"{one['id']!r} is no id", "write it whole: /subscriptions/...")
    name, equals, value = str(one.get("tag") or "").removeprefix("tags.").partition("=")
    if name and (equals or name != one["tag"]):  # as in a text
        one = {"value": value, **one, "tag": name} if equals else {**one, "tag": name}
    kind = "list" if one.get("id") else "tag"
    shown = one.get("reason") or (_spelled(one) if kind == "tag" else "named in a list")
    return {**dict.fromkeys(COLUMNS), **one, "kind": kind, "reason": shown, "until": _until(one.get("until"))}


def _spelled(one: Mapping[str, Any]) -> str:
    return f"tag {one['tag']}" + (f"={one['value']}" if one.get("value") is not None else "")


def _until(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return instant(value)
    except InvalidArgument as error:
        raise InvalidArgument(f"an exclusion cannot last until {value!r}", error.hint) from error


def _exempted(exemptions: pandas.DataFrame) -> list[dict[str, Any]]:
    """The exemptions from policies about backups of disks."""
    kept = exemptions[_about_backup(exemptions)]
    shown = kept["displayName"].where(kept["displayName"].fillna("").ne(""), kept["name"])
    more = kept["description"].where(kept["description"].ne(shown)).fillna("")
    shown = shown.str.cat(more.radd(": ").replace(": ", ""))
    made = pandas.DataFrame(
        {
            "kind": "policy exemption",
            "id": kept["scope"],
            "reason": shown.str.cat(
                kept["exemptionCategory"].fillna("").map(lambda text: f" ({text})" if text else "")
            ),
            "by": kept["createdBy"],
            "until": kept["expiresOn"],
        }
    )
    rows = made.astype(object).where(made.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _about_backup(exemptions: pandas.DataFrame) -> pandas.Series:
    """Those of a built-in policy for disks, and those whose assignment names backup, in its id or for people."""
    names = [name for name in ("policyAssignmentId", "policyAssignmentDisplayName") if name in exemptions]
    says = [exemptions[name].astype("str").str.contains("backup", case=False, na=False) for name in names]
    named = says[0] | says[-1]
    if "policyDefinitionId" not in exemptions:
        return named
    guid = exemptions["policyDefinitionId"].astype("str").str.lower().str.extract(r"([^/]*)$", expand=False)
    return guid.isin(_BUILT_IN) | named


def match(disks: pandas.DataFrame, exclusions: pandas.DataFrame, above: Chains) -> pandas.Series:
    """For each disk, the place in ``exclusions`` of the first that holds now; missing where none does."""
    found = pandas.Series(pandas.NA, index=disks.index, dtype="Int64")
    live = exclusions[~exclusions["expired"]]
    for place, name, value in live.loc[live["kind"] == "tag", ["tag", "value"]].itertuples():
        values = tag(disks["tags"], name)
        hit = values.notna() if pandas.isna(value) else values.str.lower().eq(str(value).lower())
        found = found.mask(found.isna() & hit, place)
    scoped = live[live["kind"] != "tag"]
    places = {scope or "/": place for place, scope in reversed(list(key(scoped["id"]).items()))}
    if places:
        for scope in levels(key(disks["id"]), above):
            found = found.where(found.notna(), scope.map(places).astype("Int64"))
    return found
