"""The contents of pages, in English and French: words, numbers, advice, pictures."""
