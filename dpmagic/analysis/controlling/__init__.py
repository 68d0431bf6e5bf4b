"""Controls: what a file of them says, and how each member of what they are about does."""
