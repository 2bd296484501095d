"""The MQTT session of a board: umqtt.simple's wire, with a delivery policy of our own around it.

``stream`` (below umqtt.simple) and ``client`` (above it) make the wire whole; ``inflight``, ``backoff`` and ``session`` are
the policy. None of them reads a clock or opens a socket by itself.
"""
