"""python -m bootmap."""

from bootmap.cli.main import main

main()
