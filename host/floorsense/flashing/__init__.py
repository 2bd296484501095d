"""MicroPython onto boards: images checked, the ESP32 family through esptool, RP2 boards through their UF2 drive."""
