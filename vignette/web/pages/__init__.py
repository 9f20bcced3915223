"""What pages say, in English and French: words, numbers, advice, pictures."""
