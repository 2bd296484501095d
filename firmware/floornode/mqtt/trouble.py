"""What is wrong, in a word that does not change (for health, status and scripts) and in words for a person.

On joining: ``wrong-password``, ``no-access-point``, ``no-address``, ``not-joined``. On dialling: ``no-name``, ``refused``,
``unreachable``, ``no-memory``. On securing: ``tls-untrusted``, ``tls-expired``, ``tls-not-yet-valid``, ``tls-name``,
``tls-client-certificate``, ``tls-files``, ``tls-failed``. On greeting: ``bad-credentials``, ``not-authorised``,
``client-id-refused``, ``version-refused``, ``unavailable``, ``not-mqtt``, ``silent``. While serving: ``dropped`` (by the broker
or on the way), ``silent``, ``broken`` (the broker sent what none may send). Whatever else: ``error``.

The session itself raises ``late`` (a time limit is over) and ``refusal`` (with CONNACK's code): ``diagnosis`` makes one of the
above of these, and the text.
"""

_EIO = 5


class Trouble(OSError):
    """An OSError whose ``word`` is one of the above."""

    def __init__(self, word, text=None):
        super().__init__(_EIO, text)
        self.word = word
