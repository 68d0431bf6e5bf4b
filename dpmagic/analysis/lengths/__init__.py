"""What analyses of how long jobs take share: what they are grouped by, and buckets that can be added up."""
