"""Wi-Fi of MicroPython, and what is wrong when it does not let a board in. Imported where the settings have ``wifi``."""

import network

from ..mqtt.trouble import Trouble

# A join that failed, as far as the port tells.
_FAILURES = (
    ("STAT_WRONG_PASSWORD", "wrong-password", "wrong Wi-Fi password for '%s'"),
    # What most access points make of a wrong password under WPA2.
    ("STAT_HANDSHAKE_TIMEOUT", "wrong-password", "wrong Wi-Fi password for '%s'"),
    ("STAT_NO_AP_FOUND", "no-access-point", "no access point '%s' in reach"),
    ("STAT_CONNECT_FAIL", "not-joined", "joining '%s' failed"),
)
# cyw43-driver, cyw43.h: joined, and without an address. MicroPython has no name for it.
_CYW43_LINK_NOIP = 2


class Wireless:
    """Wi-Fi as a station. ``wifi`` has ``ssid`` and ``password``."""

    def __init__(self, wifi):
        self._wifi = wifi
        self._wlan = network.WLAN(network.STA_IF)

    def join(self):
        wlan = self._wlan
        wlan.active(True)
        try:
            wlan.disconnect()
        except OSError:
            pass
        try:
            # Or an ESP32 tries for ever, and says "connecting" instead of what is wrong. The first failure may be the end of
            # the connection that was left just now.
            wlan.config(reconnects=1)
        except (OSError, ValueError):
            pass  # only an ESP32 counts them
        wlan.connect(self._wifi.ssid, self._wifi.password)

    def joined(self):
        if self.is_up():
            return True
        status = self._wlan.status()
        for name, word, text in _FAILURES:
            if status == getattr(network, name, None):
                raise Trouble(word, text % self._wifi.ssid)
        return False

    def lacks(self):
        """``(word, text)`` of what is missing while ``joined`` says no."""
        if self._is_associated():
            return "no-address", "'%s' gives no address: its DHCP does not answer" % self._wifi.ssid
        return "not-joined", "'%s' does not answer" % self._wifi.ssid

    def is_up(self):
        return self._wlan.isconnected()

    def rssi(self):
        try:
            return self._wlan.status("rssi")
        except (OSError, ValueError, TypeError):
            # Not joined, or a port that does not know the word.
            return None

    def _is_associated(self):
        if self._wlan.status() == _CYW43_LINK_NOIP:
            return True
        if not hasattr(network, "STAT_ASSOC_FAIL"):
            return False
        # An ESP32 says "connecting" until it has an address, but knows its access point's signal from the association on.
        try:
            return self._wlan.status("rssi") < 0
        except OSError:
            return False
