"""python -m floorsense"""

from floorsense.cli import main

main()
