"""poll() for the sockets beside it, which are always writable."""

import time

POLLIN = 1
POLLOUT = 4
POLLERR = 8
POLLHUP = 16


class poll:
    def __init__(self):
        self._watched = []

    def register(self, one, events=POLLIN | POLLOUT):
        self._watched.append((one, events))

    def unregister(self, one):
        self._watched = [each for each in self._watched if each[0] is not one]

    def poll(self, _ms=0):
        return [(one, events) for one, events in self._watched if events & POLLOUT or one.answers]

    def ipoll(self, ms=0):
        ready = self.poll()
        if not ready and ms > 0:
            time.sleep_ms(ms)
        return ready
