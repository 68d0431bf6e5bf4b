"""Azure Policy in an estate: the assignment that asks for backups of disks, and exemptions from it."""

from __future__ import annotations

from typing import Any

from .. import times
from ..store import Document
from ..times import DAY
from ..world import subscription_of
from .effects import Target
from .estate import OWNER, Estate
from .spec import EstateError, instant
from .things import Disk

ASSIGNMENT = "backup-of-disks"
_AUTHORIZATION = "providers/Microsoft.Authorization"
_DEFINITION = "7b5a3b1d-d2e1-4c0b-9f3b-ad0b9a2283f4"  # of the tenant's own making: ours
_CATEGORIES = ("Waiver", "Mitigated")
_SCOPES = ("disk", "group", "subscription")


def exempt(target: Target) -> None:
    """Somebody exempts disks, their groups or their subscriptions from the policy; it may run out."""
    options = target.options
    category, where = options.get("category", "Waiver"), options.get("scope", "disk")
    for value, known in ((category, _CATEGORIES), (where, _SCOPES)):
        if value not in known:
            raise EstateError(f"plant: exempt: there is no {value!r}", f"It is {' or '.join(known)}.")
    if not target.disks:
        raise EstateError("plant: exempt is on no disk", "Name them in `disks:`, protected or not.")
    scopes = list(dict.fromkeys(_scope(disk, where) for disk in target.disks))
    names = {scope: target.estate.guid(scope, "exemption", target.at) for scope in scopes}
    target.defect.ids[:] = [disk.id for disk in target.disks]
    target.defect.options |= {
        "exemptionIds": [f"{scope}/{_AUTHORIZATION}/policyExemptions/{name}" for scope, name in names.items()],
        "expiresOn": _expiry(target),
    }

    def turn() -> None:
        for scope, name in names.items():
            assigned = _assign(target.estate, f"/subscriptions/{subscription_of(scope)}")
            document = _exemption(target, f"{scope}/{_AUTHORIZATION}/policyExemptions/{name}", assigned, category)
            target.estate.documents.put("policyExemption", scope, name, document)

    target.then(turn)


def _scope(disk: Disk, where: str) -> str:
    return {"disk": disk.id, "group": disk.group, "subscription": "/".join(disk.id.split("/")[:3])}[where]


def _expiry(target: Target) -> str | None:
    text = target.options.get("expires")
    try:
        return None if text is None else times.seconds(instant(text, target.estate.spec.end_ticks))
    except ValueError as error:
        raise EstateError(f"plant: exempt: expires cannot be {text!r}", "Write +30d, or 2026-04-01T00:00Z.") from error


def _assign(estate: Estate, subscription: str) -> str:
    """The id of the policy's assignment to a subscription, which is made if there is none."""
    arm_id = f"{subscription}/{_AUTHORIZATION}/policyAssignments/{ASSIGNMENT}"
    if estate.documents.get("policyAssignment", subscription, ASSIGNMENT) is None:
        properties = {
            "displayName": "Disks are backed up",
            "description": "Audits managed disks without a backup instance.",
            "scope": subscription,
            "notScopes": [],
            "policyDefinitionId": f"{subscription}/{_AUTHORIZATION}/policyDefinitions/{_DEFINITION}",
            "enforcementMode": "Default",
            "parameters": {},
            "metadata": _made(OWNER, estate.spec.end_ticks - 390 * DAY),
        }
        document = _document(arm_id, ASSIGNMENT, "policyAssignments", properties)
        estate.documents.put("policyAssignment", subscription, ASSIGNMENT, document)
    return arm_id


def _exemption(target: Target, arm_id: str, assignment: str, category: str) -> Document:
    expires = target.defect.options["expiresOn"]
    properties = {
        "policyAssignmentId": assignment,
        "policyDefinitionReferenceIds": [],
        "exemptionCategory": category,
        "displayName": target.defect.reason,
        "description": target.defect.reason,
        **({"expiresOn": expires} if expires else {}),
        "metadata": _made(target.options.get("by", OWNER), target.at),
    }
    return _document(arm_id, arm_id.rpartition("/")[2], "policyExemptions", properties)


def _made(by: str, at: int) -> dict[str, Any]:
    return {"createdBy": by, "createdOn": times.full(at), "updatedBy": None, "updatedOn": None}


def _document(arm_id: str, name: str, kind: str, properties: Document) -> Document:
    return {"id": arm_id, "name": name, "type": f"Microsoft.Authorization/{kind}", "properties": properties}
