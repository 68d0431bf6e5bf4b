"""The commands of ``az dataprotection``: the table, parsing, help, and one module a command group."""
