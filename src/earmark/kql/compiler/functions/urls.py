"""Functions that take addresses of the web apart."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.functions.base import Builder, template

URLS: Final[dict[str, Builder]] = {
    "parse_url": template("k_url({0})", ["string"], "dynamic", nullable=False),
    "parseurl": template("k_url({0})", ["string"], "dynamic", nullable=False),
    "parse_urlquery": template(
        "'{{\"Query Parameters\":' || k_url_query({0}) || '}}'", ["string"], "dynamic", nullable=False
    ),
}
"""Name → mapping."""
