"""The domain `machines`: production sessions out of the logs that machining centres write.

Pure modules: `decode` (bytes to lines), `parse` (lines to events), `jobs` (a job profile's text), `merge`
(versions of one file), `day` (one day's events as columns), `session`, `anomalies`, `suggestions`, `oee`,
`timeline`, `report`, `workbook` and `dry_run`. `engine` and what stands beside it join them to the ledger and
the stores; only `assets`, `checks` and `sensors` know Dagster.
"""
