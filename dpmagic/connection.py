"""A connection: cloud, credential, transport and clock in one value, and the one door to the sandbox.

Time is the connection's.  Everything that asks what time it is, or waits, asks this module: so a six-minute restore
takes six minutes against Azure and none against the sandbox.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from dpmagic.clouds import Cloud, StaticToken, cloud, endpoint_cloud, person_credential, principal_of
from dpmagic.errors import InvalidArgument, NotConnected, ReadOnly, extra

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential
    from azure.core.pipeline.policies import SansIOHTTPPolicy
    from azure.core.rest import HttpRequest, HttpResponse
    from azure.mgmt.dataprotection import DataProtectionMgmtClient

# Says who the sandbox's user is, in the form of any token: an unsigned JWT whose one claim is a name.
_SANDBOX_TOKEN = "e30.eyJ1cG4iOiJ5b3VAc2FuZGJveC5pbnZhbGlkIn0."
# Reads that Azure takes as POST: they change nothing, so a read-only connection lets them through.
_READS_BY_POST = re.compile(
    r"/(?:providers/microsoft\.resourcegraph/resources|validateforbackup|validaterestore"
    r"|validatecrossregionrestore|findrestorabletimeranges|fetchsecondaryrecoverypoints"
    r"|fetchcrossregionrestorejobs?|directoryobjects/getbyids)/?$",
    re.IGNORECASE,
)


def changes_state(method: str, url: str) -> bool:
    """Whether a request may change something in Azure.

    >>> changes_state("POST", "/subscriptions/s/…/backupVaults/v/validateForBackup?api-version=2024-04-01")
    False
    >>> changes_state("POST", "/subscriptions/s/…/backupInstances/b/backup")
    True
    """
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    return not (method == "POST" and _READS_BY_POST.search(urlsplit(url).path))


class Clock(Protocol):
    """Where time comes from: the machine's for Azure, the sandbox's own for the sandbox."""

    def now(self) -> datetime:
        """The instant, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


@dataclass(frozen=True, eq=False)
class Connection:
    """Where commands go and as whom.

    ``target`` is ``azure``, ``sandbox`` or an endpoint's URL.  ``default_subscription`` is None until someone says
    or looks up one.  A ``read_only`` connection refuses every request that changes state, whoever sends it.
    """

    target: str
    cloud: Cloud
    credential: TokenCredential = field(repr=False)
    clock: Clock = field(default_factory=SystemClock, repr=False)
    transport: Any = field(default=None, repr=False)
    default_subscription: str | None = None
    read_only: bool = False

    def now(self) -> datetime:
        """The connection's instant, in UTC."""
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let time pass: really against Azure, at once in the sandbox."""
        self.clock.sleep(seconds)

    @property
    def sandbox(self) -> Any:
        """The local Azure behind this connection: ``advance("7d")`` lets time pass, ``planted()`` says what is wrong.

        Raises `NotConnected` where there is none in this process.
        """
        found = getattr(self.transport, "sandbox", None)
        if found is None:
            raise NotConnected(f"{self.target} is not a sandbox of this process", "connect sandbox")
        return found

    @cached_property
    def client(self) -> DataProtectionMgmtClient:
        """The SDK's client: only its pipeline is used, so that answers keep every field the service sends."""
        from azure.mgmt.dataprotection import DataProtectionMgmtClient

        options: dict[str, Any] = {"transport": self.transport} if self.transport is not None else {}
        return DataProtectionMgmtClient(
            self.credential,
            self.default_subscription or "",
            self.cloud.endpoint,
            credential_scopes=[self.cloud.scope],
            user_agent="dpmagic",
            per_call_policies=[_read_only_policy()] if self.read_only else [],
            **options,
        )

    def send(self, request: HttpRequest, **options: Any) -> HttpResponse:
        """One request through the client's pipeline: retries, token, correlation.  Error statuses do not raise."""
        return self.client.send_request(request, **options)

    def renew(self) -> None:
        """Ask the credential for a token anew with the next request: the service takes the last one no longer."""
        self.__dict__.pop("client", None)  # the token is kept by the client's pipeline, and nothing else is

    @cached_property
    def principal(self) -> str:
        """Who the credential speaks for.  Raises `NotConnected` when no token can be had."""
        return principal_of(self.credential, self.cloud.scope)

    def token_for(self, tenant: str) -> str:
        """A token for ARM of the same principal in another tenant.  Raises `NotConnected` when there is none."""
        from azure.core.exceptions import ClientAuthenticationError

        try:
            return self.credential.get_token(self.cloud.scope, tenant_id=tenant).token
        except ClientAuthenticationError as error:
            raise NotConnected(
                f"no token for tenant {tenant}: {str(error).splitlines()[0]}", f"run `az login --tenant {tenant}`"
            ) from error


