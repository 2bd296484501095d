"""What is kept, and where: readings, states of boards, refused messages; in SQLite, PostgreSQL, or TimescaleDB."""

from floorsense.storage.arrivals import Arrival, Refused, State
from floorsense.storage.database import Database
from floorsense.storage.store import Store, Unfit, Written

__all__ = ["Arrival", "Database", "Refused", "State", "Store", "Unfit", "Written"]
