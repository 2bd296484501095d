"""TCP of MicroPython without waiting, the name look-up aside: a connection in the making, and one that is made."""

import errno
import select
import socket

from ..mqtt.trouble import Trouble

_IN_PROGRESS = (errno.EINPROGRESS, errno.EALREADY)
_TCP = 6
_TCP_NODELAY = 1


class Dial:
    """A TCP connection in the making. ``secure(poll, socket)``: makes the transport, where it is not to be a plain one."""

    secure = None

    def __init__(self, poll, host, port):
        self._poll = poll
        self._host = host
        try:
            self._address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
        except (OSError, IndexError):
            raise Trouble("no-name", "no such name: %s" % host)
        self._socket = socket.socket()
        self._socket.setblocking(False)
        try:
            self._socket.connect(self._address)
        except OSError as error:
            if error.args[0] not in _IN_PROGRESS:
                self._socket.close()
                self._raise(error)
        self._ready = select.poll()
        self._ready.register(self._socket, select.POLLOUT)

    def poll(self):
        """The connected transport, or None while the network is at it."""
        ready = self._ready.poll(0)
        if not ready:
            return None
        events = ready[0][1]
        if events & (select.POLLERR | select.POLLHUP):
            self._raise_reason()
        connected = self._socket
        self._socket = None
        self._ready.unregister(connected)
        try:
            connected.setsockopt(_TCP, _TCP_NODELAY, 1)
        except (OSError, AttributeError):
            # Some ports have no such option; our packets leave in one write each, so it costs them little.
            pass
        return (self.secure or Connection)(self._poll, connected)

    def close(self):
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _raise_reason(self):
        try:
            self._socket.readinto(bytearray(1))
        except OSError as error:
            self._raise(error)
        raise Trouble("dropped", "%s closed the connection" % self._host)

    def _raise(self, error):
        if error.args[0] == errno.ECONNREFUSED:
            raise Trouble("refused", "%s refused the connection" % self._host)
        raise error


class Connection:
    """A connected socket that ``Port.wait`` listens to."""

    def __init__(self, poll, connected):
        self._poll = poll
        self._socket = connected
        self.readinto = connected.readinto
        self.write = connected.write
        poll.register(connected, select.POLLIN)

    def close(self):
        self._poll.unregister(self._socket)
        self._socket.close()
