"""What the examples are about: the sandbox's first world, and what they put there, so that they run as they stand."""

from __future__ import annotations

_BACKUP = "/subscriptions/11111111-1111-4111-8111-111111111111/resourceGroups"
_WORKLOADS = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups"
_GUID = "f2b42b0e-0000-4000-8000-5c6d7e8f9a0b"

AT = "-g testBkpVaultRG --vault-name TestBkpVault"
VAULT_ID = f"{_BACKUP}/testBkpVaultRG/providers/Microsoft.DataProtection/backupVaults/TestBkpVault"
DISK_ID = f"{_WORKLOADS}/diskrg/providers/Microsoft.Compute/disks/data-01"
RESTORED_ID = f"{_WORKLOADS}/restoredrg/providers/Microsoft.Compute/disks/data-01-restored"
ACCOUNT_ID = f"{_WORKLOADS}/workloadrg/providers/Microsoft.Storage/storageAccounts/stpayments"
DISK_INSTANCE = f"data-01-data-01-{_GUID}"
BLOB_INSTANCE = f"stpayments-stpayments-{_GUID}"
RECOVERY_POINT = "b7d4d2f1b0ac4a6d8a1f0a5d2b7c9e3f"
JOB = "3c60cb49-63e8-4b21-b9bd-26277b3fdfae"
GUARD_AT = "-g guardRG -n guard1"
GUARD_ID = f"{_BACKUP}/guardRG/providers/Microsoft.DataProtection/resourceGuards/guard1"
