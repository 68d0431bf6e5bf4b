"""Microsoft.Authorization: built-in role definitions and role assignments at any scope."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from . import faults, times
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World, group_id, name_of, scopes_above, subscription_of

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR = "e5e2a7ff-d759-4cd2-bb51-3152d37e2eb1"
STORAGE_BLOB_DATA_CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
KEY_VAULT_SECRETS_USER = "4633458b-17de-408a-b874-0445c86b69e6"
POSTGRES_LONG_TERM_BACKUP = "c088a766-074b-43ba-90d4-1fb21feae531"
MYSQL_BACKUP_OPERATOR = "d18ad5f3-1baf-4119-b49b-d944edb1f9d0"
DISK_BACKUP_READER = "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24"
DISK_SNAPSHOT_CONTRIBUTOR = "7efff54f-a5b4-42b5-a1c5-5411624893ce"
DISK_RESTORE_OPERATOR = "b50d9833-a0cb-478e-945f-707fcc997c13"

_KIND = "roleAssignment"
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_BY_NAME = re.compile(r"roleName eq '((?:[^']|'')*)'", re.IGNORECASE)
_BY_PRINCIPAL = re.compile(r"(?:principalId eq|assignedTo\() ?'([^']*)'\)?", re.IGNORECASE)


@cache
def definitions() -> list[dict[str, Any]]:
    """The built-in roles that the world knows, of ``roles.json``."""
    text = resources.files(__package__).joinpath("roles.json").read_text(encoding="utf-8")
    roles: list[dict[str, Any]] = json.loads(text)
    return roles


def role_name(guid: str) -> str:
    """What a role is called.

    >>> role_name(READER)
    'Reader'
    """
    return next(str(role["roleName"]) for role in definitions() if role["name"] == guid)


def definition(role: dict[str, Any], subscription: str) -> Document:
    """A role's document as seen from a subscription."""
    prefix = f"/subscriptions/{subscription}" if subscription else ""
    return {
        "properties": {key: value for key, value in role.items() if key != "name"},
        "id": f"{prefix}/providers/Microsoft.Authorization/roleDefinitions/{role['name']}",
        "type": "Microsoft.Authorization/roleDefinitions",
        "name": role["name"],
    }


def list_definitions(world: World, request: Request) -> Reply:
    """GET roleDefinitions, all or by ``roleName eq '...'``."""
    scope = _scope(world, request)
    wanted = request.query.get("$filter", "")
    match = _BY_NAME.fullmatch(wanted.strip())
    if wanted and match is None:
        raise _bad_filter(wanted)
    name = match[1].replace("''", "'").lower() if match else None
    found = [role for role in definitions() if name is None or role["roleName"].lower() == name]
    return listing(request, [definition(role, subscription_of(scope)) for role in found], world.page_size)


def get_definition(world: World, request: Request) -> Reply:
    """GET one role definition by its guid."""
    scope = _scope(world, request)
    return answer(200, definition(_role(request["name"]), subscription_of(scope)))


def list_assignments(world: World, request: Request) -> Reply:
    """GET roleAssignments of a scope, with those inherited from above.

    ``atScope()`` leaves out those below; ``principalId eq '...'`` keeps one principal's.
    """
    scope = _scope(world, request)
    wanted = request.query.get("$filter", "").strip()
    match = _BY_PRINCIPAL.fullmatch(wanted)
    if wanted and match is None and wanted.lower() != "atscope()":
        raise _bad_filter(wanted)
    found = [item for above in reversed(scopes_above(scope)) for item in world.store.children(_KIND, above)]
    if wanted.lower() != "atscope()":
        seen = {item["id"] for item in found}
        found += [item for item in world.store.below(_KIND, scope) if item["id"] not in seen]
    if match:
        found = [item for item in found if item["properties"]["principalId"].lower() == match[1].lower()]
    return listing(request, found, world.page_size)


def get_assignment(world: World, request: Request) -> Reply:
    """GET one role assignment."""
    found = world.store.get(_KIND, _scope(world, request), request["name"])
    if found is None:
        message = f"The role assignment '{request['name']}' is not found."
        raise faults.Fault(404, "RoleAssignmentNotFound", message)
    return answer(200, visible(found))


