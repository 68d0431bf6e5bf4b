"""Signing in to a served sandbox: Microsoft Entra's token endpoint, and an App Service's managed identity.

Nothing is checked but that a client says what it must: any tenant, application and secret will do, as any token does.
The tokens are JWTs without a signature, for clients that read the tenant and the name in them. They do not run out by
themselves (a client compares that with its own clock, which is not the sandbox's): `expired` of :mod:`.mishaps` is for
that.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from .messages import Request, answer
from .reply import Reply

PRINCIPAL = "77777777-7777-4777-8777-777777777777"  # the Owner of the starter world's subscriptions
FOREVER = 4_102_444_800  # 2100-01-01
_DAY = 86_399  # seconds: what Entra says of a client's own token, at most


class Tokens:
    """Hands out tokens of one tenant; no two are the same."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant
        self._issued = 0

    def token(self, audience: str, issuer: str, **claims: str) -> str:
        """A token for a resource. ``claims`` are added to those that every token has."""
        self._issued += 1
        payload = {
            "aud": audience,
            "iss": issuer,
            "exp": FOREVER,
            "oid": PRINCIPAL,
            "sub": PRINCIPAL,
            "tid": self._tenant,
            "uti": f"sandbox-{self._issued}",
            "ver": "1.0",
            **claims,
        }
        return f"{_segment({'alg': 'none', 'typ': 'JWT'})}.{_segment(payload)}."

    def answer(self, request: Request) -> Reply | None:
        """The answer to a request that has to do with signing in; None for any other. No such request has a token."""
        match request.method, request.path.strip("/").lower().split("/"):
            case "GET", ["metadata", "endpoints"]:
                return answer(200, _endpoints(request.endpoint))
            case "GET", ["msi"] | ["msi", "token"]:
                return self._managed_identity(request)
            case "GET", [_, "discovery", "instance"]:
                return answer(200, _instance(request))
            case "GET", [tenant, ".well-known", "openid-configuration"]:
                return answer(200, _configuration(request.endpoint, tenant, ""))
            case "GET", [tenant, "v2.0", ".well-known", "openid-configuration"]:
                return answer(200, _configuration(request.endpoint, tenant, "/v2.0"))
            case "POST", [tenant, "oauth2", "token"] | [tenant, "oauth2", "v2.0", "token"]:
                return self._client_credentials(request, tenant)
        return None

    def _managed_identity(self, request: Request) -> Reply:
        """The protocol of an App Service's IDENTITY_ENDPOINT, and of its older MSI_ENDPOINT."""
        if not (request.headers.get("x-identity-header") or request.headers.get("secret")):
            message = "The X-IDENTITY-HEADER header is missing: it is the value of IDENTITY_HEADER."
            return answer(401, {"statusCode": 401, "message": message})
        resource = request.query.get("resource")
        if not resource:
            return answer(400, {"statusCode": 400, "message": "The parameter 'resource' is missing."})
        body = {
            "access_token": self.token(resource, f"{request.endpoint}/{self._tenant}/", idtyp="app"),
            "expires_on": str(FOREVER),
            "resource": resource,
            "token_type": "Bearer",
        }
        return answer(200, body)

    def _client_credentials(self, request: Request, tenant: str) -> Reply:
        """OAuth's grant for an application: ``scope`` in v2, ``resource`` in v1."""
        form = dict(parse_qsl(request.content.decode("utf-8", "replace")))
        if form.get("grant_type") != "client_credentials":
            message = f"AADSTS70003: The app requested an unsupported grant type '{form.get('grant_type', '')}'."
            return _refusal("unsupported_grant_type", message)
        if not form.get("client_id"):
            return _refusal("invalid_request", "AADSTS900144: The request must contain 'client_id'.")
        if not (form.get("client_secret") or form.get("client_assertion")):
            message = "AADSTS7000216: 'client_assertion' or 'client_secret' is required."
            return _refusal("invalid_client", message, 401)
        first, _, version = request.path.lower().partition("/oauth2/")
        scope = form.get("resource", "") if version == "token" else form.get("scope", "").removesuffix("/.default")
        if not scope:
            return _refusal("invalid_scope", "AADSTS1002012: The scope must be a resource with /.default after it.")
        issuer = f"{request.endpoint}{first}/"
        access = self.token(scope, issuer, appid=form["client_id"], idtyp="app")
        return answer(200, {"token_type": "Bearer", "expires_in": _DAY, "ext_expires_in": _DAY, "access_token": access})


_SUFFIXES = ("storage", "keyVaultDns", "mhsmDns", "sqlServerHostname", "acrLoginServer")


def _endpoints(endpoint: str) -> dict[str, Any]:
    """What ``az cloud register --endpoint-resource-manager`` asks for: in the words of api-version 2015-01-01, which
    older ones read, and in those of 2022-09-01. Data planes, which are not here, have a name that leads nowhere."""
    login = {"loginEndpoint": endpoint, "audiences": [endpoint], "tenant": "common", "identityProvider": "AAD"}
    return {
        "name": "sandbox",
        "galleryEndpoint": endpoint,
        "graphEndpoint": endpoint,
        "portalEndpoint": endpoint,
        "authentication": login,
        "resourceManager": endpoint,
        **dict.fromkeys(("portal", "gallery", "graph", "graphAudience", "microsoftGraphResourceId"), endpoint),
        "suffixes": dict.fromkeys(_SUFFIXES, "sandbox.invalid"),
    }


def _instance(request: Request) -> dict[str, Any]:
    host = request.endpoint.partition("//")[2]
    tenant = request.query.get("authorization_endpoint", "").removeprefix(f"{request.endpoint}/").partition("/")[0]
    return {
        "tenant_discovery_endpoint": f"{request.endpoint}/{tenant or 'common'}/v2.0/.well-known/openid-configuration",
        "api-version": "1.1",
        "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
    }


def _configuration(endpoint: str, tenant: str, version: str) -> dict[str, Any]:
    base = f"{endpoint}/{tenant}"
    return {
        "issuer": f"{base}{version}",
        "authorization_endpoint": f"{base}/oauth2{version}/authorize",
        "token_endpoint": f"{base}/oauth2{version}/token",
        "device_authorization_endpoint": f"{base}/oauth2{version}/devicecode",
        "jwks_uri": f"{base}/discovery{version}/keys",
        "response_types_supported": ["token"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["none"],
    }


def _refusal(code: str, message: str, status: int = 400) -> Reply:
    return answer(status, {"error": code, "error_description": message})


def _segment(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()
