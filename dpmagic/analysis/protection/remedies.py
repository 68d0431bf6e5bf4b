"""What stands in the way of closing a gap, and the first ``az dataprotection`` command that helps to close it.

Commands are written so that a cell and a shell read the same words.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Any

import pandas

from dpmagic import language
from dpmagic.analysis.backups.keys import key
from dpmagic.analysis.protection.eligibility import is_slow
from dpmagic.analysis.protection.places import Place, Places
from dpmagic.analysis.protection.verdicts import (
    DELETED,
    ERROR,
    EXCLUDED,
    NEVER,
    PERMISSION,
    STALE,
    STOPPED,
    SUSPENDED,
    UNSUPPORTED,
)
from dpmagic.errors import InvalidArgument

_DISKS = "Microsoft.Compute/disks"
_STORAGE = ("type=LocallyRedundant", "datastore-type=VaultStore")
Remedy = tuple[str | None, str | None]
"""A blocker and a command; None for what there is not."""


def remedies(gaps: pandas.DataFrame, tables: dict[str, pandas.DataFrame]) -> pandas.DataFrame:
    """``blocker`` and ``command`` of each gap, missing where there is none."""
    places = _places(gaps, Places(tables))
    rules = _backup_rules(tables.get("policies"))
    found: list[Remedy] = []
    names = [name for name in _NEEDED if name in gaps]
    cells = gaps[names].astype(object).where(gaps[names].notna(), None)
    for row, place in zip(cells.to_dict("records"), places, strict=True):
        known = {str(name): value for name, value in row.items()}
        found.append(_remedy({**known, "rule": rules.get(str(known["policyId"]).lower(), "")}, place))
    return pandas.DataFrame(found, columns=["blocker", "command"], index=gaps.index).astype("str")


_NEEDED = (
    "id", "name", "subscriptionId", "resourceGroup", "location", "reason", "instanceId", "policyId", "deletedName",
    "deletedVault", "resourceGroupId", "errorCode", "unsupported", "state", "lastStatus", "lastCode",
)  # fmt: skip


def command(*words: str) -> str:
    """The words as one line, quoted so that a cell of dpmagic and a POSIX shell both read them back.

    >>> print(command("backup-instance", "show", "-g", "rg (old)", "-n", "it's"))
    az dataprotection backup-instance show -g 'rg (old)' -n 'it'"'"'s'
    """
    return " ".join(["az dataprotection", *map(_quoted, words)])


def _quoted(word: str) -> str:
    """As a shell has it; what only a cell would misread goes in quotes as well."""
    quoted = shlex.quote(word)
    return f"'{word}'" if quoted == word != language.quote(word) else quoted


def _places(gaps: pandas.DataFrame, places: Places) -> list[Place]:
    keys = list(
        zip(
            gaps["subscriptionId"].str.lower(), gaps["location"].str.lower(), is_slow(gaps["sku"]).tolist(), strict=True
        )
    )
    known = {key: places.best(*key) for key in set(keys)}
    return [known[key] for key in keys]


def _backup_rules(policies: pandas.DataFrame | None) -> dict[str, str]:
    """By the policy's lower-case id, the name of its backup rule."""
    if policies is None:
        return {}
    return dict(zip(key(policies["id"]), policies["policyRules"].map(_rule_name), strict=True))


