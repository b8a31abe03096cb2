"""The embedded estate: a folder that holds events, devices and tags, for trying, for tests and for estates that are
cut off.

`estate.EmbeddedEstate` is the door. Below its folder lie `events/` (Parquet, `events.py`), `devices.db` (SQLite,
`devices.py`) and, while an import runs, `.staging/`. `importer.import_paths` fills it; `readers/` know the formats.
"""
