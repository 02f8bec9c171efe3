"""`python -m logplatform`: the command, where its script is not on the path."""

from logplatform.cli import main

if __name__ == "__main__":
    main()
