"""The `tastytrade` provider: REST and the DXLink stream, read only: it holds no way to trade."""
