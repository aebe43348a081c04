"""`python -m wganlint`."""

from wganlint.main import main

if __name__ == "__main__":
    main()
