"""Status lists of W3C and IETF, made from the log and registered in it."""
