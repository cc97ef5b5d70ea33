"""Who may be an issuer: control of a domain, and ids that look alike."""
