"""The rate-limit headers of each kind of request: the name and the first value recorded for it.

The values stand still: the sandbox throttles Resource Graph only.
"""

from __future__ import annotations

Limit = dict[str, str]

_RESOURCES = "x-ms-ratelimit-remaining-subscription-resource-requests"
_WRITES = "x-ms-ratelimit-remaining-subscription-writes"
_COMPUTE = "x-ms-ratelimit-remaining-resource"

NONE: Limit = {}
VAULT_READ = {_RESOURCES: "499"}
VAULT_WRITE = {_RESOURCES: "99"}
POLICY_READ = {_RESOURCES: "1999"}
POLICY_WRITE = {_RESOURCES: "199"}
POLICY_DELETE = {_RESOURCES: "49"}
INSTANCE_READ = {_RESOURCES: "1999"}
INSTANCE_WRITE = {_RESOURCES: "199"}
JOB_READ = {_RESOURCES: "199"}
POINT_READ = {_RESOURCES: "99"}
GUARD_READ = {_RESOURCES: "999"}
GUARD_WRITE = {_RESOURCES: "99"}
PROXY_DELETE = {"x-ms-ratelimit-remaining-subscription-deletes": "14999"}
STATUS = {_RESOURCES: "999"}
REGION_STATUS = {_RESOURCES: "14999"}
RESULTS = {_RESOURCES: "199"}
ACTION = {_WRITES: "1199"}
DISK_WRITE = {
    _COMPUTE: "Microsoft.Compute/CreateUpdateDisks3Min;999,Microsoft.Compute/CreateUpdateDisks30Min;7998",
    _WRITES: "1199",
}
DISK_DELETE = {
    _COMPUTE: "Microsoft.Compute/DeleteDisks3Min;2999,Microsoft.Compute/DeleteDisks30Min;23999",
    "x-ms-ratelimit-remaining-subscription-deletes": "14999",
}
DISK_READ = {_COMPUTE: "Microsoft.Compute/LowCostGet3Min;14999,Microsoft.Compute/LowCostGet30Min;119999"}
DISK_OPERATION = {_COMPUTE: "Microsoft.Compute/GetOperation3Min;49999,Microsoft.Compute/GetOperation30Min;399999"}
