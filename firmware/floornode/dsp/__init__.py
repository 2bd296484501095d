"""Signal arithmetic in whole numbers: what turns a window of acceleration into the numbers of a vibration reading.

- ``loops``: the inner loops, in viper;
- ``extent``, ``scaled``: the least, the greatest and the mean of samples; numbers of 15 significant bits off the heap;
- ``fft``, ``spectrum``: the spectrum of a real window, a stage at a time, and what is read from it;
- ``stream``, ``bearing``: samples thinned out and demodulated as they come; a rolling bearing's lines.

Nothing here knows a sensor, a unit or a machine; ``floornode.vibration`` does.
"""
