"""How a body names a datasource: dataSourceInfo, dataSourceSetInfo and the credentials from a key vault."""

from __future__ import annotations

from typing import Any

from dpmagic.arm.ids import parse_id
from dpmagic.commands.model import Option
from dpmagic.datasources import Manifest
from dpmagic.errors import InvalidArgument, MissingArgument

SECRET_STORE = (
    Option(
        ("--secret-store-type",),
        "Where the datasource's password is (AzureDatabaseForPostgreSQL).",
        choices=("AzureKeyVault",),
    ),
    Option(("--secret-store-uri",), "Uri of the secret with the datasource's password."),
)


def checked_id(kind: Manifest, option: str, text: str) -> str:
    """The id of a datasource, as given.  Raises `InvalidArgument` when it is no id, or that of another type."""
    parsed = parse_id(text)
    found = "/".join((parsed.provider, *parsed.types))
    if found.lower() != kind.resource_type.lower():
        raise InvalidArgument(
            f"{option} is the id of a {found.strip('/') or 'resource group'}, not of a {kind.resource_type}",
            f"--datasource-type is {kind.name}",
        )
    return text


def datasource(kind: Manifest, id_: str, location: str) -> dict[str, Any]:
    """The datasource, in the service's words.  A datasource with a parent has an empty resourceUri, as az sends it."""
    return {
        "datasourceType": kind.datasource_type,
        "objectType": "Datasource",
        "resourceID": id_,
        "resourceLocation": location,
        "resourceName": parse_id(id_).name,
        "resourceType": kind.resource_type,
        "resourceUri": "" if kind.set_info == "parent" else id_,
    }


def datasource_set(kind: Manifest, id_: str, location: str) -> dict[str, Any] | None:
    """What the datasource belongs to: itself, its parent, or nothing, as its type has it.

    Raises `InvalidArgument` when the parent is not in the id.
    """
    if not kind.set_info:
        return None
    info = {**datasource(kind, id_, location), "objectType": "DatasourceSet"}
    if kind.set_info == "parent":
        names = parse_id(id_).names
        if len(names) < 2:
            raise InvalidArgument(f"{id_!r} names no {kind.resource_type}", "the id goes on after the server's name")
        info["resourceID"] = id_.rstrip("/").rsplit("/", 2)[0]
        info["resourceName"] = names[-2]
        info["resourceType"] = kind.resource_type.rpartition("/")[0]
    return info


def credentials(kind: Manifest, store_type: str | None, uri: str | None) -> dict[str, Any] | None:
    """Where in a key vault the datasource's password is; None for a type without, or when neither is given.

    Raises `MissingArgument` when one of the two is.
    """
    if not kind.secret_store or not (store_type or uri):
        return None
    if not (store_type and uri):
        raise MissingArgument(
            "--secret-store-type and --secret-store-uri go together",
            "such as --secret-store-type AzureKeyVault --secret-store-uri https://VAULT.vault.azure.net/secrets/NAME",
        )
    return {
        "objectType": "SecretStoreBasedAuthCredentials",
        "secretStoreResource": {"secretStoreType": store_type, "uri": uri, "value": None},
    }
