"""Run the command line as ``python -m kedai``."""

from kedai.cli.main import main

if __name__ == "__main__":
    main()
