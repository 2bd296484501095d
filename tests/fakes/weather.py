"""The faults of a day: of network, broker, storage, clock, flash and power, by chance."""

from fickle_broker import FINE, REFUSED, SWALLOWED

# Faults a day: a mean of one in two hours.
_MEAN_BETWEEN = 7200000
_MINUTE = 60000
_HOUR = 60 * _MINUTE


class Weather:
    """``happen()`` begins a fault of the ``day`` and returns what ends it, as [(when, what)]; ``calm()`` ends them all."""

    def __init__(self, day, chance):
        # What began, for a person.
        self.told = []
        self._day = day
        self._chance = chance
        self._broker = day.broker

    def pause(self):
        """Milliseconds to the next fault."""
        return self._chance.between(_MEAN_BETWEEN // 10, 2 * _MEAN_BETWEEN)

    def happen(self):
        fault = self._chance.one(
            (
                self._outage,
                self._silence,
                self._reset,
                self._resets,
                self._kill,
                self._late_kill,
                self._slow,
                self._pieces,
                self._lost_acks,
                self._lying,
                self._refusing,
                self._clock_step,
                self._power_cut,
                self._dark,
                self._full_flash,
                self._crammed,
                self._storage_away,
            )
        )
        self.told.append("%7.1f s %s" % (self._day.ms / 1000, fault.__name__.strip("_")))
        return fault() or []

    def calm(self):
        self._set(state=FINE, delay=20, pieces=False, mute_acks=0, lies=0, refusal=0)
        self._day.is_flash_full = self._day.is_storage_away = False

    def _after(self, least, most, what):
        return [(self._day.ms + self._chance.between(least, most), what)]

    def _set(self, **states):
        for name, value in states.items():
            setattr(self._broker, name, value)

    # The network.

    def _outage(self):
        self._set(state=self._chance.one((REFUSED, SWALLOWED)))
        self._broker.cut()
        return self._after(5000, 4 * _HOUR, lambda: self._set(state=FINE))

    def _silence(self):
        self._broker.mute()

    def _reset(self):
        self._broker.cut()

    def _resets(self):
        found = []
        for _ in range(self._chance.between(2, 8)):
            found += self._after(100, _MINUTE, self._broker.cut)
        return found

    def _slow(self):
        self._set(delay=self._chance.between(100, 4000))
        return self._after(10000, 30 * _MINUTE, lambda: self._set(delay=20))

    def _pieces(self):
        self._set(pieces=True)
        return self._after(10000, 10 * _MINUTE, lambda: self._set(pieces=False))

    # The broker, and the storage behind it.

    def _kill(self):
        self._day.board.excuse_window()
        self._broker.forget()

    def _late_kill(self):
        """The broker is killed while it is slow, with readings on their way."""
        found = self._slow()
        found.append((min(found[0][0], self._day.ms + self._chance.between(1000, 20000)), self._kill))
        return found

    def _lost_acks(self):
        self._set(mute_acks=self._chance.between(5, 50))
        return self._after(10000, 10 * _MINUTE, lambda: self._set(mute_acks=0))

    def _lying(self):
        self._set(lies=self._chance.between(5, 100))
        return self._after(10000, 10 * _MINUTE, lambda: self._set(lies=0))

    def _refusing(self):
        self._set(refusal=self._chance.between(1, 5))
        self._broker.cut()
        return self._after(10000, 10 * _MINUTE, lambda: self._set(refusal=0))

    def _storage_away(self):
        self._day.is_storage_away = True
        return self._after(_MINUTE, 2 * _HOUR, self._storage_is_back)

    def _storage_is_back(self):
        self._day.is_storage_away = False

    # The board.

    def _clock_step(self):
        self._day.board.step_clock(self._chance.between(-_HOUR, _HOUR))

    def _power_cut(self):
        self._day.cut_power()

    def _dark(self):
        """The power fails while the broker is away, more than once."""
        found = self._outage()
        while self._chance.happens(70):
            found.append((self._chance.between(self._day.ms, found[0][0]), self._power_cut))
        return found

    def _full_flash(self):
        self._day.is_flash_full = True
        return self._after(_MINUTE, _HOUR, self._flash_is_free)

    def _crammed(self):
        """The flash fills while the broker is away, and is full still when it is back: neither block nor cursor finds room."""
        found = self._outage()
        back = found[0][0]
        found.append((self._chance.between(self._day.ms, back), self._flash_is_full))
        found.append((back + self._chance.between(_MINUTE, _HOUR), self._flash_is_free))
        return found

    def _flash_is_full(self):
        self._day.is_flash_full = True

    def _flash_is_free(self):
        self._day.is_flash_full = False
