"""What is held, at the present market: /positions/evaluate."""
