"""Where market data comes from: one provider, chosen by one setting, never switched by itself."""
