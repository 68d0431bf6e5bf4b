"""The ``dpmagic`` command: real processes, az's exit codes, JSON when nobody looks, a table when somebody does."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.served import Served, served_sandbox
from tests.test_execute import CREATE, VAULT

DPMAGIC = [sys.executable, "-m", "dpmagic.shell"]


def shell(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DPMAGIC, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **environment}
    )


def sandbox(text: str, *options: str) -> subprocess.CompletedProcess[str]:
    return shell("run", "--target", "sandbox", *options, "--", *text.split())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Options for a sandbox that is kept, with a vault in it: nothing here changes it."""
    kept = ("--state", str(tmp_path_factory.mktemp("kept") / "azure"))
    assert sandbox(CREATE, *kept).returncode == 0
    return kept


@pytest.mark.parametrize("prefix", ["", "dataprotection ", "az dataprotection "])
def test_json_on_a_pipe(state: tuple[str, str], prefix: str) -> None:
    done = sandbox(f"{prefix}backup-vault list", *state)
    assert [vault["name"] for vault in json.loads(done.stdout)] == ["TestBkpVault"]
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_found_prints_nothing(state: tuple[str, str]) -> None:
    for form in ("tsv", "table"):
        done = sandbox(f"job list {VAULT} -o {form}", *state)
        assert (done.returncode, done.stdout) == (0, "")


def test_a_mistaken_target_is_never_plain_azure() -> None:
    nowhere = shell("run", "--endpoint", "", "--", "backup-vault", "list")
    assert (nowhere.returncode, nowhere.stdout) == (1, "") and "not an https" in nowhere.stderr
    cloud = shell("run", "--cloud", "AzureUSGov", "--", "backup-vault", "list")
    assert cloud.returncode == 2 and "did you mean AzureUSGovernment?" in cloud.stderr


def test_a_table_on_a_terminal(state: tuple[str, str]) -> None:
    parent, child = pty.openpty()
    command = [*DPMAGIC, "run", "--target", "sandbox", *state, "--", "backup-vault", "list"]
    subprocess.run(command, stdout=child, stderr=child, stdin=subprocess.DEVNULL, check=True)
    os.close(child)
    shown = os.read(parent, 10_000).decode()
    os.close(parent)
    assert shown.split()[0] == "name"
    assert "TestBkpVault" in shown
    assert "{" not in shown.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "backup-vault list",
            "UnknownCommand: dpmagic has no command 'backup-vault'\n  hint: dpmagic run -- backup-vault ...\n",
        ),
        (
            "az dataprotection job list",
            "UnknownCommand: dpmagic has no command 'az'\n  hint: dpmagic run -- backup-vault list",
        ),
        ("login", "UnknownCommand: dpmagic has no command 'login'\n  hint: run `az login` in a terminal"),
        ("run -- connect azure --read-only", "CommandLineError: connect is for notebooks and scripts"),
        (
            "run --target sandbox -- backup-vault list --read-only",
            "UnknownOption: backup-vault list has no option --read-only\n  hint: --read-only goes before the command",
        ),
        ("colect folder", "UnknownCommand: dpmagic has no command 'colect'\n  hint: did you mean collect?\n"),
        ("nonsense", "UnknownCommand: dpmagic has no command 'nonsense'\n  hint: one of: run, commands, query,"),
        ("archive chek x", "UnknownCommand: dpmagic archive has no command 'chek'\n  hint: did you mean check?\n"),
        ("query --scpe x f", "UnknownOption: dpmagic query has no option --scpe\n  hint: did you mean --scope?\n"),
        ("report --wors 1", "UnknownOption: dpmagic report has no option --wors\n  hint: did you mean --worst?\n"),
        ("query f -o jsno", "InvalidChoice: dpmagic query: -o/--output cannot be 'jsno'\n  hint: did you mean json?\n"),
        ("query a b", "CommandLineError: dpmagic query does not know what to do with 'b'\n  hint: see `dpmagic query"),
        (
            "query",
            "dpmagic query: the following arguments are required: FILE.kql\n  hint: see `dpmagic query --help`\n",
        ),
        (
            "query f --top x",
            "dpmagic query: argument --top: invalid int value: 'x'\n  hint: see `dpmagic query --help`",
        ),
    ],
)
def test_a_command_line_that_is_wrong(words: str, said: str) -> None:
    done = shell(*words.split())
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("backup-vault show -g testBkpVaultRG -v nothere", 3, "NotFound: ResourceNotFound"),
        ("backup-vualt list", 2, "did you mean backup-vault?"),
        ("backup-vault list --nope", 2, "has no option --nope"),
        ("backup-vault show -g testBkpVaultRG", 1, "--vault-name"),  # where --ids could have named it, az says 1
        ("backup-instance list -g testBkpVaultRG", 2, "--vault-name"),
        ("backup-policy get-default-policy-template --datasource-type AzureDisc", 2, "did you mean AzureDisk?"),
        (f"backup-policy create {VAULT} -n p --policy nothere.json", 1, "is not there"),
        (f"backup-vault delete {VAULT}", 1, "--yes"),
        ("backup-vault list --query [.{", 2, "--query"),
    ],
)
def test_exit_codes_and_one_line_with_a_hint(state: tuple[str, str], text: str, code: int, said: str) -> None:
    done = sandbox(text, *state)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("coloured", "plain"), [("jsonc", "json"), ("yamlc", "yaml")])
