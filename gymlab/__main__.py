"""``python -m gymlab``: the command line."""

from gymlab.cli import main

if __name__ == "__main__":
    main()
