"""TLS between a bench's boards and its link: a CA of the bench's own, and the certificates that the link shows by it."""

import ssl
import tempfile
from pathlib import Path

from floorsense.broker.authority import Pair, make_authority, make_server

# Negative, so that it had begun and is over.
_EXPIRED_DAYS = -0.5


class Certificates:
    """``ca``: of the boards, as PEM. ``good`` and ``expired``: what they are shown by ``host``, as contexts of a server."""

    def __init__(self, host: str) -> None:
        authority = make_authority("floorsense bench")
        self.ca = authority.certificate
        self.good = _context(make_server(authority, [host]))
        self.expired = _context(make_server(authority, [host], _EXPIRED_DAYS))


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # It reads files only.
    with tempfile.TemporaryDirectory(prefix="floorsense-") as folder:
        path = Path(folder) / "shown.pem"
        path.touch(0o600)
        path.write_bytes(pair.certificate + pair.key)
        context.load_cert_chain(path)
    return context
