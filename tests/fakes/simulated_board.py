"""A simulated board that was just switched on, its script in memory and its time in the test's hand."""

import sys

PICO, ESP32 = "Raspberry Pi Pico W with RP2040", "Generic ESP32 module with ESP32"


class Uptime:
    def __init__(self):
        self.now = 100000

    def __call__(self):
        return self.now


def board(name=PICO, **script):
    """(machine, network, clock) of a board that was just switched on: modules of its own, which nobody else sees."""
    parts = ("Pin", "I2C", "RTC", "SPI", "WDT")  # pins first: the others know them
    names = ["simulation", "machine", "network", "bus", "spi_bus"] + ["parts." + part.lower() for part in parts]
    others = [(module, sys.modules.pop(module, None)) for module in names]
    simulation = __import__("simulation")
    script["machine"] = name
    simulation.script = script
    simulation.uptime_us = Uptime()
    machine = __import__("machine")
    network = __import__("network")
    for part in parts + ("SoftI2C", "SoftSPI"):
        getattr(machine, part)  # is imported by that
    for module, other in others:
        sys.modules.pop(module, None)
        if other:
            sys.modules[module] = other
    return machine, network, simulation.uptime_us
