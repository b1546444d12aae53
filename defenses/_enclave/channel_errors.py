"""Errors of the sealed channel: one class for each reason to refuse a message or a quote."""


class ChannelError(Exception):
    """Raised if a message or a quote is refused."""


class WrongLength(ChannelError):
    """Raised if a message was truncated or extended."""


class WrongKey(ChannelError):
    """Raised if a message belongs to another session or direction, or a public key is invalid."""


class Tampered(ChannelError):
    """Raised if a message differs from what the other end has sealed."""


class Replayed(ChannelError):
    """Raised if a message was accepted before."""


class Reordered(ChannelError):
    """Raised if a message arrives after a later one."""


class WrongSignature(ChannelError):
    """Raised if a quote was not signed by the device that the client trusts."""


class WrongMeasurement(ChannelError):
    """Raised if a quote is about other layers or weights than the client expects."""


class WrongNonce(ChannelError):
    """Raised if a quote answers another request."""
