"""The radio, in reach of one access point: SSID `plant`, password `right-password`."""

import ipaddress
import os


class AuthMode:
    OPEN = "OPEN"
    WPA2 = "WPA2"
    PSK = "PSK"


class Network:
    def __init__(self):
        self.ssid = "plant"
        self.rssi = -57
        self.channel = 6


class Radio:
    def __init__(self):
        self.enabled = True
        self.hostname = "cpy"
        self._access_point = None

    @property
    def connected(self):
        return self._access_point is not None

    @property
    def ap_info(self):
        return self._access_point

    @property
    def ipv4_address(self):
        return ipaddress.IPv4Address("127.0.0.1") if self.connected else None

    def connect(self, ssid, password=b"", *, channel=0, bssid=None, timeout=None):
        # The words are those of shared-bindings/wifi/Radio.c.
        if ssid != os.environ.get("FAKE_SSID", "plant"):
            raise ConnectionError("No network with that ssid")
        if password != "right-password":
            raise ConnectionError("Authentication failure")
        self._access_point = Network()


radio = Radio()