def test_no_colours_on_a_pipe(state: tuple[str, str], coloured: str, plain: str) -> None:
    shown = [sandbox(f"backup-vault list -o {form}", *state).stdout for form in (coloured, plain)]
    assert "\x1b" not in shown[0] and shown[0] == shown[1] != ""


def test_a_subscription_that_is_empty_is_not_the_default_one() -> None:
    done = shell("run", "--target", "sandbox", "--subscription", "", "--", "backup-vault", "list")
    assert (done.returncode, done.stdout) == (2, "")
    assert "--subscription is empty" in done.stderr


def test_a_preview_is_json_on_a_pipe() -> None:
    (change,) = json.loads(sandbox(f"{CREATE} --dry-run").stdout)
    assert (change["method"], change["later"]) == ("PUT", False)


def test_the_target_may_come_from_the_environment() -> None:
    done = shell("run", "--", "backup-vault", "list", DPMAGIC_TARGET="sandbox")
    assert (done.returncode, done.stdout) == (0, "[]\n")
    assert shell("run", "--", "backup-vault", "list", DPMAGIC_TARGET="sandbx").returncode == 2


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served_sandbox(tmp_path_factory.mktemp("served")) as running:
        yield running


def test_an_endpoint_with_its_ca_and_token(served: Served) -> None:
    where = ("--endpoint", served.url, "--ca", str(served.ca), "--token", "s3cr3t", "--subscription", "Backup")
    made = shell("run", *where, "--", *CREATE.split())
    assert json.loads(made.stdout)["properties"]["provisioningState"] == "Succeeded", made.stderr
    failed = shell("run", *where, "--", "backup-vault", "show", "-g", "testBkpVaultRG", "-v", "TestBkpVualt")
    assert failed.returncode == 3
    assert "did you mean TestBkpVault?" in failed.stderr
    assert "s3cr3t" not in failed.stderr + failed.stdout + made.stderr


def test_the_command_table_is_json() -> None:
    table = {command["name"]: command for command in json.loads(shell("commands", "--json").stdout)}
    assert len(table) == 63
    create = table["backup-vault create"]
    storage = next(option for option in create["options"] if "--storage-settings" in option["names"])
    assert storage["required"] and set(storage["names"]) == {"--storage-setting", "--storage-settings"}
    assert (create["waits"], create["asks"], table["backup-vault delete"]["asks"]) == (True, False, True)


def test_a_reader_that_goes_away_is_no_error() -> None:
    piped = subprocess.run(
        f"{sys.executable} -m dpmagic.shell commands --json | head -1", shell=True, capture_output=True, text=True
    )
    assert piped.stdout == "[\n"
    assert "Traceback" not in piped.stderr
