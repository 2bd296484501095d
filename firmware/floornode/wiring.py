"""How a sensor is reached that is not just on I2C: on SPI or a wire, with pins and choices of its own."""


def opener(port, cls, bus, sensor):
    """What opens the driver ``cls`` as ``sensor`` of the settings describes it, on ``bus`` of the settings."""

    def open_sensor():
        wires = port.wires()
        options = dict(sensor.options)
        for rule in cls.options:
            if rule[1] == "pin" and options[rule[0]] is not None:
                options[rule[0]] = wires.pin(options[rule[0]])
        if cls.streams:
            options["ticks_us"] = port.ticks_us
        if bus.kind == "i2c":
            wired = port.i2c(bus)
        elif bus.kind == "spi":
            wired = wires.spi(bus, sensor.cs, cls.spi_mode)
        else:
            wired = wires.onewire(bus)
        return cls(wired, sensor.address, **options)

    return open_sensor
