"""Pictures that are dropped, pasted or chosen on any page: how they come, how far they are, what becomes of them."""
