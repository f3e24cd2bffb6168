"""Certificates of our own: who is believed, and when they are renewed."""

from __future__ import annotations

import datetime
import ssl

import pytest
from tests.operator.support.sensor import server_tls

from falcon_operator.app import certificates

NOW = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
NAMES = ("falcon-sensor", "10.0.0.7")


@pytest.fixture(scope="module")
def ca():
    return certificates.authority(NOW)


@pytest.fixture(scope="module")
def serving(ca):
    return certificates.issue(ca, NAMES, NOW)


def handshake(pair: certificates.Pair, authorities: str, name: str) -> None:
    """A TLS handshake in memory. Raises ssl.SSLError if the client does not believe the server."""
    server = server_tls(pair)
    client = ssl.create_default_context(cadata=authorities)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("name", NAMES)
def test_a_certificate_is_believed_for_its_names(ca, serving, name):
    handshake(serving, ca.certificate, name)


def test_it_is_not_believed_for_another_name(ca, serving):
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(serving, ca.certificate, "falcon-hub")


def test_another_ca_is_not_believed(serving):
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(serving, certificates.authority(NOW).certificate, NAMES[0])


def test_while_cas_change_certificates_of_both_are_believed(ca, serving):
    new = certificates.authority(NOW + datetime.timedelta(seconds=1))
    both = certificates.joined(new.certificate, ca.certificate, NOW)
    handshake(serving, both, NAMES[0])
    handshake(certificates.issue(new, NAMES, NOW), both, NAMES[0])


def test_expired_cas_are_dropped_and_none_is_listed_twice(ca):
    late = NOW + certificates.CA_LIFETIME + datetime.timedelta(days=1)
    new = certificates.authority(late)
    assert certificates.joined(new.certificate, ca.certificate, late) == new.certificate
    assert certificates.joined(ca.certificate, ca.certificate, NOW) == ca.certificate


@pytest.mark.parametrize(("days", "due"), [(0, False), (59, False), (61, True), (100, True)])
def test_renewal_is_due_when_two_thirds_are_over(serving, days, due):
    assert certificates.is_due(serving.certificate, NOW + datetime.timedelta(days=days)) is due


@pytest.mark.parametrize("text", ["", "no certificate"])
def test_what_cannot_be_read_is_due(text):
    assert certificates.is_due(text, NOW)
    assert not certificates.is_pair(certificates.Pair(text, text))


def test_key_and_certificate_must_belong_together(ca, serving):
    assert certificates.is_pair(serving)
    assert not certificates.is_pair(certificates.Pair(serving.certificate, ca.key))


def test_a_certificate_fits_its_issuer_and_exactly_its_names(ca, serving):
    assert certificates.fits(serving.certificate, ca.certificate, NAMES)
    assert not certificates.fits(serving.certificate, ca.certificate, NAMES[:1])
    assert not certificates.fits(serving.certificate, certificates.authority(NOW).certificate, NAMES)


def test_a_certificate_does_not_outlive_its_ca(ca):
    late = NOW + certificates.CA_LIFETIME - datetime.timedelta(days=1)
    made = certificates.issue(ca, NAMES, late)
    assert certificates.expiry(made.certificate) == certificates.expiry(ca.certificate)


def test_keys_do_not_show_in_logs(ca):
    assert "PRIVATE" not in repr(ca)
