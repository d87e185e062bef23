"""The JSON shapes of requests and answers: camelCase outside, snake_case inside."""
