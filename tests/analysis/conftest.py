"""Where the estates of `worlds` are kept: one folder for all processes of a run."""

from __future__ import annotations

import pytest

from tests.analysis import worlds


@pytest.fixture(scope="session", autouse=True)
def store(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> None:
    base = tmp_path_factory.getbasetemp()
    worlds.STORE[:] = [(base if worker_id == "master" else base.parent) / "worlds"]
