"""Microsoft's tutorial, as written: every block through parser and dry run, every answer in the shape it prints."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dpmagic.api import rest
from dpmagic.clouds import Cloud, StaticToken
from dpmagic.commands.camel import camel
from dpmagic.connection import Connection
from dpmagic.execute import execute
from dpmagic.results import Preview
from dpmagic.sandbox import transport
from dpmagic.session import Session, current

SEED = Path(__file__).parents[2] / "shared" / "seed" / "back-up-managed-disks-cli.md"
pytestmark = pytest.mark.skipif(not SEED.is_file(), reason="the tutorial's text is not beside this checkout")

# The page's placeholders: the subscription of its vault, and that of its disk.
VAULT_SUBSCRIPTION, DISK_SUBSCRIPTION = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "xxxxxxxx-xxxx-xxxx-xxxx"
DISK = f"/subscriptions/{DISK_SUBSCRIPTION}/resourcegroups/diskrg/providers/Microsoft.Compute/disks/CLITestDisk"
ROLES = {
    "3e5e47e6-65f7-47ef-90b5-e5dd4d455f24": DISK,
    "7efff54f-a5b4-42b5-a1c5-5411624893ce": DISK.split("/providers")[0],
}


def fences(language: str) -> list[str]:
    """The code blocks of the page in this language, as written."""
    return re.findall(rf"```{language}\n(.*?)```", SEED.read_text(), flags=re.DOTALL) if SEED.is_file() else []


BLOCKS = fences("azurecli(?:-interactive)?")
PREFIXES = {"az dataprotection": "az dataprotection ", "az": "az ", "neither": ""}


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """The session of this process, connected to a sandbox in which the page's placeholders are subscriptions."""
    monkeypatch.chdir(tmp_path)
    wire = transport(subscriptions=[VAULT_SUBSCRIPTION, DISK_SUBSCRIPTION])
    used = current()
    before = used.connection, used.names
    used.use(
        Connection(
            "sandbox",
            Cloud("sandbox", "https://sandbox.invalid", "https://sandbox.invalid/.default"),
            StaticToken("t"),
            clock=wire,
            transport=wire,
            default_subscription=VAULT_SUBSCRIPTION,
        )
    )
    used.names = {}
    _groups_and_disk()
    yield used
    used.connection, used.names = before


def _groups_and_disk() -> None:
    for subscription, group in (
        (VAULT_SUBSCRIPTION, "testBkpVaultRG"),
        (DISK_SUBSCRIPTION, "diskrg"),
        (DISK_SUBSCRIPTION, "snapshotrg"),
    ):
        path = f"/subscriptions/{subscription}/resourceGroups/{group}"
        rest("PUT", path, {"location": "westus"}, api_version="2021-04-01")
    body = {
        "location": "westus",
        "sku": {"name": "Premium_LRS"},
        "properties": {"diskSizeGB": 32, "creationData": {"createOption": "Empty"}},
    }
    rest("PUT", DISK, body, api_version="2024-03-02")
    current().connected().sleep(120)


def _roles(session: Session) -> None:
    """What the page leaves to the portal: the vault's identity gets its two roles."""
    (shown,) = execute("backup-vault show -g testBkpVaultRG -v TestBkpVault", session)
    principal = shown.value.loc[0, "identity.principalId"]
    for number, (role, scope) in enumerate(ROLES.items()):
        definition = f"/subscriptions/{DISK_SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{role}"
        name = f"00000000-0000-0000-0000-00000000000{number}"
        rest(
            "PUT",
            f"{scope}/providers/Microsoft.Authorization/roleAssignments/{name}",
            {
                "properties": {
                    "roleDefinitionId": definition,
                    "principalId": principal,
                    "principalType": "ServicePrincipal",
                }
            },
            api_version="2022-04-01",
        )


def _run(text: str, session: Session) -> list[Any]:
    return [result.value for result in execute(text, session)]


def test_initialize_writes_what_the_page_prints_in_the_apis_spelling(session: Session) -> None:
    _run(BLOCKS[6], session)
    printed = camel(json.loads(fences("json")[5]))
    assert paths(json.loads(Path("backup_instance.json").read_text())) - paths(printed) == set(
        DIFFERENCES["backup-instance initialize"]["new"]
    )
    assert paths(printed) - paths(json.loads(Path("backup_instance.json").read_text())) == set()


def test_the_page_has_its_blocks() -> None:
    assert len(BLOCKS) == 11


@pytest.mark.parametrize("prefix", PREFIXES.values(), ids=PREFIXES)
def test_every_block_as_written_parses_and_runs_dry(session: Session, prefix: str) -> None:
    """Dry, after the blocks before it have really run (but for those that name somebody's other vault)."""
    previews = 0
    for block in BLOCKS:
        text = block.replace("az dataprotection ", prefix)
        dry = re.sub(
            r"^((?:az |dataprotection |backup-|job ).*?)( > .*)?$", r"\1 --dry-run\2", text, flags=re.MULTILINE
        )
        withheld = [value for value in _run(dry, session) if isinstance(value, Preview)]
        previews += len(withheld)
        if withheld and "Pratik" not in block:
            _run(text, session)
        if "backup-vault update" in block:
            _roles(session)
    assert previews == 5, "vault create and update, policy create, instance create, adhoc-backup"


def paths(value: Any, prefix: str = "") -> set[str]:
    """The places in a JSON value that hold something, as dotted paths; the items of a list are one place."""
    if isinstance(value, dict):
        return {path for key, item in value.items() for path in paths(item, f"{prefix}.{key}".lstrip("."))}
    if isinstance(value, list) and value:
        return {path for item in value for path in paths(item, f"{prefix}[]")}
    return {prefix}


# The command whose answer the page prints, and which of its JSON blocks that is.
PRINTED = {
    "backup-vault create": (0, "vault << backup-vault show -g testBkpVaultRG -v TestBkpVault -o json"),
    "get-default-policy-template": (
        1,
        "template << backup-policy get-default-policy-template --datasource-type AzureDisk -o json",
    ),
    "backup-policy create": (4, "policy << backup-policy show -g testBkpVaultRG -v TestBkpVault -n mypolicy -o json"),
    "backup-instance create": (6, "instance << backup-instance list -g testBkpVaultRG -v TestBkpVault -o json"),
    "list-from-resourcegraph": (
        7,
        "found << backup-instance list-from-resourcegraph --datasource-type AzureDisk -o json",
    ),
}
DIFFERENCES = tomllib.loads(Path(__file__).with_name("tutorial_differences.toml").read_text())


@pytest.mark.parametrize("command", PRINTED)
def test_the_answer_has_the_shape_that_the_page_prints(session: Session, command: str) -> None:
    for block in BLOCKS[:8]:
        if "backup-instance create" in block:
            _roles(session)
        _run(block, session)
    session.connected().sleep(600)
    number, text = PRINTED[command]
    (shown,) = _run(text, session)
    printed, answered = json.loads(fences("json")[number]), json.loads(shown)
    if command == "backup-instance create":
        (answered,) = answered
    changed = DIFFERENCES[command]
    assert paths(printed) - paths(answered) == set(changed["gone"])
    assert paths(answered) - paths(printed) == set(changed["new"])
