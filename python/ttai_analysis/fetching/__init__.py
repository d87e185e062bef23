"""Storing what a provider has, as a folder that the `files` provider reads."""
