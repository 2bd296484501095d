"""The BME280's registers and timing: datasheet BST-BME280-DS002 revision 1.6 (sections named at each line).

Nothing is converted before somebody looks: at a read the model works out which conversion ended last, and what the
signals were at that moment. So a board that reads once a second pays for one conversion a second.
"""

import signals
from chips.bme280_trimming import Trimming, invert

try:
    from micropython import const  # its private names below cost no memory at run time
except ImportError:  # CPython
    const = int

_ID = const(0xD0)
_RESET = const(0xE0)
_CTRL_HUM = const(0xF2)
_STATUS = const(0xF3)
_CTRL_MEAS = const(0xF4)
_CONFIG = const(0xF5)
_DATA = const(0xF7)

_MEASURING = const(8)
_IM_UPDATE = const(1)

_NORMAL = const(3)
_START_UP_US = const(2000)  # table 1, t_startup

# RMS noise of pressure in Pa by its oversampling, without the filter.
_NOISE_PA = (0, 3.3, 2.6, 2.1, 1.6, 1.3)

# Standby between two conversions in normal mode, us, by t_sb (table 27).
_STANDBY_US = (500, 62500, 125000, 250000, 500000, 1000000, 10000, 20000)

# Trimming of an imaginary part, in the middle of what real ones hold: 0x88..0xA1, then 0xE1..0xE7.
_TRIMMING = "d46c12663200569070d6d00bc21ad3fff9ffac260ad8bd10004b6e0100132e031e"

_DEFAULTS = (("temperature", 21.0), ("pressure", 1013.25), ("humidity", 45.0))


