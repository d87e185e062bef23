"""HTTP: routes, limits, the error envelope. No analysis happens here."""
