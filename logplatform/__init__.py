"""logplatform: archives, machines, uploads and tickets as software-defined assets.

`logplatform.definitions` is what Dagster loads, `logplatform.cli` what people type; everything else is a
library under those two.
"""
