"""The pure core: formats, proofs and the offline verifier.

Nothing here reads a clock, a file, a socket or a random source: time, trust and bytes are
arguments. It needs the standard library and ``cryptography`` alone, and is also built as the
wheel ``tally-proof`` with the command ``tally-verify``.
"""
