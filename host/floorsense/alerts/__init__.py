"""Alerts: rules over readings, one alarm a cause in the database, and notices that reach people once."""

from floorsense.alerts.engine import Engine
from floorsense.alerts.postman import Postman
from floorsense.alerts.rules import Contact, Rule, Rules, default_rules, read_rules

__all__ = ["Contact", "Engine", "Postman", "Rule", "Rules", "default_rules", "read_rules"]
