"""What we believe about orders: the order, its lines, its timeline and every distinct stored answer."""
