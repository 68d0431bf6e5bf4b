"""What Azure Backup looks at before it protects blobs, clusters and databases: permissions, existence, region.

The roles are those that Microsoft documents and ``update-msi-permissions`` assigns. The codes are documented for blobs
and for PostgreSQL single server; that the other types use the same ones is our reading.
"""

from __future__ import annotations

from typing import Any

from . import databases, faults, key_vaults
from .authorization import (
    CONTRIBUTOR,
    KEY_VAULT_SECRETS_USER,
    MYSQL_BACKUP_OPERATOR,
    POSTGRES_LONG_TERM_BACKUP,
    READER,
    STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR,
    role_name,
)
from .disk_checks import principal_of, same_region, snapshot_group_id
from .policies import backs_up
from .store import Document
from .world import World, group_id, name_of

_MISSING = "UserErrorMissingRequiredPermissions"


def blobs(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise what keeps the vault from backing a storage account's blobs up, if there is something."""
    account_id = properties["dataSourceInfo"]["resourceID"]
    need(world, vault, STORAGE_ACCOUNT_BACKUP_CONTRIBUTOR, account_id)
    account = found(world, "storageAccount", account_id)
    same_region(vault, account)
    policy = world.find("policy", properties["policyInfo"]["policyId"])
    if policy is not None and backs_up(policy):
        chosen = containers(properties)
        if not chosen:
            raise faults.backup("UserErrorNoContainersSelectedForOperation")
        has = account["_"]["containers"]
        missing = [name for name in chosen if name not in has]
        if missing:
            raise faults.backup("UserErrorIncorrectContainersSelectedForOperation", missing=missing[0])


def cluster(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise what keeps the vault from backing a cluster up, if there is something."""
    clusters(world, vault, properties["dataSourceInfo"]["resourceID"], snapshot_group_id(properties))


def clusters(world: World, vault: Document, cluster_id: str, snapshot_group: str) -> None:
    """The same for a cluster to back up or restore to, and the resource group of the snapshots."""
    need(world, vault, READER, cluster_id)
    need(world, vault, READER, snapshot_group)
    document = found(world, "cluster", cluster_id)
    found(world, "group", snapshot_group)
    need(world, document, CONTRIBUTOR, snapshot_group)
    same_region(vault, document)


def postgres(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise what keeps the vault from backing a database of a PostgreSQL single server up, if there is something."""
    database = properties["dataSourceInfo"]["resourceID"]
    server = single_server(world, vault, database)
    if world.find("database", database) is None:
        raise faults.backup("UserErrorDBNotFound", database=name_of(database))
    same_region(vault, server)
    secret(world, vault, properties.get("datasourceAuthCredentials"))


def single_server(world: World, vault: Document, database: str) -> Document:
    """The single server of a database, which the vault may read and reach. Raises if not."""
    server_id = database.rpartition("/databases/")[0]
    if not any(world.holds(principal_of(vault), READER, scope) for scope in (database, server_id)):
        raise faults.backup("UserErrorMSIMissingPermissions", role="Reader", scope=server_id)
    server = world.find("postgresServer", server_id)
    if server is None:
        raise faults.backup("UserErrorDBNotFound", database=name_of(database))
    if not databases.lets_azure_in(world, server["id"]):
        raise faults.backup("UserErrorMissingNetworkSecurityPermissions", server=server["name"])
    return server


def secret(world: World, vault: Document, credentials: Any) -> None:
    """Raise if the vault cannot get the secret that the credentials name."""
    uri = str(((credentials or {}).get("secretStoreResource") or {}).get("uri") or "")
    key_vault, there = key_vaults.of_secret(world, uri)
    if key_vault is None:
        raise faults.backup("UserErrorInvalidSecretStore", secret=uri)
    principal = principal_of(vault)
    by_role = key_vault["properties"]["enableRbacAuthorization"]
    if not (
        world.holds(principal, KEY_VAULT_SECRETS_USER, key_vault["id"])
        if by_role
        else key_vaults.may_read(key_vault, principal)
    ):
        raise faults.backup("UserErrorMissingPermissionsOnSecretStore", keyVault=key_vault["name"])
    if not there:
        raise faults.backup("UserErrorInvalidSecret", secret=uri)


def postgres_flexible(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise what keeps the vault from backing a PostgreSQL flexible server up, if there is something."""
    _flexible(world, vault, properties, "postgresFlexibleServer", POSTGRES_LONG_TERM_BACKUP)


def mysql(world: World, vault: Document, properties: dict[str, Any]) -> None:
    """Raise what keeps the vault from backing a MySQL flexible server up, if there is something."""
    _flexible(world, vault, properties, "mysqlFlexibleServer", MYSQL_BACKUP_OPERATOR)


def need(world: World, holder: Document, role: str, scope: str, code: str = _MISSING) -> None:
    """Raise if the identity of a resource has not the role at the scope or above."""
    principal = principal_of(holder)
    if not world.holds(principal, role, scope):
        raise faults.backup(code, role=role_name(role), scope=scope, principal=principal or "that it has to have")


def found(world: World, kind: str, arm_id: str) -> Document:
    """The resource, or the fault that there is none."""
    document = world.find(kind, arm_id)
    if document is None:
        raise faults.backup("UserErrorAzureResourceNotFoundByPlugin", resource=arm_id)
    return document


def containers(properties: dict[str, Any]) -> list[str]:
    """The containers that an instance of blobs backs up to the vault."""
    parameters = (properties["policyInfo"].get("policyParameters") or {}).get("backupDatasourceParametersList") or []
    return [name for parameter in parameters for name in parameter.get("containersList") or []]


def _flexible(world: World, vault: Document, properties: dict[str, Any], kind: str, role: str) -> None:
    server_id = properties["dataSourceInfo"]["resourceID"]
    code = "UserErrorMSIMissingPermissions"
    need(world, vault, READER, group_id(server_id), code)
    need(world, vault, role, server_id, code)
    same_region(vault, found(world, kind, server_id))
