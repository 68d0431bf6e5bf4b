"""The certificates of a served sandbox: an authority that clients are told to trust, and what it has issued.

The authority's own key is thrown away once it has issued the server's certificate: whoever trusts it trusts this server
and nothing else that could ever be made. Both live in a folder, so that a client that trusts it once does so for good.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Certificates:
    """``ca`` is the PEM file for clients; ``server`` holds the server's key and its chain, for its owner alone."""

    ca: Path
    server: Path


def certificates(folder: Path, host: str) -> Certificates:
    """Those of the folder, made anew when there are none for this host (a name or an address).

    Raises OSError when the folder cannot be written.
    """
    found = Certificates(folder / "ca.pem", folder / "server.pem")
    if not (found.server.is_file() and found.ca.is_file() and host in _names(found.server.read_bytes())):
        authority = trustme.CA(organization_name="dpmagic sandbox")
        issued = authority.issue_cert(host, *LOOPBACK)
        parts = (issued.private_key_pem, *issued.cert_chain_pems)
        # The authority first: were the key to be lost on the way, both would be made anew.
        found.server.unlink(missing_ok=True)
        _write(found.ca, authority.cert_pem.bytes(), 0o644)
        _write(found.server, b"".join(part.bytes() for part in parts), 0o600)
    return found


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write a file as a whole, never readable by more than ``mode`` says."""
    part = path.with_name(f"{path.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    part.replace(path)


def _names(pem: bytes) -> set[str]:
    """The hosts that a certificate is for."""
    (certificate, *_) = x509.load_pem_x509_certificates(pem)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = names.get_values_for_type(x509.IPAddress)
    return {*names.get_values_for_type(x509.DNSName), *map(str, addresses)}
