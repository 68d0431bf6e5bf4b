"""Long-running operations of the backup service: what a 202 promises, and what polling says.

An operation's token is base64 of two guids, its vault's and its own, as recorded. ``operationStatus`` is HTTP 200
throughout, also for a failure; ``operationResults`` is 202 until the end. Retry-After is modelled (the recordings
had it removed): 10 seconds on the first answer, 30 while polling, the interval seen between recorded polls.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from . import faults, times
from .messages import Request, answer
from .reply import Reply
from .store import Document
from .world import World, group_id, subscription_of

FIRST_WAIT = {"retry-after": "10"}
NEXT_WAIT = {"retry-after": "30"}


def start(world: World, vault: Document, seconds: float, action: str, /, **args: Any) -> str:
    """Begin an operation that runs ``action`` when it ends; returns its token.

    What the action returns becomes the operation's ``properties``; a :class:`~.faults.BackupFault` that it raises
    becomes its ``error``.
    """
    guid = world.guid("operation")
    token = base64.b64encode(f"{vault['_']['guid']};{guid}".encode()).decode()
    operation = {
        "vault": vault["id"],
        "location": vault["location"],
        "start": world.now,
        "end": times.UNSET,
        "status": "Inprogress",
    }
    world.store.put("operation", "", guid, operation)
    world.at(world.now + world.vary(seconds), "operation.end", guid=guid, task=action, args=args)
    return token


def end(world: World, guid: str, task: str, args: Mapping[str, Any]) -> None:
    """The event that ends an operation."""
    operation = world.store.get("operation", "", guid)
    assert operation is not None, "operations are never removed"
    try:
        properties = world.run(task, args)
    except faults.BackupFault as fault:
        operation |= {"status": "Failed", "error": fault.outcome(world.guid("activity"))}
    else:
        operation["status"] = "Succeeded"
        if properties is not None:
            operation["properties"] = dict(properties)
    operation["end"] = world.now
    world.store.put("operation", "", guid, operation)


def vault_headers(request: Request, vault: Document, token: str) -> dict[str, str]:
    """``Azure-AsyncOperation`` at the vault."""
    return {"azure-asyncoperation": request.link(f"{vault['id']}/operationStatus/{token}"), **FIRST_WAIT}


def both_headers(request: Request, vault: Document, token: str) -> dict[str, str]:
    """``Azure-AsyncOperation`` at the vault and ``Location`` at the subscription's region."""
    return {**vault_headers(request, vault, token), "location": _results_link(request, vault["id"], vault, token)}


def group_headers(request: Request, vault: Document, token: str) -> dict[str, str]:
    """The same two for a vault that goes: the status is at the resource group's region."""
    where = f"{group_id(vault['id'])}/{_region(vault)}/operationStatus/{token}"
    return {**both_headers(request, vault, token), "azure-asyncoperation": request.link(where)}


def region_headers(request: Request, vault: Document, token: str) -> dict[str, str]:
    """The same two, both at the subscription's region, which is ``vault["location"]``."""
    where = f"/subscriptions/{subscription_of(vault['id'])}/{_region(vault)}/operationStatus/{token}"
    return {**both_headers(request, vault, token), "azure-asyncoperation": request.link(where)}


def accepted(request: Request, vault: Document, token: str) -> Reply:
    """The 202 of a POST or DELETE: no body, both headers."""
    return answer(202, headers=both_headers(request, vault, token))


def status(world: World, request: Request) -> Reply:
    """GET operationStatus."""
    operation = _find(world, request)
    body: dict[str, Any] = {"id": request.path, "name": request["token"], "status": operation["status"]}
    body |= {key: operation[key] for key in ("error",) if key in operation}
    body |= {"startTime": times.full(operation["start"]), "endTime": times.seconds(operation["end"])}
    body |= {key: operation[key] for key in ("properties",) if key in operation}
    return answer(200, body, NEXT_WAIT if operation["status"] == "Inprogress" else None)


def result(world: World, request: Request) -> Reply:
    """GET operationResults: 202 while it runs, then the object that the operation made."""
    operation = _find(world, request)
    path = f"/subscriptions/{subscription_of(request.path)}/{_region(operation)}/operationStatus/{request['token']}"
    headers = {"azure-asyncoperation": request.link(path)}
    if operation["status"] == "Inprogress":
        return answer(202, headers={**headers, **NEXT_WAIT, "location": request.link(request.path)})
    if operation["status"] == "Failed":
        return answer(400, {"error": operation["error"]}, headers)
    return answer(200, operation.get("properties") or {"objectType": "OperationJobExtendedInfo"}, headers)


def _find(world: World, request: Request) -> Document:
    world.subscription(request)
    try:
        _, _, guid = base64.b64decode(request["token"], validate=True).decode().partition(";")
    except (binascii.Error, UnicodeDecodeError):
        guid = ""
    operation = world.store.get("operation", "", guid)
    if operation is None or subscription_of(operation["vault"]).lower() != request["subscription"].lower():
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return operation


def _results_link(request: Request, arm_id: str, vault: Document, token: str) -> str:
    return request.link(f"/subscriptions/{subscription_of(arm_id)}/{_region(vault)}/operationResults/{token}")


def _region(holder: Document) -> str:
    return f"providers/Microsoft.DataProtection/locations/{holder['location']}"
