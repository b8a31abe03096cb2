"""Functions of IPv4 addresses; text that is no address gives null, and a prefix (`/24`) masks."""

from __future__ import annotations

from typing import Final

from earmark.kql.compiler import regexes
from earmark.kql.compiler.functions.base import Builder, Call, template
from earmark.kql.compiler.literals import constant
from earmark.kql.compiler.macros import OCTET
from earmark.kql.compiler.scalar import Scalar, quoted


def _prefix(call: Call, position: int) -> str:
    bits = call.constant(position, 32) if position >= len(call) else None
    if bits is not None:
        return str(bits)
    return call.as_type(position, "long").inner


def _compare(call: Call) -> Scalar:
    return call.give(call.macro("k_ip_compare", call.text(0), call.text(1), _prefix(call, 2)), "long")


def _is_match(call: Call) -> Scalar:
    return call.give(f"{call.macro('k_ip_compare', call.text(0), call.text(1), _prefix(call, 2))} = 0", "bool")


def _in_range(call: Call, address: Scalar, block: Scalar) -> str:
    address, block = call.scope.hoist(address), call.scope.hoist(block)
    network, bits = call.macro("k_ip_network", block), call.macro("k_ip_bits", block)
    call.scope.require_macro("k_ip_mask")
    return f"({call.macro('k_ip_address', address)} & k_ip_mask({bits})) = {network}"


def _is_in_range(call: Call) -> Scalar:
    return call.give(_in_range(call, call.text(0), call.text(1)), "bool")


def _is_in_any_range(call: Call) -> Scalar:
    blocks: list[Scalar] = []
    for position in range(1, len(call)):
        if call[position].type == "string":
            blocks.append(call[position])
            continue
        listed = call.constant(position)
        if not isinstance(listed, list) or not all(isinstance(block, str) for block in listed):
            raise call.refuse("the ranges must be strings or a constant array of strings", position)
        blocks += [constant(block, "string") for block in listed]
    if not blocks:
        return constant(False, "bool")
    tests = " OR ".join(f"coalesce({_in_range(call, call.text(0), block)}, FALSE)" for block in blocks)
    address = call.scope.hoist(call.text(0))
    return call.give(f"CASE WHEN {call.macro('k_ip_address', address)} IS NOT NULL THEN {tests} END", "bool")


def _format(call: Call, *, masked: bool) -> Scalar:
    value = call.as_type(0, "long") if call[0].type in ("int", "long") else call.text(0)
    value = call.scope.hoist(value)
    mask = call.scope.hoist(call.as_type(1, "long")).sql if len(call) == 2 else "32"
    if value.type == "long":
        bits, number = mask, f"CASE WHEN {value.sql} BETWEEN 0 AND 4294967295 THEN {value.sql} END"
    else:
        bits, number = f"least({mask}, {call.macro('k_ip_bits', value)})", call.macro("k_ip_address", value)
    for name in ("k_ip_mask", "k_ip_text"):
        call.scope.require_macro(name)
    network = call.scope.hoist(Scalar(sql=f"({number}) & k_ip_mask({bits})", type="long"))
    text = f"k_ip_text({network.sql})" + (f" || '/' || ({bits})::VARCHAR" if masked else "")
    return call.give(f"coalesce(CASE WHEN {mask} BETWEEN 0 AND 32 THEN {text} END, '')", "string")


def _has(call: Call, *, prefix: bool, wanted: list[str]) -> Scalar:
    """Whether an address, set off by characters that are not letters or digits, stands in a text; of a prefix, whether
    the whole address is a valid one.
    """
    bad = [one for one in wanted if not _is_address(one, prefix)]
    good = [
        regexes.literal(one) + (rf"{OCTET}(?:\.{OCTET}){{{3 - one.count('.')}}}" if one.endswith(".") else "")
        for one in wanted
        if one not in bad
    ]
    if not good:
        return constant(False, "bool")
    pattern = f"(?:^|[^0-9A-Za-z.])(?:{'|'.join(good)})(?:$|[^0-9A-Za-z.])"
    return call.give(f"regexp_matches({call.text(0).sql}, {quoted(pattern)})", "bool", nullable=False)


def _is_address(text: str, prefix: bool) -> bool:
    parts = text.rstrip(".").split(".")
    whole = len(parts) == 4 and not text.endswith(".")
    return all(part.isdigit() and int(part) < 256 for part in parts) and (
        whole or (prefix and text.endswith(".") and len(parts) < 4)
    )


def _having(*, prefix: bool) -> Builder:
    def build(call: Call) -> Scalar:
        wanted: list[str] = []
        for position in range(1, len(call)):
            given = call.constant(position)
            for one in given if isinstance(given, list) else [given]:
                if not isinstance(one, str):
                    raise call.refuse("the addresses must be constant strings", position)
                wanted.append(one)
        return _has(call, prefix=prefix, wanted=wanted)

    return build


def _parse_mask(call: Call) -> Scalar:
    text, mask = call.scope.hoist(call.text(0)), call.scope.hoist(call.as_type(1, "long"))
    call.scope.require_macro("k_ip_mask")
    bits = f"least({mask.sql}, {call.macro('k_ip_bits', text)})"
    return call.give(
        f"CASE WHEN {mask.sql} BETWEEN 0 AND 32 THEN {call.macro('k_ip_address', text)} & k_ip_mask({bits}) END", "long"
    )


IPS: Final[dict[str, Builder]] = {
    "parse_ipv4": template("k_ip_network({0})", ["string"], "long", nullable=True),
    "parse_ipv4_mask": _parse_mask,
    "ipv4_is_private": template("k_ip_private({0})", ["string"], "bool", nullable=True),
    "ipv4_is_in_range": _is_in_range,
    "ipv4_is_in_any_range": _is_in_any_range,
    "ipv4_is_match": _is_match,
    "ipv4_compare": _compare,
    "ipv4_netmask_suffix": template(
        "CASE WHEN k_ip_address({0}) IS NOT NULL THEN k_ip_bits({0}) END", ["string"], "long", nullable=True
    ),
    "format_ipv4": lambda call: _format(call, masked=False),
    "format_ipv4_mask": lambda call: _format(call, masked=True),
    "has_ipv4": _having(prefix=False),
    "has_any_ipv4": _having(prefix=False),
    "has_ipv4_prefix": _having(prefix=True),
    "has_any_ipv4_prefix": _having(prefix=True),
}
"""Name → mapping."""
