"""What soft delete keeps; the whole way is in `test_backup_instance`."""

from __future__ import annotations

import pytest

from dpmagic.errors import NotFound
from tests.canned import SUB, az
from tests.commands.estate import AT, NAME, Estate

BELOW = (
    f"/subscriptions/{SUB}/resourceGroups/rg1/providers/Microsoft.DataProtection/backupVaults/v1/deletedBackupInstances"
)
COMMAND = "backup-instance deleted-backup-instance"


def test_a_vault_from_which_nothing_was_deleted() -> None:
    assert Estate().run(f"{COMMAND} list {AT}") == []


def test_what_is_deleted_is_in_one_list_and_then_in_the_other() -> None:
    estate = Estate()
    estate.protect()

    def listed() -> list[list[str]]:
        return [[one["name"] for one in estate.run(f"{group} list {AT}")] for group in ("backup-instance", COMMAND)]

    assert listed() == [[NAME], []]
    estate.run(f"backup-instance delete {AT} -n {NAME} --yes")
    assert listed() == [[], [NAME]]
    estate.run(f"{COMMAND} undelete {AT} -n {NAME}")
    assert listed() == [[NAME], []]


def test_what_was_not_deleted_cannot_be_brought_back() -> None:
    with pytest.raises(NotFound):
        Estate().run(f"{COMMAND} undelete {AT} -n nosuch")


def test_undelete_posts_and_prints_nothing() -> None:
    run = az(f"{COMMAND} undelete -g rg1 -v v1 -n b", [["POST", "/undelete", 200, {}, None]])
    assert (run.rc, run.result) == (0, None)
    assert [(one.method, one.path) for one in run.http] == [("POST", f"{BELOW}/b/undelete")]


def test_ids_name_the_deleted_instance() -> None:
    run = az(f"{COMMAND} show --ids {BELOW}/b", [["GET", f"{BELOW}/b", 200, {}, {"name": "b"}]])
    assert run.result == {"name": "b"}
    former = BELOW.replace("deletedB", "b")  # the id that it had, by which az finds it, too
    run = az(f"{COMMAND} show --ids {former}/b", [["GET", f"{BELOW}/b", 200, {}, {"name": "b"}]])
    assert run.result == {"name": "b"}
    run = az(f"{COMMAND} show --ids {BELOW.replace('deletedBackupInstances', 'backupPolicies')}/b", [])
    assert run.error
    assert "names no deletedBackupInstances" in run.error.message
