"""TLS on a connected socket, by MicroPython's ``tls`` (mbedtls). Imported where the settings have ``broker.tls``.

MicroPython has no way to ask whether a handshake is through (``cipher()`` before its end crashes the unix port of 1.29), so
the first write drives it: mbedtls takes no byte of it before the certificate was verified. All that a refused broker gets to
see of a board is a ClientHello.

The date. mbedtls goes by the machine's clock. While nobody has set that, it sees the latest time that is taken to be past, for
as long as it looks and no longer: the end of the CA's first day, or what the file ``tls.last`` says if that is later, and no
time before this firmware's. The file is written after a handshake by a set clock, once a day at most.
"""

import binascii
import errno
import gc
import os

import tls

import machine

from .. import wholefile
from ..mqtt.trouble import Trouble

LAST = "tls.last"
_DAY_MS = 86400000
# The beginning of 2024. An ESP32's clock counts from 2000, and many a CA is older than that.
_LEAST_MS = 1704067200000
_MAX_FILE = 8192
_BEGIN = b"-----BEGIN "
# UTCTime of 13 characters (RFC 5280, section 4.1.2.5.1): the first one in a certificate is the date from which it holds.
_UTC_TIME = b"\x17\x0d"
# What mbedtls says of a certificate (x509.h, MBEDTLS_X509_CRT_ERROR_INFO_LIST), the worst first.
_FLAWS = (
    ("not correctly signed", "tls-untrusted", "the certificate of %s is not by the CA that this board trusts"),
    ("revoked", "tls-untrusted", "the certificate of %s was revoked"),
    ("unacceptable", "tls-untrusted", "the certificate of %s is too weak"),
    ("does not match", "tls-name", "the certificate that was shown is not for %s; correct broker.host or the certificate"),
    ("expired", "tls-expired", "the certificate of %s has expired"),
    ("in the future", "tls-not-yet-valid", "the certificate of %s is not valid yet, by this board's clock"),
)
# mbedtls: ssl.h and x509.h. An MPI that finds no memory reaches us as error 16.
_VERIFY_FAILED = -0x2700
_FATAL_ALERT = -0x7780
_CLOSED = (-0x7280, -0x7880)
# How a broker ends a handshake whose board has no certificate, or one that does not count: its own was right by then. The alert
# that says so may be overtaken by the end of the connection (32: EPIPE).
_HUNG_UP = (_FATAL_ALERT, errno.ECONNRESET, 32) + _CLOSED
_NO_MEMORY = (16, -0x2880, -0x3F80, -0x4D80, -0x7F00)


