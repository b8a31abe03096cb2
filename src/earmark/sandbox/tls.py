"""Certificates of a sandbox: an authority of its own, the server's certificate, and applications' certificates.

The authority is made once in a folder and used again, so that whoever trusts it need not be told anew.
"""

from __future__ import annotations

import ipaddress
import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from earmark.errors import UsageError
from earmark.sandbox.apps import Certificate

_LIFE = timedelta(days=3_650)
_SERVER_LIFE = timedelta(days=365)
_RENEW = timedelta(days=30)
"""An authority that ends sooner is made anew."""
_AUTHORITY_USE = {"key_cert_sign": True, "crl_sign": True, "digital_signature": True}
_SERVER_USE = {"digital_signature": True, "key_encipherment": True}


class Authority:
    """A certificate authority whose key lies in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "ca.pem"
        key_path = folder / "ca-key.pem"
        pair = _read_pair(self.path, key_path)
        if pair is None:
            pair = _make_authority()
            write_private(key_path, _key_pem(pair[1]))
            self.path.write_bytes(pair[0].public_bytes(serialization.Encoding.PEM))
        self._certificate, self._key = pair

    def issue(self, folder: Path, hosts: list[str]) -> tuple[Path, Path]:
        """A certificate for a server of these names and addresses: (certificate, key), as files."""
        key = _new_key()
        names = [_general_name(host) for host in dict.fromkeys(hosts)]
        builder = _builder(hosts[0], self._certificate.subject, key.public_key(), _SERVER_LIFE)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(_SERVER_USE), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        paths = folder / "server.pem", folder / "server-key.pem"
        write_private(paths[1], _key_pem(key))
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return paths


def make_client_certificate(path: Path, name: str) -> Certificate:
    """The certificate of an application, with its key in one file, as sign-in libraries read it; made once."""
    pair = _read_pair(path, path)
    if pair is None:
        key = _new_key()
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = _builder(name, subject, key.public_key(), _LIFE)
        pair = builder.sign(key, hashes.SHA256()), key
        write_private(path, _key_pem(key) + pair[0].public_bytes(serialization.Encoding.PEM))
    return registered(pair[0].public_bytes(serialization.Encoding.PEM).decode())


def registered(pem: str) -> Certificate:
    """A certificate as an application is registered with it; ValueError when the text holds none."""
    certificate = x509.load_pem_x509_certificate(pem.encode())
    if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
        raise ValueError("the certificate's key is not an RSA key")
    return Certificate(
        pem=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        sha1=_thumbprint(certificate, hashes.SHA1()),  # it names a certificate and protects nothing
        sha256=_thumbprint(certificate, hashes.SHA256()),
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that nobody else may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _thumbprint(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    return urlsafe_b64encode(certificate.fingerprint(algorithm)).decode().rstrip("=")


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _key_pem(key: rsa.RSAPrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _read_pair(path: Path, key_path: Path) -> tuple[x509.Certificate, rsa.RSAPrivateKey] | None:
    """What an earlier start left; None when there is nothing, or nothing that still lives."""
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), None)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UsageError(
            f"{path} and its key cannot be read: {error}.", hint="Delete them; the sandbox makes new ones."
        ) from error
    fresh = certificate.not_valid_after_utc > datetime.now(UTC) + _RENEW
    if not isinstance(key, rsa.RSAPrivateKey) or not fresh or certificate.public_key() != key.public_key():
        return None
    return certificate, key


def _make_authority() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    key = _new_key()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Earmark sandbox authority")])
    builder = _builder("Earmark sandbox authority", subject, key.public_key(), _LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(_AUTHORITY_USE), critical=True)
    return builder.sign(key, hashes.SHA256()), key


def _builder(name: str, issuer: x509.Name, key: rsa.RSAPublicKey, life: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])]))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(given: dict[str, bool]) -> x509.KeyUsage:
    names = (
        *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
        *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
    )
    return x509.KeyUsage(**{name: given.get(name, False) for name in names})


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return x509.DNSName(host)
    except ValueError:
        raise UsageError(f"{host!r} is no host name.", hint="Write it in ASCII, as DNS does.") from None
