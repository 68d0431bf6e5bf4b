"""The nearest right name when Azure says that a vault, a group or a thing below a vault is not there."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from dpmagic.arm.ids import parse_id
from dpmagic.arm.paging import every_page
from dpmagic.arm.requests import API_VERSION, Request
from dpmagic.arm.subscriptions import visible
from dpmagic.connection import Connection
from dpmagic.errors import AzureError, DpmagicError, NotFound, did_you_mean, nearest

_GROUPS_API = "2021-04-01"


def with_nearest_name(error: NotFound, connection: Connection, request: Request) -> NotFound:
    """The same error with a hint that names what is there, as far as the caller may see it."""
    parts = [unquote(part) for part in urlsplit(request.path).path.strip("/").split("/")]
    lowered = [part.lower() for part in parts]
    if error.code == "SubscriptionNotFound" and not error.hint:
        error.hint = _subscriptions(connection)
    if error.hint or len(parts) < 4 or lowered[0] != "subscriptions" or lowered[2] != "resourcegroups":
        return error
    try:
        hint = _hint(connection, parts, lowered)
    except AzureError as refused:
        hint = f"what is there could not be listed ({refused.code})"
    except DpmagicError as failed:
        hint = f"what is there could not be listed: {failed.message}"
    return NotFound(error.code, error.service_message, status=error.status, request_id=error.request_id, hint=hint)


def _subscriptions(connection: Connection) -> str:
    try:
        return _there(
            "subscription", [str(one.get("displayName") or one["subscriptionId"]) for one in visible(connection)]
        )
    except DpmagicError:
        return ""  # the error itself is told; who cannot list subscriptions has no names to choose from


def _hint(connection: Connection, parts: list[str], lowered: list[str]) -> str:
    subscription, group = f"/subscriptions/{parts[1]}", parts[3]
    groups = _names(connection, f"{subscription}/resourcegroups", _GROUPS_API)
    if group.lower() not in {name.lower() for name in groups}:
        return did_you_mean(group, groups, _there("resource group", groups))
    vault = _after(parts, lowered, "backupvaults")
    if not vault:
        return ""
    provider = f"{subscription}/resourceGroups/{group}/providers/Microsoft.DataProtection/backupVaults"
    vaults = _names(connection, provider)
    if vault.lower() not in {name.lower() for name in vaults}:
        return _elsewhere(connection, subscription, group, vault, vaults)
    for kind, words in (("backupinstances", "backup instance"), ("backuppolicies", "policy")):
        if name := _after(parts, lowered, kind):
            listed = _names(connection, f"{provider}/{vault}/{kind}")
            if name.lower() not in {one.lower() for one in listed}:
                return did_you_mean(name, listed, _there(words, listed))
    return ""


def _elsewhere(connection: Connection, subscription: str, group: str, vault: str, here: list[str]) -> str:
    if close := nearest(vault, here):
        return f"did you mean {close}?"
    request = Request("GET", f"{subscription}/providers/Microsoft.DataProtection/backupVaults", every_page=True)
    for other in every_page(connection, request).json["value"]:
        if other["name"].lower() == vault.lower():
            return f"vault {other['name']} is in another resource group: -g {parse_id(other['id']).resource_group}"
    return _there("vault", here) + f" in resource group {group}"


def _names(connection: Connection, path: str, api_version: str = API_VERSION) -> list[str]:
    body = every_page(connection, Request("GET", path, every_page=True, api_version=api_version)).json
    return [item["name"] for item in body["value"]]


def _after(parts: list[str], lowered: list[str], kind: str) -> str:
    return parts[lowered.index(kind) + 1] if kind in lowered[:-1] else ""


def _there(what: str, names: list[str]) -> str:
    if not names:
        return f"there is no {what}"
    shown = ", ".join(sorted(names)[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    plural = what.replace("policy", "policie") + "s"
    return f"the {plural} there are: {shown}"
