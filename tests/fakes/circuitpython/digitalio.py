"""Named by drivers for their annotations only."""


class DigitalInOut:
    def __init__(self, pin):
        raise NotImplementedError
