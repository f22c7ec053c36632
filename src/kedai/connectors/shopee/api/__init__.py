"""Every call of the Shopee API that a connector needs, typed: one file of calls and one of shapes for each area."""
