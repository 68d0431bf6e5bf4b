"""Nights that nobody watches: commands as cron and a pipeline run them at a served sandbox, as a service principal.

The commands take the time from the machine, so the estate's history ends now; the first night was yesterday.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from dpmagic.archive.collect import collect
from dpmagic.archive.folder import read_manifest
from dpmagic.archive.opening import open_archive
from dpmagic.connection import SystemClock, connect_endpoint
from dpmagic.estate.opening import open_live
from dpmagic.sandbox import Mishap, Mishaps
from dpmagic.shell.archive import NEWS
from tests.served import Served, served_sandbox

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
LOST = "88888888-8888-4888-8888-888888888888"
PACKAGE = Path(__file__).parents[2]
JITTER = timedelta(seconds=40)  # the first night's run began so much later in its day than the second's


@dataclass
class Night:
    """The archive with yesterday's run in it, and how a scheduler's job sees the world."""

    archive: Path
    served: Served
    environment: dict[str, str]

    def sh(self, line: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """A line of shell as cron runs it: with /bin/sh, no terminal, and nothing but these variables."""
        env = {**self.environment, **more}
        return subprocess.run(["/bin/sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=120)


def spec(now: datetime) -> dict[str, object]:
    """Eight disks at four hours, whose backups are two hours from any look; one begins to fail after yesterday's."""
    first = now - timedelta(days=800, hours=2)
    return {
        "seed": 3,
        "end": now - timedelta(days=1),
        "days": 16,
        "policies": {"p": {"every": "PT4H", "start": f"{first:%Y-%m-%dT%H:%M:%SZ}", "keep": "P7D"}},
        "subscriptions": [
            {
                "name": "Shop",
                "vaults": {"v": {"policies": ["p"]}},
                "disks": [{"name": "d", "count": 8, "vault": "v", "policy": "p", "group": "rg"}],
            }
        ],
        "plant": [{"kind": "failed", "disks": "d-003", "at": now - timedelta(hours=20), "runs": 100}],
    }


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    folder, now = tmp_path_factory.mktemp("nights"), SystemClock().now()
    with served_sandbox(folder, spec(now)) as served:
        connection = connect_endpoint(served.url, ca=served.ca, token="x")
        live = open_live(connection)
        first = replace(live, now=live.now - timedelta(days=1) + JITTER)
        collect(first, folder / "archive")
        served.sandbox.advance("1d")
        yield Night(folder / "archive", served, environment(served, folder))


def environment(served: Served, home: Path) -> dict[str, str]:
    """What a job has: a short PATH with the command in it, a home, a service principal, and where Azure is."""
    commands = home / "bin"
    commands.mkdir()
    command = commands / "dpmagic"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{PACKAGE}" exec "{sys.executable}" -m dpmagic.shell "$@"\n')
    command.chmod(0o755)
    return {
        "PATH": f"{commands}:/usr/bin:/bin",
        "HOME": str(home),
        "AZURE_TENANT_ID": served.sandbox.tenant,
        "AZURE_CLIENT_ID": "any-app",
        "AZURE_CLIENT_SECRET": "any-secret",
        "AZURE_AUTHORITY_HOST": served.url,
        "DPMAGIC_TARGET": served.url,
        "DPMAGIC_CA": str(served.ca),
    }


def copied(night: Night, folder: Path) -> Path:
    return Path(shutil.copytree(night.archive, folder / "backups"))