def put_assignment(world: World, request: Request) -> Reply:
    """PUT a role assignment: 201, or 409 if the principal has the role at the scope already."""
    scope = _scope(world, request)
    if not _GUID.fullmatch(request["name"]):
        message = f"The role assignment ID '{request['name']}' is not valid. The role assignment ID must be a GUID."
        raise faults.Fault(400, "InvalidRoleAssignmentId", message)
    properties = request.object().get("properties") or {}
    role, principal = properties.get("roleDefinitionId"), properties.get("principalId")
    if not isinstance(role, str) or not isinstance(principal, str):
        message = "The request to create role assignment is not valid. Missing principalId or roleDefinitionId."
        raise faults.Fault(400, "InvalidCreateRoleAssignmentRequest", message)
    _role(name_of(role))
    named = world.store.get(_KIND, scope, request["name"])
    for other in world.store.children(_KIND, scope):
        same_role = name_of(other["properties"]["roleDefinitionId"]).lower() == name_of(role).lower()
        if same_role and other["properties"]["principalId"].lower() == principal.lower():
            raise faults.Fault(409, "RoleAssignmentExists", "The role assignment already exists.")
    if named is not None:
        message = "Tenant ID, application ID, principal ID, and scope are not allowed to be updated."
        raise faults.Fault(400, "RoleAssignmentUpdateNotPermitted", message)
    assignment = make_assignment(world, scope, request["name"], properties)
    world.store.put(_KIND, scope, request["name"], assignment)
    return answer(201, assignment)


def delete_assignment(world: World, request: Request) -> Reply:
    """DELETE a role assignment: 200 with what it was, or 204."""
    scope = _scope(world, request)
    found = world.store.get(_KIND, scope, request["name"])
    if found is None:
        return answer(204)
    world.store.drop(_KIND, scope, request["name"])
    return answer(200, visible(found))


def make_assignment(world: World, scope: str, name: str, properties: dict[str, Any]) -> Document:
    """The document of a role assignment made now."""
    prefix = "" if scope == "/" else scope
    now = times.full(world.now)
    return {
        "properties": {
            "roleDefinitionId": properties["roleDefinitionId"],
            "principalId": properties["principalId"],
            "principalType": properties.get("principalType") or "ServicePrincipal",
            "scope": scope,
            "condition": properties.get("condition"),
            "conditionVersion": properties.get("conditionVersion"),
            "createdOn": now,
            "updatedOn": now,
            "createdBy": None,
            "updatedBy": _caller(world),
            "delegatedManagedIdentityResourceId": properties.get("delegatedManagedIdentityResourceId"),
            "description": properties.get("description"),
        },
        "id": f"{prefix}/providers/Microsoft.Authorization/roleAssignments/{name}",
        "type": "Microsoft.Authorization/roleAssignments",
        "name": name,
    }


def _caller(world: World) -> str:
    tenant = world.store.get("tenant", "", "home")
    assert tenant is not None, "every world starts with its tenant"
    return str(tenant["owner"])


def _scope(world: World, request: Request) -> str:
    """The scope asked about, in the casing of what it names. Raises a 404 fault if its place does not exist."""
    scope = "/" + request["scope"].strip("/")
    if scope == "/":
        return scope
    parts = dict(zip(("subscription", "group"), scope.strip("/").split("/")[1:4:2], strict=False))
    place = request.named(parts)
    subscription = world.subscription(place)
    if "group" not in parts:
        return str(subscription["id"])
    group: str = world.group(place)["id"]
    return group + scope[len(group_id(scope)) :]


def _role(guid: str) -> dict[str, Any]:
    for role in definitions():
        if role["name"] == guid.lower():
            return role
    message = f"The specified role definition with ID '{guid}' does not exist."
    raise faults.Fault(404, "RoleDefinitionDoesNotExist", message)


def _bad_filter(text: str) -> faults.Fault:
    return faults.Fault(400, "UnsupportedQuery", f"The filter '{text}' is not supported.")