class Securing:
    """What makes connections of ``host`` secure. ``files``: ``ca``, and ``cert`` and ``key`` or None, names on the board.

    Raises Trouble where these cannot be used.
    """

    def __init__(self, port, files, host):
        self._port = port
        self._host = host
        self._context = context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
        context.verify_mode = tls.CERT_REQUIRED
        self._floor_ms = _LEAST_MS
        for der in _load("ca", files.ca, context.load_verify_locations):
            self._floor_ms = max(self._floor_ms, _begins_ms(der) + _DAY_MS)
        if files.cert is not None:
            key = _ders("key", files.key)[0]
            _load("cert", files.cert, lambda der: context.load_cert_chain(der, key))
        last = wholefile.read(LAST, 16)
        self._last_ms = int(last) * 1000 if last and last.strip().isdigit() else 0

    def connection(self, poll, connected):
        """The transport over ``connected``, a non-blocking socket."""
        # mbedtls wants 16 KiB and more in one piece.
        gc.collect()
        return SecureConnection(self, poll, connected, self._context, self._host)

    def attempt(self, action, data):
        """``action(data)``, seen by mbedtls at a date that a certificate can be checked by."""
        if self._port.unix_ms() is not None:
            return action(data)
        rtc = machine.RTC()
        before = rtc.datetime()
        self._port.set_unix_ms(max(self._last_ms, self._floor_ms))
        try:
            return action(data)
        finally:
            rtc.datetime(before)

    def through(self):
        """A handshake is through: keep the time, if it is known and a day later than what is kept."""
        now = self._port.unix_ms()
        if now is None or now - self._last_ms < _DAY_MS:
            return
        try:
            wholefile.write(LAST, b"%d\n" % (now // 1000))
            self._last_ms = now
        except OSError:
            pass  # a full flash: the next day's will do


class SecureConnection:
    """A transport whose first write does the handshake. Raises Trouble with what the other side, or its certificate, lacks."""

    def __init__(self, securing, poll, connected, context, host):
        self._securing = securing
        self._poll = poll
        self._raw = connected
        self._host = host
        self._is_through = False
        # Bytes of a write that did not go through: mbedtls may hold them as an encrypted record, and takes the next write for
        # the same one, however much longer it is.
        self._pending = 0
        self._has_verified = False
        context.verify_callback = self._see
        try:
            self._secure = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
        except (OSError, ValueError) as error:
            connected.close()
            raise self._trouble(error)
        # What is decrypted is read to its end at each step, so the socket below tells all.
        poll.register(connected, 1)

    def readinto(self, buffer):
        if not self._is_through:
            # The write does it; whatever comes before it is through is no answer.
            return None
        try:
            return self._secure.readinto(buffer)
        except (OSError, ValueError) as error:
            raise self._trouble(error)

    def write(self, data):
        if self._pending:
            data = data[: self._pending]
        try:
            taken = self._secure.write(data) if self._is_through else self._securing.attempt(self._secure.write, data)
        except (OSError, ValueError) as error:
            raise self._trouble(error)
        if not taken:
            self._pending = len(data)
            return None
        self._pending = 0
        if not self._is_through:
            self._is_through = True
            self._securing.through()
        return taken

    def close(self):
        self._poll.unregister(self._raw)
        try:
            self._secure.close()
        except OSError:
            pass
        # After a failed handshake mbedtls has let go of it.
        self._raw.close()

    def _see(self, _certificate, _depth):
        self._has_verified = True
        return 0

    def _trouble(self, error):
        """The Trouble that an error of mbedtls means."""
        host = self._host
        if isinstance(error, ValueError):
            for part, word, text in _FLAWS:
                if part in str(error):
                    return Trouble(word, text % host)
            return Trouble("tls-failed", "TLS with %s: %s" % (host, str(error).strip()))
        code = error.args[0]
        if code in _NO_MEMORY or code == errno.ENOMEM:
            return Trouble("no-memory", "out of memory in TLS")
        if not self._is_through and code in _HUNG_UP:
            if self._has_verified:
                return self._refused()
            if code != _FATAL_ALERT:
                return Trouble("tls-failed", "%s ended the TLS handshake; does that port speak TLS?" % host)
        if code >= 0:
            return error
        if self._is_through:
            if code == _FATAL_ALERT:
                return self._refused()
            return Trouble("dropped", "closed by the broker" if code in _CLOSED else "TLS ended with error %d" % code)
        if code == _VERIFY_FAILED:
            return Trouble("tls-untrusted", "the certificate of %s cannot be verified" % host)
        return Trouble("tls-failed", "no TLS with %s (error %d); does that port speak TLS?" % (host, code))

    def _refused(self):
        return Trouble("tls-client-certificate", "%s refused this board's certificate, or the lack of one" % self._host)


def _load(key, name, take):
    """Have ``take`` each certificate of a file, and return them. Raises Trouble."""
    found = _ders(key, name)
    for der in found:
        try:
            take(der)
        except (OSError, ValueError):
            raise _useless(key, name)
    return found


def _ders(key, name):
    """The DER objects of a file that has one, or is PEM. Raises Trouble."""
    try:
        size = os.stat(name)[6]
        with open(name, "rb") as file:
            data = file.read() if size <= _MAX_FILE else b""
    except OSError:
        raise Trouble("tls-files", "broker.tls.%s: %s is not on the board; provision it" % (key, name))
    if _BEGIN not in data:
        return [data]
    found = []
    for block in data.split(_BEGIN)[1:]:
        lines = block.split(b"-----")
        try:
            found.append(binascii.a2b_base64(lines[1]))
        except (IndexError, ValueError):
            raise _useless(key, name)
    return found


def _useless(key, name):
    what = ", with its key," if key == "cert" else ""
    return Trouble("tls-files", "broker.tls.%s: %s%s is none that TLS can use; provision the board" % (key, name, what))


def _begins_ms(der):
    """When a certificate's time begins, in Unix ms; 0 where it says so in another way."""
    at = 0
    digits = b""
    # A serial number, which is ahead of it and random, may have the same two bytes.
    while not digits.isdigit() or der[at + 12 : at + 13] != b"Z":
        at = der.find(_UTC_TIME, at) + 2
        if at < 2:
            return 0
        digits = der[at : at + 12]
    year, month, day = [int(digits[i : i + 2]) for i in (0, 2, 4)]
    # Days since 1970 of the proleptic calendar whose year begins in March; UTCTime's years are 1950 to 2049.
    year += 2000 if year < 50 else 1900
    if month < 3:
        year -= 1
        month += 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * month - 457) // 5 + day - 719469
    return days * _DAY_MS
