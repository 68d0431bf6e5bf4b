"""A folder that never forgets: what Resource Graph shows for 14 days, kept as Parquet for as long as one likes."""
