"""What is wrong with a query, phrased as advanced hunting does.

In come the diagnostics of Microsoft's language service, which speak to the author of a rule; out comes one sentence as
the API answers it, so that clients that look for `Failed to resolve table or column expression named 'X'` find it.
"""

from __future__ import annotations

from collections.abc import Sequence

from earmark.kql.base import Analysis, Diagnostic, Weight
from earmark.kql.defender.lexer import Token, tokens

_SEMANTIC, _SYNTAX = "Fix semantic errors in your query.", "Fix syntax errors in your query."
_LAST_SYNTAX_CODE = 99
_NO_OPERATOR = "KS176"
_SAME_OPERATOR = {"order": "sort", "filter": "where", "limit": "take", "tabular": "as"}


def sentence_of(query: str, analysis: Analysis) -> str:
    """The first fault of a query that is refused."""
    errors = sorted((d for d in analysis.diagnostics if d.weight is Weight.ERROR), key=lambda d: d.start)
    if not errors:
        return f"The query gives no table. {_SEMANTIC}"
    first = next((d for d in errors if _is_syntax(d)), errors[0])  # what cannot be parsed is not bound at all
    if first.code == _NO_OPERATOR:
        return f"Query operator expected. {_SYNTAX}"
    if _is_syntax(first):
        return f"{_ended(first.message)} {_SYNTAX}"
    name = query[first.start : first.end]
    words = [word for word in tokens(query) if word.text.strip()]
    match first.code:
        case "KS204":
            return f"{_consumer(words, first)}Failed to resolve table or column expression named '{name}'. {_SEMANTIC}"
        case "KS142" if _is_source(words, first):
            return f"{_consumer(words, first)}Failed to resolve table or column expression named '{name}'. {_SEMANTIC}"
        case "KS142":
            return f"{_around(words, first)}Failed to resolve scalar expression named '{name}'. {_SEMANTIC}"
        case "KS211":
            return f"The query has a semantic error: Unknown function: '{name}'. {_SEMANTIC}"
    return f"{_around(words, first)}{_ended(first.message)} {_SEMANTIC}"


def _is_syntax(diagnostic: Diagnostic) -> bool:
    code = diagnostic.code
    return code == _NO_OPERATOR or (code.startswith("KS") and code[2:].isdigit() and int(code[2:]) <= _LAST_SYNTAX_CODE)


def _ended(message: str) -> str:
    return message.rstrip(".") + "."


def _is_source(words: Sequence[Token], fault: Diagnostic) -> bool:
    """Whether a name stands where a pipe begins: nothing before it, a bracket, or the end of a statement."""
    before = [word for word in words if word.start < fault.start]
    return not before or before[-1].text == ";"


def _consumer(words: Sequence[Token], fault: Diagnostic) -> str:
    """The operator that is given the rows of the table that was named."""
    after = [word for word in words if word.start >= fault.end]
    if len(after) > 1 and after[0].text == "|":
        return _operator(after[1].text)
    return _around(words, fault)


def _around(words: Sequence[Token], fault: Diagnostic) -> str:
    """The operator that a place of the query belongs to."""
    before = [at for at, word in enumerate(words) if word.start < fault.start and word.text == "|"]
    return _operator(words[before[-1] + 1].text) if before and before[-1] + 1 < len(words) else ""


def _operator(name: str) -> str:
    return f"'{_SAME_OPERATOR.get(name, name)}' operator: "
