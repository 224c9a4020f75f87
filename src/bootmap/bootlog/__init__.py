"""What a console says: its lines as claims about memory, and the board that explains them."""
