"""Certificates of any kind, good and bad, made by `cryptography`."""

import datetime
import ipaddress
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM
DAY = datetime.timedelta(days=1)


@dataclass
class Certificate:
    """A certificate and its key, and those above it."""

    own: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: "tuple[x509.Certificate, ...]" = ()

    @property
    def der(self) -> bytes:
        return self.own.public_bytes(DER)

    @property
    def pem(self) -> bytes:
        return self.own.public_bytes(PEM)

    @property
    def secret(self) -> bytes:
        """The key, as PEM."""
        return self.key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())

    def make(
        self, name: str, names: Sequence[str] = (), is_ca: bool = False, begins: int = -2, ends: int = 30
    ) -> "Certificate":
        """One that this one signs; ``begins`` and ``ends`` in days from now."""
        made = certificate(name, self, names, is_ca, begins, ends)
        # The root is known to whoever trusts it.
        made.above = (self.own, *self.above) if self.own.issuer != self.own.subject else ()
        return made

    def context(self, folder: Path) -> ssl.SSLContext:
        """A server's, that shows it."""
        chain, key = folder / "shown.pem", folder / "shown.key"
        chain.write_bytes(b"".join(one.public_bytes(PEM) for one in (self.own, *self.above)))
        key.write_bytes(self.secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        return context


def certificate(
    name: str, by: Certificate | None = None, names: Sequence[str] = (), is_ca: bool = True, begins: int = -2, ends: int = 30
) -> Certificate:
    """Signed by ``by``, or by itself."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.own.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    )
    if names:
        general = [x509.IPAddress(ipaddress.ip_address(one)) if one[0].isdigit() else x509.DNSName(one) for one in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(general), critical=False)
    return Certificate(builder.sign(by.key if by else key, hashes.SHA256()), key)
