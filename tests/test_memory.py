"""Where Arrow takes its memory from in a process of the shell's, and in others."""

from __future__ import annotations

import os
import subprocess
import sys

import pyarrow
import pytest

from dpmagic.memory import FROM_SYSTEM, for_large

_LOADED = """
import sys
from dpmagic.shell import main
if sys.argv[1:]:
    try:
        main(sys.argv[1:])
    except SystemExit:
        pass
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is asked for it")
def test_the_shell_takes_memory_from_the_system_unless_it_is_told_otherwise() -> None:
    def pool(*words: str, **told: str) -> str:
        known = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
        made = subprocess.run(
            [sys.executable, "-c", _LOADED, *words], env=known | told, capture_output=True, text=True, check=True
        )
        return made.stdout.splitlines()[-1]

    assert pool("--version") == "system"
    other = next(one for one in pyarrow.supported_memory_backends() if one != "system")
    assert pool("--version", ARROW_DEFAULT_MEMORY_POOL=other) == other
    assert pool() != "system", "who only imports it is left alone"


@pytest.mark.parametrize(
    "libc, told", [(("glibc", "2.36"), True), (("glibc", "3.0"), True), (("glibc", "2.9"), False), (("", ""), False)]
)
def test_only_a_c_library_that_heeds_it_is_told_to_keep_large_memory(
    libc: tuple[str, str], told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.libc_ver", lambda: libc)
    assert ("MALLOC_MMAP_THRESHOLD_" in for_large()) is told
    assert FROM_SYSTEM.items() <= for_large().items()
