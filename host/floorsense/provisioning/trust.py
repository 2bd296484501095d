"""What a board needs for TLS, as files for its flash: the CA that it trusts, and its own certificate with its key.

They lie on the board in a folder of their own, named by what they hold: so new ones lie beside the old ones until the settings
that name them are there, and an interrupted run leaves a board that connects as before.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from floorsense.errors import UsageError
from floorsense.secret import Secret, read_private

FOLDER = "certs"
KEYS = ("ca", "cert", "key")
# What floornode.ports.securing reads of a file.
_MAX_BYTES = 8192
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True)
class Trust:
    """The files as they lie here: ``ca``, and ``cert`` with ``key`` where the board is to show one."""

    ca: Path
    cert: Path | None = None
    key: Path | None = None

    def faults(self) -> dict[str, str]:
        """What is wrong with the certificates, by the setting that names them; the key is looked at by ``files`` alone."""
        found = {}
        for key, path in (("ca", self.ca), ("cert", self.cert)):
            try:
                if path is not None:
                    _certificates(path)
            except UsageError as error:
                found[key] = str(error)
        return found

    def files(self) -> dict[str, tuple[str, Secret]]:
        """By setting, the file's path on the board and what it holds. Raises UsageError."""
        texts = {"ca": _certificates(self.ca)}
        if self.cert is not None and self.key is not None:
            texts["cert"] = _certificates(self.cert)
            texts["key"] = _key(self.key, x509.load_pem_x509_certificate(texts["cert"]), self.cert)
        return {key: (_name(key, text), Secret(text.decode())) for key, text in texts.items()}


def _certificates(path: Path) -> bytes:
    """All certificates of a PEM file, and nothing else of it. Raises UsageError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    try:
        found = x509.load_pem_x509_certificates(data)
    except ValueError:
        raise UsageError(
            f"{path}: has no certificate in it that can be read; give a PEM file, as `openssl x509` writes it"
        ) from None
    text = b"".join(one.public_bytes(_PEM) for one in found)
    if len(text) > _MAX_BYTES:
        raise UsageError(f"{path}: has {len(text)} bytes, and a board takes {_MAX_BYTES}; leave out the ones it does not need")
    return text


def _key(path: Path, certificate: x509.Certificate, shown: Path) -> bytes:
    """The key of ``certificate``, which is of the file ``shown``, as PEM. Raises UsageError, which shows nothing of it."""
    key = _private(path, read_private(path))
    forms = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*forms) != certificate.public_key().public_bytes(*forms):
        raise UsageError(f"{path}: is not the key of the certificate in {shown}; give those that were made together")
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _private(path: Path, data: bytes) -> PrivateKeyTypes:
    try:
        return serialization.load_pem_private_key(data, None)
    except TypeError:
        raise UsageError(
            f"{path}: is encrypted, and a board has nobody to ask; `openssl pkey -in {path.name} -out OPEN` decrypts it"
        ) from None
    except ValueError:
        raise UsageError(
            f"{path}: has no private key in it that can be read; give a PEM file, as `openssl pkey` writes it"
        ) from None


def _name(key: str, text: bytes) -> str:
    return f"{FOLDER}/{key}-{hashlib.sha256(text).hexdigest()[:8]}.pem"
