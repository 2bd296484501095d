# Freezes the firmware and what it runs on into a MicroPython image; `make setup` must have fetched the libraries.
#
#     make -C ports/rp2 BOARD=RPI_PICO_W FROZEN_MANIFEST=/path/to/floorsense/firmware/manifest.py
#
# The image then starts floornode by itself. It has everything but its settings.json.
metadata(description="Firmware for factory sensor boards", version="0.1.0", license="MIT")
include("$(PORT_DIR)/boards/manifest.py")
require("bundle-networking")
package("umqtt", base_path="../build/lib", opt=3)
package("adafruit_bme280", base_path="../build/lib", opt=3)
package("adafruit_bus_device", base_path="../build/lib", opt=3)
package("floornode", opt=3)
module("main.py")
