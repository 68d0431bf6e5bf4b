"""The reports that tests look at: each is made once, for they take a kernel each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from dpmagic.estate import Estate
from dpmagic.reports.report import Written, report
from tests.reports.hostile import hostile


@dataclass(frozen=True)
class Ran:
    """A `dpmagic report` that ran in a shell."""

    folder: Path
    code: int
    said: str

    @property
    def html(self) -> str:
        return (self.folder / "report.html").read_text(encoding="utf-8")

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.folder / "summary.json").read_bytes()))


def shell(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dpmagic.shell", "report", *words]
    return subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=folder, env=dict(os.environ)
    )


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The report of the default estate, by the command."""
    folder = tmp_path_factory.mktemp("default")
    done = shell("--target", "sandbox", folder=folder)
    assert done.returncode in (0, 4), done.stderr
    return Ran(folder / "report", done.returncode, done.stdout)


@pytest.fixture(scope="module")
def bad_names(default: Ran, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The report of an estate whose every name is meant to do harm; its gate lets all pass."""
    estate = hostile(Estate.load(default.folder / "estate"))
    return report(estate, tmp_path_factory.mktemp("hostile") / "report", worst=0, csv=True)


@pytest.fixture
def notebook(tmp_path: Path) -> Callable[..., Path]:
    """A notebook of one's own: the cells after the one that opens the report."""

    def made(*cells: str, tags: tuple[str, ...] = ("parameters",)) -> Path:
        first = nbformat.v4.new_code_cell("given = {}", metadata={"tags": list(tags)})
        opening = nbformat.v4.new_code_cell("from dpmagic.reports import Report\nreport = Report(**given)")
        rest = [nbformat.v4.new_markdown_cell("## Mine"), *map(nbformat.v4.new_code_cell, cells)]
        path = tmp_path / "mine.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=[first, opening, *rest]), path)
        return path

    return made
