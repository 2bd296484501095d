"""Models of sensor chips: bus transactions in, register bytes out, written from the makers' datasheets."""

_CHIPS = {"bme280": "Bme280", "adxl345": "Adxl345", "ds18b20": "Ds18b20", "iis3dwb": "Iis3dwb"}


def load(name):
    """The class that models the chip called ``name``, imported only now: a board holds the models of its own chips."""
    if name not in _CHIPS:
        raise ValueError("unknown chip '%s'; known are %s" % (name, ", ".join(sorted(_CHIPS))))
    return getattr(__import__("chips." + name, None, None, (_CHIPS[name],)), _CHIPS[name])
