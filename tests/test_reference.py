"""The reference page: made from the table, up to date, and every example of it runs against the sandbox."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from dpmagic import reference
from dpmagic.arm.requests import Request, send
from dpmagic.commands import examples
from dpmagic.commands.model import Command
from dpmagic.commands.table import commands
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.execute import execute
from dpmagic.sandbox import Sandbox
from dpmagic.sandbox.http_transport import SandboxTransport
from dpmagic.session import Session
from dpmagic.session_commands import COMMANDS as SESSION_COMMANDS
from tests.examples import write_files

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"


def test_the_page_is_up_to_date() -> None:
    stale = "docs/commands.md is not what the command table says: make docs"
    assert PAGE.read_text("utf-8") == reference.markdown(), stale


def test_the_page_has_every_command_and_option() -> None:
    for command in (*commands().values(), *SESSION_COMMANDS):
        _, found, section = reference.markdown().partition(f"\n### {command.name}\n")
        assert found
        section = re.split(r"\n###? ", section)[0]
        for option in command.options:
            assert all(f"`{name}`" in section for name in option.names)


class Recorder(SandboxTransport):
    """The sandbox's transport, which keeps what is sent."""

    def __init__(self) -> None:
        super().__init__(Sandbox())
        self.sent: list[tuple[str, str]] = []

    def send(self, request: Any, **kwargs: Any) -> Any:
        self.sent.append((request.method, urlsplit(request.url).path))
        return super().send(request, **kwargs)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path)
    wire = Recorder()
    return Session(replace(connect_sandbox(), transport=wire, clock=wire), output="json")


def run(text: str, session: Session) -> Any:
    """The last result of some lines."""
    return [*execute(text, session)][-1].value


