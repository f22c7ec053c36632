"""People and programs that may use Kedai: accounts, roles, sessions and API tokens."""
