"""The floor's own certificate authority: EC P-256 keys, and certificates for the broker and for boards.

Names and dates follow RFC 5280. Dates begin a day early, for clocks that are behind; a board whose clock was never set goes by
what its firmware says about that.
"""

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

# A board lives as long as its machine; who comes to renew each of hundreds by hand had better come seldom.
_CA_DAYS = 20 * 365
_LEAF_DAYS = 10 * 365
_CRL_DAYS = 10 * 365
# RFC 5280, appendix A.1: ub-common-name.
MAX_NAME = 64


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both as PEM."""

    certificate: bytes
    key: bytes

    def __repr__(self) -> str:
        return "<certificate and key>"


def make_authority(name: str) -> Pair:
    """A new CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(name, _name(name), key.public_key(), _CA_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def make_server(authority: Pair, names: Sequence[str], days: float = _LEAF_DAYS) -> Pair:
    """A certificate for the broker that is reached by these names and addresses, the first of which is its common name.

    ``days``: from now on, for which it is good.
    """
    return _leaf(authority, names[0][:MAX_NAME], ExtendedKeyUsageOID.SERVER_AUTH, [_general(name) for name in names], days)


def make_client(authority: Pair, user: str) -> Pair:
    """A certificate for a board, whose user name at the broker is the common name: at most MAX_NAME characters."""
    return _leaf(authority, user, ExtendedKeyUsageOID.CLIENT_AUTH, [], _LEAF_DAYS)


def serial_of(certificate: bytes) -> int:
    return x509.load_pem_x509_certificate(certificate).serial_number


def expiry_of(certificate: bytes) -> datetime.date:
    """The last day on which it counts. Raises ValueError for what is no certificate."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.date()


def revocations(authority: Pair, serials: Sequence[int]) -> bytes:
    """The list (CRL, RFC 5280 section 5) of certificates that no longer count, as PEM."""
    certificate, key = _load(authority)
    now = _now()
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(certificate.subject)
        .last_update(now - datetime.timedelta(days=1))
        .next_update(now + datetime.timedelta(days=_CRL_DAYS))
    )
    for serial in serials:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
        )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _leaf(authority: Pair, name: str, use: x509.ObjectIdentifier, names: Sequence[x509.GeneralName], days: float) -> Pair:
    issuer, issuer_key = _load(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    public = issuer.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    builder = (
        _builder(name, issuer.subject, key.public_key(), days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return _pair(builder.sign(issuer_key, hashes.SHA256()), key)


def _builder(name: str, issuer: x509.Name, key: ec.EllipticCurvePublicKey, days: float) -> x509.CertificateBuilder:
    now = _now()
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _usage(signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _load(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = serialization.load_pem_private_key(pair.key, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(pair.certificate), key


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(certificate.public_bytes(serialization.Encoding.PEM), text)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0)
