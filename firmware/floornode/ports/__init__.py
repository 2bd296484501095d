"""What the firmware asks of a machine: one module a runtime, each with a class ``Port`` that MUST have

- ``ticks()``: milliseconds modulo ``ticks.PERIOD``; never goes back.
- ``unix_ms()``: Unix time in ms from the machine's own clock, or None while that was plainly never set.
- ``boot_number()``: the number of this start, one more than the last and already kept: to be asked once. OSError where it
  cannot be.
- ``uniform(n)``: a random whole number from 0 to n inclusive, different on each board and at each start.
- ``ticks_us()``: microseconds modulo some power of two of 2**29 or more.
- ``i2c(bus)``: what ``sensors`` says such a bus is, for one entry of the settings' buses; and ``wires()``: something with
  ``spi(bus, cs, mode)`` and ``onewire(bus)``, the same for the other kinds (``cs``: the number of the select pin; ``mode``: 0
  to 3; a wire is one object, whoever asks for it), and ``pin(number)``, a function that gives the level of an input.
- ``light(led)``: a function that switches the light of the settings' ``led`` on (1) or off (0).
- ``link(wifi)``: the network, as ``mqtt.session`` wants it; ``wifi`` is the settings' or None for a wired machine. Its
  ``rssi()`` is the signal's strength in dBm, or None.
- ``dial(host, port)``: a connection in the making, as ``mqtt.session`` wants it. Only the name look-up may wait.
- ``datagram(host, port)``: a UDP socket that hears that address only: ``send(data)``; ``receive() -> bytes or None``; OSError
  (code, "text") where the network refuses; ``close()``. ``wait`` wakes for it. Only the name look-up may wait.
- ``wait(ms)``: sleeps until an open connection has something to say, or ``ms`` milliseconds.
- ``set_unix_ms(unix_ms)``: sets the machine's own clock, by which it checks certificates and which may outlive a reset.
- ``settle()``: hears that the start is over: what it needed is garbage, and little is imported from now on.
- ``heap_free()``: bytes of the heap that are free now, without collecting.
- ``watchdog(ms)``: starts the machine's watchdog, which resets it ``ms`` after the last ``feed()`` of what is returned;
  ``stop()`` of it lets the machine live unfed while a person is at it, as far as the machine can.
- ``reset_cause()``: a word: power-on, watchdog, reset, deep-sleep, unknown.
- ``reset()``: starts the machine anew. Does not return.
- ``trace(error)``: the trace of an exception, as text.
"""
