"""Fixtures: a fresh sandbox, and one that has gone through the tutorial up to protection."""

from __future__ import annotations

import pytest

from dpmagic.sandbox import Sandbox

from .client import Client, allow, make_vault, protect, soft_delete


@pytest.fixture
def client() -> Client:
    """A client of a fresh world in memory."""
    return Client(Sandbox())


@pytest.fixture
def protected() -> tuple[Client, str]:
    """A client and the id of an instance that protects CLITestDisk; the vault has no soft delete."""
    client = Client(Sandbox())
    principal = make_vault(client, **soft_delete("Off"))
    allow(client, principal)
    return client, protect(client)
