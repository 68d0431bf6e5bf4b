"""A vault, a policy and the disks of the sandbox's starter world, for tests that go the whole way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dpmagic import language
from dpmagic.arm.ids import vault_path
from dpmagic.arm.requests import Request, send
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.datasources import manifest
from dpmagic.execute import one
from dpmagic.results import Preview
from dpmagic.session import Session
from tests.canned import Heard

BACKUP, WORKLOADS = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
STARTER = {"end": "2026-03-02T09:10:00Z"}  # the starter world alone, hours before a policy is due
AT = "-g testBkpVaultRG -v v1"
NAME = "data-01-data-01-0001"
DISK = f"/subscriptions/{WORKLOADS}/resourceGroups/diskrg/providers/Microsoft.Compute/disks/data-01"
SNAPSHOTS = f"/subscriptions/{WORKLOADS}/resourceGroups/snapshotrg"


@dataclass
class Estate:
    """A sandbox with vault ``v1`` and its policies ``p1`` (a week) and ``p2`` (two days); `run` runs a command."""

    connection: Connection = field(default_factory=lambda: connect_sandbox(estate=STARTER, subscription=BACKUP))
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        self.run(
            f"backup-vault create {AT} --type SystemAssigned "
            "--storage-settings type=LocallyRedundant datastore-type=VaultStore"
        )
        for name, duration in (("p1", "P7D"), ("p2", "P2D")):
            policy = manifest("AzureDisk").policy_template()
            policy.pop("name", None)
            policy["policyRules"][1]["lifecycles"][0]["deleteAfter"]["duration"] = duration
            send(self.connection, Request("PUT", self.id("backupPolicies", name), {"properties": policy}))

    def id(self, *rest: str) -> str:
        """The id of the vault or of something below it."""
        return vault_path(BACKUP, "testBkpVaultRG", "v1", *rest)

    def run(self, line: str, **names: Any) -> Any:
        """The JSON of a command, a preview's steps, or the handle of an operation; ``names`` are its ``$names``."""
        self.heard.said.clear()
        session = Session(self.connection, observer=self.heard, output="json")
        [statement] = language.parse(line)
        assert isinstance(statement, language.Statement)
        value = one(language.expand(statement.words, names), session).value
        if isinstance(value, Preview):
            return value.to_json()
        return json.loads(value) if isinstance(value, str) else value

    def instance(self) -> Mapping[str, Any]:
        """The JSON that protects the disk, as ``initialize`` writes it."""
        store = {
            "object_type": "AzureOperationalStoreParameters",
            "data_store_type": "OperationalStore",
            "resource_group_id": SNAPSHOTS,
        }
        disk = {
            "datasource_type": "Microsoft.Compute/disks",
            "object_type": "Datasource",
            "resource_id": DISK,
            "resource_uri": DISK,
            "resource_name": "data-01",
            "resource_type": "Microsoft.Compute/disks",
            "resource_location": "westus",
        }
        properties = {
            "object_type": "BackupInstance",
            "data_source_info": disk,
            "data_source_set_info": None,
            "datasource_auth_credentials": None,
            "friendly_name": "data-01",
            "policy_info": {
                "policy_id": self.id("backupPolicies", "p1"),
                "policy_parameters": {"data_store_parameters_list": [store]},
            },
        }
        return {"backup_instance_name": NAME, "properties": properties, "tags": None}

    def permit(self, words: str = "--yes --permissions-scope Resource") -> Any:
        """Give the vault its roles on the disk and the snapshots' group."""
        return self.run(
            f"backup-instance update-msi-permissions {AT} --datasource-type AzureDisk --operation Backup {words} "
            "--backup-instance $instance",
            instance=self.instance(),
        )

    def protect(self) -> Any:
        """Roles, then the backup instance."""
        self.permit()
        created = self.run(f"backup-instance create {AT} --backup-instance $instance", instance=self.instance())
        self.connection.sleep(3600)
        return created
