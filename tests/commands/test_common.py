"""Paths, lists that stop where they are told to, and the tables of this room's commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dpmagic.arm.plans import Manner, carry_out
from dpmagic.arm.requests import Request
from dpmagic.commands import backup_instance, backup_vault, deleted_backup_instance, permissions, resource_guard
from dpmagic.commands.common import in_group, listed, policy_path, pure, region, subscription_wide, vault
from dpmagic.commands.model import Args, Command
from dpmagic.commands.parse import parse
from dpmagic.errors import IncompleteAnswer, InvalidArgument
from tests.canned import NO_REFERENCE, REFERENCE, SUB, Heard, Sent, canned_connection
from tests.commands.surface import check_examples, option_differences

MODULES = (backup_instance, backup_vault, deleted_backup_instance, permissions, resource_guard)
COMMANDS: list[Command] = [command for module in MODULES for command in module.COMMANDS]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=NO_REFERENCE)
def test_options_are_those_of_az() -> None:
    assert option_differences(COMMANDS) == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_explains_itself(command: Command) -> None:
    check_examples(command)
    assert command.permission
    assert command.help.endswith(".")
    assert "\n" not in command.help


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.ids], ids=lambda command: command.name)
def test_ids_fill_every_required_name(command: Command) -> None:
    """With --ids a command needs none of the options that name its resource."""
    named = [option for option in command.options if option.id_part]
    assert {"resourceGroups"} < {option.id_part for option in named}
    rest = [word for option in command.options if option.required and not option.id_part for word in _given(option)]
    assert parse(command, ["--ids", "/subscriptions/s/resourceGroups/g", *rest])["ids"]


def _given(option: object) -> tuple[str, str]:
    choices = getattr(option, "choices", ())
    word = choices[0] if choices else "{}" if getattr(option, "kind", "") == "object" else "x"
    return getattr(option, "shown", ""), word


def args(**values: object) -> Args:
    return Args(
        {"resource_group": "my rg", "vault_name": "v", "max_items": None, "next_token": None, **values}, lambda: SUB
    )


def test_paths_are_quoted() -> None:
    assert vault(args(), "backupPolicies", "a b").endswith(
        "/my%20rg/providers/Microsoft.DataProtection/backupVaults/v/backupPolicies/a%20b"
    )
    assert in_group(args(), "resourceGuards", "g/1").endswith(
        "/my%20rg/providers/Microsoft.DataProtection/resourceGuards/g%2F1"
    )
    assert (
        subscription_wide(args(), "resourceGuards")
        == f"/subscriptions/{SUB}/providers/Microsoft.DataProtection/resourceGuards"
    )


@pytest.mark.parametrize(
    ("given_", "meant"), [("East US", "eastus"), ("westeurope", "westeurope"), ("North Central US", "northcentralus")]
)
def test_region(given_: str, meant: str) -> None:
    assert region(given_) == meant


def test_policy_path_wants_a_policy() -> None:
    path = vault(args(), "backupPolicies", "p1")
    assert policy_path(path.replace("%20", " ")) == path
    with pytest.raises(InvalidArgument, match="not the id of a backup policy"):
        policy_path(vault(args()).replace("%20", " "))


def test_pure_sends_nothing() -> None:
    plan = pure(lambda given: given.vault_name.upper())
    assert carry_out(plan(args()), lambda: pytest.fail("no connection is needed"), Manner(Heard())).value == "V"


PAGES = [["GET", r"/things\?", 200, {}, {"value": [0, 1, 2], "nextLink": "https://elsewhere.invalid/things/2?page=2"}],
         ["GET", r"/things/2\?page=2", 200, {}, {"value": [], "nextLink": "{endpoint}/things/3?page=3"}],
         ["GET", r"/things/3\?page=3", 200, {}, {"value": [3, 4]}]]  # fmt: skip


def read(answers: list[list[object]] = PAGES, **values: object) -> tuple[list[int], list[str], list[Sent]]:
    connection, sent = canned_connection(answers)
    heard = Heard()
    outcome = carry_out(listed(args(**values), Request("GET", "/things")), lambda: connection, Manner(heard))
    return outcome.value, heard.said, sent


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_a_list_in_pieces_is_the_list(limits: list[int]) -> None:
    """However --max-items cuts a list, the pieces that --next-token leads to are all of it, in order."""
    found: list[int] = []
    token: str | None = None
    for limit in [*limits, *[3] * 5]:
        piece, said, _ = read(max_items=limit, next_token=token)
        assert len(piece) <= limit
        found += piece
        if not said:
            break
        assert len(piece) == limit
        token = said[0].rpartition(" ")[2]
    assert found == [0, 1, 2, 3, 4]


def test_no_page_too_many_is_read() -> None:
    piece, said, sent = read(max_items=3)
    assert (piece, len(sent)) == ([0, 1, 2], 1)
    assert "--next-token" in said[0]
    assert read(max_items=5)[:2] == ([0, 1, 2, 3, 4], [])


def test_a_token_never_leads_to_another_host() -> None:
    """The token of a person unknown must not make us send our bearer token to their host."""
    _, said, _ = read(max_items=3)
    _, _, sent = read(next_token=said[0].rpartition(" ")[2])
    assert [one.path for one in sent] == ["/things/2", "/things/3"]


@pytest.mark.parametrize("token", ["nonsense", "e30=", "bnVsbA==", "eyJuZXh0X2xpbmsiOiAxfQ=="])
def test_a_bad_token_is_said(token: str) -> None:
    with pytest.raises(InvalidArgument, match="--next-token is not a token"):
        read(next_token=token)


def test_max_items_is_at_least_one() -> None:
    with pytest.raises(InvalidArgument, match="--max-items cannot be 0"):
        read(max_items=0)


def test_pages_in_a_circle_are_an_error() -> None:
    circle = [["GET", "/things", 200, {}, {"value": [], "nextLink": "/things?page=2"}]]
    with pytest.raises(IncompleteAnswer):
        read(circle, max_items=9)
