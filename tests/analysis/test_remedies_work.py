"""The commands that gaps come with, carried out: what they say they remedy is remedied."""

from __future__ import annotations

from typing import Any

import pandas
import pytest

import dpmagic
from dpmagic.connection import Connection, connect_sandbox
from dpmagic.execute import execute
from dpmagic.session import Session

pytestmark = pytest.mark.slow

ROW = {"vault": "v", "policy": "p"}
SPEC: dict[str, Any] = {
    "end": "2026-03-02T08:00:00Z",
    "policies": {"p": {"every": "PT4H", "start": "2024-01-01T01:00:00+00:00", "keep": "P7D"}},
    "subscriptions": [
        {
            "name": "Shop",
            "vaults": {"v": {"policies": ["p"]}},
            "disks": [
                *({"name": name, **ROW} for name in ("fine", "stop", "pause", "gone", "old")),
                {"name": "lost", "group": "rg-lost", **ROW},
                {"name": "new"},
            ],
        }
    ],
    "plant": [
        {"kind": "stopped", "disks": "stop", "at": "-2h"},
        {"kind": "suspended", "disks": "pause", "at": "-2h"},
        {"kind": "softDeleted", "disks": "gone", "at": "-2h"},
        {"kind": "rolesRemoved", "disks": "lost", "at": "-2h"},
        {"kind": "failed", "disks": "old", "at": "-20h", "runs": 5},
    ],
}


@pytest.fixture
def shop() -> Connection:
    return connect_sandbox(estate=SPEC)


def gaps(connection: Connection) -> pandas.DataFrame:
    """The gaps of the estate that is not the starter's, by disk."""
    found = dpmagic.coverage_gaps(dpmagic.open(connection=connection, subscriptions="Shop"))
    return found.set_index("name")


def carry_out(connection: Connection, line: str) -> Any:
    """Run a command as a cell does, with yes to what it asks; gives its last answer."""
    session = Session()
    session.use(connection)
    session.ask = lambda question: True
    return [result.value for result in execute(line, session)][-1]


def test_what_is_wrong(shop: Connection) -> None:
    assert gaps(shop)["reason"].to_dict() == {
        "stop": "stopped",
        "pause": "suspended",
        "gone": "soft-deleted",
        "lost": "permission lost",
        "old": "stale",
        "new": "never configured",
    }
    assert gaps(shop)["effective"].to_dict()["lost"]


@pytest.mark.parametrize("name", ["stop", "pause", "lost"])
def test_one_command_is_enough(shop: Connection, name: str) -> None:
    carry_out(shop, gaps(shop).loc[name, "command"])
    assert name not in gaps(shop).index


def test_a_deleted_instance_comes_back_stopped_and_is_resumed(shop: Connection) -> None:
    carry_out(shop, gaps(shop).loc["gone", "command"])
    assert gaps(shop).loc["gone", "reason"] == "stopped"
    carry_out(shop, gaps(shop).loc["gone", "command"])
    assert "gone" not in gaps(shop).index


def test_a_backup_makes_a_point(shop: Connection) -> None:
    carry_out(shop, gaps(shop).loc["old", "command"])
    shop.sleep(600)
    assert "old" not in gaps(shop).index


def test_a_disk_is_protected_by_what_initialize_writes(shop: Connection, tmp_path: Any) -> None:
    line = gaps(shop).loc["new", "command"]
    body = tmp_path / "new.json"
    carry_out(shop, f"{line} > {body}")
    place = "--subscription Shop -g rg-backup -v v"
    carry_out(
        shop,
        f"backup-instance update-msi-permissions {place} --datasource-type AzureDisk --operation Backup "
        f"--permissions-scope ResourceGroup --backup-instance {body}",
    )
    carry_out(shop, f"backup-instance create {place} --backup-instance {body}")
    shop.sleep(120)
    now = gaps(shop).loc["new"]
    assert (now["reason"], now["detail"]) == ("stale", "no recovery point was found, RPO 6 h")
    carry_out(shop, now["command"])
    shop.sleep(600)
    assert "new" not in gaps(shop).index
