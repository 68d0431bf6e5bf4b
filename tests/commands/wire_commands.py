"""Recorded exchanges turned back into command lines: names out of paths, values and files out of bodies.

A recording has the names of a command's options and what went over the wire, not the values that were typed.
`words` finds each value where it went: in the path, the query, the body or the KQL of a request, or, where a command
only prepares what another one sends, in what that other one of the same session sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import Any

from dpmagic import datasources
from tests.canned import REFERENCE

Exchange = Mapping[str, Any]
"""A recorded request and its answer: ``method``, ``path``, ``query``, ``body``, ``status``, ``response``..."""

# The subscription of the recordings: masked in ids, not where it stands alone.
SUBSCRIPTION, _UNMASKED = "00000000-0000-0000-0000-000000000000", "38304e13-357e-405e-9e9a-220351dcce8c"
# A recording that goes on with another one's command: exchanges of a key vault's own came in between.
_CONTINUED = {"backup-instance#76": "backup-instance#75"}
# az's shorthands, by the ends of the operations that they stand for.
_SHORTHANDS = {
    "backupResourceGuardProxies/delete": "DisableMUA",
    "protectedItems/delete": "deleteProtection",
    "backupSecurityPIN/action": "getSecurityPIN",
}


class Lacking(Exception):
    """What a recording does not have, but a command line needs."""


@dataclass(frozen=True)
class Recording:
    """One command as it was recorded; ``name`` is its file and its place in it, ``cassette`` its session."""

    name: str
    cassette: str
    command: str
    options: tuple[str, ...]
    exchanges: Sequence[Exchange] = field(repr=False)


@cache
def recordings() -> dict[str, Recording]:
    """All that was recorded, by name; empty where it is not."""
    found = {}
    for path in sorted((REFERENCE / "wire").glob("*.json")):
        for number, one in enumerate(json.loads(path.read_text("utf-8").replace(_UNMASKED, SUBSCRIPTION))):
            name = f"{path.stem}#{number}"
            options = tuple((one["params"] or "").split())
            found[name] = Recording(name, one["cassette"], one["command"] or "", options, one["requests"])
    for rest, first in _CONTINUED.items() if found else ():
        found[first] = replace(found[first], exchanges=[*found[first].exchanges, *found.pop(rest).exchanges])
    return found


@dataclass(frozen=True)
class Wire:
    """Where the values of one command line are looked for: from its first exchange on."""

    recording: Recording
    exchanges: Sequence[Exchange]

    @cached_property
    def path(self) -> str:
        """The path of the first request."""
        return str(self.exchanges[0]["path"])

    @cached_property
    def names(self) -> dict[str, str]:
        """What follows each word of the ids on the wire: ``names["backupVaults"]`` is the vault's name."""
        ids = [text for one in self.exchanges for text in (one["path"], *_ids(one["body"]))]
        pairs = [pair for text in ids for pair in zip(text.split("/"), text.split("/")[1:], strict=False)]
        return {key[:1].lower() + key[1:]: value for key, value in reversed(pairs)}

    @cached_property
    def body(self) -> Any:
        """The first body that is more than a question to Resource Graph or to the directory; else an empty one."""
        bodies = (one["body"] for one in self.exchanges if _is_change(one))
        return next(filter(None, bodies), {})

    @cached_property
    def kql(self) -> str:
        """The text of the first question to Resource Graph."""
        bodies = (one["body"] for one in self.exchanges if one["path"].endswith("/resources"))
        return str(next(bodies)["query"])

    def at(self, *keys: str | int) -> Any:
        """A value in the body."""
        value = self.body
        for key in keys:
            value = value[key]
        return value

    def elsewhere(self, command: str, cassette: str = "") -> Any:
        """The body of a command of this session; of the next one, if there is one."""
        known = [one for one in recordings().values() if one.cassette.startswith(cassette or self.recording.cassette)]
        after = known[known.index(self.recording) :] if self.recording in known else []
        for one in [*after, *known]:
            if one.command == f"dataprotection {command}" and (body := Wire(one, one.exchanges).body):
                return body
        raise Lacking(f"no {command} in the same session")


def _ids(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for one in value.values() for text in _ids(one))
    elif isinstance(value, str) and value.startswith("/subscriptions/"):
        yield value


def _is_change(one: Exchange) -> bool:
    return "host" not in one and "query" not in (one["body"] or {})


