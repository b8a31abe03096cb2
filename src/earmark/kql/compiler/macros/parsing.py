"""Macros that take texts apart: comma-separated values, paths, percent-encoding. Where Kusto's answer is not known for
a value, they stop the hunt with a sentence rather than guess.
"""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler.macros.base import Macro, macro

_FIELD = r'(?:"(?:[^"]|"")*"|[^",\r\n]*)'
_RECORD = rf"{_FIELD}(?:,{_FIELD})*"
_STEM = r"[^\\/:.](?:[^\\/:]*[^\\/:.])?"
_PATH = rf"(?:[A-Za-z]:[\\/]|\\\\|/)?(?:[^\\/:]+[\\/])+{_STEM}(?::[^\\/:]+)?|{_STEM}|"
_SCHEME = r"^([A-Za-z][A-Za-z0-9+.\-]+)://"

PARSING: Final[dict[str, Macro]] = {
    "k_csv_record": macro("s", rf"regexp_extract(s, '^{_RECORD}')"),
    "k_csv": macro(
        "s",
        rf"CASE WHEN s = '' OR NOT regexp_full_match(s, '(?s){_RECORD}(?:[\r\n].*)?') THEN"
        " error('parse_csv is known here only for texts that are not empty and well quoted')::VARCHAR"
        r""" ELSE to_json(list_transform(regexp_extract_all(k_csv_record(s) || ',', '("(?:[^"]|"")*"|[^,]*),', 1),"""
        """ lambda f: CASE WHEN starts_with(f, '"') THEN replace(substring(f, 2, length(f) - 2), '""', '"') ELSE f"""
        " END))::VARCHAR END",
    ),
    "k_path_rest": macro("s", f"regexp_replace(s, '{_SCHEME}', '')"),
    "k_path_file": macro("s", r"regexp_extract(k_path_rest(s), '[^\\/]*$')"),
    "k_path_folder": macro("s", r"regexp_extract(k_path_rest(s), '(?s)^(.*)[\\/]', 1)"),
    "k_path": macro(
        "s",
        f"CASE WHEN NOT regexp_full_match(k_path_rest(s), '{_PATH}') THEN"
        " error('parse_path is known here only for files in folders; this is none: ' || s)::VARCHAR"
        f" ELSE json_object('Scheme', regexp_extract(s, '{_SCHEME}', 1),"
        r" 'RootPath', regexp_extract(k_path_rest(s), '^[A-Za-z]:[\\/]'),"
        r" 'DirectoryPath', k_path_folder(s), 'DirectoryName', regexp_extract(k_path_folder(s), '[^\\/]*$'),"
        " 'Filename', split_part(k_path_file(s), ':', 1),"
        r" 'Extension', regexp_extract(split_part(k_path_file(s), ':', 1), '\.([^.]*)$', 1),"
        " 'AlternateDataStreamName', split_part(k_path_file(s), ':', 2))::VARCHAR END",
    ),
    "k_url_encode": macro(
        "s",
        "CASE WHEN regexp_matches(s, '[!*()''~]') THEN"
        " error('url_encode is not known here for texts with one of ! * ( ) '' ~')::VARCHAR"
        " ELSE array_to_string(list_transform(regexp_extract_all(url_encode(s), '%[0-9A-F]{2}|[^%]+'),"
        " lambda p: CASE WHEN starts_with(p, '%') THEN lower(p) ELSE p END), '') END",
    ),
    "k_code_points": macro(
        "s",
        "CASE WHEN s = '' THEN '[]' ELSE to_json(list_transform(string_split(s, ''), lambda c: unicode(c)))::VARCHAR"
        " END",
    ),
}
"""Name → macro."""
