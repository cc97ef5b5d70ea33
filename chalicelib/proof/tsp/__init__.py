"""Evidence of time-stamp authorities (RFC 3161): from a trusted certificate to an imprint."""