def test_the_cell_of_the_page_runs(session: Session) -> None:
    session.output = "frame"
    fence = re.search(r"```\n(connect sandbox\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert fence
    results = [*execute(fence[1], session)]
    assert len(results) == fence[1].count("\n") - 2, "but for an assignment and a line that goes on"
    assert Path("vaults.csv").read_text().splitlines() == ["name,state", "TestBkpVault,Succeeded"]


def example(name: str, number: int = 0) -> str:
    return commands()[name].examples[number]


def named(file: str, name: str) -> None:
    """Give the backup instance in a file the name that examples have for it: az makes one up at each run."""
    path = Path(file)
    path.write_text(json.dumps({**json.loads(path.read_text()), "backupInstanceName": name}))


_DISK_RESTORE_OPERATOR = "b50d9833-a0cb-478e-945f-707fcc997c13"
_ASSIGNMENT = "00000000-0000-4000-8000-000000000001"


class World:
    """What examples name, made by examples, a step at a time."""

    STEPS = ("groups", "vault", "policies", "roles", "instance", "backup", "blobs", "guard", "mapping", "end")

    def __init__(self, session: Session) -> None:
        self._session = session
        self.made_up = {examples.RECOVERY_POINT: examples.RECOVERY_POINT, examples.JOB: examples.JOB}

    def run(self, text: str) -> Any:
        """Run a line, with the ids of this world in it."""
        for name, real in self.made_up.items():
            text = text.replace(name, real)
        return run(text, self._session)

    def put(self, path: str, body: Any, api_version: str) -> None:
        send(self._session.connected(), Request("PUT", path, body, api_version=api_version))

    def groups(self) -> None:
        self.put(examples.GUARD_ID.split("/providers")[0], {"location": "westus"}, "2021-04-01")

    def vault(self) -> None:
        self.run(example("backup-vault create"))

    def policies(self) -> None:
        self.run(example("backup-policy create"))
        self.run(example("backup-policy create").replace("diskPolicy", "diskPolicy2"))

    def roles(self) -> None:
        named("backup_instance.json", examples.DISK_INSTANCE)
        self.run(example("backup-instance update-msi-permissions"))
        # az has no command for the role that a restore of a disk needs.
        [principal] = json.loads(self.run(f"backup-vault show {examples.AT} --query [identity.principalId]"))
        authorization = f"{examples.RESTORED_ID.split('/providers')[0]}/providers/Microsoft.Authorization"
        properties = {
            "principalId": principal,
            "principalType": "ServicePrincipal",
            "roleDefinitionId": f"{authorization}/roleDefinitions/{_DISK_RESTORE_OPERATOR}",
        }
        self.put(f"{authorization}/roleAssignments/{_ASSIGNMENT}", {"properties": properties}, "2022-04-01")

    def instance(self) -> None:
        self.run(f"{example('backup-instance create')}\nsleep 1h")

    def backup(self) -> None:
        self.run(f"{example('backup-instance adhoc-backup')}\nsleep 1h")
        [point] = json.loads(self.run(example("recovery-point list")))
        [job] = json.loads(self.run(example("job list")))
        self.made_up |= {examples.RECOVERY_POINT: point["name"], examples.JOB: job["name"]}
        self.run(example("backup-instance restore initialize-for-data-recovery"))

    def blobs(self) -> None:
        self.run(
            "backup-policy get-default-policy-template --datasource-type AzureBlob > blob_policy.json\n"
            f"backup-policy create {examples.AT} -n blobPolicy --policy blob_policy.json\n"
            f"backup-instance initialize --datasource-type AzureBlob -l westus --datasource-id {examples.ACCOUNT_ID} "
            f"--policy-id {examples.VAULT_ID}/backupPolicies/blobPolicy --backup-configuration containers.json "
            "> blob_instance.json"
        )
        named("blob_instance.json", examples.BLOB_INSTANCE)
        self.run(
            f"backup-instance update-msi-permissions {examples.AT} --datasource-type AzureBlob --operation Backup "
            "--permissions-scope Resource --backup-instance blob_instance.json --yes\n"
            f"backup-instance create {examples.AT} --backup-instance blob_instance.json\n"
            "sleep 1h"
        )

    def guard(self) -> None:
        self.run(example("resource-guard create"))

    def mapping(self) -> None:
        self.run(example("backup-vault resource-guard-mapping create"))


# The step before which the world is right for a command, or for one example of it; "guard" for all others.
BEFORE = {
    "backup-vault create": "vault",
    "backup-vault delete": "policies",
    "backup-policy create": "policies",
    "backup-policy delete": "roles",
    "backup-instance update-msi-permissions": "roles",
    "backup-instance validate-for-backup": "instance",
    "backup-instance create": "instance",
    "job list 1": "vault",
    "resource-guard delete": "mapping",
    "resource-guard list": "mapping",
    "resource-guard list-protected-operations": "mapping",
    "resource-guard show": "mapping",
    "resource-guard update": "mapping",
    "backup-vault resource-guard-mapping create": "mapping",
    "backup-vault resource-guard-mapping delete": "end",
    "backup-vault resource-guard-mapping show": "end",
    "backup-vault update 1": "end",
    "resource-guard unlock": "end",
}
_DELETE = example("backup-instance delete")
# Lines that come first.
FIRST = {
    "backup-instance deleted-backup-instance list": _DELETE,
    "backup-instance deleted-backup-instance show": _DELETE,
    "backup-instance deleted-backup-instance undelete": _DELETE,
    "backup-instance resume-protection": example("backup-instance stop-protection"),
    "backup-policy retention-rule remove": example("backup-policy retention-rule set"),
    "backup-policy tag remove": example("backup-policy tag set"),
    "backup-vault resource-guard-mapping delete": example("resource-guard unlock", 1),
    "job list 1": (
        f"backup-vault create {examples.AT} --type SystemAssigned --crr-state Enabled "
        "--storage-setting type=GeoRedundant datastore-type=VaultStore"
    ),
}
# Questions whose answer is an empty list where all is well.
FIND_NOTHING = {
    "backup-instance list-from-resourcegraph 1",
    "job list 1",
    "job list-from-resourcegraph 0",
}
EXAMPLES = [
    pytest.param(command, number, id=f"{command.name} {number}")
    for command in commands().values()
    for number in range(len(command.examples))
]


@pytest.mark.parametrize(("command", "number"), EXAMPLES)
def test_an_example_runs_with_the_permission_it_names(command: Command, number: int, session: Session) -> None:
    name = f"{command.name} {number}"
    world = World(session)
    last = BEFORE.get(name) or BEFORE.get(command.name, "guard")
    for step in World.STEPS[: World.STEPS.index(last)]:
        getattr(world, step)()
    if first := FIRST.get(name) or FIRST.get(command.name):
        world.run(first)
    sent = sent_by(session.connected())
    sent.clear()
    value = world.run(command.examples[number])
    assert (value == "[]") == (name in FIND_NOTHING)
    assert {action.lower() for action in actions(sent)} <= set(re.findall(r"[\w./]+", command.permission.lower()))


def sent_by(connection: Connection) -> list[tuple[str, str]]:
    assert isinstance(connection.transport, Recorder)
    return connection.transport.sent


_VERBS = {"PUT": "write", "PATCH": "write", "DELETE": "delete", "GET": "read"}
# Reads that no permission is needed for, or that a command does without.
_FREE = re.compile(
    r"/(operationStatus|operationResults)/|/subscriptions(/[^/]+(/resourceGroups(/[^/]+)?)?)?$|ResourceGraph"
)


def actions(sent: list[tuple[str, str]]) -> set[str]:
    """The actions, as Azure's roles name them, of the changes that were sent; of the reads when nothing was changed."""
    asked = {(method, _action(method, path)) for method, path in sent if not _FREE.search(path)}
    changes = {action for method, action in asked if method != "GET"}
    return changes or {action for _, action in asked}


def _action(method: str, path: str) -> str:
    namespace, *rest = path.rpartition("/providers/")[2].split("/")
    if method != "POST":
        return "/".join([namespace, *rest[::2], _VERBS[method]])
    return "/".join([namespace, *rest[:-1:2], rest[-1], "action"])
