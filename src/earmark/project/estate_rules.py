"""What binds the keys of `estate` together: which kind of estate and which sign-in have which; and the settings of a
Defender tenant, once all fits. An environment's file may make another kind of estate of the one beneath it: keys that
it leaves standing there are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from earmark.model.finding import Finding
from earmark.project.codes import Code
from earmark.project.project_file import EstateFile, SignInFile
from earmark.project.settings import (
    Cloud,
    DefenderSettings,
    EngineKind,
    EstateKind,
    HostSettings,
    Secret,
    SecretKind,
    SignIn,
    SignInMethod,
)
from earmark.project.yaml_nodes import MappingNode, Node, find, find_text

_OF_DEFENDER = ("tenant", "cloud", "geo", "sign_in", "hosts", "ca", "proxy", "old_hunting")
_PAIRS = {
    EstateKind.EMBEDDED: (EngineKind.LOCAL,),
    EstateKind.DEFENDER: (EngineKind.GRAPH, EngineKind.LOCAL, EngineKind.KUSTO),
}
_KEYS = {
    SignInMethod.SECRET: (("client_id", "secret"), ()),
    SignInMethod.CERTIFICATE: (("client_id", "certificate"), ("password",)),
    SignInMethod.MANAGED_IDENTITY: ((), ("client_id",)),
    SignInMethod.WORKLOAD_IDENTITY: ((), ("client_id", "token_file")),
    SignInMethod.CLI: ((), ()),
}
"""The keys that a method must have, and those that it may have."""


def check_estate(root: Node) -> Iterator[Finding]:
    """What is wrong with the keys of `estate` taken together, and with the engine beside it."""
    kind = find_text(root, "estate", "kind")
    estate = find(root, "estate")
    if kind is None or kind.text not in set(EstateKind) or not isinstance(estate, MappingNode):
        return
    yield from _check_engine(root, EstateKind(kind.text))
    if kind.text == EstateKind.EMBEDDED:
        for key, _ in estate.entries:
            if key.text in _OF_DEFENDER and key.source is kind.source:
                message = f"`estate.{key.text}` belongs to an estate of kind `defender`; this one is `embedded`."
                yield key.finding(Code.EXCLUSIVE_KEYS, message, "Remove the key, or write `kind: defender`.")
        return
    place = _key(root, "estate") or kind
    for name in ("tenant", "sign_in"):
        if estate.get(name) is None:
            yield place.finding(Code.MISSING_KEY, f"`estate` lacks the key `{name}`.", f"Add `{name}: …`.")
    yield from _check_places(root, estate)
    sign_in = estate.get("sign_in")
    if isinstance(sign_in, MappingNode):
        yield from _check_sign_in(_key(estate, "sign_in") or place, sign_in)


def _check_engine(root: Node, kind: EstateKind) -> Iterator[Finding]:
    engine = find_text(root, "hunting")
    if engine is None or engine.text not in set(EngineKind):
        return
    if EngineKind(engine.text) not in _PAIRS[kind]:
        message = f"An estate of kind `{kind}` cannot be hunted with `{engine.text}`; `local` is expected."
        yield engine.finding(Code.REFUSED_PAIR, message, "Write `hunting: local`.")
    elif engine.text == EngineKind.KUSTO:
        message = "The engine `kusto` is not supported yet in this version."
        yield engine.finding(Code.NOT_SUPPORTED, message, "Use `hunting: graph`.")


def _check_places(root: Node, estate: MappingNode) -> Iterator[Finding]:
    engine, path = find_text(root, "hunting"), estate.key("path")
    if path and engine and engine.text == EngineKind.GRAPH and path.source is engine.source:
        message = "`estate.path` is where imported events lie; with `hunting: graph` nothing reads it."
        yield path.finding(Code.EXCLUSIVE_KEYS, message, "Remove the key, or write `hunting: local`.")
    cloud, geo = find_text(estate, "cloud"), estate.key("geo")
    if geo is not None and cloud is not None and cloud.text != Cloud.PUBLIC:
        message = f"`estate.geo` belongs to the public cloud; this tenant's is `{cloud.text}`."
        yield geo.finding(Code.EXCLUSIVE_KEYS, message, "Remove one of the two.")
    host = find_text(estate, "hosts", "sign_in")
    if host is not None and host.text.lower().startswith("http:"):
        message = "`estate.hosts.sign_in` is plain http: secrets are sent there, and https is expected."
        yield host.finding(Code.HOST, message, "Write https://…, and name its certificate under `ca`.")


def _check_sign_in(place: Node, sign_in: MappingNode) -> Iterator[Finding]:
    method = find_text(sign_in, "method")
    if method is None or method.text not in set(SignInMethod):
        return
    required, optional = _KEYS[SignInMethod(method.text)]
    for name in required:
        if sign_in.get(name) is None:
            message = f"`estate.sign_in` lacks the key `{name}`, which method `{method.text}` needs."
            yield place.finding(Code.MISSING_KEY, message, f"Add `{name}: …`.")
    known = {name for must, may in _KEYS.values() for name in (*must, *may)}
    for key, _ in sign_in.entries:
        if key.text in known and key.text not in required + optional:
            allowed = f"; it has {', '.join(required + optional)}" if required + optional else ""
            message = f"The sign-in method `{method.text}` has no key `{key.text}`{allowed}."
            yield key.finding(Code.SIGN_IN, message, "Remove the key, or change the method.")


def _key(node: Node, name: str) -> Node | None:
    return node.key(name) if isinstance(node, MappingNode) else None


def defender_settings(file: EstateFile, folder: Path) -> DefenderSettings | None:
    """The settings of a tenant; None for another kind of estate."""
    if file.kind is not EstateKind.DEFENDER or file.tenant is None or file.sign_in is None:
        return None
    hosts = file.hosts
    return DefenderSettings(
        tenant=file.tenant,
        sign_in=_sign_in(file.sign_in, folder),
        cloud=file.cloud or Cloud.PUBLIC,
        geo=file.geo,
        hosts=HostSettings(sign_in=hosts.sign_in, defender=hosts.defender, graph=hosts.graph)
        if hosts
        else HostSettings(),
        ca=None if file.ca is None else (folder / file.ca).absolute(),
        proxy=file.proxy,
        old_hunting=bool(file.old_hunting),
    )


def _sign_in(file: SignInFile, folder: Path) -> SignIn:
    return SignIn(
        method=file.method,
        client_id=file.client_id,
        secret=_secret(file.secret, folder),
        certificate=_secret(file.certificate, folder),
        password=_secret(file.password, folder),
        token_file=None if file.token_file is None else (folder / file.token_file).absolute(),
    )


def _secret(reference: tuple[str, str] | None, folder: Path) -> Secret | None:
    if reference is None:
        return None
    kind, name = reference
    return Secret(kind=SecretKind(kind), name=name, folder=folder.absolute())
