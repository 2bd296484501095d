"""Signal arithmetic in whole numbers: what turns a window of acceleration into the numbers of a vibration reading.

- ``kernels``: the inner loops, in viper;
- ``fft``: the spectrum of a real window, a stage at a time;
- ``scaled``: numbers of 15 significant bits that never touch the heap.

Nothing here knows a sensor, a unit or a machine; ``floornode.vibration`` does.
"""


def _plain():
    """The inner loops as bytecode, from the same text: some thirty times slower, and the same to the bit."""
    with open(__file__[: __file__.rfind("/") + 1] + "kernels.py") as file:
        text = file.read()
    names = {}
    exec(text.replace("@micropython.viper\n", ""), names)

    class Kernels:
        pass

    for name in names:
        # What is called on an instance would be given the instance first.
        setattr(Kernels, name, staticmethod(names[name]) if callable(names[name]) else names[name])
    return Kernels


try:
    from . import kernels
except SyntaxError:
    # A runtime without an emitter for its processor: CircuitPython, or MicroPython on 64-bit Arm.
    kernels = _plain()
