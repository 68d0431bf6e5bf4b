"""Blobs, clusters and databases of the starter world: what they need to be backed up, and their ways back."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from .client import SNAPSHOTS, VAULT, WORKLOADS, Client, policy_body, soft_delete, vault_body
from .test_refusals import code
from .workloads import BLOBS, blob_source, open_firewall, weekly

GROUP = f"/subscriptions/{WORKLOADS}/resourceGroups/workloadrg"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/stpayments"
STORES = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/strestores"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/aks-payments"
SERVER = f"{GROUP}/providers/Microsoft.DBforPostgreSQL/servers/pg-orders"
DATABASE = f"{SERVER}/databases/orders"
KEY_VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/kv-orders"
INSTANCE = f"{VAULT}/backupInstances/bi"
MISSING, MSI = "UserErrorMissingRequiredPermissions", "UserErrorMSIMissingPermissions"
FLEXIBLE = {
    "Microsoft.DBforPostgreSQL/flexibleServers": (
        f"{GROUP}/providers/Microsoft.DBforPostgreSQL/flexibleServers/pgflex-orders",
        "PostgreSQL Flexible Server Long Term Retention Backup Role",
    ),
    "Microsoft.DBforMySQL/flexibleServers": (
        f"{GROUP}/providers/Microsoft.DBforMySQL/flexibleServers/mysql-shop",
        "MySQL Backup And Export Operator",
    ),
}


def datasource(arm_id: str, kind: str) -> dict[str, Any]:
    """A datasource in the vault's region."""
    return {**blob_source(arm_id, "westus"), "datasourceType": kind, "resourceType": kind}


def vaulted(client: Client, policy: dict[str, Any]) -> str:
    """A vault with the policy ``p``; returns its principal."""
    client.done("PUT", VAULT, vault_body(**soft_delete("Off")))
    assert client.send("PUT", f"{VAULT}/backupPolicies/p", policy).status == 200
    return str(client.get(VAULT)["identity"]["principalId"])


