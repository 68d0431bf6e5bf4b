"""A world in a folder: the same answers as in memory, over restarts and kills; and the same history, the same bytes."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dpmagic.sandbox import Sandbox, StateError

from .client import DISK, VAULT, VAULT_GROUP, Client, allow, back_up, make_vault, protect


class Reopening(Client):
    """A client whose sandbox is closed and opened again before every request."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(Sandbox(folder))

    def send(self, *args: Any, **kwargs: Any) -> Any:
        self.sandbox.close()
        self.sandbox = Sandbox(self.folder)
        return super().send(*args, **kwargs)


def story(client: Client) -> list[Any]:
    """A vault, a protected disk, a backup, and what there is to see; every reply's bytes and headers."""
    seen: list[Any] = []
    send = client.send

    def noted(*args: Any, **kwargs: Any) -> Any:
        answer = send(*args, **kwargs)
        seen.append((answer.status, answer.headers, answer.raw))
        return answer

    client.send = noted  # type: ignore[method-assign]
    allow(client, make_vault(client))
    instance = protect(client)
    back_up(client, instance)
    for url in (f"{VAULT}/backupJobs", f"{instance}/recoveryPoints", DISK, VAULT_GROUP, instance):
        client.get(url)
    client.done("DELETE", instance)
    client.get(f"{VAULT}/deletedBackupInstances")
    return seen


def test_the_same_history_has_the_same_bytes() -> None:
    first, second = story(Client(Sandbox())), story(Client(Sandbox()))
    assert len(first) > 20
    assert first == second


def test_a_folder_makes_no_difference(tmp_path: Path) -> None:
    """Closed and opened before every single request, the world goes on as if nothing had been."""
    assert story(Reopening(tmp_path / "new" / "folder")) == story(Client(Sandbox()))


def test_another_process_sees_the_same(tmp_path: Path) -> None:
    """Hash randomisation, memory addresses and the like have no say."""
    script = (
        "import hashlib, pathlib, sys\n"
        "from dpmagic.sandbox import Sandbox\n"
        "from tests.sandbox.client import Client\n"
        "from tests.sandbox.test_state import story\n"
        "print(hashlib.sha256(repr(story(Client(Sandbox()))).encode()).hexdigest())\n"
    )
    root = Path(__file__).resolve().parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """A process that gets SIGKILL between two answers leaves the world of the last one, pending events and all."""
    script = (
        "import sys, pathlib, time, os, signal\n"
        "from dpmagic.sandbox import Sandbox\n"
        "from tests.sandbox.client import *\n"
        "client = Client(Sandbox(pathlib.Path(sys.argv[1])))\n"
        "allow(client, make_vault(client))\n"
        "answer = client.send('PUT', VAULT + '/backupInstances/bi', {'properties': instance_properties()})\n"
        "print(client.sandbox.now().isoformat(), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).resolve().parents[2]
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], cwd=root, capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Sandbox(tmp_path) as sandbox:
        assert sandbox.now().isoformat() == killed.stdout.strip()
        client = Client(sandbox)
        instance = f"{VAULT}/backupInstances/bi"
        assert client.get(instance)["properties"]["provisioningState"] == "Provisioning"
        sandbox.sleep(120)
        assert client.get(instance)["properties"]["currentProtectionState"] == "ProtectionConfigured"


def test_subscriptions_can_be_added_later(tmp_path: Path) -> None:
    with Sandbox(tmp_path) as sandbox:
        known = sandbox.subscriptions
    with Sandbox(tmp_path, subscriptions=["xxxxxxxx-xxxx-xxxx-xxxx"]) as sandbox:
        assert sandbox.subscriptions == sorted([*known, "xxxxxxxx-xxxx-xxxx-xxxx"])
        group = "/subscriptions/xxxxxxxx-xxxx-xxxx-xxxx/resourceGroups/g"
        assert Client(sandbox).send("PUT", group, {"location": "westus"}).status == 201
    with Sandbox(tmp_path) as sandbox:
        assert Client(sandbox).get(group)["name"] == "g"


def test_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("chapter one")
    with pytest.raises(StateError, match="holds files but no sandbox") as refused:
        Sandbox(tmp_path)
    assert refused.value.hint
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "sandbox.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(StateError, match="is not a sandbox's state"):
        Sandbox(tmp_path)
    (tmp_path / "sandbox.sqlite").unlink()
    with sqlite3.connect(tmp_path / "sandbox.sqlite") as other:
        other.execute("CREATE TABLE song (title TEXT)")
    other.close()
    with pytest.raises(StateError, match="another program's database"):
        Sandbox(tmp_path)


def test_a_path_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot be used"):
        Sandbox(tmp_path / "file")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StateError):
        Sandbox(tmp_path / "new")


def test_two_sandboxes_over_one_folder(tmp_path: Path) -> None:
    with Sandbox(tmp_path), pytest.raises(StateError, match="in use by another sandbox"):
        Sandbox(tmp_path)
