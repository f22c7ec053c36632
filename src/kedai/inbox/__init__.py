"""What arrived: store pushes durably, claim them for work, park, replay, and keep the rejected ones for a look."""
