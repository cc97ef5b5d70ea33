"""``tally operator``: the log, its issuers, and outside parties."""
