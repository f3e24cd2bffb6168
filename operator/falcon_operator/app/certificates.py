"""Certificates: a CA of our own, what it signs, and when either is due for renewal.

Nothing here reads or writes anything; `rotation` does. Keys are P-256, which every TLS 1.2 client knows
and which cost a node nothing. A certificate is renewed when two thirds of its life are over, and an
old CA stays among the trusted ones until it expires: a third of its life, in which whoever still
shows a certificate of it (a kubelet takes a minute to refresh a mounted Secret) is still believed.
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_LIFETIME: Final = datetime.timedelta(days=365)
SERVING_LIFETIME: Final = datetime.timedelta(days=90)
_BEFORE: Final = datetime.timedelta(minutes=5)
"""Certificates are valid from a little before they are made: nodes' clocks differ."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str = field(repr=False)


def authority(now: datetime.datetime, lifetime: datetime.timedelta = CA_LIFETIME) -> Pair:
    """A new CA, signed by itself. `now` is aware. Its name has the time in it, so that two can be told apart."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Falcon CA {now:%Y-%m-%dT%H:%M:%SZ}")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    builder = (
        _builder(name, name, key.public_key(), now, lifetime)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _pair(builder, key, key)


def issue(
    ca: Pair, names: Sequence[str], now: datetime.datetime, lifetime: datetime.timedelta = SERVING_LIFETIME
) -> Pair:
    """A new server certificate of `ca` for DNS names and IP addresses."""
    signer = serialization.load_pem_private_key(ca.key.encode(), None)
    if not isinstance(signer, ec.EllipticCurvePrivateKey):
        raise ValueError("the CA's key is of another type than this program makes")
    issuer = x509.load_pem_x509_certificates(ca.certificate.encode())[0]
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
    builder = (
        _builder(subject, issuer.subject, key.public_key(), now, min(lifetime, issuer.not_valid_after_utc - now))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    return _pair(builder, key, signer)


def is_due(certificate: str, now: datetime.datetime) -> bool:
    """Whether it is time to renew the (first) certificate; one that can't be read always is."""
    found = _load(certificate)
    if not found:
        return True
    begin, end = found[0].not_valid_before_utc, found[0].not_valid_after_utc
    return now >= begin + (end - begin) * 2 / 3


def is_pair(pair: Pair) -> bool:
    """Whether key and (first) certificate belong together."""
    found = _load(pair.certificate)
    try:
        key = serialization.load_pem_private_key(pair.key.encode(), None)
    except (ValueError, TypeError):
        return False
    return bool(found) and isinstance(key, ec.EllipticCurvePrivateKey) and found[0].public_key() == key.public_key()


def fits(certificate: str, ca: str, names: Sequence[str]) -> bool:
    """Whether the certificate was issued by the first of `ca` for exactly these names."""
    found, issuers = _load(certificate), _load(ca)
    if not found or not issuers:
        return False
    try:
        found[0].verify_directly_issued_by(issuers[0])
        listed = found[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, TypeError, x509.ExtensionNotFound, exceptions.InvalidSignature):
        return False
    return set(listed) == {_name(each) for each in names}


def joined(newest: str, older: str, now: datetime.datetime) -> str:
    """CAs to trust: the first of `newest`, then those of `older` that have not expired, each once."""
    kept = _load(newest)[:1]
    kept += [each for each in _load(older) if each.not_valid_after_utc > now and each not in kept]
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in kept)


def expiry(certificate: str) -> datetime.datetime | None:
    """When the (first) certificate ends, None if it can't be read."""
    found = _load(certificate)
    return found[0].not_valid_after_utc if found else None


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime.datetime,
    lifetime: datetime.timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + lifetime)
    )


def _pair(
    builder: x509.CertificateBuilder, key: ec.EllipticCurvePrivateKey, signer: ec.EllipticCurvePrivateKey
) -> Pair:
    signed = builder.sign(signer, hashes.SHA256())
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Pair(signed.public_bytes(serialization.Encoding.PEM).decode(), secret.decode())


def _load(pem: str) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
