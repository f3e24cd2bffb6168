"""The bytes of a bundle: canonical, compact, and strict when read.

The same rules always give the same bytes, so their SHA-256 identifies a bundle everywhere. What
is read comes from outside; it either is a bundle of this format version or one clear error.

These few names are the whole interface, so unlike other packages this one hands them out itself.
"""

from falcon_rules.wire.codec import MAX_BYTES, WireError, digest, dumps, loads, pack, stamped, unpack

__all__ = ["MAX_BYTES", "WireError", "digest", "dumps", "loads", "pack", "stamped", "unpack"]