def _read_only_policy() -> SansIOHTTPPolicy[Any, Any]:
    from azure.core.pipeline import PipelineRequest
    from azure.core.pipeline.policies import SansIOHTTPPolicy

    class ReadOnlyPolicy(SansIOHTTPPolicy[Any, Any]):
        def on_request(self, request: PipelineRequest[Any]) -> None:
            sent = request.http_request
            if changes_state(sent.method, sent.url):
                raise ReadOnly(
                    f"this connection is read-only: {sent.method} {urlsplit(sent.url).path} was not sent",
                    "connect again without --read-only, or preview with --dry-run",
                )

    return ReadOnlyPolicy()


def connect_azure(
    *,
    tenant: str | None = None,
    subscription: str | None = None,
    cloud_name: str = "AzureCloud",
    read_only: bool = False,
) -> Connection:
    """Azure, as the person who ran ``az login`` (see `dpmagic.clouds.person_credential` for the order)."""
    where = cloud(cloud_name)
    return Connection(
        "azure",
        where,
        person_credential(where, tenant),
        default_subscription=subscription,
        read_only=read_only,
    )


def connect_endpoint(
    url: str,
    *,
    ca: Path | None = None,
    token: str | None = None,
    subscription: str | None = None,
    tenant: str | None = None,
    read_only: bool = False,
) -> Connection:
    """Any ARM endpoint: a private cloud, an emulator, a served sandbox.

    ``ca`` is a file of certificates to trust, ``token`` a bearer token in place of a credential.  Raises
    `InvalidArgument` when the file is not there or the URL is not https.
    """
    from azure.core.pipeline.transport import RequestsTransport

    where = endpoint_cloud(url)
    if ca is not None and not ca.is_file():
        raise InvalidArgument(f"the CA file {str(ca)!r} is not there", "give the PEM file that the server printed")
    # A proxy of the environment would otherwise capture requests to this very machine.
    loopback = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
    return Connection(
        where.endpoint,
        where,
        StaticToken(token) if token else person_credential(where, tenant, ca),
        transport=RequestsTransport(connection_verify=str(ca) if ca else True, use_env_settings=not loopback),
        default_subscription=subscription,
        read_only=read_only,
    )


def connect_sandbox(
    *,
    state: Path | None = None,
    estate: Any = None,
    subscription: str | None = None,
    read_only: bool = False,
) -> Connection:
    """A local Azure in this process, on a virtual clock; in memory, or kept in the folder ``state``.

    ``estate`` is what is in it: the name of one that comes along (``default``, ``starter``), a YAML file or its text,
    or a mapping.  Without it, it is what the folder has, and ``default`` in a new one.

    Raises `NotInstalled` without the extra ``local``, `NotConnected` when the folder or the estate cannot be used.
    """
    with extra("local", "the sandbox"):
        from dpmagic import sandbox
    try:
        transport = sandbox.transport(state, estate=estate, otherwise=sandbox.DEFAULT_ESTATE)
    except sandbox.StateError as error:
        raise NotConnected(str(error), error.hint) from error
    return Connection(
        "sandbox",
        Cloud("sandbox", "https://sandbox.invalid", "https://sandbox.invalid/.default"),
        StaticToken(_SANDBOX_TOKEN),
        clock=transport,
        transport=transport,
        default_subscription=subscription,
        read_only=read_only,
    )


def serve_sandbox(announce: Callable[[Any], None], **options: Any) -> None:
    """Serve a local Azure to any client until SIGINT or SIGTERM.

    ``options`` and what ``announce`` is called with are those of `dpmagic.sandbox.server.serve`; its time is a multiple
    of the machine's.  Raises `InvalidArgument` for an address that cannot be had or is not meant to be, `NotInstalled`
    without the extra ``local``, `NotConnected` when the state folder cannot be used.
    """
    try:
        with extra("local", "the sandbox"):
            from dpmagic import sandbox

            sandbox.serve(announce, time.monotonic, **options)
    except sandbox.StateError as error:
        raise NotConnected(str(error), error.hint) from error
    except sandbox.ServeError as error:
        raise InvalidArgument(str(error), error.hint) from error
