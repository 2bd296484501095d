"""Names that adafruit_bus_device annotates with; MicroPython does not look at annotations, CPython does."""

ReadableBuffer = WriteableBuffer = object
