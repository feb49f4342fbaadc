"""What prose is: sentences, furniture, passages, with exact offsets and no knowledge of models."""
