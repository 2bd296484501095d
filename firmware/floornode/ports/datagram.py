"""UDP of MicroPython. Imported where somebody is asked for the time."""

import errno
import select
import socket


class Datagram:
    """A UDP socket that ``Port.wait`` listens to, connected to one address."""

    def __init__(self, poll, host, port):
        try:
            address = socket.getaddrinfo(host, port, 0, socket.SOCK_DGRAM)[0][-1]
        except (OSError, IndexError):
            raise OSError(errno.ENOENT, "no such name: %s" % host)
        self._poll = poll
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise self._words(error)
        poll.register(self._socket, select.POLLIN)

    def send(self, data):
        try:
            self._socket.send(data)
        except OSError as error:
            raise self._words(error)

    def receive(self):
        try:
            return self._socket.recv(512)
        except OSError as error:
            if error.args[0] == errno.EAGAIN:
                return None
            raise self._words(error)

    def close(self):
        self._poll.unregister(self._socket)
        self._socket.close()

    def _words(self, error):
        code = error.args[0]
        return OSError(code, "nobody listens there" if code == errno.ECONNREFUSED else "error %s" % code)
