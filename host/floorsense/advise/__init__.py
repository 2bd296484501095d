"""Conformance: any MQTT 3.1.1 telemetry device against T01 to T27, with us as its broker."""
