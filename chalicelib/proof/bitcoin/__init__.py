"""Evidence of Bitcoin in OpenTimestamps proofs: from a trusted header to a message."""
