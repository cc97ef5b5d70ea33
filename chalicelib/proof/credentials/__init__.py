"""Credentials in the two standard forms: SD-JWT VC, and W3C VC 2.0 with eddsa-jcs-2022; and the
bitstring lists of their status. Keys, times and randomness are arguments; nothing is fetched."""
