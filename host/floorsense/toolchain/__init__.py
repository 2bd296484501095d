"""What simulated boards are made of: MicroPython, the firmware's libraries, compiled trees, and a broker to talk to."""
