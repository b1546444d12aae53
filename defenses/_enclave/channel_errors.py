"""Why an end of the sealed channel does not accept a message or a quote: one class per reason."""


class Refused(Exception):
    """A message or a quote is not accepted."""


class WrongLength(Refused):
    """A message was cut or extended."""


class WrongKey(Refused):
    """A message belongs to another session or direction, or a public key is none."""


class Tampered(Refused):
    """A message is not what the other end has sealed."""


class Replayed(Refused):
    """A message was accepted before."""


class Reordered(Refused):
    """A message arrived after a later one."""


class WrongSignature(Refused):
    """A quote was not signed by the device that the client trusts."""


class WrongMeasurement(Refused):
    """A quote is about other layers or weights than the client expects."""


class WrongNonce(Refused):
    """A quote answers another request."""
