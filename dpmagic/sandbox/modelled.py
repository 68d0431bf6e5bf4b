"""The sandbox's account of itself: what it makes up, as no recording says how Azure does it, and what it leaves out."""

from __future__ import annotations

MODELLED: dict[str, str] = {
    "api versions": "every api-version is answered in the shape recorded for 2024-04-01",
    "request time": "every request takes 0.2031719 s of virtual time; a GET with Sec-Purpose: prefetch takes none",
    "retry-after": "10 s on the first answer, 30 s while polling; recordings show 30 s between polls",
    "durations": "operations and jobs take the recorded medians, 10 % more or less",
    "rate limits": "the headers have recorded first values and stand still; only Resource Graph throttles",
    "served time": "behind a server a second of the wall is 60 s, or as --pace says; Retry-After and the quota's reset "
    "are shortened alike, to 1 s at least (at pace 0 a used-up quota is back at once); a silence counts for an hour "
    "at most",
    "signing in": "any tenant, application, secret, identity header and token will do; tokens are unsigned and run out "
    "in 2100; there is no sign-in for persons",
    "mishaps": "happen when asked for only; the 429 of Resource Graph is recorded, the other texts are ours; an "
    "endless operation has done its work all the same; rows move by one, at the front",
    "token signatures": "operation URLs have no signed t, c, s and h parameters",
    "operationResults": "202 while running and 400 with the error after a failure; only successes are recorded",
    "guids": "derived from a counter that the world keeps, so that a history repeats itself",
    "gateway errors": "ResourceGroupNotFound is recorded; the other ARM errors are from Microsoft's documents",
    "names": "of vaults (50) and policies (150): the characters are as Microsoft's Terraform provider has them, with "
    "BMSUserErrorInvalidInput and a reason of ours; that a name can be too short is not looked at",
    "policy checks": "BMSUserErrorInvalidInput with a reason of ours; the service's own checks are not recorded",
    "disk checks": "UserErrorDiskAndSnapshotRGOrMSIPermissionsNotPresent is recorded; which of the documented codes "
    "goes with which other finding is our reading",
    "roles": "what those of databases, key vaults and blob data allow and when they were made, beyond name and guid; "
    "a role assignment counts at once; Azure may take minutes. Only the documented roles count, as "
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
    "stopped protection": "keeps points and snapshots, as recorded instances promise for 36,600 days; expiryTime stays "
    "what it was, and what is overdue goes at once when protection is resumed",
    "restore": "checks run when the job ends, and the job fails with them; ten restores a day is not kept",
    "policies in place": "a policy in use can be changed, as recorded PUTs suggest and Microsoft's documents of disk "
    "backup deny; points made from then on are kept by the new rules, older ones as they were promised. A backup fails "
    "if its rule is gone when its point is made",
    "workload checks": "the codes are documented for blobs and PostgreSQL single server; other types use the same "
    "ones. Whether a database's password works, and a cluster's extension and trusted access, are not looked at",
    "workload backups": "an on-demand backup moves the whole size of the resource. The jobs of vaulted blobs and the "
    "end of a blob restore are recorded without details; no archive tier, no rehydration, no vault tier for clusters",
    "workload restores": "which request a type knows is from az's manifests; blobs go back to an instant in place "
    "only. What a restore writes to storage or into a cluster is not kept, restored containers and databases are",
    "workload resources": "storage accounts, clusters, servers and key vaults have few of their members and can be "
    "read only, but for key vaults and firewall rules; containers, databases and secrets come with the starter world",
    "resource guards": "the codes and messages of what a guard refuses; which operations cannot be excluded is "
    "documented, that a guard in use cannot be deleted, and that another one in its place needs an unlock, is not. "
    "The caller has every right on the guard; a tenant other than the vault's is not looked at",
    "secure score": "Maximum and Excellent for a guarded vault that would be Adequate and Good",
    "cross-region restore": "points are in the paired region an hour after they were made; the codes of refusals; any "
    "vaulted datasource can be restored there, where Azure supports some; only the shape of the reads is recorded",
    "resource graph": "policies, disks, snapshots, containers, guards, workloads and role rows; allowedOperations "
    'while suspended; instance rows have location ""; what changes is there at once, where Azure lags',
    "schedules": "policies run on their own where the sandbox has an estate, for disks and clusters; their due "
    "times are an anchor and whole periods after it, also across a change of summer time",
    "start lag": "runs start seconds after their due time, in the median six, now and then minutes, at most 40",
    "scheduled durations": "the recorded three minutes for small disks, up to four and a half for the largest, give or "
    "take; a failure takes about a minute where a check fails, else what the recorded ones took",
    "retention tags": "the lowest taggingPriority wins; days, months and years are of the policy's time zone and of "
    "the due time, weeks begin on Sunday; on-demand backups do not count as the first of anything",
    "overlapping runs": "a scheduled run does not happen while another of its instance is going",
    "old jobs": "generated jobs are forgotten after 15 days, so a GET of one by its name is then a 404",
    "estate changes": "what requests change about generated objects counts from then on",
    "resource changes": "rows are there at once; snapshots are made and deleted by one application, Azure Backup, and "
    "what a spec plants is the owner's doing in the portal; nothing but vaults, disks, snapshots and guards has rows",
    "cost exports": "`sandbox.export_costs` writes what snapshots used as files of the documented columns: a disk "
    "changes by so much a day, give or take 4 %; its oldest snapshot holds all that is used, a later one what changed "
    "since the one before, whose blocks it takes over when that goes; one price, no discounts",
    "policy exemptions": "a spec can plant exemptions, and with them one assignment a subscription; who made them and "
    "when is in properties.metadata. Nothing is evaluated",
}

NOT_DONE: dict[str, str] = {
    "directory": "no Microsoft Entra ID and no Microsoft Graph: no sign-in for persons, no users, groups or consent",
    "authorization": "the caller may do everything in what can be seen; roles count for the identities of vaults alone",
    "other providers": "Microsoft.DataProtection, disks, snapshots, resource groups, roles and what of the other "
    "datasources their backup needs; every other path is a 404. Resource groups cannot be deleted, snapshots not made",
    "Recovery Services": "vaults and protected items are rows of Resource Graph in an estate; of routes there is the "
    "GET of one protected item alone; there are no backups of virtual machines, databases in them, or files",
    "virtual machines": "rows of Resource Graph in an estate; they cannot be made, started or attached to",
    "data": "no byte is stored: a disk, a container or a database has a size and a name. The data planes of storage "
    "and Key Vault are not there",
    "archive": "no archive tier, no rehydration, no vault tier for clusters",
    "datasources": "Azure Data Lake, Azure Files and Elastic SAN are not known; vaulted backups of others cannot be "
    "scheduled by a spec",
    "throttling": "Resource Manager never throttles unless asked to; a vault's limits of operations a day are not kept",
    "monitoring": "no alerts, metrics, activity log, diagnostic settings or Backup reports; of costs only exports",
    "encryption and network": "keys of the customer, private endpoints and network rules are kept and mean nothing",
    "Azure Policy": "no definitions, no evaluation, no states, no routes",
    "Resource Graph": "tables other than resources, resourcecontainers, recoveryservicesresources, resourcechanges, "
    "authorizationresources and policyresources are empty; no history of rows; no GET with useResourceGraph; functions "
    "that no query of backups was found to use are answered with SandboxUnsupported, which Azure never says",
    "soft-deleted vaults": "a vault that is deleted is gone; deleted backup instances are kept as Azure keeps them",
    "identities": "vault identities assigned by the user are kept and not used; clusters have no trusted access",
}
