"""Before going live: one environment is asked live whether it works, and the answers become a certificate."""