def _named(*kinds: str) -> Callable[[Wire], list[str]]:
    """The name of the first of these kinds that is on the wire."""
    return lambda wire: [next(wire.names[kind] for kind in kinds if kind in wire.names)]


def _value(*keys: str | int) -> Callable[[Wire], list[str]]:
    return lambda wire: [str(wire.at(*keys))]


def _flag(wire: Wire) -> list[str]:
    return []


def _listed(column: str) -> Callable[[Wire], list[str]]:
    """The values that a question to Resource Graph wants in this column."""

    def values(wire: Wire) -> list[str]:
        found = re.search(rf"where {re.escape(column)} in~ \(([^)]*)\)", wire.kql)
        assert found, column
        return re.findall("'([^']*)'", found[1])

    return values


def _instance(wire: Wire) -> list[str]:
    """The backup instance as ``initialize`` writes it: the properties in the body, the name in the path of the PUT."""
    puts = (one["body"] for one in wire.exchanges if one["method"] == "PUT")
    tags = next(puts, {}).get("tags") if wire.body.get("backupInstance") else None
    name = wire.names.get("backupInstances", "name")
    return [json.dumps({"backup_instance_name": name, "properties": _protected(wire), "tags": tags})]


def _protected(wire: Wire) -> Any:
    """The properties of a backup instance: in the body, else in what this session sent."""
    if "backupInstance" in wire.body:
        return wire.at("backupInstance")
    # The PostgreSQL server is given permissions in one session and backed up in another.
    session = "test_dataprotection_oss" if "--keyvault-id" in wire.recording.options else ""
    return wire.elsewhere("backup-instance create", session)["backupInstance"]


def _restore(wire: Wire) -> Any:
    """The restore request: in the body, else in what this session sent next."""
    sends = wire.recording.command.endswith(("validate-for-restore", "restore trigger"))
    body = wire.body if sends else wire.elsewhere("backup-instance validate-for-restore")
    return body.get("restoreRequestObject", body)


def _restored(*keys: str | int) -> Callable[[Wire], list[str]]:
    def value(wire: Wire) -> list[str]:
        found = _restore(wire)
        for key in keys:
            found = found[key]
        return [found if isinstance(found, str) else json.dumps(found)]

    return value


def _datasource_type(wire: Wire) -> list[str]:
    """az's name of the type that is on the wire under ARM's."""
    if "list-from-resourcegraph" in wire.recording.command:
        [wanted] = _listed("properties.dataSourceType")(wire)
    elif "--restore-request-object" in wire.recording.options or "initialize" in wire.recording.command:
        wanted = _restore(wire)["restoreTargetInfo"]["datasourceInfo"]["datasourceType"]
    else:
        wanted = _protected(wire)["dataSourceInfo"]["datasourceType"]
    return [name for name in datasources.names() if datasources.manifest(name).datasource_type == wanted]


def _time(place: int, key: str) -> Callable[[Wire], list[str]]:
    """A time in the body, or the first or second one of the ``$filter``."""

    def value(wire: Wire) -> list[str]:
        if wire.body:
            return [wire.at(key)]
        return [re.findall("eq '([^']*)'", wire.exchanges[0]["query"]["$filter"])[place]]

    return value


def _pairs(*keys: str | int, **spelled: str) -> Callable[[Wire], list[str]]:
    return lambda wire: [f"{spelled.get(key, key)}={value}" for key, value in wire.at(*keys).items()]


def _waited(wire: Wire) -> list[str]:
    """What a wait waited for: the state in its last answer."""
    state = wire.exchanges[-1]["response"]["properties"]["currentProtectionState"]
    return [f"properties.currentProtectionState=='{state}'"]


def _operation_requests(wire: Wire) -> list[str]:
    """az's shorthands for the requests, when the mapping was read to look them up."""
    details = wire.exchanges[0]["response"]["properties"]["resourceGuardOperationDetails"]
    operations = {one["defaultResourceRequest"]: one["vaultCriticalOperation"] for one in details}
    return [_shorthand(operations[request]) for request in wire.at("resourceGuardOperationRequests")]


def _shorthand(operation: str) -> str:
    return next(word for end, word in _SHORTHANDS.items() if operation.endswith(end))


def _excluded(wire: Wire) -> list[str]:
    return [_shorthand(one) for one in wire.at("properties", "vaultCriticalOperationExclusionList")]


def _guarded(wire: Wire) -> list[str]:
    """The type of vault whose operations this session excluded."""
    excluded = wire.elsewhere("resource-guard update")["properties"]["vaultCriticalOperationExclusionList"]
    return ["/".join(excluded[0].split("/")[:2])]


