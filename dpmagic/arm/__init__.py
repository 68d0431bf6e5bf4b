"""Azure Resource Manager: requests, pages, long-running operations, and plans carried out."""
