"""Models of sensor chips: bus transactions in, register bytes out, written from the makers' datasheets."""


def load(name):
    """The class that models the chip called ``name``, imported only now: a board holds the models of its own chips."""
    if name == "bme280":
        from chips.bme280 import Bme280

        return Bme280
    raise ValueError("unknown chip '%s'; known is bme280" % name)
