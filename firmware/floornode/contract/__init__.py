"""The contract between a board and everything that listens to it.

Pure: these modules import nothing outside this package, so the host tools and the firmware run the very same code.

- ``quantities``: what can be measured, in which unit, to which resolution.
- ``points``: one of them at several places of a machine.
- ``topics``: where it is published.
- ``reading``: one measurement and its identity.
- ``payload``: a reading as bytes on the wire, and back.
- ``text``: numbers and text as they are written there, and as they are shown to a person.
- ``status``: birth, will and last word of a board.
- ``mark``: what the storage holds of a machine's readings, published by the ingestion.
- ``command``, ``capture``, ``captured``: a raw window on request: the request, the answer, and reading the answer.
"""

# Raised by one when a reader of the old contract would misread the new one. It travels in the birth message.
CONTRACT = 1
