"""Without the extras: what still works, and what says which one it needs, before anything is done."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import dpmagic

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
README = PYPROJECT.with_name("README.md")
_MODULES = {"duckdb-kql": "duckdb_kql"}  # of distributions that are called otherwise
_CORE = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from dpmagic.shell import main
sys.exit(main({words!r}))
"""


def only_extras() -> set[str]:
    """The modules that an installation without extras does not have."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    core = {_name(one) for one in project["dependencies"]}
    more = {_name(one) for extra in ("local", "notebook") for one in project["optional-dependencies"][extra]}
    return {_MODULES.get(one, one) for one in more - core} | {"nbformat", "jupyter_client"}


def _name(requirement: str) -> str:
    return requirement.partition(">")[0].partition("=")[0].strip()


def core(words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    program = _CORE.format(missing=only_extras(), words=words.split())
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder)


def test_the_tutorial_needs_no_extra(tmp_path: Path) -> None:
    create = (
        "backup-vault create -g testBkpVaultRG --vault-name TestBkpVault -l westus --type SystemAssigned "
        "--storage-settings datastore-type=VaultStore type=LocallyRedundant"
    )
    done = core(f"run --target sandbox -- {create}", tmp_path)
    assert done.returncode == 0
    assert json.loads(done.stdout)["name"] == "TestBkpVault"


@pytest.mark.parametrize(
    ("words", "said", "extra"),
    [
        ("sandbox serve", "the sandbox needs uvicorn, which is not installed", "local"),
        ("collect archive --target sandbox", "an archive needs filelock, which is not installed", "local"),
        ("query --target sandbox count.kql", "The sandbox's Resource Graph needs duckdb_kql", "local"),
        ("report --target sandbox --out made", "a report needs ipykernel, which is not installed", "notebook"),
    ],
)
def test_what_needs_an_extra_says_which(words: str, said: str, extra: str, tmp_path: Path) -> None:
    (tmp_path / "count.kql").write_text("resources | count", encoding="utf-8")
    done = core(words, tmp_path)
    assert done.returncode == 1 and done.stdout == ""
    assert said in done.stderr and f"pip install 'dpmagic[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert [one.name for one in tmp_path.iterdir() if one.name != "archive"] == ["count.kql"]
    assert not (tmp_path / "archive").exists() or not list((tmp_path / "archive").iterdir())


def test_the_readme_names_every_analysis() -> None:
    told = README.read_text(encoding="utf-8")
    analyses = [name for name, module in dpmagic._PUBLIC.items() if module.startswith("dpmagic.analysis.")]
    assert [name for name in analyses if not re.search(rf"(`|dpmagic\.){name}\b", told)] == []
