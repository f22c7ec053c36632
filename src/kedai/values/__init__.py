"""The words that every room speaks: frozen values without behaviour that reaches outside."""
