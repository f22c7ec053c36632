"""The control API under ``/control``: what a marketplace's console, its buyers and its couriers would do."""
