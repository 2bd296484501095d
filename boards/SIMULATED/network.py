"""The `network` module of a simulated board: joining takes its time and ends as the script's access point decides.

"wifi" in `simulation.json`: ``ssid``, ``password`` (none: an open one), ``join_ms``, ``ip``, and ``dhcp``: false for an
access point that gives no address. Without "wifi" every ssid is in reach and every password right. Traffic itself is
the host's: sockets of the unix port work with or without a network joined.
"""

import machine
import simulation

STA_IF = 0
AP_IF = 1

if simulation.is_esp32():
    STAT_IDLE = 1000
    STAT_CONNECTING = 1001
    STAT_GOT_IP = 1010
    STAT_NO_AP_FOUND = 201
    STAT_WRONG_PASSWORD = 202
    STAT_ASSOC_FAIL = STAT_CONNECT_FAIL = 203
    _NO_ADDRESS = STAT_CONNECTING  # an ESP32 that waits for an address does not tell
else:
    STAT_IDLE = 0
    STAT_CONNECTING = 1
    STAT_GOT_IP = 3
    STAT_NO_AP_FOUND = -2
    STAT_WRONG_PASSWORD = -3
    STAT_CONNECT_FAIL = -1
    _NO_ADDRESS = 2  # the driver's CYW43_LINK_NOIP, for which the module has no name

_NOWHERE = "0.0.0.0"
_EPERM = 1
_NOT_CONNECTED = 12303  # ESP_ERR_WIFI_NOT_CONNECT

_hostname = ["simulated"]


def hostname(name=None):
    if name is None:
        return _hostname[0]
    _hostname[0] = name


class WLAN:
    IF_STA = STA_IF
    IF_AP = AP_IF
    PM_NONE = 0
    PM_PERFORMANCE = 10555714
    PM_POWERSAVE = 17

    _stations = {}  # one radio, however many objects speak of it

    def __new__(cls, interface_id=STA_IF):
        if interface_id not in (STA_IF, AP_IF):
            raise ValueError("WLAN(%s) doesn't exist" % interface_id)
        if interface_id not in cls._stations:
            station = cls._stations[interface_id] = object.__new__(cls)
            station._active = False
            station._asked = None
            station._began = 0
            station._address = None
            station._reconnects = -1
        return cls._stations[interface_id]

    def active(self, is_active=None):
        if is_active is None:
            return self._active
        self._active = bool(is_active)
        if not is_active:
            self._asked = None

    def connect(self, ssid=None, key=None, *, bssid=None):
        if not self._active:
            raise OSError(_EPERM)
        self._asked = (ssid, key)
        self._began = _now_ms()

    def disconnect(self):
        self._asked = None

    def status(self, param=None):
        if param == "rssi":
            # esp_wifi_sta_get_ap_info fails until the station is associated; a CYW43 answers what it last knew.
            if simulation.is_esp32() and not self._is_associated():
                raise OSError(_NOT_CONNECTED)
            return simulation.script.get("wifi", {}).get("rssi", -50)
        if param is not None:
            raise ValueError("unknown status param")
        if self._asked is None:
            return STAT_IDLE
        wifi = simulation.script.get("wifi")
        if _now_ms() - self._began < (wifi or {}).get("join_ms", 150):
            return STAT_CONNECTING
        if wifi is None:
            return STAT_GOT_IP
        ssid, key = self._asked
        # An ESP32 tries on and on, "connecting" all the while, unless it is told how often (network_wlan.c).
        tries_on = simulation.is_esp32() and self._reconnects < 0
        if ssid != wifi.get("ssid", ssid):
            return STAT_CONNECTING if tries_on else STAT_NO_AP_FOUND
        if "password" in wifi and key != wifi["password"]:
            return STAT_CONNECTING if tries_on else STAT_WRONG_PASSWORD
        return STAT_GOT_IP if wifi.get("dhcp", True) or self._address else _NO_ADDRESS

    def _is_associated(self):
        took = _now_ms() - self._began
        wifi = simulation.script.get("wifi") or {}
        return self._asked is not None and took >= wifi.get("join_ms", 150) and self.status() in (STAT_GOT_IP, _NO_ADDRESS)

    def isconnected(self):
        return self.status() == STAT_GOT_IP

    def ifconfig(self, addresses=None):
        if addresses is not None:
            self._address = tuple(addresses)
        elif not self.isconnected():
            return (_NOWHERE, _NOWHERE, _NOWHERE, _NOWHERE)
        elif self._address:
            return self._address
        else:
            ip = simulation.script.get("wifi", {}).get("ip", "127.0.0.1")
            return (ip, "255.255.255.0", ip, ip)

    def ipconfig(self, param):
        if param == "addr4":
            return self.ifconfig()[:2]
        if param == "gw4":
            return self.ifconfig()[2]
        if param == "has_dhcp4":
            return self.isconnected() and self._address is None
        raise ValueError("unknown param '%s'" % param)

    def config(self, param=None, **settings):
        """Reads one parameter; settings (pm, txpower, ...) are taken without effect: there is no radio."""
        if param is None:
            if "reconnects" in settings:
                if not simulation.is_esp32():
                    raise ValueError("unknown config param")
                self._reconnects = settings["reconnects"]
            return None
        if param == "mac":
            return b"\x02" + machine.unique_id()[-5:]  # locally administered
        if param in ("ssid", "essid"):
            return (self._asked or ("", ""))[0]
        if param in ("hostname", "dhcp_hostname"):
            return hostname()
        if param == "channel":
            return 6
        raise ValueError("unknown config param")

    def scan(self):
        wifi = simulation.script.get("wifi")
        if not wifi:
            return []
        security = 3 if "password" in wifi else 0  # WPA2, or open
        return [(wifi.get("ssid", "").encode(), b"\x02\0\0\0\0\1", 6, self.status("rssi"), security, 1)]


def _now_ms():
    return simulation.uptime_us() // 1000
