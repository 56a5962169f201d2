"""What a training used: energy, money here, and the price of the same on a rented GPU."""
