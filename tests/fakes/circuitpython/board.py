"""A Raspberry Pi Pico W's pins, as CircuitPython names them."""

from microcontroller import Pin

GP4 = Pin()
GP5 = Pin()
LED = Pin()
