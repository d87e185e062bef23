"""How the service's probabilities and labels compare with what really followed."""
