"""How large snapshots are: no API of Azure says, cost exports do."""
