"""What a failed backup says: codes, their texts and how long the job took to fail.

Beside the codes of the sandbox's own catalogue, which its checks raise, those of ``failures.json``: ``recorded`` from
the wire, ``documented`` by Microsoft for disk backup. The seconds of the recorded ones are recorded too; that a missing
disk or permission shows after about a minute is modelled.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from .. import faults

SERVICE = "InternalServerError"
TIMED_OUT = "MOSJobTimedOutError"
_CHECKED = 57  # seconds until a check that fails ends the job


def known(code: str) -> bool:
    """Whether a failure of the code can be planted."""
    return code in _own() or code in faults.catalogue()


def seconds(code: str) -> int:
    """How long a job that ends with the code takes."""
    return int(_own()[code]["seconds"]) if code in _own() else _CHECKED


def details(code: str) -> list[dict[str, Any]]:
    """The ``errorDetails`` of a job that failed with the code."""
    if code not in _own():
        fault = faults.backup(code)
        return fault.job_details()
    entry = _own()[code]
    if not entry["nested"]:
        return [_detail(code, entry, None)]
    core = {**_detail(code, entry, None), "isRetryable": False}
    return [_detail(code, entry, [{**_detail(code, entry, [core]), "target": None}])]


def _detail(code: str, entry: dict[str, Any], inner: list[dict[str, Any]] | None) -> dict[str, Any]:
    return {
        "message": entry["message"],
        "recommendedAction": [entry["recommendedAction"]],
        "details": inner,
        "code": code,
        "target": "",
        "innerError": None,
        "isRetryable": entry["isRetryable"],
        "isUserError": entry["isUserError"],
        "properties": None,
    }


@cache
def _own() -> dict[str, dict[str, Any]]:
    text = resources.files(__package__).joinpath("failures.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = json.loads(text)
    return table