def test_a_night_and_the_same_night_again(night: Night, tmp_path: Path) -> None:
    archive = copied(night, tmp_path)
    collecting, comparing, checking = blocks("")[0].splitlines()  # README's
    seen = len(night.served.requests)
    done = night.sh(collecting, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    [line] = done.stdout.splitlines()  # and no bar
    jobs = re.fullmatch(r"run 2 at .{19}Z: [\d,]+ new rows \((\d+) jobs\), .*; (\d) of \2 subscriptions", line)
    assert jobs and int(jobs[1]) > 40, line
    asked = night.served.requests[seen:]
    assert any(path.endswith("/oauth2/v2.0/token") for _, path, _ in asked)
    assert not {token for _, _, token in asked} & {"Bearer x"}

    told = night.sh(comparing, tmp_path)
    assert (told.returncode, told.stderr) == (NEWS, "")
    assert "**1 new**" in told.stdout
    assert re.search(r"\*\*New\*\*\n\n- \*\*d-003.*\(failure\): failed", told.stdout)

    parts = read_manifest(archive).parts
    again = night.sh("dpmagic collect backups", tmp_path)
    assert again.stdout.startswith("run 3 at") and ": 0 new rows (0 jobs), 0 changed, 0 gone;" in again.stdout
    assert read_manifest(archive).parts == parts  # with a sum for each file, which `check` looks at
    between = f"dpmagic compare backups --from {read_manifest(archive).runs[1].at:%Y-%m-%dT%H:%M:%S.%fZ}"
    assert night.sh(between, tmp_path).returncode == 0  # since the run just before: nothing is new
    assert night.sh(checking, tmp_path).returncode == 0


def test_exit_codes_of_what_could_not_be_read(night: Night, tmp_path: Path) -> None:
    before = open_archive(copied(night, tmp_path)).recovery_points()
    night.served.sandbox.mishaps = Mishaps([Mishap("forbidden", where="/recoveryPoints", times=2)])
    done = night.sh(f"dpmagic collect backups --expect {LOST}", tmp_path)
    night.served.sandbox.mishaps = Mishaps()
    unreadable, left = done.stderr.splitlines()
    assert (done.returncode, unreadable) == (1, f"  unreadable: {LOST}")
    told = re.fullmatch(r"  left out: recovery_points of (/subscriptions/\S+/backupInstances/\S+) and 1 more", left)
    assert told
    after = open_archive(tmp_path / "backups").recovery_points()
    kept, were = (set(rows.loc[rows["backupInstanceId"] == told[1], "id"]) for rows in (after, before))
    assert kept == were and len(kept) > 20
    nobody = dict.fromkeys(["AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"], "")
    whole = read_manifest(tmp_path / "backups")
    refused = night.sh("dpmagic collect backups", tmp_path, **nobody)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no Azure credential works here" in refused.stderr and "Traceback" not in refused.stderr
    assert read_manifest(tmp_path / "backups") == whole


def test_the_first_night_has_nothing_to_compare_with(night: Night, tmp_path: Path) -> None:
    copied(night, tmp_path)
    done = night.sh("dpmagic compare backups", tmp_path)
    assert done.returncode == 1
    assert "has one run, of" in done.stderr and "after the next" in done.stderr


def test_the_managed_identity_of_an_app_service(night: Night, tmp_path: Path) -> None:
    own = {
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "IDENTITY_ENDPOINT": f"{night.served.url}/msi/token",
        "IDENTITY_HEADER": "any",
        "AZURE_CLIENT_ID": "",
    }
    done = night.sh("echo 'resources | count' | dpmagic query -", tmp_path, **own)
    assert (done.returncode, done.stderr) == (0, "")
    assert any(path.startswith("/msi/token") for _, path, _ in night.served.requests)


def blocks(language: str) -> list[str]:
    """README's blocks of commands about archives."""
    section = README.partition("## What Azure forgets after 14 days")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def outside(tmp_path: Path, line: str) -> str:
    """README's line with its folders in a temporary one, and a command that keeps what would be posted."""
    (tmp_path / "post-to-channel").write_text("#!/bin/sh\nexec cat > posted.md\n")
    (tmp_path / "post-to-channel").chmod(0o755)
    moved = line.replace("/srv/", f"{tmp_path}/").replace("/etc/", f"{tmp_path}/")
    return moved.replace("post-to-channel", f"{tmp_path}/post-to-channel")


def secrets(night: Night, file: Path) -> Mapping[str, str]:
    """The credentials in a file, and empty in the environment: they come from where README says."""
    names = ["AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"]
    file.write_text("".join(f"{name}={night.environment[name]}\n" for name in names))
    file.chmod(0o600)
    return dict.fromkeys(names, "")


def test_readme_s_cron_line(night: Night, tmp_path: Path) -> None:
    copied(night, tmp_path)
    [crontab] = blocks("crontab")
    path, line = [one for one in crontab.splitlines() if not one.startswith("#")]
    assert path.startswith("PATH=/") and path.endswith(":/bin")  # cron's own has no place for a virtual environment
    *times, command = line.split(maxsplit=5)
    assert times == ["15", "6", "*", "*", "*"]
    assert "%" not in command  # which cron makes a new line of
    own = {"PATH": path.removeprefix("PATH=").replace("/opt/backups/.venv/bin", f"{night.environment['HOME']}/bin")}
    done = night.sh(outside(tmp_path, command), tmp_path, **own, **secrets(night, tmp_path / "dpmagic.env"))
    assert done.stderr == ""
    assert done.stdout.startswith("run 2 at ")
    assert (tmp_path / "posted.md").read_text().startswith("### Backups from ")


def test_readme_s_pipeline(night: Night, tmp_path: Path) -> None:
    copied(night, tmp_path)
    [step] = blocks("sh")
    done = night.sh("set -e\n" + outside(tmp_path, step), tmp_path)
    assert done.returncode == NEWS, done  # the step fails when something is new, once its news is kept
    assert "**New**" in (tmp_path / "news.md").read_text()
