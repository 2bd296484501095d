"""The rules of the settings: every key there is, in one table. ``settings`` applies them; the documents follow them.

A row is ``(key, kind, default, low, high)``. Kinds:

- ``level``: one level of a topic;
- ``text``: ``low`` to ``high`` bytes of UTF-8; ``secret``: the same, and never shown to anybody;
- ``host``: a name or an address, as ``text``;
- ``whole``: a whole number from ``low`` to ``high``; ``pin``: the same, and no other setting has the number too;
- ``flag``: true or false;
- ``choice``: one of the values in ``low``, a tuple;
- ``point``: the name of a measuring point; ``address``: a number on I2C, 16 hexadecimal digits on 1-Wire;
- ``section``: an object with the section's keys, the section being called as the key;
- ``sections``: ``low`` to ``high`` such objects by names of the user's choice; ``list``: the same in a list;
- ``qos``: 0, 1 or 2 for all quantities, or an object with one for each.

A default of REQUIRED means that there is none. None means that the key may be left out, and what then holds is the
firmware's business: no Wi-Fi, no user, the driver's own address.
"""

REQUIRED = "required"

SECTIONS = {
    "settings": (
        ("site", "level", REQUIRED),
        ("floor", "level", REQUIRED),
        ("machine", "level", REQUIRED),
        ("board", "text", REQUIRED, 1, 32),
        ("wifi", "section", None),
        ("broker", "section", REQUIRED),
        ("buses", "sections", REQUIRED, 1, 4),
        ("sensors", "list", REQUIRED, 1, 16),
        ("outbox", "section", {}),
        ("time", "section", {}),
        ("health", "section", {}),
        ("commands", "flag", True),
        ("led", "section", None),
    ),
    # IEEE 802.11: a network's name has up to 32 bytes; a passphrase 8 to 63 characters, a raw key 64 digits.
    "wifi": (
        ("ssid", "text", REQUIRED, 1, 32),
        ("password", "secret", None, 8, 64),
    ),
    "broker": (
        ("host", "host", REQUIRED, 1, 253),
        ("port", "whole", None, 1, 65535),
        ("tls", "section", None),
        ("user", "text", None, 1, 128),
        ("password", "secret", None, 1, 128),
        ("client_id", "text", None, 1, 200),
        ("keepalive", "whole", 60, 1, 65535),
        ("window", "whole", 10, 1, 64),
        ("first_window_ms", "whole", 2000, 100, 600000),
        ("last_window_ms", "whole", 60000, 100, 3600000),
    ),
    # Names of files on the board, DER or PEM.
    "tls": (
        ("ca", "text", REQUIRED, 1, 64),
        ("cert", "text", None, 1, 64),
        ("key", "text", None, 1, 64),
    ),
    "buses": (("kind", "choice", "i2c", ("i2c", "onewire", "spi")),),
    # A day is the longest period: ticks wrap after six.
    "sensors": (
        ("driver", "text", REQUIRED, 1, 32),
        ("bus", "text", REQUIRED, 1, 32),
        ("address", "address", None),
        ("cs", "pin", None, 0, 48),
        ("point", "point", None),
        ("period_ms", "whole", 1000, 10, 86400000),
        ("qos", "qos", 1),
    ),
    # What LittleFS drops and keeps at a time are two blocks of 4 KiB.
    "outbox": (
        ("capacity", "whole", 500, 10, 10000),
        ("durability", "choice", "outage", ("ram", "outage", "always")),
        ("gather_s", "whole", 60, 1, 3600),
        ("flash_kib", "whole", 512, 16, 16384),
        ("end_to_end", "flag", False),
    ),
    # A day is the longest here too. 1024 s is the longest that RFC 5905 polls at by default.
    "time": (
        ("server", "host", None, 1, 253),
        ("port", "whole", 123, 1, 65535),
        ("interval_s", "whole", 1024, 0, 86400),
    ),
    "health": (
        ("interval_s", "whole", 60, 0, 86400),
        ("retain", "flag", True),
    ),
    # MicroPython knows some pins by a name: that of a Pico W's light is the radio's.
    "led": (
        ("pin", "pin", None, 0, 48),
        ("name", "text", None, 1, 16),
        ("inverted", "flag", False),
    ),
}

# A bus keeps addresses below 8 and above 0x77 for itself (I2C specification UM10204, section 3.1.12).
ADDRESS_MIN = 8
ADDRESS_MAX = 119

# What a bus has besides, by its kind. A sensor has the options of its driver besides.
BUSES = {
    "i2c": (
        ("id", "whole", REQUIRED, 0, 3),
        ("scl", "pin", REQUIRED, 0, 48),
        ("sda", "pin", REQUIRED, 0, 48),
        ("freq", "whole", 400000, 1000, 1000000),
    ),
    "spi": (
        ("id", "whole", REQUIRED, 0, 3),
        ("sck", "pin", REQUIRED, 0, 48),
        ("mosi", "pin", REQUIRED, 0, 48),
        ("miso", "pin", REQUIRED, 0, 48),
        ("freq", "whole", 2000000, 100000, 20000000),
    ),
    "onewire": (("pin", "pin", REQUIRED, 0, 48),),
}
