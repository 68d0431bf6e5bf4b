"""Refusals, as Azure words them.

Two families, as recorded: ARM's gateway sends ``error{code, message}`` with ``x-ms-failure-cause: gateway``; the
backup service sends the long form with ``additionalInfo``. The backup service's texts are in ``faults.json`` with
where each comes from: recorded on the wire, documented by Microsoft, or modelled here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

GATEWAY = {"x-ms-failure-cause": "gateway"}  # on what no resource provider has seen


class Fault(Exception):
    """A refusal on its way out. ``status`` is the HTTP status if it is the answer to a request."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})

    def body(self, activity: str) -> dict[str, Any]:
        """The JSON body of the refusal; ``activity`` is a guid, used by the backup service only."""
        return {"error": {"code": self.code, "message": self.message}}


class BackupFault(Fault):
    """A refusal of the backup service, which can also be the outcome of an operation or of a job."""

    def __init__(self, status: int, code: str, message: str, action: str, *, retryable: bool = False) -> None:
        super().__init__(status, code, message)
        self.action = action
        self.retryable = retryable

    def body(self, activity: str) -> dict[str, Any]:
        info = {**self._info(activity), "details": None, "innerError": None}
        return {"error": {**self._error(info), "target": None, "details": None}}

    def outcome(self, activity: str) -> dict[str, Any]:
        """The ``error`` of a failed operation: the same, without the members that are null."""
        return self._error(self._info(activity))

    def job_details(self) -> list[dict[str, Any]]:
        """The ``errorDetails`` of a failed job."""
        detail = {
            "message": self.message,
            "recommendedAction": [self.action],
            "details": None,
            "code": self.code,
            "target": "",
            "innerError": None,
            "isRetryable": self.retryable,
            "isUserError": self.code.startswith("UserError"),
            "properties": None,
        }
        return [detail]

    def _error(self, info: dict[str, Any]) -> dict[str, Any]:
        additional = [{"type": "UserFacingError", "info": info}]
        return {"additionalInfo": additional, "code": self.code, "message": self.message}

    def _info(self, activity: str) -> dict[str, Any]:
        return {
            "message": self.message,
            "recommendedAction": [self.action],
            "code": self.code,
            "target": "",
            "isRetryable": self.retryable,
            "isUserError": False,  # recorded so, even for codes that start with UserError
            "properties": {"ActivityId": activity},
        }


class MissingFault(BackupFault):
    """The backup service's 404, which has no ``additionalInfo``."""

    def body(self, activity: str) -> dict[str, Any]:
        return {"error": {"code": self.code, "message": self.message, "target": None, "details": None}}


def gateway(status: int, code: str, message: str) -> Fault:
    """A refusal by ARM itself, before any resource provider is asked."""
    return Fault(status, code, message, GATEWAY)


def backup(code: str, /, http: int = 400, **words: str) -> BackupFault:
    """A refusal by the backup service, with the texts of ``faults.json`` and ``words`` filled in."""
    entry = catalogue()[code]
    message, action = (entry[key].format_map(words) for key in ("message", "recommendedAction"))
    if http == 404:
        return MissingFault(http, code, message, action)
    return BackupFault(http, code, message, action, retryable=entry.get("isRetryable", False))


def not_found(kind: str, name: str, group: str) -> Fault:
    """ARM's 404 for a resource that is not there."""
    message = (
        f"The Resource '{kind}/{name}' under resource group '{group}' was not found. "
        "For more details please go to https://aka.ms/ARMResourceNotFoundFix"
    )
    return gateway(404, "ResourceNotFound", message)


@cache
def catalogue() -> dict[str, dict[str, Any]]:
    """The backup service's refusals by code: ``message``, ``recommendedAction``, ``source``."""
    text = resources.files(__package__).joinpath("faults.json").read_text(encoding="utf-8")
    table: dict[str, dict[str, Any]] = json.loads(text)
    return table
