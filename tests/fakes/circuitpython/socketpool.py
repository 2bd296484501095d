"""Sockets of the host with what CircuitPython's have, and no more."""

import socket as host

import wifi


class Socket:
    def __init__(self, one):
        self._one = one
        self.type = one.type

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __hash__(self):
        return hash(self._one)

    def bind(self, address):
        self._one.bind(address)

    def close(self):
        self._one.close()

    def connect(self, address):
        self._one.connect(address)

    def recvfrom_into(self, buffer):
        return self._one.recvfrom_into(buffer)

    def recv_into(self, buffer, bufsize):
        return self._one.recv_into(buffer, bufsize)

    def send(self, bytes):
        return self._one.send(bytes)

    def sendto(self, bytes, address):
        return self._one.sendto(bytes, address)

    def setblocking(self, flag):
        self._one.setblocking(flag)

    def setsockopt(self, level, optname, value):
        self._one.setsockopt(level, optname, value)

    def settimeout(self, value):
        self._one.settimeout(value)


class SocketPool:
    class gaierror(OSError):
        pass

    AF_INET = host.AF_INET
    AF_INET6 = host.AF_INET6
    SOCK_STREAM = host.SOCK_STREAM
    SOCK_DGRAM = host.SOCK_DGRAM
    IPPROTO_IP = 0
    IPPROTO_TCP = host.IPPROTO_TCP
    IPPROTO_UDP = host.IPPROTO_UDP
    TCP_NODELAY = host.TCP_NODELAY

    def __init__(self, radio):
        assert radio is wifi.radio

    def socket(self, family=AF_INET, type=SOCK_STREAM, proto=IPPROTO_IP):
        return Socket(host.socket(family, type, proto))

    def getaddrinfo(self, host, port, family=0, type=0, proto=0, flags=0):
        from socket import gaierror, getaddrinfo

        try:
            return getaddrinfo(host, port, self.AF_INET)
        except gaierror:
            raise self.gaierror("Name or service not known")
