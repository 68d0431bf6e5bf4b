"""What a backup of PostgreSQL single server needs beside roles: its secret in a key vault, and a way to the server."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any
from urllib.parse import urlsplit

from dpmagic.arm.ids import parse_id
from dpmagic.arm.plans import Plan, Say, Step, fetch, items
from dpmagic.arm.requests import Answer, Request
from dpmagic.errors import AzureError, InvalidArgument

_KEY_VAULT_API, _POSTGRESQL_API = "2022-07-01", "2017-12-01"
SECRETS_ROLE = "Key Vault Secrets User"
_SECRETS = ("Get", "List")
# Azure's own convention: this range of one address stands for every address of Azure.
_AZURE = "0.0.0.0"

Document = dict[str, Any]
Task = tuple[str, Generator[Step, Any, Document | None]]


def check(key_vault: str, server: str, secret_uri: str) -> Generator[Step, Any, Document]:
    """Look before anything is changed; gives the key vault.

    Raises `InvalidArgument` when the secret is in another key vault or not there, or when the server takes no
    public connections.
    """
    vault: Document = yield from fetch(Request("GET", key_vault, api_version=_KEY_VAULT_API))
    host, path = urlsplit(secret_uri).hostname, urlsplit(secret_uri).path
    if host != urlsplit(vault["properties"].get("vaultUri", "")).hostname:
        raise InvalidArgument(
            f"the secret {secret_uri!r} is not in key vault {parse_id(key_vault).name}",
            "give the --keyvault-id of the key vault in the backup instance's datasource_auth_credentials",
        )
    yield from _check_secret(key_vault, path)
    found = yield from fetch(Request("GET", server, api_version=_POSTGRESQL_API))
    if found["properties"].get("publicNetworkAccess") == "Disabled":
        raise InvalidArgument(
            f"server {parse_id(server).name} takes no public connections, which Azure Backup needs",
            "enable public network access on the server, then run it again",
        )
    return vault


def _check_secret(key_vault: str, path: str) -> Plan:
    name = [*path.strip("/").split("/"), ""][1]  # /secrets/NAME/VERSION
    try:
        found = yield Request("GET", f"{key_vault}/secrets/{name}", api_version=_KEY_VAULT_API, allow=(404,))
    except AzureError as refused:
        yield Say(f"whether secret {name} is there could not be read: {refused.code}")
        return
    if not name or found.status == 404:
        raise InvalidArgument(
            f"there is no secret {name!r} in key vault {parse_id(key_vault).name}",
            "take the secret's URI from the key vault, and give it to `backup-instance initialize`",
        )


def secret_policy(vault: Mapping[str, Any], principal: str, tenant: str) -> Task:
    """Let an identity read secrets of a key vault that goes by access policies."""
    return f"access policy of key vault {vault['name']}", _secret_policy(vault, principal, tenant)


def _secret_policy(vault: Mapping[str, Any], principal: str, tenant: str) -> Generator[Step, Any, Document | None]:
    wanted = {one.lower() for one in _SECRETS}
    for policy in vault["properties"].get("accessPolicies") or []:
        allowed = {one.lower() for one in (policy.get("permissions") or {}).get("secrets") or []}
        if policy["objectId"].lower() == principal.lower() and (wanted <= allowed or "all" in allowed):
            yield Say(f"access policy of key vault {vault['name']}: already there")
            return None
    policy = {"tenantId": tenant, "objectId": principal, "permissions": {"secrets": list(_SECRETS)}}
    request = Request(
        "PUT",
        f"{vault['id']}/accessPolicies/add",
        {"properties": {"accessPolicies": [policy]}},
        api_version=_KEY_VAULT_API,
        purpose=f"let the identity read secrets of key vault {vault['name']}",
    )
    return _document(vault["name"], vault["type"], (yield request))


def let_azure_in(vault: Mapping[str, Any]) -> Task:
    """Let Azure's own services through the key vault's firewall, when it keeps them out."""
    return f"firewall of key vault {vault['name']}", _let_azure_in(vault)


def _let_azure_in(vault: Mapping[str, Any]) -> Generator[Step, Any, Document | None]:
    rules = vault["properties"].get("networkAcls") or {}
    if rules.get("bypass") != "None":
        return None
    yield Say(f"key vault {vault['name']}: its firewall will let trusted Azure services through")
    request = Request(
        "PATCH",
        vault["id"],
        {"properties": {"networkAcls": {**rules, "bypass": "AzureServices"}}},
        api_version=_KEY_VAULT_API,
        purpose=f"let Azure services through the firewall of key vault {vault['name']}",
    )
    return _document(vault["name"], vault["type"], (yield request))


def open_firewall(server: str) -> Task:
    """A firewall rule that lets Azure's addresses reach the server, when there is none."""
    return f"firewall of server {parse_id(server).name}", _open_firewall(server)


def _open_firewall(server: str) -> Generator[Step, Any, Document | None]:
    name = parse_id(server).name
    rules = yield from items(Request("GET", f"{server}/firewallRules", api_version=_POSTGRESQL_API, every_page=True))
    if any(rule["properties"]["startIpAddress"] == rule["properties"]["endIpAddress"] == _AZURE for rule in rules):
        yield Say(f"firewall of server {name}: Azure's addresses are let through already")
        return None
    yield Say(f"server {name}: its firewall will let through every address of Azure ({_AZURE})")
    rule = "AllowAllWindowsAzureIps"
    request = Request(
        "PUT",
        f"{server}/firewallRules/{rule}",
        {"properties": {"startIpAddress": _AZURE, "endIpAddress": _AZURE}},
        api_version=_POSTGRESQL_API,
        follow="azure-async-operation",
        purpose=f"open the firewall of server {name} to Azure",
    )
    return _document(rule, "Microsoft.DBforPostgreSQL/servers/firewallRules", (yield request), description=rule)


def _document(name: str, type_: str, answer: Answer, **properties: Any) -> Document:
    """What a change made, as `role_assignments.ensure` gives an assignment."""
    properties |= (answer.json or {}).get("properties") or {}
    return {"name": name, "type": type_, "properties": properties, "withheld": answer.withheld}
