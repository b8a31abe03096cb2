"""Every finding of the project's own files: its code, how much it weighs, and what it means.

Codes are settled once published: scripts and people refer to them. `docs/reference/findings.md` explains each, and a
test keeps the page and this table together. Findings inside a query carry the codes of the KQL library (KS… and EK…)
and are not listed here.
"""

from __future__ import annotations

from enum import StrEnum

from earmark.model.finding import Severity


class Code(StrEnum):
    """A code of ours; `TITLES` says what each means."""

    FILE_MISSING = "EM001"
    NOT_A_FILE = "EM002"
    OUTSIDE_PROJECT = "EM003"
    FILE_TOO_BIG = "EM004"
    NOT_UTF8 = "EM005"
    FILE_EMPTY = "EM006"
    FILE_NOT_READ = "EM007"
    FILE_NAME = "EM008"
    YAML_SYNTAX = "EM101"
    YAML_TAB = "EM102"
    YAML_DUPLICATE_KEY = "EM103"
    YAML_ANCHOR = "EM104"
    YAML_TAG = "EM105"
    YAML_DOCUMENTS = "EM106"
    YAML_KEY = "EM107"
    YAML_DEPTH = "EM108"
    UNKNOWN_KEY = "EM201"
    MISSING_KEY = "EM202"
    WRONG_TYPE = "EM203"
    WRONG_WORD = "EM204"
    OUT_OF_RANGE = "EM205"
    DURATION = "EM206"
    SIZE = "EM207"
    SHARE = "EM208"
    DATE = "EM209"
    NAME = "EM210"
    EXCLUSIVE_KEYS = "EM211"
    NOT_SUPPORTED = "EM212"
    TIME_OF_DAY = "EM213"
    EMPTY_TEXT = "EM214"
    REPEATED_ITEM = "EM215"
    VARIABLE_MISSING = "EM301"
    SECRET_FILE = "EM302"
    LITERAL_SECRET = "EM303"
    REFUSED_PAIR = "EM304"
    STATE_URL = "EM305"
    REFERENCE = "EM306"
    TENANT = "EM307"
    HOST = "EM308"
    SIGN_IN = "EM309"
    RECURRENCE = "EM401"
    CRON = "EM402"
    TIME_ZONE = "EM403"
    FLOW_NAME_TWICE = "EM501"
    TAG_TWICE = "EM502"
    VALUES_MISSING = "EM503"
    VALUES_WITHOUT_TEMPLATE = "EM504"
    UNKNOWN_LIST = "EM505"
    UNKNOWN_COLUMN = "EM506"
    TAG_NOT_IN_CATALOGUE = "EM507"
    TAG_CASE = "EM508"
    TAG_AWKWARD = "EM509"
    QUERY_FILE = "EM510"
    WINDOW_UNKNOWN = "EM511"
    NO_EFFECT = "EM512"
    TEMPLATE = "EM513"
    COMMENT_SWALLOWS = "EM514"
    LIST_SYNTAX = "EM601"
    LIST_COLUMN = "EM602"
    LIST_ROW_LENGTH = "EM603"
    LIST_ROW_TWICE = "EM604"
    LIST_EMPTY = "EM605"
    LIST_NAME = "EM606"
    LIST_CELL = "EM607"
    LIST_NUL = "EM608"
    COLOUR = "EM701"


