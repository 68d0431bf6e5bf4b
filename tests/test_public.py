"""The names that ``import dpmagic`` gives, as the README writes them."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["charts.triage", "errors.AzureError", "sandbox.Mishaps"])
def test_rooms_with_public_names_are_there_without_an_import_of_their_own(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", f"import dpmagic; dpmagic.{name}"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
