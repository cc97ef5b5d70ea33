"""The limits of time stamps (RFC 3161) and of the DER, CMS and X.509 that they are made of."""

TOKEN_BYTES = 64 << 10
"""A time-stamp token has at most this many bytes; with a chain of three RSA certificates it has
about 6,000."""

TOKEN_CERTIFICATES = 16
"""Certificates embedded in one token."""

PATH_LINKS = 5
"""Signatures between a token's signer and a certificate of the policy."""

TSA_ACCURACY_MS = 1_000
"""Either side of the time of a token that states no accuracy (RFC 3161 §2.4.2 leaves it open)."""

TSA_ACCURACY_S = 86_400
"""A token that is less accurate than a day is refused: it says nothing that a block does not."""

DER_INTEGER_BYTES = 64
DER_OID_BYTES = 64
"""Integers and object identifiers in DER; serial numbers have 20 bytes (RFC 5280 §4.1.2.2)."""

DER_NAME_BYTES = 2_000
"""A distinguished name, whose parts have about 64 characters (RFC 5280 appendix A)."""

RSA_BITS = 2_048
RSA_MOST_BITS = 8_192
RSA_EXPONENT_BITS = 64
"""RSA keys of fewer bits are weak; larger moduli and exponents only cost time."""
