"""Mosquitto's password file: `USER:$7$ITERATIONS$SALT$HASH`, a line each (mosquitto_passwd(1); PBKDF2 with SHA-512)."""

import base64
import hashlib
import secrets

# Mosquitto's own number. It is spent at every connect of every board; what it would protect are passwords that people think
# up, and these here have 192 random bits.
_ITERATIONS = 101
_SALT_BYTES = 12
_PASSWORD_BYTES = 24


def make_password() -> str:
    """A password nobody has to remember: 32 characters."""
    return secrets.token_urlsafe(_PASSWORD_BYTES)


def entry(user: str, password: str) -> str:
    """The user's line."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ITERATIONS)
    return f"{user}:$7${_ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def is_right(line: str, password: str) -> bool:
    """Whether ``password`` is the one of that line."""
    _, kind, iterations, salt, digest = line.rpartition(":")[2].split("$")
    found = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations))
    return kind == "7" and secrets.compare_digest(found, base64.b64decode(digest))