_INSTANCE_KINDS = ("backupInstances", "deletedBackupInstances")
_SECURITY = ("properties", "securitySettings")
_CRR = _value("properties", "featureSettings", "crossRegionRestoreSettings", "state")
_NAME = _named(*_INSTANCE_KINDS, "backupPolicies", "backupResourceGuardProxies", "resourceGuards", "backupVaults")

_VALUES: dict[str, Callable[[Wire], list[str]]] = {
    "-g --resource-group": _named("resourceGroups", "resourcegroups"),
    "-v --vault-name": _named("backupVaults"),
    "-n --name": _NAME,
    "--backup-instance-name": _named(*_INSTANCE_KINDS),
    "--ids --backup-instance-id": lambda wire: [wire.path],
    "-y --yes --no-wait --deleted --use-secondary-region": _flag,
    "--job-id": lambda wire: [wire.body["jobId"] if wire.body else wire.names["backupJobs"]],
    "-l --location": _value("location"),
    "--type": _value("identity", "type"),
    "--tags": _pairs("tags"),
    "--storage-settings": _pairs("properties", "storageSettings", 0, datastoreType="datastore-type"),
    "--soft-delete-state": _value(*_SECURITY, "softDeleteSettings", "state"),
    "--retention-duration-in-days": _value(*_SECURITY, "softDeleteSettings", "retentionDurationInDays"),
    "--immutability-state": _value(*_SECURITY, "immutabilitySettings", "state"),
    "--cross-region-restore-state --crr-state": _CRR,
    "--azure-monitor-alerts-for-job-failures": _value(
        "properties", "monitoringSettings", "azureMonitorAlertSettings", "alertsForAllJobFailures"
    ),
    "--resource-guard-resource-id": _value("properties", "resourceGuardResourceId"),
    "--resource-guard-operation-requests": _operation_requests,
    "--resource-type": _guarded,
    "--critical-operation-exclusion-list": _excluded,
    "--policy": lambda wire: [json.dumps(wire.at("properties"))],
    "--policy-id": _value("properties", "policyInfo", "policyId"),
    "--backup-instance": _instance,
    "--rule-name": _value("backupRuleOptions", "ruleName"),
    "--retention-tag-override": _value("backupRuleOptions", "triggerOption", "retentionTagOverride"),
    "--restore-request-object": _restored(),
    "--restore-location": _restored("restoreTargetInfo", "restoreLocation"),
    "--source-datastore": _restored("sourceDataStoreType"),
    "--recovery-point-id": _restored("recoveryPointId"),
    "--point-in-time": _restored("recoveryPointTime"),
    "--restore-configuration": _restored("restoreTargetInfo", "restoreCriteria", 0),
    "--source-data-store-type": _value("sourceDataStoreType"),
    "--start-time": _time(0, "startTime"),
    "--end-time": _time(1, "endTime"),
    "--datasource-type": _datasource_type,
    "--datasource-id": _listed("datasourceId"),
    "--status": _listed("status"),
    "--vault-id": _listed("id"),
    "--custom": _waited,
    "--timeout": lambda wire: ["600"],  # what was typed only matters to a wait that fails
    "--operation": lambda wire: ["Restore" if "--restore-request-object" in wire.recording.options else "Backup"],
    "--permissions-scope": lambda wire: ["ResourceGroup"],  # where the recorded assignments are
    "--keyvault-id": lambda wire: [next(one["path"] for one in wire.exchanges if one["path"].endswith("keyvault"))],
    "--snapshot-resource-group-id": lambda wire: [wire.path.partition("/providers/")[0]],
}
_OPTIONS = {name: value for names, value in _VALUES.items() for name in names.split()}
# They only say how the answer is printed.
_PRINTING = ("--query",)


def words(recording: Recording, exchanges: Sequence[Exchange]) -> list[str]:
    """The command line that sent the first of these exchanges of a recording.

    Raises `Lacking` when the recording does not have all that it takes.
    """
    if not recording.command.startswith("dataprotection "):
        raise Lacking(f"{recording.command or 'no command'} is not of az dataprotection")
    wire, line = Wire(recording, exchanges), recording.command.split()[1:]
    for option in recording.options:
        if option in _PRINTING:
            continue
        try:
            line += [option, *_OPTIONS[option](wire)]
        except (LookupError, TypeError, StopIteration) as error:
            raise Lacking(f"{option}: {error!r}") from error
    return line
