"""When the exchange is open."""
