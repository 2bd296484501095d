"""Chance by a seed, the same on every runtime."""


class Chance:
    """A linear congruential generator (Numerical Recipes' constants); its high bits serve."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 + 12345) & 0xFFFFFFFF
        for _ in range(3):
            self.below(2)

    def below(self, n):
        """A whole number from 0 to n - 1."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % n

    def between(self, low, high):
        return low + self.below(high - low + 1)

    def happens(self, parts, of=100):
        return self.below(of) < parts

    def one(self, choices):
        return choices[self.below(len(choices))]
