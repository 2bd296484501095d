"""What the firmware asks of a machine: one module a runtime, each with a class ``Port`` that MUST have

- ``ticks()``: milliseconds modulo ``clock.PERIOD``; never goes back.
- ``unix_ms()``: Unix time in ms from the machine's own clock, or None while that was plainly never set.
- ``uniform(n)``: a random whole number from 0 to n inclusive, different on each board and at each start.
- ``i2c(bus)``: an object with ``machine.I2C``'s methods for one entry of the settings' buses.
- ``link(wifi)``: the network, as ``mqtt.session`` wants it; ``wifi`` is the settings' or None for a wired machine.
- ``dial(host, port)``: a connection in the making, as ``mqtt.session`` wants it. Only the name look-up may wait.
- ``wait(ms)``: sleeps until the open connection has something to say, or ``ms`` milliseconds.
- ``reset_cause()``: a word: power-on, watchdog, reset, deep-sleep, unknown.
- ``print_exception(error)``: the trace of an exception, where a person with a cable sees it.
"""
