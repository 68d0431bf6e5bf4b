"""Recorded commands run again, against the answers that Azure gave."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import dropwhile
from typing import Any
from urllib.parse import quote, unquote

from dpmagic.errors import DpmagicError
from dpmagic.execute import one
from dpmagic.session import Session
from tests.canned import Canned, Heard, Sent, canned_connection
from tests.commands.wire_commands import SUBSCRIPTION, Exchange, Lacking, Recording, recordings, words

_AZURE = "https://management.azure.com"
# To what was not recorded: an operation is at its end, a role is there, a server takes connections, policy and rule
# are set; anything else is kept from us.
_OTHERWISE: tuple[Canned, ...] = (
    ["GET", "/operationStatus/", 200, {}, {"status": "Succeeded"}],
    ["GET", "/operationResults/", 200, {}, {"objectType": "OperationJobExtendedInfo"}],
    ["GET", "/roleAssignments/", 200, {}, {}],
    ["PUT", "/roleAssignments/", 409, {}, {"error": {"code": "RoleAssignmentExists", "message": "it exists"}}],
    ["GET", r"/Microsoft.DBforPostgreSQL/servers/[^/]+\?", 200, {}, {"properties": {"publicNetworkAccess": "Enabled"}}],
    ["PUT", "/accessPolicies/add|/firewallRules/", 200, {}, {}],
    [".*", "", 403, {}, {"error": {"code": "NotRecorded", "message": "the recording has no answer to this"}}],
)
_MADE_UP = re.compile(r"(/roleAssignments/)[0-9a-f\\-]{36,}$")


@dataclass
class Replay:
    """What a recording's commands send now, line by line, and what they end with."""

    lines: list[list[str]] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    errors: list[DpmagicError] = field(default_factory=list)
    lacks: str = ""


@cache
def replay(name: str) -> Replay:
    """Run the commands of a recording one after another: each run starts with the same request."""
    recording, done = recordings()[name], Replay()
    answers = [_Answer(exchange) for exchange in recording.exchanges]
    while answers:
        try:
            line = words(recording, [answer.exchange for answer in answers])
        except Lacking as lacking:
            done.lacks = str(lacking)
            break
        done.lines.append(line)
        done.sent += _run(line, answers, done.errors)
        left = [answer for answer in answers if not answer.given]
        answers = list(dropwhile(lambda answer: not answer.starts(recording), left)) if left != answers else []
    return done


def _run(line: list[str], answers: list[_Answer], errors: list[DpmagicError]) -> list[Sent]:
    canned = [answer.canned for answer in answers]
    connection, sent = canned_connection([*canned, *_OTHERWISE], default_subscription=SUBSCRIPTION)
    try:
        one(line, Session(connection, observer=Heard(), output="json"))
    except DpmagicError as error:
        errors.append(error)
    return sent


@dataclass
class _Answer:
    exchange: Exchange
    given: bool = False

    @property
    def canned(self) -> Canned:
        path = _MADE_UP.sub(r"\1[^/]+", re.escape(quote(unquote(self.exchange["path"]), safe="/=+$")))
        headers: Mapping[str, str] = {
            key: value.replace(_AZURE, "{endpoint}") for key, value in self.exchange["response_headers"].items()
        }
        status = self.exchange["status"]
        return [re.escape(self.exchange["method"]), rf"^{path}(\?|$)", status, headers, self._give, 1]

    def starts(self, recording: Recording) -> bool:
        first = recording.exchanges[0]
        return bool((self.exchange["method"], self.exchange["path"]) == (first["method"], first["path"]))

    def _give(self, sent: Sent) -> Any:
        self.given = True
        return self.exchange["response"]
