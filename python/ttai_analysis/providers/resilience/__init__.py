"""How a source behind a network is asked: cached, once per key, slowly, with a breaker."""
