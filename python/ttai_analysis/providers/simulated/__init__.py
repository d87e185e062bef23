"""A whole simulated market: seeded, continuous in time, the same past whenever it is asked."""
