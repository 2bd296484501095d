"""What Mosquitto reads: its configuration and its access rules. Options are explained in mosquitto.conf(5)."""

from collections.abc import Sequence
from pathlib import Path

from floornode.contract import topics

_CONFIGURATION = """\
# Made by `floorsense broker`, which writes it anew: change it there.
# Root's Mosquitto would become another user, who cannot read what is ours.
user {user}
pid_file {folder}/mosquitto.pid

# Who may come: whoever has a password here; what for: see the access rules. Both are read again at SIGHUP.
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/access

listener {port} {binds}
certfile {folder}/server.pem
keyfile {folder}/server.key
tls_version tlsv1.2
{mutual}
# What waits for one subscriber that is away or slow, here that of the database: an hour of 200 boards that send three readings
# each 10 s. The default of 1,000 drops the rest without a word. 64 MB is the bound in memory.
max_queued_messages 220000
max_queued_bytes 67108864
# Under way to one subscriber at once; the default of 20 makes whoever listens to hundreds of boards wait for round trips.
max_inflight_messages 200
# Far above any message of a board, and far below what harms.
max_packet_size 131072
# Without it, each acknowledgement may wait 40 ms for the next packet to share a segment with.
set_tcp_nodelay true

# Sessions, queues and retained messages outlive a restart. They are written every 10 s where something changed: what Mosquitto
# acknowledged in the last 10 s is lost when it is killed or the power goes, for an acknowledgement is no storage. Boards whose
# settings ask for the end-to-end guarantee send it again.
persistence true
persistence_location {folder}/data/
autosave_interval 10
# Of a subscriber that does not come back, nothing is kept for longer.
persistent_client_expiration 7d

log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true
"""

_MUTUAL = """
# Boards that show a certificate of the floor's CA instead of a password; its common name is their user name.
listener {port} {binds}
cafile {folder}/ca.pem
certfile {folder}/server.pem
keyfile {folder}/server.key
crlfile {folder}/revoked.pem
tls_version tlsv1.2
require_certificate true
use_identity_as_username true
"""


def configuration(folder: Path, binds: str, port: int, mutual_port: int | None, user: str) -> str:
    """The text of mosquitto.conf. ``folder`` is absolute, ``binds`` the address to listen at, ``user`` the system's."""
    mutual = "" if mutual_port is None else _MUTUAL.format(folder=folder, binds=binds, port=mutual_port)
    return _CONFIGURATION.format(folder=folder, binds=binds, port=port, user=user, mutual=mutual)


def access_rules(host: str, boards: Sequence[str]) -> str:
    """The text of the access file: a board has its own topics, the host tools may hear all, and speak to boards."""
    rules = [
        "# Made by `floorsense broker`, which writes it anew. Whoever is not named here may do nothing.",
        f"user {host}",
        "topic read #",
        "topic read $SYS/#",
        f"topic write +/+/+/{topics.MARK}",
        f"topic write +/+/+/{topics.COMMAND}",
    ]
    for name in boards:
        rules += ["", f"user {name}", f"topic readwrite {name}/#"]
    return "\n".join(rules) + "\n"
