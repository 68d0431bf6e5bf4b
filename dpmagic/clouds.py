"""Where Azure is, and as whom we ask: clouds, scopes, credentials.

Endpoint and scope go together: in the US Government cloud they are even on different hosts, so neither is ever set
alone.  The figures are the SDK's own (``azure.mgmt.core.tools.get_arm_endpoints``).
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dpmagic.errors import InvalidArgument, InvalidChoice, NotConnected, did_you_mean, hide

if TYPE_CHECKING:
    from pathlib import Path

    from azure.core.credentials import AccessToken, TokenCredential

# az's name of a cloud -> the SDK's, and the host that signs people in.
_CLOUDS = {
    "AzureCloud": ("AZURE_PUBLIC_CLOUD", "login.microsoftonline.com"),
    "AzureChinaCloud": ("AZURE_CHINA_CLOUD", "login.chinacloudapi.cn"),
    "AzureUSGovernment": ("AZURE_US_GOVERNMENT", "login.microsoftonline.us"),
}
CLOUD_NAMES = tuple(_CLOUDS)

# Without a handler of the user's, Python prints what the credentials log on standard error; our errors say it already.
logging.getLogger("azure.identity").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Cloud:
    """A cloud's name as ``az cloud list`` has it, its ARM endpoint, token scope and authority."""

    name: str
    endpoint: str
    scope: str
    authority: str = ""


def cloud(name: str = "AzureCloud") -> Cloud:
    """The cloud of this name.

    Raises `InvalidChoice` with the nearest name when there is none.

    >>> cloud("AzureUSGovernment").scope
    'https://management.core.usgovcloudapi.net/.default'
    """
    canonical = {known.lower(): known for known in _CLOUDS}.get(name.lower())
    if canonical is None:
        raise InvalidChoice(f"no cloud is called {name!r}", did_you_mean(name, _CLOUDS, f"one of {', '.join(_CLOUDS)}"))
    from azure.core import AzureClouds
    from azure.mgmt.core.tools import get_arm_endpoints

    sdk_name, authority = _CLOUDS[canonical]
    found = get_arm_endpoints(AzureClouds[sdk_name])
    return Cloud(canonical, found["resource_manager"].rstrip("/"), found["credential_scopes"][0], authority)


def endpoint_cloud(url: str) -> Cloud:
    """Any ARM endpoint: a private cloud, an emulator, a served sandbox.  Its scope is its own ``/.default``."""
    url = url.rstrip("/")
    if not url.startswith("https://"):
        raise InvalidArgument(
            f"the endpoint {url!r} is not an https:// URL",
            "tokens are only ever sent over TLS; give --ca FILE too",
        )
    return Cloud(url, url, f"{url}/.default")


class StaticToken:
    """A credential that is one given token.  It never shows the token."""

    def __init__(self, token: str) -> None:
        self._token = token
        hide(token)

    def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
        """The token, said to live long: only the service knows when it really ends."""
        from azure.core.credentials import AccessToken

        return AccessToken(self._token, 4102444800)  # 2100-01-01

    def __repr__(self) -> str:
        return "StaticToken(***)"


def person_credential(where: Cloud, tenant: str | None = None, ca: Path | None = None) -> TokenCredential:
    """A credential that suits a person at a notebook.

    The order: what the environment names outright (``AZURE_TOKEN_CREDENTIALS``, else a service principal or a
    workload identity in the ``AZURE_*`` variables), then ``az login``, Azure PowerShell, ``azd``.  A managed identity
    is used only when ``AZURE_TOKEN_CREDENTIALS`` asks for it: the SDK's default chain tries it before ``az``, and on
    an Azure VM would quietly act as the machine instead of the person.

    At an endpoint of one's own the environment's ``AZURE_AUTHORITY_HOST`` says where to sign in.  That is taken at its
    word, and trusted by the certificates in ``ca`` unless it is one of the public clouds'.

    Raises `NotConnected` when those variables make no credential.
    """
    try:
        return _credential(where, tenant, ca)
    except ValueError as error:  # how the SDK says so
        raise NotConnected(
            f"the AZURE_* variables of the environment make no credential: {str(error).splitlines()[0]}",
            "complete or unset them; without them it is whoever ran `az login`",
        ) from error


def _credential(where: Cloud, tenant: str | None, ca: Path | None) -> TokenCredential:
    import azure.identity as identity

    authority: dict[str, Any] = {"authority": where.authority} if where.authority else _own_authority(ca)
    if os.environ.get("AZURE_TOKEN_CREDENTIALS"):
        return identity.DefaultAzureCredential(**authority)
    chain: list[TokenCredential] = []
    if os.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        chain.append(identity.WorkloadIdentityCredential(tenant_id=tenant, **authority))
    elif os.environ.get("AZURE_CLIENT_ID"):
        chain.append(identity.EnvironmentCredential(**authority))
    chain += [
        identity.AzureCliCredential(tenant_id=tenant or "", additionally_allowed_tenants=["*"]),
        identity.AzurePowerShellCredential(tenant_id=tenant or "", additionally_allowed_tenants=["*"]),
        identity.AzureDeveloperCliCredential(tenant_id=tenant or "", additionally_allowed_tenants=["*"]),
    ]
    return identity.ChainedTokenCredential(*chain)


def _own_authority(ca: Path | None) -> dict[str, Any]:
    """How to sign in where the environment names an authority that Microsoft's public directory does not know."""
    host = os.environ.get("AZURE_AUTHORITY_HOST", "").removeprefix("https://").partition("/")[0]
    if not host or host in (known for _, known in _CLOUDS.values()):
        return {}
    # The directory would be asked about it first, at login.microsoftonline.com, which may not be reached from there.
    return {"disable_instance_discovery": True, **({"connection_verify": str(ca)} if ca else {})}


def refusals(error: Exception) -> str:
    """Why no credential gave a token, in one line: each one's own reason where several were tried."""
    lines = str(error).strip().splitlines()
    tried = [line.strip().rstrip(".") for line in lines if line.startswith("\t")]
    return "; ".join(tried) or (lines[0] if lines else type(error).__name__)


def principal_of(credential: TokenCredential, scope: str) -> str:
    """Who the credential speaks for, read from its token's own claims: a name if there is one, else an id.

    Raises `NotConnected` when no token can be had.
    """
    import base64
    import json

    from azure.core.exceptions import ClientAuthenticationError

    try:
        token = credential.get_token(scope).token
    except ClientAuthenticationError as error:
        raise NotConnected(
            f"no Azure credential works here: {refusals(error)}",
            "run `az login`; on a machine that has only a managed identity set "
            "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential; without a cloud: %dataprotection connect sandbox",
        ) from error
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        claims = None
    if not isinstance(claims, dict):
        return "the holder of the given token"  # not a JWT: an emulator's, or another kind of token
    named = claims.get("upn") or claims.get("unique_name") or claims.get("email")
    application = claims.get("appid") or claims.get("oid") or "unnamed"
    return str(named or f"application {application}")
