"""What the news and the calendar say about a symbol: sentiment, red flags, risks."""
