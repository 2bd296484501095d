"""Which ISO 20816-3 zone a vibration is in, by the rules that say which machine is of which group, on which support."""

from floornode.contract.quantities import Quantity
from floornode.contract.zones import zone
from floorsense.alerts.conditions import Zone
from floorsense.alerts.rules import Rules
from floorsense.topic_filter import matches


class Zones:
    def __init__(self, rules: Rules) -> None:
        self._rules = [(rule.topic, rule.condition) for rule in rules.rules if isinstance(rule.condition, Zone)]

    def find(self, topic: str, kind: Quantity, steps: int | None) -> str | None:
        """The letter of a velocity of ``steps``; None for anything else, and where no zone rule covers ``topic``."""
        if steps is None or kind.unit != "mm/s":
            return None
        for pattern, one in self._rules:
            if matches(pattern, topic):
                return str(zone(steps, one.group, one.support))
        return None
