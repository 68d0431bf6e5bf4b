"""Every request that ``az dataprotection``'s commands send has a handler."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dpmagic.sandbox.messages import Request
from dpmagic.sandbox.router import Router

SURFACE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "az-surface.json"

_G = "/subscriptions/s/resourceGroups/g/providers"
_V = f"{_G}/Microsoft.DataProtection/backupVaults/v"
_I = f"{_V}/backupInstances/i"
_L = f"{_G}/Microsoft.DataProtection/locations/westus"
_POSTGRES = f"{_G}/Microsoft.DBforPostgreSQL/servers/p"
#: What the commands without generated code send, as observed.
CUSTOM = (
    f"POST {_V}/validateForBackup",
    f"POST {_I}/validateRestore",
    f"POST {_I}/restore",
    f"GET {_I}/recoveryPoints",
    f"GET {_V}/backupJobs",
    f"GET {_V}/backupJobs/j",
    f"POST {_L}/fetchSecondaryRecoveryPoints",
    f"POST {_L}/fetchCrossRegionRestoreJobs",
    f"POST {_L}/fetchCrossRegionRestoreJob",
    f"POST {_L}/validateCrossRegionRestore",
    f"POST {_L}/crossRegionRestore",
    f"GET {_G}/Microsoft.Storage/storageAccounts/a/blobServices/default/containers",
    f"GET {_G}/Microsoft.ContainerService/managedClusters/c",
    f"GET {_G}/Microsoft.KeyVault/vaults/k",
    f"PUT {_G}/Microsoft.KeyVault/vaults/k",
    f"GET {_POSTGRES}",
    f"GET {_POSTGRES}/firewallRules",
    f"PUT {_POSTGRES}/firewallRules/r",
    f"GET {_POSTGRES}/providers/Microsoft.Authorization/roleAssignments",
    f"GET {_POSTGRES}/providers/Microsoft.Authorization/roleDefinitions",
    f"PUT {_POSTGRES}/providers/Microsoft.Authorization/roleAssignments/r",
)


def routed(line: str) -> bool:
    """Whether the router knows the request of a line such as ``GET /subscriptions``; it raises if not."""
    method, _, path = line.partition(" ")
    return callable(Router().find(Request.read(method, path, {}, None))[0])


@pytest.mark.parametrize("line", CUSTOM)
def test_custom_commands(line: str) -> None:
    assert routed(line)


def test_generated_commands() -> None:
    if not SURFACE.exists():
        pytest.skip("the commands are not here: ../shared/reference/az-surface.json is absent")
    commands = json.loads(SURFACE.read_text(encoding="utf-8"))["commands"]
    lines = {re.sub(r"{\w+}", "x", line) for command in commands for line in command["http"]}
    assert len(commands) == 63 and len(lines) > 25
    assert all(routed(line) for line in lines)
