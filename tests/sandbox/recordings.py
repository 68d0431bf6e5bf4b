"""Recorded exchanges with the real service, and the rule by which an answer of the sandbox is compared with one.

The rule. A recorded and a simulated answer agree when, after what must differ has been replaced by a placeholder of its
kind, they are equal: status, the names of the headers in ``HEADERS`` and the values of those that are links, every key,
null against missing, casing and every other value. Replaced are, and nothing else:

- guids, 32-digit hexadecimal ids, operation tokens, .NET ticks: by ``<guid>``, ``<hex>``, ``<token>``, ``<ticks>``
- instants: by ``<instant>`` or ``<instant.fraction>`` with their offset, so that a fraction stays a fraction; the
  sentinel ``0001-01-01T00:00:00`` stays as it is
- durations: by ``<PT>`` or ``<timespan>``; zero stays as it is

``retry-after`` and the request ids are not compared: they were removed from the recordings. Rate-limit headers are
compared from api-version 2023 on: before, Azure sent other ones from region to region.
"""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

WIRE = Path(__file__).resolve().parents[2] / ".." / "shared" / "reference" / "wire"

HEADERS = (
    "azure-asyncoperation",
    "location",
    "x-ms-failure-cause",
    "x-ms-ratelimit-remaining-subscription-resource-requests",
    "x-ms-ratelimit-remaining-subscription-writes",
    "x-ms-ratelimit-remaining-subscription-deletes",
    "x-ms-ratelimit-remaining-resource",
)

TOKEN = r"[A-Za-z0-9+/]{98}=="
GUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
HEX = r"\b[0-9a-f]{32}\b"
IDS = re.compile(f"{TOKEN}|{GUID}|{HEX}")

_INSTANT = re.compile(r"(?<!\d)(?!0001-)\d{4}-\d\d-\d\dT\d\d(?::|%3A|-)\d\d(?::|%3A|-)\d\d(\.\d{1,7})?(Z|\+00:00)?")
_RULES = (
    (re.compile(TOKEN), "<token>"),
    (re.compile(GUID), "<guid>"),
    (re.compile(HEX), "<hex>"),
    (re.compile(r"\b6\d{17}\b"), "<ticks>"),
    (_INSTANT, lambda match: f"<instant{'.fraction' if match[1] else ''}>{match[2] or ''}"),
    (re.compile(r"^PT(?!0S$)[\dHMS.]+$"), "<PT>"),
    (re.compile(r"^(?!00:00:00$)(\d+\.)?\d\d:\d\d:\d\d(\.\d{7})?$"), "<timespan>"),
)


@cache
def exchanges(file: str) -> list[dict[str, Any]]:
    """The recorded commands of one file."""
    path = WIRE / f"{file}.json"
    if not path.exists():
        pytest.skip("the recordings are not here: ../shared/reference/wire is absent")
    return json.loads(path.read_text(encoding="utf-8"))


def cassette(name: str) -> list[dict[str, Any]]:
    """All requests recorded under one name, in the order of their Date headers."""
    files = ("resource-guard", "backup-vault", "backup-policy", "backup-instance", "job", "recovery-point", "other")
    found = [
        {**request, "command": command["command"]}
        for file in files
        for command in exchanges(file)
        if command["cassette"] == name
        for request in command["requests"]
    ]
    return sorted(found, key=lambda request: parsedate_to_datetime(request["response_headers"]["date"]))


def normal(value: Any) -> Any:
    """A value with what must differ replaced, by the rule above."""
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        if value.startswith("[{"):  # metaData: JSON in a string
            return normal(json.loads(value))
        for pattern, placeholder in _RULES:
            value = pattern.sub(placeholder, value)
    return value


def normal_headers(headers: dict[str, str], api_version: str) -> dict[str, str]:
    """The compared headers: links with their values, the others by name."""
    found = {}
    for name in HEADERS:
        if name in headers and not (name.startswith("x-ms-ratelimit") and api_version < "2023"):
            link = name in ("location", "azure-asyncoperation")
            found[name] = normal(headers[name]) if link else ""
    return found


def learn(recorded: Any, simulated: Any, names: dict[str, str]) -> None:
    """Note which id of the sandbox stands where the recording has which: later requests name them."""
    if isinstance(recorded, dict) and isinstance(simulated, dict):
        for key in recorded.keys() & simulated.keys():
            learn(recorded[key], simulated[key], names)
    elif isinstance(recorded, list) and isinstance(simulated, list):
        for one, other in zip(recorded, simulated, strict=False):
            learn(one, other, names)
    elif isinstance(recorded, str) and isinstance(simulated, str):
        for one, other in zip(IDS.findall(recorded), IDS.findall(simulated), strict=False):
            names.setdefault(one, other)


def renamed(value: Any, names: dict[str, str]) -> Any:
    """A recorded path or body with the sandbox's ids in it."""
    text = json.dumps(value)
    return json.loads(IDS.sub(lambda match: names.get(match[0], match[0]), text))