TITLES: dict[Code, str] = {
    Code.FILE_MISSING: "A file of the project is missing",
    Code.NOT_A_FILE: "Not a file that can be read",
    Code.OUTSIDE_PROJECT: "A path leads out of the project",
    Code.FILE_TOO_BIG: "The file is too big",
    Code.NOT_UTF8: "The file is not UTF-8",
    Code.FILE_EMPTY: "The file is empty",
    Code.FILE_NOT_READ: "A file lies where nothing reads it",
    Code.FILE_NAME: "A file name that cannot be used",
    Code.YAML_SYNTAX: "Not valid YAML",
    Code.YAML_TAB: "A tab where YAML wants spaces",
    Code.YAML_DUPLICATE_KEY: "A key is given twice",
    Code.YAML_ANCHOR: "Anchors, aliases and merge keys are not read",
    Code.YAML_TAG: "YAML tags and directives are not read",
    Code.YAML_DOCUMENTS: "More than one YAML document",
    Code.YAML_KEY: "A key is not plain text",
    Code.YAML_DEPTH: "Nested too deep",
    Code.UNKNOWN_KEY: "Unknown key",
    Code.MISSING_KEY: "A key is missing",
    Code.WRONG_TYPE: "Wrong type",
    Code.WRONG_WORD: "Not one of the allowed words",
    Code.OUT_OF_RANGE: "A number out of range",
    Code.DURATION: "Not a duration",
    Code.SIZE: "Not a size",
    Code.SHARE: "Not a share",
    Code.DATE: "Not a date",
    Code.NAME: "Not a usable name",
    Code.EXCLUSIVE_KEYS: "Keys that exclude each other",
    Code.NOT_SUPPORTED: "Not supported yet",
    Code.TIME_OF_DAY: "Not a time of day",
    Code.EMPTY_TEXT: "Text that must not be empty",
    Code.REPEATED_ITEM: "The same item twice",
    Code.VARIABLE_MISSING: "An environment variable is not set",
    Code.SECRET_FILE: "A file named by ${file:…} cannot be read",
    Code.LITERAL_SECRET: "A secret stands in the file",
    Code.REFUSED_PAIR: "This estate and this engine do not go together",
    Code.STATE_URL: "Not a state URL",
    Code.REFERENCE: "Not a reference that settings know",
    Code.TENANT: "Not a tenant",
    Code.HOST: "Not an address",
    Code.SIGN_IN: "A key that the sign-in method does not have",
    Code.RECURRENCE: "A recurrence that cannot be",
    Code.CRON: "Not a cron expression",
    Code.TIME_ZONE: "Unknown time zone",
    Code.FLOW_NAME_TWICE: "Two flows with one name",
    Code.TAG_TWICE: "One tag in two flows",
    Code.VALUES_MISSING: "A template without values",
    Code.VALUES_WITHOUT_TEMPLATE: "Values without a template",
    Code.UNKNOWN_LIST: "Unknown list",
    Code.UNKNOWN_COLUMN: "Unknown column",
    Code.TAG_NOT_IN_CATALOGUE: "The catalogue does not know the tag",
    Code.TAG_CASE: "Tags that differ by case alone",
    Code.TAG_AWKWARD: "A tag that is awkward in the portal",
    Code.QUERY_FILE: "The query's file cannot be read",
    Code.WINDOW_UNKNOWN: "How far back the hunt looks is not known",
    Code.NO_EFFECT: "A key that has no effect",
    Code.TEMPLATE: "Not a template",
    Code.COMMENT_SWALLOWS: "A comment swallows the lines after it",
    Code.LIST_SYNTAX: "Not a CSV file with a header",
    Code.LIST_COLUMN: "A list's column cannot be used",
    Code.LIST_ROW_LENGTH: "A row has too many or too few cells",
    Code.LIST_ROW_TWICE: "The same row twice",
    Code.LIST_EMPTY: "A list without rows",
    Code.LIST_NAME: "A list's name cannot be used",
    Code.LIST_CELL: "A cell with spaces around its text",
    Code.LIST_NUL: "A cell that is no text",
    Code.COLOUR: "Not a colour",
}
"""What each code means, in a few words."""

WARNINGS = frozenset(
    {
        Code.FILE_NOT_READ,
        Code.TAG_NOT_IN_CATALOGUE,
        Code.TAG_CASE,
        Code.TAG_AWKWARD,
        Code.WINDOW_UNKNOWN,
        Code.NO_EFFECT,
        Code.LIST_ROW_TWICE,
        Code.LIST_EMPTY,
        Code.LIST_CELL,
    }
)
"""Codes that warn; every other one is an error."""


def severity_of(code: Code) -> Severity:
    """How much a finding of this code weighs."""
    return Severity.WARNING if code in WARNINGS else Severity.ERROR
