"""%load_ext dpmagic: light, silent, and leaving nothing behind when it goes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from dpmagic.errors import DpmagicError
from dpmagic.notebook import load, unload
from dpmagic.progress import Silent
from dpmagic.session import current

_MEASURE = """
import json, socket, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

def refuse(*args):
    raise AssertionError("loading opens a connection")

socket.socket.connect = refuse
shell = InteractiveShell.instance()
before = set(sys.modules)
with capture_output() as captured:
    shell.run_line_magic("load_ext", "dpmagic")
print(json.dumps([sorted(set(sys.modules) - before), captured.stdout + captured.stderr]))
"""


def measured() -> tuple[list[str], str]:
    """New modules and output of %load_ext in a fresh IPython."""
    done = subprocess.run([sys.executable, "-c", _MEASURE], capture_output=True, text=True, check=True)
    modules, printed = json.loads(done.stdout)
    return modules, printed


@pytest.mark.slow
def test_loading_is_light_and_silent() -> None:
    modules, printed = measured()
    heavy = {"azure", "duckdb", "jmespath", "matplotlib", "numpy", "orjson", "pandas", "pyarrow", "requests"}
    assert not heavy & {name.partition(".")[0] for name in modules}
    ours = {name for name in modules if name.startswith("dpmagic.")}
    later = ("arm", "answers", "commands", "execute", "handles", "output", "sandbox")
    assert "dpmagic.notebook" in ours and not {f"dpmagic.{room}" for room in later} & ours
    assert printed == ""


def state(shell: InteractiveShell) -> dict[str, Any]:
    """What loading may change."""
    manager = shell.magics_manager
    return {
        "magics": {kind: dict(found) for kind, found in manager.magics.items()},
        "registry": dict(manager.registry),
        "configurables": list(shell.configurables),
        "matchers": list(shell.Completer.custom_matchers),
        "transformers": list(shell.input_transformers_cleanup),
        "names": current().names,
        "observer": current().observer,
        "prefix": current().prefix,
        "ask": current().ask,
    }


def test_unloading_restores_everything(bare_shell: InteractiveShell) -> None:
    before = state(bare_shell)
    load(bare_shell)
    assert all(before[part] != now for part, now in state(bare_shell).items() if part != "ask")
    unload(bare_shell)
    assert state(bare_shell) == before


def test_loading_twice_is_loading_once(bare_shell: InteractiveShell) -> None:
    before = state(bare_shell)
    load(bare_shell)
    once = state(bare_shell)
    load(bare_shell)
    assert state(bare_shell) == once
    unload(bare_shell)
    unload(bare_shell)
    assert state(bare_shell) == before


def test_reloading(bare_shell: InteractiveShell) -> None:
    bare_shell.run_line_magic("load_ext", "dpmagic")
    bare_shell.run_line_magic("reload_ext", "dpmagic")
    assert len(bare_shell.Completer.custom_matchers) == 1
    bare_shell.run_line_magic("unload_ext", "dpmagic")
    assert isinstance(current().observer, Silent)


def test_a_magic_of_somebody_else_is_left_alone(bare_shell: InteractiveShell) -> None:
    def theirs(line: str) -> str:
        return "theirs"

    bare_shell.register_magic_function(theirs, "line", "dataprotection")
    before = state(bare_shell)
    with pytest.raises(DpmagicError, match=f"already a line magic dataprotection, from {__name__}"):
        load(bare_shell)
    assert state(bare_shell) == before
    assert bare_shell.run_line_magic("dataprotection", "") == "theirs"


def test_a_magic_that_came_after_ours_stays(bare_shell: InteractiveShell) -> None:
    load(bare_shell)
    bare_shell.register_magic_function(lambda line: "theirs", "line", "dataprotection")
    unload(bare_shell)
    assert bare_shell.run_line_magic("dataprotection", "") == "theirs"
    assert bare_shell.find_cell_magic("dataprotection") is None
