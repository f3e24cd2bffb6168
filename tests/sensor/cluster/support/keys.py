"""A CA and a serving certificate of it, as the operator puts them into the sensors' Secret."""

from __future__ import annotations

import datetime
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SERVER = "falcon-sensor"


class Authority:
    def __init__(self, name: str = "test CA"):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = _signed(self._name, self._name, self._key.public_key(), self._key, authority=True)

    @property
    def pem(self) -> str:
        return str(self._certificate.public_bytes(serialization.Encoding.PEM).decode())

    def client(self) -> ssl.SSLContext:
        """Trusts this CA alone."""
        return ssl.create_default_context(cadata=self.pem)

    def issue(self, directory: Path, name: str = SERVER) -> int:
        """Writes tls.crt and tls.key as the kubelet does: all at once, by turning a link. Returns the serial number."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = _signed(subject, self._name, key.public_key(), self._key, names=[name])
        made = directory / f"..{certificate.serial_number:x}"
        made.mkdir(parents=True)
        (made / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        (made / "tls.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        (directory / "..new").symlink_to(made.name)
        os.replace(directory / "..new", directory / "..data")
        for each in ("tls.crt", "tls.key"):
            if not (directory / each).is_symlink():
                (directory / each).symlink_to(f"..data/{each}")
        return int(certificate.serial_number)


def _signed(subject, issuer, public, private, *, authority=False, names=()):
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), False)
    return builder.sign(private, hashes.SHA256())
