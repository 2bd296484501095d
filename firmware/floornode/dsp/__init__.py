"""Signal arithmetic in whole numbers: what turns a window of acceleration into the numbers of a vibration reading.

- ``kernels``: the inner loops, in viper;
- ``fft``: the spectrum of a real window, a stage at a time;
- ``scaled``: numbers of 15 significant bits that never touch the heap.

Nothing here knows a sensor, a unit or a machine; ``floornode.vibration`` does.
"""
