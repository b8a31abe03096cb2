"""`${env:NAME}` and `${file:PATH}` in settings: resolved where they stand, and literal secrets found. Those of the
sign-in stay references, and may also name the keyring or a vault.

A tree of nodes goes in and comes out with the references replaced; a replaced text is marked secret, so that no message
shows it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from earmark.model.finding import Finding
from earmark.model.nearest import did_you_mean
from earmark.project.codes import Code
from earmark.project.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_SECRET_BYTES = 65_536
"""Largest file that a reference may name."""

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_SECRET_KEYS = frozenset({"secret", "client_secret", "password", "token", "key", "api_key", "connection_string"})
_KEPT = frozenset({("estate", "sign_in", name) for name in ("secret", "certificate", "password")})
"""Where a reference stays one: what it stands for is fetched when Earmark signs in, and only then."""
_PASSWORD_IN_URL = re.compile(r"^[A-Za-z][\w+.-]*://[^/@:\s]*:[^@/\s]+@")


@dataclass(kw_only=True)
class _Resolution:
    folder: Path
    environment: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)

    def node(self, node: Node, path: tuple[str, ...] = ()) -> Node:
        """The same tree with its references replaced."""
        if isinstance(node, MappingNode):
            return replace(node, entries=tuple((k, self.node(value, (*path, k.text))) for k, value in node.entries))
        if isinstance(node, SequenceNode):
            return replace(node, items=tuple(self.node(item, path) for item in node.items))
        assert isinstance(node, ScalarNode)
        key = path[-1] if path else ""
        if path in _KEPT:
            if _REFERENCE.fullmatch(node.text) or not node.text:
                return node
            self._holds_secret(node, key)
            return replace(node, secret=True)
        if not _REFERENCE.search(node.text):
            return replace(node, secret=True) if self._holds_secret(node, key) else node
        known = len(self.findings)
        text = _REFERENCE.sub(lambda match: self._value(node, match[1]), node.text)
        # where a reference has no value its notation stays: it is no empty text, which would be a second finding
        return node if len(self.findings) > known else replace(node, text=text, secret=True)

    def _holds_secret(self, node: ScalarNode, key: str) -> bool:
        """Whether a secret stands here in clear text; said once, and hidden from every other message."""
        if not (key.lower() in _SECRET_KEYS or _PASSWORD_IN_URL.match(node.text) or "-----BEGIN" in node.text):
            return False
        if node.text:
            hint = "Write ${env:NAME} or ${file:PATH} instead, and change the secret: others may have read it."
            self.findings.append(node.finding(Code.LITERAL_SECRET, f"`{key}` holds a secret in clear text.", hint))
        return bool(node.text)

    def _value(self, node: ScalarNode, reference: str) -> str:
        kind, _, name = reference.partition(":")
        if kind == "env" and name:
            return self._variable(node, name)
        if kind == "file" and name:
            return self._file(node, name)
        message = (
            f"`${{{reference}}}` is not a reference that settings know: ${{env:NAME}} or ${{file:PATH}} is expected."
        )
        self.findings.append(node.finding(Code.REFERENCE, message + did_you_mean(kind, ("env", "file"))))
        return ""

    def _variable(self, node: ScalarNode, name: str) -> str:
        value = self.environment.get(name)
        if not value:
            state = "is not set" if value is None else "is empty"
            message = f"The environment variable `{name}` {state}."
            self.findings.append(node.finding(Code.VARIABLE_MISSING, message, f"Set {name} before running Earmark."))
        return value or ""

    def _file(self, node: ScalarNode, name: str) -> str:
        path = self.folder / name
        try:
            if path.stat().st_size > MAX_SECRET_BYTES or not path.is_file():
                fault = f"is not a file of at most {MAX_SECRET_BYTES:,} bytes"
            else:
                text = path.read_text(encoding="utf-8").rstrip("\r\n")
                if text:
                    return text
                fault = "is empty"
        except UnicodeDecodeError:
            fault = "is not UTF-8 text"
        except (OSError, ValueError) as error:
            fault = f"cannot be read ({getattr(error, 'strerror', None) or 'not a usable path'})"
        self.findings.append(node.finding(Code.SECRET_FILE, f"The file `{name}` {fault}."))
        return ""


def resolve_references(root: Node, folder: Path, environment: Mapping[str, str]) -> tuple[Node, list[Finding]]:
    """The settings with every reference replaced, and a finding for each that cannot be and each literal secret."""
    resolution = _Resolution(folder=folder, environment=environment)
    return resolution.node(root), resolution.findings
