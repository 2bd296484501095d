"""Modules that every board loads, merged into one before they are compiled.

On a board a module costs some 0.7 KB of heap beside its code: its object and its dictionary, tables of names and constants of
its own, and the names that it is imported by. Modules are cut for the reader; what that costs is won back here. In a bundle a
constant is a number in the code and no name any more, for whoever imports it as well. Functions keep their names, for
tracebacks.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping

from floorsense.toolchain.modules import Module, Symbol, Tree, imports
from floorsense.toolchain.units import Plan, Unit

# By the module that they become.
BUNDLES: dict[str, tuple[str, ...]] = {
    # What every board has loaded as long as it serves; a test holds that against running ones.
    "floornode.core": (
        "floornode.clock",
        "floornode.contract.health",
        "floornode.contract.payload",
        "floornode.contract.quantities",
        "floornode.contract.reading",
        "floornode.contract.text",
        "floornode.health",
        "floornode.mqtt.backoff",
        "floornode.mqtt.client",
        "floornode.mqtt.delivery",
        "floornode.mqtt.inflight",
        "floornode.mqtt.session",
        "floornode.mqtt.stream",
        "floornode.mqtt.trouble",
        "floornode.outbox",
        "floornode.ports.datagram",
        "floornode.ports.dial",
        "floornode.ports.micropython",
        "floornode.ports.wireless",
        "floornode.record",
        "floornode.sampler",
        "floornode.section",
        "floornode.sntp",
        "floornode.startup",
        "floornode.station",
        "floornode.ticks",
        "floornode.watchdog",
    ),
    # What an outage loads.
    "floornode.store.shelf": (
        "floornode.store.backlog",
        "floornode.store.codec",
        "floornode.store.log",
        "floornode.store.reader",
        "floornode.store.spill",
    ),
}


def home(path: str) -> str:
    """The path of what is compiled in the place of the module at ``path``: its bundle's, or its own."""
    name = path.removesuffix(".py").replace("/", ".")
    return next((bundle.replace(".", "/") + ".py" for bundle, members in BUNDLES.items() if name in members), path)


def bundled(sources: Mapping[str, str], bundles: Mapping[str, Iterable[str]] = BUNDLES) -> dict[str, str]:
    """The texts of a tree by their paths, before and after: with bundles, with a door to its bundle in the place of each merged
    module, for whoever imports it by its own name, and with all others turned to the bundles.

    Raises FloorsenseError for what cannot be merged.
    """
    tree = Tree(sources)
    homes = {member: bundle for bundle, members in bundles.items() for member in members if member in tree.modules}
    if not homes:
        return dict(sources)
    plan = Plan(tree, homes)
    while True:
        found, hidden = _texts(sources, tree, plan)
        if not hidden:
            return found
        # The trees were rewritten; so they are read again, and what was hidden gets a name that nothing hides.
        tree = Tree(sources)
        plan = Plan(tree, homes, plan.apart | hidden)


def _texts(sources: Mapping[str, str], tree: Tree, plan: Plan) -> tuple[dict[str, str], set[Symbol]]:
    found = dict(sources)
    hidden: set[Symbol] = set()
    for bundle in sorted(set(plan.homes.values())):
        unit = Unit(tree, plan, bundle)
        found[bundle.replace(".", "/") + ".py"] = unit.text(plan.members(bundle))
        hidden |= unit.hidden
    for module in tree.modules.values():
        is_turned = _turn_steps(module, plan)
        if module.name in plan.homes:
            found[module.path] = plan.door(module)
        elif is_turned or any(tree.meant(symbol).module in plan.homes for symbol in _all_imports(module)):
            unit = Unit(tree, plan, module.name)
            found[module.path] = unit.text([module])
            hidden |= unit.hidden
    return found, hidden


def _turn_steps(module: Module, plan: Plan) -> bool:
    """A package's STEPS are those of its modules that are loaded one after the other: what is merged is one of them. Returns
    whether there is anything to it."""
    steps = module.once.get("STEPS")
    if not isinstance(steps, ast.Tuple):
        return False
    leaves = [ast.literal_eval(one) for one in steps.elts]
    homes = [plan.homes.get(f"{module.name}.{leaf}", f"{module.name}.{leaf}") for leaf in leaves]
    turned = list(dict.fromkeys(home.removeprefix(module.name + ".") for home in homes))
    steps.elts = [ast.Constant(leaf) for leaf in turned]
    return turned != leaves


def _all_imports(module: Module) -> Iterator[Symbol]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from imports(node, module.package).values()
