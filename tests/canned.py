"""Canned answers in place of Azure, for tests of commands: the SDK's own pipeline and transport, no network, no waits.

`canned_connection` gives a `Connection` and the list of what is sent through it; `az` runs one command line as az would
be run, against the answers that the real az was given when its runs were recorded.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
from azure.core.pipeline.transport import RequestsTransport
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from dpmagic import language
from dpmagic.clouds import Cloud, StaticToken
from dpmagic.connection import Connection
from dpmagic.errors import DpmagicError
from dpmagic.handles import Handle
from dpmagic.results import Preview
from dpmagic.session import Session

ENDPOINT = "https://canned.invalid"
SUB = "00000000-0000-0000-0000-000000000001"
REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
NO_REFERENCE = "the recorded facts about az (../shared/reference) are not here"

Canned = Sequence[Any]
"""``[method, regex, status, headers, body]``: method and regex are patterns, the latter searched in path and query.

The body is JSON, or a function from the request to JSON; ``{endpoint}`` in headers is the connection's.  A sixth item
says how often the answer is given before the next one that fits takes over.
"""


@dataclass(frozen=True)
class Sent:
    """A request that went out; two are equal whatever their api-version and headers."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None
    api_version: str = field(default="", compare=False)
    headers: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, method: str, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Sent:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        version = query.pop("api-version", "")
        return cls(method, unquote(parts.path), query, body, version, dict(headers or {}))


class _Answers(HTTPAdapter):
    def __init__(self, answers: Iterable[Canned]) -> None:
        super().__init__()
        self.sent: list[Sent] = []
        self._answers = [(*answer, None)[:6] for answer in answers]
        self._given = [0] * len(self._answers)

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        assert request.method and request.url
        content = request.body.encode() if isinstance(request.body, str) else request.body
        sent = Sent.of(request.method, request.url, json.loads(content) if content else None, request.headers)
        self.sent.append(sent)
        status, headers, body = self._answer(sent, request.url.removeprefix(ENDPOINT))
        raw = HTTPResponse(
            BytesIO(b"" if body is None else json.dumps(body).encode()),
            {"content-type": "application/json"}
            | {name: value.replace("{endpoint}", ENDPOINT) for name, value in headers.items()},
            status,
            preload_content=False,
        )
        return self.build_response(request, raw)

    def _answer(self, sent: Sent, url: str) -> tuple[int, Mapping[str, str], Any]:
        for index, (method, pattern, status, headers, body, times) in enumerate(self._answers):
            spent = times is not None and self._given[index] >= times
            # ARM takes paths in any case.
            if not spent and re.fullmatch(method, sent.method) and re.search(pattern, url, re.IGNORECASE):
                self._given[index] += 1
                return status, headers, body(sent) if callable(body) else body
        raise AssertionError(f"no canned answer to {sent.method} {url} {sent.body}")


class CannedTransport(RequestsTransport):
    """The SDK's transport with answers for a network, and the clock of a connection: waiting only moves it on."""

    def __init__(self, answers: Iterable[Canned], start: datetime = datetime(2024, 2, 1, tzinfo=UTC)) -> None:
        self._answers, self._now = _Answers(answers), start
        session = requests.Session()
        session.mount(ENDPOINT, self._answers)
        super().__init__(session=session, session_owner=False, use_env_settings=False)
        self.sent = self._answers.sent
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def sleep(self, duration: float) -> None:
        self.slept.append(duration)
        self._now += timedelta(seconds=duration)


def canned_connection(answers: Iterable[Canned], **options: Any) -> tuple[Connection, list[Sent]]:
    """A connection that gets these answers, the first that fits, and the list of what it sends.

    A request that no answer fits is an AssertionError.  Its clock is ``connection.clock``, with ``slept`` for a list
    of its waits; ``options`` are those of `Connection`.
    """
    transport = CannedTransport(answers)
    options = {"default_subscription": SUB, **options}
    cloud = Cloud("canned", ENDPOINT, f"{ENDPOINT}/.default")
    return Connection(ENDPOINT, cloud, StaticToken("any-token"), transport, transport, **options), transport.sent


@dataclass
class Heard:
    """An observer that remembers."""

    said: list[str] = field(default_factory=list)
    stages: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def stage(self, text: str) -> None:
        self.stages.append(text)

    def done(self) -> None: ...


@dataclass
class Run:
    """What came of one command line.  It unpacks to ``rc, result, http``."""

    rc: int
    result: Any
    http: list[Sent]
    said: list[str]
    error: DpmagicError | None = None

    def __iter__(self) -> Iterator[Any]:
        return iter((self.rc, self.result, self.http))


def recorded(name: str) -> Any:
    """A JSON or JSON lines file of the reference; an empty list when it is not there."""
    path = REFERENCE / name
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


# What the recording gave for all that it had no answer of its own for.
AZ_ANSWERS: list[Canned] = [*recorded("az-runs-answers.json"), ["GET|POST", "", 200, {}, {"value": []}]]


def az(
    line: str, answers: Iterable[Canned] = AZ_ANSWERS, *, ask: Callable[[str], bool] | None = None, **options: Any
) -> Run:
    """Run one command line, its files looked up in the reference: exit code, result as az's JSON, requests sent.

    ``ask`` answers questions; nobody does without it.
    """
    from dpmagic.execute import one

    connection, sent = canned_connection(answers, **options)
    heard = Heard()
    session = Session(connection, observer=heard, ask=ask, output="json")
    try:
        with contextlib.chdir(REFERENCE) if REFERENCE.is_dir() else contextlib.nullcontext():
            [statement] = language.parse(line)
            assert isinstance(statement, language.Statement)
            value = one(language.expand(statement.words, {}), session).value
    except DpmagicError as error:
        return Run(error.exit_code, None, sent, heard.said, error)
    return Run(0, _result(value), sent, heard.said)


def _result(value: Any) -> Any:
    if value is None or isinstance(value, Handle):
        return None
    if isinstance(value, Preview):
        return value.to_json()
    return json.loads(value)
