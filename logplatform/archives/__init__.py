"""Archives: compressed logs of many servers, landed, verified, extracted and parsed into events.

Pure parts: `formats`, `decompress`, `extract`, `rotation`, `lines`. What decides and writes: `engine` and the modules
it is made of. What Dagster sees: `assets`, `checks`, `sensors`, and nothing else here knows Dagster.
"""
