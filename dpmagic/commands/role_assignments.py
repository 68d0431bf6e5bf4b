"""One role for one identity at one scope: there already, or assigned now; repeating it changes nothing."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from dpmagic.arm.ids import same_id
from dpmagic.arm.plans import Plan, Say, Step, Until, items
from dpmagic.arm.requests import Answer, Request
from dpmagic.errors import AzureError, OperationTimeout

ASSIGNMENTS = "Microsoft.Authorization/roleAssignments"
_API = "2022-04-01"
_EVERY, _AT_MOST = 10.0, 300.0
_LENGTHS = {"Resource": 8, "ResourceGroup": 4, "Subscription": 2}


@dataclass(frozen=True)
class Grant:
    """``principal`` needs ``role`` at ``resource``; if it has not, it gets it at ``scope``, which is there or above."""

    principal: str
    role: str
    resource: str
    scope: str

    def __str__(self) -> str:
        return f"{self.role} at {self.scope}"


def widened(resource_id: str, scope: str) -> str:
    """The resource, resource group or subscription of an id; of something below a resource, that resource.

    >>> widened("/subscriptions/s/resourceGroups/g/providers/P/servers/a/databases/b", "Resource")
    '/subscriptions/s/resourceGroups/g/providers/P/servers/a'
    >>> widened("/subscriptions/s/resourceGroups/g", "Subscription")
    '/subscriptions/s'
    """
    return "/" + "/".join(resource_id.strip("/").split("/")[: _LENGTHS[scope]])


def ensure(grant: Grant) -> Generator[Step, Any, dict[str, Any] | None]:
    """Assign the role where it is needed and give the assignment; None when it was there.

    ``withheld`` of the assignment says that a dry run did not send it.
    The assignment's name follows from scope, identity and role: a repeat meets its own earlier assignment.
    """
    present = yield from _assignments(grant)
    definition = yield from _definition(grant)
    if _held(present, grant, definition):
        yield Say(f"{grant.role} at {grant.resource}: already there")
        return None
    name = uuid.uuid5(uuid.NAMESPACE_URL, f"{grant.scope}|{grant.principal}|{_guid(definition)}".lower())
    put = Request(
        "PUT",
        f"{grant.scope}/providers/{ASSIGNMENTS}/{name}",
        {
            "properties": {
                "roleDefinitionId": definition,
                "principalId": grant.principal,
                "principalType": "ServicePrincipal",
            }
        },
        api_version=_API,
        purpose=f"assign {grant}",
    )
    try:
        answer: Answer = yield put
    except AzureError as refused:
        if refused.code != "RoleAssignmentExists":
            raise
        yield Say(f"{grant}: already there")
        return None
    return {"name": str(name), "type": ASSIGNMENTS, **answer.json, "id": put.path, "withheld": answer.withheld}


def until_visible(assignment: Mapping[str, Any]) -> Plan:
    """Wait until Azure shows an assignment that `ensure` made; after five minutes say that it does not yet."""
    look = Request("GET", assignment["id"], api_version=_API, allow=(404,))
    try:
        yield Until(look, lambda answer: answer.status == 200, "role assignment is there", _EVERY, _AT_MOST)
    except OperationTimeout:
        yield Say(f"assigned, but Azure does not show it yet: {assignment['id']}")


def _assignments(grant: Grant) -> Generator[Step, Any, list[Any]]:
    request = Request(
        "GET",
        f"{grant.resource}/providers/{ASSIGNMENTS}",
        query={"$filter": "atScope()"},
        api_version=_API,
        every_page=True,
    )
    return list((yield from items(request)))


def _definition(grant: Grant) -> Generator[Step, Any, str]:
    name = grant.role.replace("'", "''")
    request = Request(
        "GET",
        f"{grant.scope}/providers/Microsoft.Authorization/roleDefinitions",
        query={"$filter": f"roleName eq '{name}'"},
        api_version=_API,
    )
    found = yield from items(request)
    if not found:
        raise AzureError(
            "RoleDefinitionNotFound",
            f"no role is named {grant.role!r} at {grant.scope}",
            hint="is it the right tenant?",
        )
    return str(found[0]["id"])


def _held(assignments: list[Any], grant: Grant, definition: str) -> bool:
    return any(
        same_id(one["properties"]["principalId"], grant.principal)
        and _guid(one["properties"]["roleDefinitionId"]).lower() == _guid(definition).lower()
        for one in assignments
    )


def _guid(definition: str) -> str:
    return definition.rsplit("/", 1)[-1]
