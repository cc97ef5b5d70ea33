"""The W3C VC API: verifying credentials and presentations, and issuing them."""