class Bme280:
    """``spec`` has "signals" (temperature in C, pressure in hPa, humidity in %) and may have

    - "calibration": the 33 bytes of 0x88..0xA1 and 0xE1..0xE7 in hex;
    - "noise": times the datasheet's own of pressure (1); 0 for none, as no real part is.

    ``clock()`` tells microseconds since the board's start.
    """

    def __init__(self, spec, clock):
        self._clock = clock
        given = spec.get("signals", {})
        for name in given:
            if name not in ("temperature", "pressure", "humidity"):
                raise ValueError("signals.%s: a BME280 has temperature, pressure and humidity" % name)
        self._signals = [signals.signal(given.get(name, default), name) for name, default in _DEFAULTS]
        self._image = _bytes(spec.get("calibration", _TRIMMING))
        self._trimming = Trimming(self._image)
        self._noise = signals.number(spec.get("noise", 1))
        self._is_frozen = False
        self._random = 1
        self._registers = bytearray(256)
        self._guesses = [0x80000, 0x80000, 0x8000]  # temperature, pressure, humidity: where the last search ended
        self.power_on(0)

    def power_on(self, at):
        """Power comes at ``at`` microseconds: for the start-up time the chip does not answer at all."""
        self._off_until = at + _START_UP_US
        self._reset(at)

    def present(self):
        return self._clock() >= self._off_until

    def freeze(self, is_frozen):
        """The converter delivers its last values for ever."""
        self._is_frozen = is_frozen

    def write(self, data):
        """Section 6.2.1: a register's address, its value, another address, its value; no auto-increment."""
        now = self._clock()
        for at in range(0, len(data), 2):
            self._pointer = data[at]
            if at + 1 < len(data):
                self._store(data[at], data[at + 1], now)

    def read(self, buffer):
        """Section 6.2.2: from the address written last, auto-incremented. All bytes are of one moment, which is what
        the shadowing of section 4.1 promises for one burst and denies for several."""
        self._settle(self._clock())
        first = self._pointer
        if first + len(buffer) > _DATA:
            self._convert()
        registers = self._registers
        for at in range(len(buffer)):
            buffer[at] = registers[(first + at) & 0xFF]
        self._pointer = (first + len(buffer)) & 0xFF

    def _reset(self, at):
        """Section 5.4.2: the complete power-on procedure, at ``at`` microseconds."""
        registers = self._registers
        for address in range(256):
            registers[address] = 0
        registers[_ID] = 0x60
        registers[_DATA] = registers[_DATA + 3] = registers[_DATA + 6] = 0x80
        registers[_STATUS] = _IM_UPDATE
        self._pointer = 0
        self._loaded_at = at + _START_UP_US  # until then im_update holds: trimming is being copied (section 5.4.4)
        self._mode = 0
        self._pending = None
        self._finished = self._converted = 0
        self._filtered = None

    def _store(self, address, value, now):
        self._settle(now)
        if address == _RESET and value == 0xB6:
            self._reset(now)
        elif address in (_CTRL_HUM, _CTRL_MEAS) and self._pending is not None:
            pass  # section 3.3.1: ignored until the command that waits for the end of a conversion was executed
        elif address == _CTRL_HUM:
            self._registers[_CTRL_HUM] = value & 7  # effective after the next write to ctrl_meas (section 5.4.3)
        elif address == _CTRL_MEAS:
            if self._registers[_STATUS] & _MEASURING:
                self._pending = value  # and the register goes on to say what holds
            else:
                self._command(value, now)
        elif address == _CONFIG and self._mode != _NORMAL:
            # In normal mode such a write may be ignored (section 5.4.6): so it is, for a driver must not rely on it.
            self._convert()  # what was finished so far went through the filter as it was
            if (value ^ self._registers[_CONFIG]) & 0x1C:
                self._filtered = None
            self._registers[_CONFIG] = value & 0xFD

    def _command(self, value, at):
        """Takes over what ctrl_meas asks for at ``at`` microseconds; sections 3.3 and 9.1 (typical times)."""
        self._convert()  # what was finished so far was measured with the settings as they were
        self._registers[_CTRL_MEAS] = value
        self._oversampling = (value >> 5, value >> 2 & 7, self._registers[_CTRL_HUM])
        mode = value & 3
        self._mode = 1 if mode == 2 else mode  # 01 and 10 both force one conversion (table 25)
        self._began = at
        temperature, pressure, humidity = (_times(code) for code in self._oversampling)
        self._busy = 1000 + 2000 * temperature
        self._busy += 2000 * pressure + 500 if pressure else 0
        self._busy += 2000 * humidity + 500 if humidity else 0
        self._cycle = self._busy + _STANDBY_US[self._registers[_CONFIG] >> 5]
        self._finished = self._converted = 0
        self._settle(at)

    def _settle(self, now):
        """Brings status, mode and the number of finished conversions to ``now``."""
        registers = self._registers
        if registers[_STATUS] & _IM_UPDATE:
            if now < self._loaded_at:
                return
            registers[0x88:0xA2] = self._image[:26]
            registers[0xE1:0xE8] = self._image[26:]
            registers[_STATUS] = 0
        if not self._mode:
            registers[_STATUS] = 0
            return
        passed = now - self._began
        if self._pending is not None:
            end = self._finished * self._cycle + self._busy  # of the conversion that ran when the command came
            if passed < end:
                return
            value, self._pending = self._pending, None
            self._finished = self._finished + 1 if self._mode == _NORMAL else 1
            self._command(value, self._began + end)
            self._settle(now)
        elif self._mode == _NORMAL:
            self._finished = (passed - self._busy) // self._cycle + 1 if passed >= self._busy else 0
            registers[_STATUS] = _MEASURING if passed % self._cycle < self._busy else 0
        elif passed >= self._busy:
            self._finished = 1
            self._mode = 0
            registers[_CTRL_MEAS] &= 0xFC
            registers[_STATUS] = 0
        else:
            registers[_STATUS] = _MEASURING

    def _convert(self):
        """Puts the newest finished conversion into the data registers, by way of the filter where it is on."""
        coefficient = (0, 2, 4, 8, 16)[min(self._registers[_CONFIG] >> 2 & 7, 4)]
        # Of what nobody looked at only the filter remembers anything: 14 times its coefficient back it is less than one
        # part in 2**20.
        memory = 14 * coefficient if coefficient else 1
        if self._finished - self._converted > memory:
            self._converted = self._finished - memory
        if self._is_frozen:
            self._converted = self._finished
        while self._converted < self._finished:
            self._measure(self._began + self._converted * self._cycle + self._busy, coefficient)
            self._converted += 1

    def _measure(self, end, coefficient):
        """One conversion that ends at ``end`` microseconds: signals, raw values, filter, data registers."""
        ms = end // 1000
        trimming = self._trimming
        guesses = self._guesses
        celsius, hectopascal, percent = (signal.at(ms) for signal in self._signals)
        guesses[0] = invert(trimming.fine, 0, int(celsius * 5120), guesses[0], 0xFFFFF)
        fine = trimming.fine(guesses[0])  # what the die feels, also when its temperature is not read out
        skip_t, skip_p, skip_h = (code == 0 for code in self._oversampling)
        temperature, pressure, humidity = 0x80000, 0x80000, 0x8000  # what skipped channels say (tables 20, 23, 24)
        if not skip_t:
            temperature = guesses[0]
        if not skip_p:
            felt = int(hectopascal * 25600) + self._draw_noise()
            pressure = guesses[1] = invert(trimming.pressure, fine, felt, guesses[1], 0xFFFFF)
        if not skip_h:
            percent = min(max(percent, 0), 100)
            humidity = guesses[2] = invert(trimming.humidity, fine, int(percent * 4194304), guesses[2], 0xFFFF)
        if coefficient:
            temperature, pressure = self._filter(temperature, pressure, coefficient)
        else:
            temperature = _rounded(temperature, self._oversampling[0])
            pressure = _rounded(pressure, self._oversampling[1])
        registers = self._registers
        for at, raw in ((_DATA, pressure), (_DATA + 3, temperature)):
            registers[at] = raw >> 12
            registers[at + 1] = raw >> 4 & 0xFF
            registers[at + 2] = raw << 4 & 0xF0
        registers[_DATA + 6] = humidity >> 8
        registers[_DATA + 7] = humidity & 0xFF

    def _draw_noise(self):
        """Of pressure, in 1/256 Pa: near enough to normal, as strong as the table of RMS noise says for its oversampling."""
        if not self._noise:
            return 0
        # The generator of Numerical Recipes without its lowest byte: three even bytes have a standard deviation of 128.
        self._random = (self._random * 1664525 + 1013904223) & 0xFFFFFFFF
        drawn = self._random >> 8
        even = (drawn & 255) + (drawn >> 8 & 255) + (drawn >> 16) - 382
        return int(even * 2 * _NOISE_PA[min(self._oversampling[1], 5)] * self._noise)

    def _filter(self, temperature, pressure, coefficient):
        """Section 3.4.4: (old * (coefficient - 1) + raw) / coefficient, begun with the first value. Kept in 1/256 of a
        count: in whole counts it would stop short of where it goes."""
        if self._filtered is None:
            self._filtered = [temperature << 8, pressure << 8]
        memory = self._filtered
        memory[0] += ((temperature << 8) - memory[0]) // coefficient
        memory[1] += ((pressure << 8) - memory[1]) // coefficient
        return memory[0] >> 8, memory[1] >> 8


def _times(code):
    """How often a channel is sampled for the code in its register (tables 20, 23, 24)."""
    return (1 << min(code, 5)) >> 1


def _rounded(raw, code):
    """Without the filter a channel has 16 bits and one more for each doubling of the oversampling (section 3.4.2)."""
    if code == 0:
        return raw
    lost = 5 - min(code, 5)
    return min(raw + ((1 << lost) >> 1), 0xFFFFF) >> lost << lost


def _bytes(text):
    try:
        data = bytes([int(text[at : at + 2], 16) for at in range(0, len(text), 2)])
    except (ValueError, TypeError):
        data = b""
    if len(data) != 33:
        raise ValueError("calibration: wants 33 bytes in hex, registers 0x88..0xA1 and 0xE1..0xE7")
    return data
