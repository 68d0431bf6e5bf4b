"""Microsoft.DBforPostgreSQL and Microsoft.DBforMySQL: servers, databases and a single server's firewall."""

from __future__ import annotations

from typing import Any

from . import faults, times, tracked
from .messages import Request, answer, listing, visible
from .operations import FIRST_WAIT, NEXT_WAIT
from .reply import Reply
from .store import Document
from .world import World, subscription_of

_PROVIDER = "Microsoft.DBforPostgreSQL"
_SUFFIX = {
    "postgresServer": "postgres.database.azure.com",
    "postgresFlexibleServer": "postgres.database.azure.com",
    "mysqlFlexibleServer": "mysql.database.azure.com",
}
ANY_AZURE_ADDRESS = "0.0.0.0"


def add_server(world: World, kind: str, group: Document, item: dict[str, Any]) -> None:
    """Make a server of ``name`` and ``version`` with ``databases``, holding so many ``bytes``."""
    host = f"{item['name']}.{_SUFFIX[kind]}"
    single = kind == "postgresServer"
    properties = {
        "administratorLogin": "dbadmin",
        "version": item["version"],
        "fullyQualifiedDomainName": host,
        **({"userVisibleState": "Ready", "publicNetworkAccess": "Enabled"} if single else {"state": "Ready"}),
    }
    tracked.add(world, kind, group, item, {"bytes": item.get("bytes", 0)}, properties=properties)
    for name in item.get("databases", ()):
        add_database(world, f"{group['id']}/providers/{tracked.TYPES[kind]}/{item['name']}", name, item.get("bytes", 0))


def add_database(world: World, server: str, name: str, size: int) -> None:
    """Make a database of so many bytes in a single server."""
    database: Document = {
        "properties": {"charset": "UTF8", "collation": "English_United States.1252"},
        "id": f"{server}/databases/{name}",
        "name": name,
        "type": f"{_PROVIDER}/servers/databases",
        "_": {"bytes": size},
    }
    world.store.put("database", server, name, database)


def list_databases(world: World, request: Request) -> Reply:
    """GET the databases of a single server."""
    server = tracked.existing(world, request, "postgresServer")
    return listing(request, world.store.children("database", server["id"]), world.page_size)


def list_rules(world: World, request: Request) -> Reply:
    """GET the firewall rules of a single server."""
    server = tracked.existing(world, request, "postgresServer")
    return listing(request, world.store.children("firewallRule", server["id"]), world.page_size)


def get_rule(world: World, request: Request) -> Reply:
    """GET one firewall rule."""
    server = tracked.existing(world, request, "postgresServer")
    rule = world.store.get("firewallRule", server["id"], request["rule"])
    if rule is None:
        message = f"The requested resource of type '{_PROVIDER}/servers/firewallRules' was not found."
        raise faults.Fault(404, "ResourceNotFound", message)
    return answer(200, visible(rule))


def put_rule(world: World, request: Request) -> Reply:
    """PUT a firewall rule: 202 with both headers, done some seconds later."""
    server = tracked.existing(world, request, "postgresServer")
    sent = request.object().get("properties") or {}
    bounds = {key: sent.get(key) for key in ("startIpAddress", "endIpAddress")}
    if not all(isinstance(bound, str) for bound in bounds.values()):
        raise faults.Fault(400, "InvalidParameterValue", "startIpAddress and endIpAddress are required.")
    rule = {
        "properties": bounds,
        "id": f"{server['id']}/firewallRules/{request['rule']}",
        "name": request["rule"],
        "type": f"{_PROVIDER}/servers/firewallRules",
    }
    guid = world.guid("databaseOperation")
    operation = {"name": guid, "start": world.now, "end": times.UNSET, "server": server["id"], "rule": rule}
    world.store.put("databaseOperation", "", guid, operation)
    world.at(world.now + world.vary(8), "database.rule", operation=guid)
    where = f"/subscriptions/{subscription_of(server['id'])}/providers/{_PROVIDER}/locations/{server['location']}"
    headers = {
        "azure-asyncoperation": request.link(f"{where}/azureAsyncOperation/{guid}"),
        "location": request.link(f"{where}/operationResults/{guid}"),
        **FIRST_WAIT,
    }
    body = {"operation": "UpsertElasticServerFirewallRules", "startTime": times.trimmed(world.now)}
    return answer(202, body, headers)


def rule_made(world: World, operation: str) -> None:
    """The event that ends the PUT of a firewall rule."""
    document = world.store.get("databaseOperation", "", operation)
    assert document is not None, "operations are never removed"
    rule = document["rule"]
    world.store.put("firewallRule", document["server"], rule["name"], rule)
    world.store.put("databaseOperation", "", operation, {**document, "end": world.now})


def get_status(world: World, request: Request) -> Reply:
    """GET azureAsyncOperation: the status of a change of a server."""
    operation = _operation(world, request)
    running = operation["end"] == times.UNSET
    status = "InProgress" if running else "Succeeded"
    body = {"name": operation["name"], "status": status, "startTime": times.trimmed(operation["start"])}
    return answer(200, body, NEXT_WAIT if running else None)


def get_result(world: World, request: Request) -> Reply:
    """GET operationResults: 202 while the change runs, then the firewall rule."""
    operation = _operation(world, request)
    if operation["end"] == times.UNSET:
        return answer(202, headers={"location": request.link(request.path), **NEXT_WAIT})
    return answer(200, operation["rule"])


def lets_azure_in(world: World, server: str) -> bool:
    """Whether a single server's firewall lets Azure's services through."""
    bounds = (rule["properties"] for rule in world.store.children("firewallRule", server))
    return any(bound["startIpAddress"] == bound["endIpAddress"] == ANY_AZURE_ADDRESS for bound in bounds)


def _operation(world: World, request: Request) -> Document:
    world.subscription(request)
    operation = world.store.get("databaseOperation", "", request["operation"])
    if operation is None:
        raise faults.Fault(404, "OperationIdNotFound", f"The operation '{request['operation']}' was not found.")
    return operation
