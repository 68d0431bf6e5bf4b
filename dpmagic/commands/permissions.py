"""``backup-instance update-msi-permissions``: let the identities of a backup or restore do what they must."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import replace
from typing import Any

from dpmagic.arm.ids import parse_id
from dpmagic.arm.plans import Ask, Plan, Say, Step, fetch
from dpmagic.arm.requests import Request
from dpmagic.commands import database_access
from dpmagic.commands.common import BACKUP_INSTANCE, DATASOURCE_TYPE, GROUP, VAULT, vault
from dpmagic.commands.examples import AT
from dpmagic.commands.model import Args, Command, Option
from dpmagic.commands.permission_needs import Need, check_region, need_of, resource_of
from dpmagic.commands.role_assignments import ASSIGNMENTS, Grant, ensure, until_visible, widened
from dpmagic.datasources import Role
from dpmagic.errors import DpmagicError, InvalidArgument

_CLUSTERS_API = "2023-02-02-preview"

# A change that may be needed: what it is called, and the steps to the document it makes (None when it was there).
_Task = tuple[str, Generator[Step, Any, Mapping[str, Any] | None]]


def _update(args: Args) -> Plan:
    need = need_of(args)
    yield Ask(f"Are you sure you want to give {_asked(args, need)}?")
    body = yield from fetch(Request("GET", vault(args)))
    check_region(args, need, body)
    tasks = yield from _tasks(args, need, body)
    made: list[Mapping[str, Any]] = []
    done: list[str] = []
    try:
        for title, task in tasks:
            if document := (yield from task):
                made.append(document)
                if not document["withheld"]:
                    done.append(title)
    except DpmagicError as error:
        if done:
            error.hint = f"done before this: {', '.join(done)}; run it again to go on. {error.hint}".rstrip()
        raise
    for document in made:
        if document["type"] == ASSIGNMENTS:
            yield from until_visible(document)
    if done:
        yield Say("done; it may take Azure some minutes to act on new roles everywhere")
    return [_permission(document) for document in made]


def _asked(args: Args, need: Need) -> str:
    """What is given to whom, for the question."""
    vault_roles = ", ".join(f"{role.name} on {role.at}" for role in need.vault_roles)
    given = [f"the identity of vault {args.vault_name} {vault_roles}"]
    if need.manifest.secret_store:
        given.append("it the secrets of the key vault, and Azure a way through the server's firewall")
    if need.datasource_roles:
        roles = ", ".join(f"{role.name} on {role.at}" for role in need.datasource_roles)
        given.append(f"the identity of the datasource {roles}")
    return "; ".join(given)


def _tasks(args: Args, need: Need, body: Mapping[str, Any]) -> Generator[Step, Any, list[_Task]]:
    """What is to be done, found out before anything is: a missing argument or identity shows up here."""
    principal = _principal(body, f"vault {args.vault_name}")
    grants = yield from _grants(args, need, need.vault_roles, principal)
    if need.datasource_roles:
        grants += yield from _grants(args, need, need.datasource_roles, (yield from _datasource_principal(need.id)))
    tasks: list[_Task] = [(str(grant), ensure(grant)) for grant in grants]
    if need.manifest.secret_store:
        tasks += yield from _database_tasks(args, need, body, principal)
    return tasks


def _grants(args: Args, need: Need, roles: Iterable[Role], principal: str) -> Generator[Step, Any, list[Grant]]:
    grants = []
    for role in roles:
        if resource := resource_of(args, need, role):
            grants.append(Grant(principal, role.name, resource, widened(resource, args.permissions_scope)))
        else:
            yield Say(f"{role.name} on the snapshot resource group is left out: give --snapshot-resource-group-id")
    return grants


def _database_tasks(
    args: Args, need: Need, body: Mapping[str, Any], principal: str
) -> Generator[Step, Any, list[_Task]]:
    server, key_vault_id = widened(need.id, "Resource"), parse_id(args.keyvault_id).text
    key_vault = yield from database_access.check(key_vault_id, server, need.secret_uri)
    if key_vault["properties"].get("enableRbacAuthorization"):
        scope = widened(key_vault_id, args.permissions_scope)
        grant = Grant(principal, database_access.SECRETS_ROLE, key_vault_id, scope)
        secrets: _Task = (str(grant), ensure(grant))
    else:
        secrets = database_access.secret_policy(key_vault, principal, body["identity"].get("tenantId", ""))
    return [secrets, database_access.let_azure_in(key_vault), database_access.open_firewall(server)]


def _principal(body: Mapping[str, Any], what: str) -> str:
    if found := (body.get("identity") or {}).get("principalId"):
        return str(found)
    raise InvalidArgument(
        f"{what} has no system-assigned identity", "`backup-vault update --type SystemAssigned` gives it one"
    )


def _datasource_principal(cluster: str) -> Generator[Step, Any, str]:
    """The identity of a cluster: its own, else the first that was assigned to it."""
    body = yield from fetch(Request("GET", cluster, api_version=_CLUSTERS_API))
    identity = body.get("identity") or {}
    assigned = (identity.get("userAssignedIdentities") or {}).values()
    found = [identity.get("principalId"), *(one.get("principalId") for one in assigned)]
    if principal := next(filter(None, found), None):
        return str(principal)
    raise InvalidArgument(
        f"{cluster} has no managed identity", "give the cluster one: `az aks update --enable-managed-identity`"
    )


def _permission(document: Mapping[str, Any]) -> dict[str, Any]:
    """What was made, in the shape that az prints."""
    properties = document.get("properties") or {}
    if document["type"] == ASSIGNMENTS:
        shown = ("principalId", "principalType", "roleDefinitionId", "scope")
        properties = {key: properties.get(key) for key in shown}
    return {"Name": document.get("name"), "ResourceType": document["type"], "Properties": properties}


COMMANDS = (
    Command(
        "backup-instance update-msi-permissions",
        "Give the vault's identity (and the datasource's) the roles that a backup or restore needs.",
        _update,
        (
            GROUP,
            VAULT,
            DATASOURCE_TYPE,
            Option(("--operation",), "What the roles are for.", required=True, choices=("Backup", "Restore")),
            Option(
                ("--permissions-scope",),
                "Where roles are assigned: where they are needed, or on the group or subscription above.",
                required=True,
                choices=("Resource", "ResourceGroup", "Subscription"),
            ),
            replace(BACKUP_INSTANCE, required=False),
            Option(("--restore-request-object",), "The restore request, for --operation Restore.", "object"),
            Option(("--keyvault-id",), "Id of the key vault with the database's password.", "id"),
            Option(
                ("--snapshot-resource-group-id", "--snapshot-rg-id"),
                "Id of the resource group that snapshots are in.",
                "id",
            ),
            Option(("--target-storage-account-id",), "Id of the storage account that a restore writes to.", "id"),
        ),
        asks=True,
        details="A role that an identity has already, there or above, is left as it is; running it again changes "
        "nothing. For PostgreSQL single server it also lets the vault read the secret and opens the server's "
        "firewall to Azure.",
        examples=(
            f"backup-instance update-msi-permissions {AT} "
            "--datasource-type AzureDisk --operation Backup --permissions-scope ResourceGroup "
            "--backup-instance backup_instance.json --yes",
        ),
        permission="Microsoft.Authorization/roleAssignments/read, Microsoft.Authorization/roleAssignments/write, "
        "Microsoft.Authorization/roleDefinitions/read, Microsoft.DataProtection/backupVaults/read; "
        "for AzureKubernetesService Microsoft.ContainerService/managedClusters/read; "
        "for AzureDatabaseForPostgreSQL Microsoft.KeyVault/vaults/read, Microsoft.KeyVault/vaults/write, "
        "Microsoft.KeyVault/vaults/accessPolicies/write, Microsoft.KeyVault/vaults/secrets/read, "
        "Microsoft.DBforPostgreSQL/servers/read, Microsoft.DBforPostgreSQL/servers/firewallRules/read, "
        "Microsoft.DBforPostgreSQL/servers/firewallRules/write",
    ),
)