def _rule_name(rules: object) -> str:
    named = [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    return next((str(rule["name"]) for rule in named if rule.get("objectType") == "AzureBackupRule"), "")


def _remedy(row: Mapping[str, Any], place: Place) -> Remedy:
    say = _SAYS.get(row["reason"])
    return say(row, place) if say else (None, None)


def _protect(row: Mapping[str, Any], place: Place) -> Remedy:
    if row["instanceId"]:
        return f"its backup instance is {row['state']}", on_instance("show", row["instanceId"])
    location = str(row["location"])
    if not place.vault:
        words = ["-v", f"bv-{location}", "-l", location, "--type", "SystemAssigned"]
        made = _at("backup-vault create", _group(row["id"]), *words, "--storage-setting", *_STORAGE)
        return f"no Backup vault in {location} that could be read", made
    if not place.policy:
        name = place.vault.rsplit("/", 1)[-1]
        made = command("backup-policy", "get-default-policy-template", "--datasource-type", "AzureDisk")
        return f"the vault {name} in {location} has no policy that suits", made
    words = ["backup-instance", "initialize", "--datasource-type", "AzureDisk", "-l", location]
    words += ["--datasource-id", str(row["id"]), "--policy-id", place.policy]
    if place.snapshots:
        return None, command(*words, "--snapshot-resource-group-name", place.snapshots)
    return "no resource group for snapshots is in use in its subscription: make one and name it", command(*words)


def _resume(row: Mapping[str, Any], place: Place) -> Remedy:
    return (None, on_instance("resume-protection", row["instanceId"])) if row["instanceId"] else _protect(row, place)


def _undelete(row: Mapping[str, Any], place: Place) -> Remedy:
    if not row["deletedVault"]:
        return "it is still being deleted", None
    deleted = f"{row['deletedVault']}/deletedBackupInstances/{row['deletedName']}"
    return None, on_instance("deleted-backup-instance undelete", deleted)


def _repair(row: Mapping[str, Any], place: Place) -> Remedy:
    """Putting the instance under its own policy again makes the service check it again."""
    if not row["instanceId"]:
        return _protect(row, place)
    again = on_instance("update-policy", row["instanceId"], "--policy-id", str(row["policyId"]), long=True)
    return row["errorCode"], again


def _back_up(row: Mapping[str, Any], place: Place) -> Remedy:
    if not row["instanceId"]:
        return _protect(row, place)
    if not row["rule"]:
        return "its policy could not be read", None
    failed = f"its last backup failed: {row['lastCode'] or 'no code'}" if row["lastStatus"] == "Failed" else None
    return failed, on_instance("adhoc-backup", row["instanceId"], "--rule-name", row["rule"])


def _grant(row: Mapping[str, Any], place: Place) -> Remedy:
    group = row["resourceGroupId"]
    store = {"object_type": "AzureOperationalStoreParameters", "data_store_type": "OperationalStore"}
    instance = {
        "properties": {
            "data_source_info": {
                "datasource_type": _DISKS,
                "resource_id": row["id"],
                "resource_location": row["location"],
            },
            "policy_info": {
                "policy_id": row["policyId"],
                "policy_parameters": {"data_store_parameters_list": [{**store, "resource_group_id": group}]},
            },
        }
    }
    where, vault, _ = _parts(str(row["instanceId"]))
    words = ["-v", vault, "--datasource-type", "AzureDisk", "--operation", "Backup"]
    words += ["--permissions-scope", "ResourceGroup"]
    given = json.dumps(instance, ensure_ascii=False, separators=(",", ":"))
    return None, _at("backup-instance update-msi-permissions", where, *words, "--backup-instance", given)


def _suit(row: Mapping[str, Any], place: Place) -> Remedy:
    if row["unsupported"] or not row["instanceId"]:
        return row["unsupported"], None
    if not place.policy or not key(pandas.Series([row["instanceId"]]))[0].startswith(place.vault.lower() + "/"):
        return "its vault has no policy of two backups a day or fewer", None
    return None, on_instance("update-policy", row["instanceId"], "--policy-id", place.policy, long=True)


_SAYS: dict[str, Callable[[Mapping[str, Any], Place], Remedy]] = {
    NEVER: _protect,
    EXCLUDED: _protect,
    ERROR: _repair,
    STOPPED: _resume,
    SUSPENDED: _resume,
    DELETED: _undelete,
    PERMISSION: _grant,
    STALE: _back_up,
    UNSUPPORTED: _suit,
}


def on_instance(verb: str, instance: str, *more: str, long: bool = False) -> str:
    """A command of ``backup-instance`` on an instance given by its id; ``long`` where it has no ``-n``.

    Raises `InvalidArgument` when it is not the id of an instance.
    """
    where, vault, name = _parts(instance)
    option = "--backup-instance-name" if long else "-n"
    return _at(f"backup-instance {verb}", where, "-v", vault, option, name, *more)


def _at(verb: str, where: tuple[str, str], *more: str) -> str:
    subscription, group = where
    return command(*verb.split(), "--subscription", subscription, "-g", group, *more)


def _parts(instance: str) -> tuple[tuple[str, str], str, str]:
    """Subscription and resource group, vault and name of an instance's id."""
    parts = instance.strip("/").split("/")
    if len(parts) < 10:
        raise InvalidArgument(f"{instance!r} is not the id of a backup instance", "the table instances has a wrong id")
    return (parts[1], parts[3]), parts[7], parts[9]


def _group(arm_id: object) -> tuple[str, str]:
    parts = str(arm_id).strip("/").split("/")
    return parts[1], parts[3]
