"""The W3C VC API's routes."""
