"""The page about the sandbox says what the sandbox says of itself."""

from __future__ import annotations

import re
from pathlib import Path

from dpmagic import session_commands
from dpmagic.sandbox import MODELLED, NOT_DONE, Sandbox, account
from dpmagic.sandbox.estates import unasked
from dpmagic.sandbox.estates.plants import KINDS
from dpmagic.sandbox.kql.model import TABLES

from .client import Client

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text("utf-8") == account.page(), "docs/sandbox.md is not what the sandbox says: make docs"


def test_its_example_is_an_estate() -> None:
    sandbox = Sandbox(estate=account.EXAMPLE)
    kinds = {item["kind"] for item in sandbox.planted()}
    assert {"late", "failed", "exempt", "excludedByLun", "coveredByVmBackup", "unreadable", "neverProtected"} <= kinds
    assert kinds <= {*KINDS, *unasked.KINDS}


def test_every_option_is_told() -> None:
    for name, kind in KINDS.items():
        told = set(re.findall(r"`(\w+)`", kind.told))
        assert set(kind.options) <= told, name


def test_its_commands_are_there() -> None:
    for line in re.findall(r"^%dataprotection (.*)$", account.page(), re.MULTILINE):
        assert session_commands.session_command(line.split()) is not None


def test_what_is_not_done_is_not_there() -> None:
    client = Client(Sandbox(estate="default"))
    machines = f"/subscriptions/{client.sandbox.subscriptions[2]}/providers/Microsoft.Compute/virtualMachines"
    assert client.send("GET", machines, api="2024-03-01").status == 404
    kept = set(re.findall(r"\w+resources|resource\w+", NOT_DONE["Resource Graph"])) & TABLES | {"resources"}
    for table in sorted(TABLES):
        query = {"query": f"{table} | count"}
        answer = client.send("POST", "/providers/Microsoft.ResourceGraph/resources", query, api="2022-10-01")
        client.sandbox.sleep(5)
        assert (answer.body["data"][0]["Count"] > 0) == (table in kept), table
    assert all(NOT_DONE.values()) and all(MODELLED.values()) and not set(MODELLED) & set(NOT_DONE)
