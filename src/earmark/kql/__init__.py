"""KQL in, SQL out: a library of its own that knows nothing of Earmark.

`language` is Microsoft's language service in a JavaScript engine (parse, bind, diagnose); `compiler` turns its bound,
typed tree into DuckDB SQL; `defender` holds what advanced hunting adds: tables, old names, lints and repairs.
`service.Kql` is the door.
"""
