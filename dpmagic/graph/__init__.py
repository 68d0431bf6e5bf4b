"""Azure Resource Graph: values as KQL literals, a query read to its last page."""
