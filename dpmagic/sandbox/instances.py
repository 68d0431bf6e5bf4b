"""Microsoft.DataProtection/backupVaults/backupInstances: validate, create, move to another policy, delete."""

from __future__ import annotations

from typing import Any

from . import checks, faults, guarding, instance_bodies, operations, vaults
from .messages import Request, answer, listing, visible
from .reply import Reply
from .store import Document
from .world import World

TYPE = f"{vaults.TYPE}/backupInstances"
STOPPED = "ProtectionStopped"  # keeps what there is for good


def find(world: World, request: Request) -> tuple[Document, Document]:
    """The vault and the instance that the request names, or a 404."""
    vault = vaults.find(world, request)
    instance = world.store.get("instance", vault["id"], request["instance"])
    if instance is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    return vault, instance


def save(world: World, instance: Document) -> None:
    """Put the instance back into its vault."""
    world.store.put("instance", instance["_"]["vault"], instance["name"], instance)


def list_instances(world: World, request: Request) -> Reply:
    """GET the instances of a vault."""
    instances = world.store.children("instance", vaults.find(world, request)["id"])
    return listing(request, instances, world.page_size)


def get(world: World, request: Request) -> Reply:
    """GET one instance."""
    return answer(200, visible(find(world, request)[1]))


def validate(world: World, request: Request) -> Reply:
    """POST validateForBackup: 202; the operation fails with what stands in the way.

    A datasource that this vault has already is refused at once, with 400.
    """
    vault = vaults.find(world, request)
    properties = instance_bodies.read(world, vault, request.object().get("backupInstance"))
    datasource = properties["dataSourceInfo"]["resourceID"]
    _refuse_known(world, vault, datasource)
    token = operations.start(world, vault, 40, "instance.validate", vault=vault["id"], properties=properties)
    return operations.accepted(request, vault, token)


def check(world: World, vault: str, properties: dict[str, Any]) -> None:
    """The event that ends a validateForBackup."""
    holder = world.find("vault", vault)
    if holder is None:
        raise faults.backup("UserErrorGenericResourceNotFound", 404)
    checks.unclaimed(world, holder, properties["dataSourceInfo"]["resourceID"])
    checks.protectable(world, holder, properties)


def put(world: World, request: Request) -> Reply:
    """PUT an instance: 201 with ``Azure-AsyncOperation``.

    A new one is provisioned in seconds and protected some time later; on one that exists only the policy changes,
    and the answer still shows the old one.
    """
    vault = vaults.find(world, request)
    body = request.object()
    properties = instance_bodies.read(world, vault, body.get("properties"))
    existing = world.store.get("instance", vault["id"], request["instance"])
    if existing is not None:
        return _update(world, request, vault, existing, body, properties)
    checks.unclaimed(world, vault, properties["dataSourceInfo"]["resourceID"])
    name = request["instance"]
    instance: Document = {**({"tags": body["tags"]} if body.get("tags") else {})}
    instance |= {
        "properties": _with_state(properties, "ConfiguringProtection", "Provisioning"),
        "id": f"{vault['id']}/backupInstances/{name}",
        "name": name,
        "type": TYPE,
        "_": {"vault": vault["id"], "store": world.guid("dataStore"), "snapshots": world.guid("snapshots")},
    }
    save(world, instance)
    token = operations.start(world, vault, 12, "instance.provisioned", instance=instance["id"])
    return answer(
        201,
        visible(instance),
        operations.vault_headers(request, vault, token),
    )


def provisioned(world: World, instance: str) -> None:
    """The event that ends the PUT of a new instance; protection follows."""
    document = world.find("instance", instance)
    if document is not None:
        document["properties"]["provisioningState"] = "Succeeded"
        save(world, document)
        world.at(world.now + world.vary(45), "instance.protect", instance=instance)


def protect(world: World, instance: str) -> None:
    """The event in which protection is configured, or fails for want of a permission or a disk."""
    document = world.find("instance", instance)
    if document is None or document["properties"]["currentProtectionState"] != "ConfiguringProtection":
        return
    vault = world.find("vault", document["_"]["vault"])
    assert vault is not None, "a vault with instances cannot be deleted"
    try:
        checks.protectable(world, vault, document["properties"])
    except faults.BackupFault as fault:
        set_state(document, "ProtectionError", fault.job_details()[0])
    else:
        set_state(document, "ProtectionConfigured")
        document["_"]["protectedSince"] = world.now
    save(world, document)


def repolicy(world: World, instance: str, policy_info: dict[str, Any], friendly_name: str) -> None:
    """The event that ends the PUT of an instance that was there."""
    document = world.find("instance", instance)
    if document is not None:
        document["properties"]["policyInfo"] = policy_info
        document["properties"]["friendlyName"] = friendly_name
        set_state(document, document["_"].pop("before"))
        save(world, document)


def set_state(instance: Document, status: str, error: dict[str, Any] | None = None) -> None:
    """Set the protection status, which ARM shows in two places, and the error if there is one."""
    properties = instance["properties"]
    properties["protectionStatus"] = {"status": status, **({"errorDetails": error} if error else {})}
    properties["currentProtectionState"] = status
    properties.pop("protectionErrorDetails", None)
    if error:
        properties["protectionErrorDetails"] = error


def policy_of(world: World, instance: Document) -> Document | None:
    """The instance's policy."""
    return world.find("policy", instance["properties"]["policyInfo"]["policyId"])


def _update(
    world: World,
    request: Request,
    vault: Document,
    instance: Document,
    body: dict[str, Any],
    properties: dict[str, Any],
) -> Reply:
    old = instance["properties"]
    guarding.require(world, vault, guarding.MODIFY_INSTANCE, body["properties"].get("resourceGuardOperationRequests"))
    if properties["dataSourceInfo"]["resourceID"].lower() != old["dataSourceInfo"]["resourceID"].lower():
        raise faults.backup("BMSUserErrorInvalidInput", reason="the datasource of a backup instance cannot change")
    if "before" in instance["_"]:
        raise faults.backup("UserErrorInvalidProtectionState", status=old["currentProtectionState"])
    if body.get("tags"):
        instance["tags"] = body["tags"]
    instance["_"]["before"] = old["currentProtectionState"]
    set_state(instance, "UpdatingProtection")
    save(world, instance)
    change = {"policy_info": properties["policyInfo"], "friendly_name": properties["friendlyName"]}
    token = operations.start(world, vault, 8, "instance.repolicy", instance=instance["id"], **change)
    headers = operations.vault_headers(request, vault, token)
    return answer(201, visible(instance), headers)


def _refuse_known(world: World, vault: Document, datasource: str) -> None:
    """Raise if this vault has the datasource; that another has it is for the operation to say, as recorded."""
    try:
        checks.unclaimed(world, vault, datasource)
    except faults.BackupFault as fault:
        if fault.code == "UserErrorDatasourceAlreadyPresentInTheSameVault":
            raise


def _with_state(properties: dict[str, Any], status: str, provisioning: str) -> dict[str, Any]:
    tail = {key: properties[key] for key in ("datasourceAuthCredentials",) if key in properties}
    return {
        **{key: value for key, value in properties.items() if key not in tail},
        "protectionStatus": {"status": status},
        "currentProtectionState": status,
        "provisioningState": provisioning,
        **tail,
        "objectType": "BackupInstance",
    }