def instance(arm_id: str, kind: str, parameters: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """The properties of an instance under the policy ``p``."""
    info: dict[str, Any] = {"policyId": f"{VAULT}/backupPolicies/p"}
    if parameters:
        info["policyParameters"] = parameters
    return {"objectType": "BackupInstance", "dataSourceInfo": datasource(arm_id, kind), "policyInfo": info, **more}


def validated(client: Client, properties: dict[str, Any]) -> str:
    """The code with which validateForBackup ends, "" if well."""
    answer = client.send("POST", f"{VAULT}/validateForBackup", {"backupInstance": properties})
    return code(answer) or code(client.wait(answer))


def backed_up(client: Client, properties: dict[str, Any], rule: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Protect and back up; returns the job's properties and the one recovery point."""
    client.done("PUT", INSTANCE, {"properties": properties})
    client.sandbox.sleep(120)
    assert client.get(INSTANCE)["properties"]["currentProtectionState"] == "ProtectionConfigured"
    body = {"backupRuleOptions": {"ruleName": rule, "triggerOption": {}}}
    job = client.done("POST", f"{INSTANCE}/backup", body)["properties"]["jobId"]
    client.sandbox.sleep(1200)
    (point,) = client.get(f"{INSTANCE}/recoveryPoints")["value"]
    assert client.get(point["id"])["properties"] == point["properties"], "no metaData"
    return client.get(job)["properties"], point


def order(point: str, store: str, target: dict[str, Any]) -> dict[str, Any]:
    """A restore of a recovery point."""
    info = {"recoveryOption": "FailIfExists", "restoreLocation": "westus", **target}
    kind = "AzureBackupRecoveryPointBasedRestoreRequest"
    return {"objectType": kind, "recoveryPointId": point, "sourceDataStoreType": store, "restoreTargetInfo": info}


def refused(client: Client, body: dict[str, Any]) -> str:
    """The code with which validateRestore ends, "" if well."""
    answer = client.send("POST", f"{INSTANCE}/validateRestore", {"restoreRequestObject": body})
    return code(answer) or code(client.wait(answer))


def restored(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    """Restore and wait; returns the job's properties."""
    job = client.done("POST", f"{INSTANCE}/restore", body)["properties"]["jobId"]
    client.sandbox.sleep(600)
    properties: dict[str, Any] = client.get(job)["properties"]
    return properties


def files(container: str) -> dict[str, Any]:
    """A restore to files in a storage container."""
    details = {"url": container, "filePrefix": "orders", "restoreTargetLocationType": "AzureBlobs"}
    return {"objectType": "RestoreFilesTargetInfo", "targetDetails": details}


@pytest.mark.parametrize("kind", FLEXIBLE)
def test_flexible_servers(client: Client, kind: str) -> None:
    server, role = FLEXIBLE[kind]
    principal = vaulted(client, weekly(kind))
    properties = instance(server, kind)
    assert validated(client, properties) == MSI
    client.grant("Reader", GROUP, principal)
    assert validated(client, properties) == MSI
    client.grant(role, GROUP, principal)
    assert validated(client, instance(server + "-gone", kind)) == "UserErrorAzureResourceNotFoundByPlugin"
    assert validated(client, properties) == ""
    job, point = backed_up(client, properties, "BackupWeekly")
    assert (job["status"], job["destinationDataStoreName"]) == ("Completed", "VaultStore")
    assert point["properties"]["recoveryPointType"] == "Full"
    body = order(point["name"], "VaultStore", files("https://strestores.blob.core.windows.net/restored"))
    assert refused(client, body) == "UserErrorContainerNotAccessible"
    client.grant("Storage Blob Data Contributor", STORES, principal)
    nowhere = order(point["name"], "VaultStore", files("https://strestores.blob.core.windows.net/none"))
    assert refused(client, nowhere) == "UserErrorContainerNotAccessible"
    whole = {"objectType": "RestoreTargetInfo", "datasourceInfo": datasource(server, kind)}
    assert refused(client, order(point["name"], "VaultStore", whole)) == "UserErrorRestoreRequestNotSupported"
    done = restored(client, body)
    assert done["extendedInfo"]["additionalDetails"] == {"Restore File Prefix": "orders"}
    assert (done["status"], done["sourceDataStoreType"]) == ("Completed", "VaultStore")


def test_single_server(client: Client) -> None:
    """A way to the server, a secret, and either way of restoring."""
    kind = "Microsoft.DBforPostgreSQL/servers/databases"
    principal = vaulted(client, weekly(kind))
    uri = "https://kv-orders.vault.azure.net/secrets/pg-orders-backup"

    def asked(secret: str = uri, database: str = DATABASE) -> dict[str, Any]:
        store = {"uri": secret, "secretStoreType": "AzureKeyVault"}
        credentials = {"objectType": "SecretStoreBasedAuthCredentials", "secretStoreResource": store}
        return instance(database, kind, datasourceAuthCredentials=credentials)

    assert validated(client, asked()) == MSI
    client.grant("Reader", SERVER, principal)
    assert validated(client, asked()) == "UserErrorMissingNetworkSecurityPermissions"
    open_firewall(client, SERVER)
    assert validated(client, asked(database=DATABASE + "2")) == "UserErrorDBNotFound"
    assert validated(client, asked("https://other.vault.azure.net/secrets/x")) == "UserErrorInvalidSecretStore"
    assert validated(client, asked()) == "UserErrorMissingPermissionsOnSecretStore"
    policy = {"objectId": principal, "tenantId": "t", "permissions": {"secrets": ["Get"]}}
    for _ in ("Get", "List"):
        assert validated(client, asked()) == "UserErrorMissingPermissionsOnSecretStore"
        added = client.send("PUT", f"{KEY_VAULT}/accessPolicies/add", {"properties": {"accessPolicies": [policy]}})
        assert added.status == 201
        policy["permissions"] = {"secrets": ["List"]}
    assert validated(client, asked(uri + "-gone")) == "UserErrorInvalidSecret"
    assert validated(client, asked()) == ""
    _, point = backed_up(client, asked(), "BackupWeekly")
    assert point["properties"]["friendlyName"] != point["name"]

    def copy_to(name: str) -> dict[str, Any]:
        info = datasource(f"{SERVER}/databases/{name}", kind)
        return order(point["name"], "VaultStore", {"objectType": "RestoreTargetInfo", "datasourceInfo": info})

    assert refused(client, copy_to("orders")) == "UserErrorDatabaseNameAlreadyInUse"
    assert restored(client, copy_to("orders2"))["status"] == "Completed"
    assert [found["name"] for found in client.get(f"{SERVER}/databases")["value"]] == ["orders", "orders2"]
    assert restored(client, copy_to("orders2"))["status"] == "Failed"


def test_a_key_vault_that_goes_by_roles(client: Client) -> None:
    principal = vaulted(client, weekly("Microsoft.DBforPostgreSQL/servers/databases"))
    client.grant("Reader", GROUP, principal)
    open_firewall(client, SERVER)
    changed = client.send("PATCH", KEY_VAULT, {"properties": {"enableRbacAuthorization": True}})
    assert changed.status == 200
    secret = client.get(f"{KEY_VAULT}/secrets/pg-orders-backup")["properties"]["secretUri"]
    assert client.send("GET", f"{KEY_VAULT}/secrets/none").status == 404
    credentials = {"secretStoreResource": {"uri": secret, "secretStoreType": "AzureKeyVault"}}
    kind = "Microsoft.DBforPostgreSQL/servers/databases"
    properties = instance(DATABASE, kind, datasourceAuthCredentials=credentials)
    assert validated(client, properties) == "UserErrorMissingPermissionsOnSecretStore"
    client.grant("Key Vault Secrets User", KEY_VAULT, principal)
    assert validated(client, properties) == ""


def test_clusters(client: Client) -> None:
    kind = "Microsoft.ContainerService/managedClusters"
    principal = vaulted(client, policy_body(kind))
    own = client.get(CLUSTER)["identity"]["principalId"]
    store = {"dataStoreType": "OperationalStore", "objectType": "AzureOperationalStoreParameters"}
    chosen = {"objectType": "KubernetesClusterBackupDatasourceParameters", "snapshotVolumes": True}
    parameters = {
        "dataStoreParametersList": [{**store, "resourceGroupId": SNAPSHOTS}],
        "backupDatasourceParametersList": [chosen],
    }
    properties = instance(CLUSTER, kind, parameters)
    assert validated(client, instance(CLUSTER, kind)) == "UserErrorOperationalStoreParametersNotProvided"
    for role, scope, who in (
        ("Reader", CLUSTER, principal),
        ("Reader", SNAPSHOTS, principal),
        ("Contributor", SNAPSHOTS, own),
    ):
        assert validated(client, properties) == MISSING
        client.grant(role, scope, who)
    assert validated(client, properties) == ""
    job, point = backed_up(client, properties, "BackupHourly")
    shown = client.get(INSTANCE)["properties"]["policyInfo"]["policyParameters"]["backupDatasourceParametersList"]
    assert shown[0]["snapshotVolumes"] is True and shown[0]["labelSelectors"] is None and len(shown[0]) == 9
    assert job["destinationDataStoreName"] is None
    assert point["properties"]["recoveryPointType"] == "Incremental"
    target = {"objectType": "ItemLevelRestoreTargetInfo", "datasourceInfo": datasource(CLUSTER, kind)}
    assert restored(client, order(point["name"], "OperationalStore", target))["status"] == "Completed"
    target["datasourceInfo"] = datasource(ACCOUNT, kind)
    assert refused(client, order(point["name"], "OperationalStore", target)) == "UserErrorRestoreRequestNotSupported"


def containers(*names: str) -> dict[str, Any]:
    """Parameters that choose containers."""
    chosen = {"objectType": "BlobBackupDatasourceParameters", "containersList": names}
    return {"backupDatasourceParametersList": [chosen]}


def both_tiers() -> dict[str, Any]:
    """A policy for blobs as az's template is: operational for thirty days, and daily to the vault for a week."""
    body = copy.deepcopy(weekly(BLOBS))
    backup, keep, _ = body["properties"]["policyRules"]
    operational = copy.deepcopy(keep)
    operational["lifecycles"][0]["sourceDataStore"]["dataStoreType"] = "OperationalStore"
    operational["lifecycles"][0]["deleteAfter"]["duration"] = "P30D"
    keep["lifecycles"][0]["deleteAfter"]["duration"] = "P7D"
    body["properties"]["policyRules"] = [operational, keep, {**backup, "name": "BackupDaily"}]
    return body


def test_blobs(client: Client) -> None:
    """To the vault and back to another account; and back in time in place."""
    principal = vaulted(client, both_tiers())
    role = "Storage Account Backup Contributor"
    assert validated(client, instance(ACCOUNT, BLOBS, containers("invoices"))) == MISSING
    client.grant(role, ACCOUNT, principal)
    assert validated(client, instance(ACCOUNT, BLOBS)) == "UserErrorNoContainersSelectedForOperation"
    wrong = instance(ACCOUNT, BLOBS, containers("invoices", "none"))
    assert validated(client, wrong) == "UserErrorIncorrectContainersSelectedForOperation"
    job, point = backed_up(client, instance(ACCOUNT, BLOBS, containers("invoices")), "BackupDaily")
    client.sandbox.sleep(600)
    kept = client.get(f"{INSTANCE}/recoveryPoints")["value"][0]["properties"]
    made = kept["recoveryPointDataStoresDetails"][0]
    assert (made["type"], made["expiryTime"][8:10]) == ("VaultStore", "09"), "a week from 2 March"
    assert job["destinationDataStoreName"] == "VaultStore"

    def to(arm_id: str, *items: str) -> dict[str, Any]:
        criteria = [{"objectType": "ItemPathBasedRestoreCriteria", "itemPath": item} for item in items]
        target = {"objectType": "ItemLevelRestoreTargetInfo", "restoreCriteria": criteria}
        return order(point["name"], "VaultStore", {**target, "datasourceInfo": datasource(arm_id, BLOBS)})

    assert refused(client, to(ACCOUNT, "invoices")) == "UserErrorOriginalLocationRestoreNotSupported"
    assert refused(client, to(STORES, "invoices")) == MISSING
    client.grant(role, STORES, principal)
    assert refused(client, to(STORES, "restored")) == "UserErrorTargetContainersExistOnAccount"
    assert restored(client, to(STORES, "invoices"))["status"] == "Completed"
    listed = client.get(f"{STORES}/blobServices/default/containers")["value"]
    assert [container["name"] for container in listed] == ["invoices", "restored"]


def test_blobs_back_in_time(client: Client) -> None:
    principal = vaulted(client, both_tiers())
    client.grant("Storage Account Backup Contributor", ACCOUNT, principal)
    client.done("PUT", INSTANCE, {"properties": instance(ACCOUNT, BLOBS, containers("invoices"))})
    client.sandbox.sleep(3600)

    def back_to(instant: str, arm_id: str = ACCOUNT) -> dict[str, Any]:
        target = {"objectType": "RestoreTargetInfo", "datasourceInfo": datasource(arm_id, BLOBS)}
        kind = "AzureBackupRecoveryTimeBasedRestoreRequest"
        return order("", "OperationalStore", target) | {"objectType": kind, "recoveryPointTime": instant}

    for instant in ("2026-03-01T00:00:00.0000000Z", "2027-01-01T00:00:00.0000000Z", "yesterday"):
        assert refused(client, back_to(instant)) == "UserErrorInvalidRecoveryPointInTime"
    assert refused(client, back_to("2026-03-02T08:30:00.0000000Z", STORES)) == "UserErrorRestoreRequestNotSupported"
    job = restored(client, back_to("2026-03-02T08:30:00.0000000Z"))
    assert (job["status"], job["sourceDataStoreType"]) == ("Completed", "OperationalStore")
    source = job["extendedInfo"]["sourceRecoverPoint"]
    assert source == {"recoveryPointID": None, "recoveryPointTime": "2026-03-02T08:30:00Z"}


def test_containers_of_an_instance_can_change(client: Client) -> None:
    principal = vaulted(client, both_tiers())
    client.grant("Storage Account Backup Contributor", ACCOUNT, principal)
    client.done("PUT", INSTANCE, {"properties": instance(ACCOUNT, BLOBS, containers("invoices"))})
    client.sandbox.sleep(120)
    client.done("PUT", INSTANCE, {"properties": instance(ACCOUNT, BLOBS, containers("invoices", "receipts"))})
    (chosen,) = client.get(INSTANCE)["properties"]["policyInfo"]["policyParameters"]["backupDatasourceParametersList"]
    assert chosen["containersList"] == ["invoices", "receipts"]


def test_other_types_are_refused(client: Client) -> None:
    kind = "Microsoft.DocumentDB/databaseAccounts"
    vaulted(client, weekly(kind))
    assert validated(client, instance(f"{GROUP}/providers/{kind}/c", kind)) == "UserErrorOperationNotSupported"


def test_what_can_be_read(client: Client) -> None:
    for arm_id in (ACCOUNT, CLUSTER, SERVER, KEY_VAULT, *(server for server, _ in FLEXIBLE.values())):
        collection = arm_id.rpartition("/")[0]
        assert client.get(arm_id) in client.get(collection)["value"]
        everywhere = f"/subscriptions/{WORKLOADS}{collection.removeprefix(GROUP)}"
        assert client.get(arm_id) in client.get(everywhere)["value"]
        assert code(client.send("GET", arm_id + "x")) == "ResourceNotFound"
        assert "_" not in client.get(arm_id)
