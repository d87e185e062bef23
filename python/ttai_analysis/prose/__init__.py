"""Better wording of an answer's texts by a language model, where one is asked for."""
