"""The sandbox's account of itself: what it makes up, because no recording says how Azure does it."""

from __future__ import annotations

MODELLED: dict[str, str] = {
    "api versions": "every api-version is answered in the shape recorded for 2024-04-01",
    "request time": "every request takes 0.2031719 s of virtual time",
    "retry-after": "10 s on the first answer, 30 s while polling; recordings show 30 s between polls",
    "durations": "operations and jobs take the recorded medians, 10 % more or less",
    "rate limits": "the headers have recorded first values and stand still; only Resource Graph throttles",
    "token signatures": "operation URLs have no signed t, c, s and h parameters",
    "operationResults": "202 while running and 400 with the error after a failure; only successes are recorded",
    "guids": "derived from a counter that the world keeps, so that a history repeats itself",
    "gateway errors": "ResourceGroupNotFound is recorded; the other ARM errors are from Microsoft's documents",
    "policy checks": "BMSUserErrorInvalidInput with a reason of ours; the service's own checks are not recorded",
    "disk checks": "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent is recorded; which of the documented codes "
    "goes with which other finding is our reading",
    "roles": "a role assignment counts at once; Azure may take minutes. Only the documented roles count, as "
    "Owner and Contributor are documented as unsupported",
    "principals": "any principal id can be assigned a role; there is no directory",
    "protection errors": "an instance PUT without permissions ends in ProtectionError with errorDetails",
    "refused states": "UserErrorInvalidProtectionState where an operation does not fit the protection status",
    "vault delete": "UserErrorBackupVaultNotEmpty; the message is documented, the code is not",
    "policy delete": "UserErrorDppPolicyObjectInUse is known from users' reports; its message is ours",
    "regions": "UserErrorVaultAndDatasourceRegionMismatch compares the vault's region with the disk's, not with the "
    "resourceLocation that the request claims",
    "soft delete": "on for 14 days where a vault does not say; purging removes points and snapshots on time",
    "on-demand rule": "ruleName may be a retention rule, as in Microsoft's tutorial; the point then gets its tag",
    "one backup at a time": "a second on-demand backup of an instance fails until the first one's job ends; the limit "
    "of ten a day is not kept",
    "expiry": "recovery points and their snapshots go at their expiryTime to the second; Azure takes its time",
    "snapshots": "the name and the facts of metaData are recorded; tags, sku, family id and the other members are not",
    "restore": "checks run when the job ends, and the job fails with them; ten restores a day is not kept",
    "blobs": "protected without any check of the storage account; no vaulted blob backups",
    "other datasources": "policies for them are kept, instances of them are refused",
    "resource graph": "policies, disks, snapshots, containers and role rows; allowedOperations while "
    'suspended; instance rows have location ""; what changes is there at once, where Azure lags',
    "schedules": "policies do not run on their own yet",
    "left out": "resource guards, cross-region restore, vault identities assigned by the user beyond being kept, "
    "Microsoft Graph, deleted vaults",
}
