"""Where a product is met: placed in a room of its kind, among other things, before a camera."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sample import rigs
from sample.camera import Camera, look
from sample.families import FAMILIES
from sample.family import Design, Family, Setting
from sample.materials import carpet, plaster, stone, wood, woven
from sample.mesh import Shape, bounds, move, rotation
from sample.palettes import COLOURWAYS, colour
from sample.patterns import draw_print
from sample.pixels import field
from sample.render import Material, Surface
from sample.rooms import Plane, Scene, Thing, photograph

LEAST_SHOWN = 0.33
CLUTTER: dict[Setting, tuple[str, ...]] = {
    "table": ("mug", "box", "bottle", "plate"),
    "soft": ("cushion", "toy", "beanie", "box"),
    "floor": ("shoe", "bag", "box", "toy"),
    "hung": ("bag", "shoe", "toy", "cushion"),
    "wall": ("mug", "bottle", "plate", "box", "lamp"),
    "spread": ("mug", "toy", "cushion", "box", "beanie"),
}
PAINTS = ("#d8d2c4", "#c9d3d1", "#e4dccb", "#b9c2b0", "#cfc4bd", "#a9b7bd", "#d9c7b2", "#e8e6df")
WOODS = (
    ("#c79a6a", "#7d5331"),
    ("#a8744a", "#5a3419"),
    ("#d8b98e", "#9a7245"),
    ("#7a5a42", "#3d2819"),
    ("#b9aa98", "#7c6d5d"),
)
CLOTHS = ("gingham", "ticking", "windowpane", "stripe", "ditsy", "herringbone")
WALLPAPERS = ("damask", "stripe", "trellis", "fern")
FLOORINGS: dict[Setting, tuple[str, ...]] = {
    "table": ("boards", "boards", "cloth", "top"),
    "soft": ("cloth", "cloth", "pile", "boards"),
    "floor": ("boards", "boards", "pile"),
    "hung": ("boards", "pile"),
    "wall": ("boards", "top"),
    "spread": ("boards",),
}


def furnish(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """The product in a room of its kind, seen from where someone would stand. `size` is width, height in pixels.

    Arrangements that hide most of it are given up for others.
    """
    stage = {"wall": _on_the_wall, "spread": _spread_out, "hung": _hung_up}.get(family.setting, _standing)
    for _ in range(4):
        scene = stage(family, design, rng, size)
        if scene.shown >= LEAST_SHOWN:
            break
    return scene


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    return float(rng.uniform(low, high))


def _standing(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """On a table, a bed or a floor; some things lie."""
    shape = family.shape(design.variant, "home")
    lying = family.flat_out or (family.setting == "soft" and rng.uniform() < 0.3)
    stance = rotation(yaw=_between(rng, -50, 50))
    if lying and not family.flat_out:
        tipped = rotation(pitch=_between(rng, -75, -50)) @ rotation(yaw=_between(rng, -20, 20))
        stance = field(rotation(yaw=_between(rng, -40, 40)) @ tipped)
    shape = move(shape, stance, rest=True)
    low, high = bounds(shape)
    reach = float(np.linalg.norm(high - low)) / 2
    middle = field((low + high) / 2)
    shape = move(shape, by=(-float(middle[0]), 0.0, -float(middle[2])))
    pitch = _between(rng, 38, 68) if lying else _between(rng, 12, 36)
    framed = reach * (0.78 if family.flat_out else 1.0)
    camera = _camera((0.0, float(middle[1]), 0.0), framed, pitch, 28, rng, size)
    ground, wall = _planes(family.setting, reach, rng)
    things = [Thing(family, design, shape), *_clutter(family, reach, rng)]
    return photograph(things, (ground, wall), camera, rigs.found(rng, field(-camera.axes[2])), rng)


def _hung_up(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Before a wall, seen nearly straight on."""
    shape = family.shape(design.variant, "hung")
    low, high = bounds(shape)
    reach = float(np.linalg.norm(high - low)) / 2
    lift = reach * _between(rng, 0.08, 0.5)
    shape = move(shape, by=(0.0, lift - float(low[1]), 0.0))
    centre = (0.0, lift + float(high[1] - low[1]) / 2, 0.0)
    camera = _camera(centre, reach, _between(rng, -6, 14), 34, rng, size)
    ground, wall = _planes("hung", reach, rng)
    wall = replace(wall, at=float(low[2]) - 0.02)
    things = [Thing(family, design, shape), *_clutter(family, reach * 0.5, rng, in_front=True)]
    return photograph(things, (ground, wall), camera, rigs.found(rng, field(-camera.axes[2])), rng)


def _on_the_wall(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """A wall covering on its wall, with things before it that cover some of it."""
    assert family.flat is not None
    surface, tile = family.flat(design)
    span = tile * _between(rng, 1.15, 2.1)
    hero = Plane(True, -span * 0.42, surface, (tile, tile))
    ground, _ = _planes("wall", span, rng)
    aim = (_between(rng, -0.2, 0.2) * span, span * _between(rng, 0.34, 0.5), -span * 0.4)
    camera = look(aim, span * 1.2, _between(rng, -36, 36), _between(rng, -4, 14), 52, size, _between(rng, -6, 6))
    things = _clutter(family, span * 0.36, rng, in_front=True)
    return photograph(things, (ground, hero), camera, rigs.found(rng, field(-camera.axes[2])), rng, covering=1)


def _spread_out(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Cloth over a bed or a table, with things lying on it."""
    assert family.flat is not None
    surface, tile = family.flat(design)
    span = tile * _between(rng, 2.2, 4.0)
    _, wall = _planes("soft", span * 1.2, rng)
    planes = (Plane(False, 0.0, surface, (tile, tile), 1.0), replace(wall, at=-span * 1.6))
    aim = (_between(rng, -0.1, 0.1) * span, 0.0, _between(rng, -0.1, 0.2) * span)
    camera = look(aim, span, _between(rng, -40, 40), _between(rng, 30, 62), 52, size, _between(rng, -10, 10))
    things = _clutter(family, span * 0.36, rng, in_front=True)
    return photograph(things, planes, camera, rigs.found(rng, field(-camera.axes[2])), rng, covering=0)


def _camera(
    centre: tuple[float, float, float],
    reach: float,
    pitch: float,
    swing: float,
    rng: np.random.Generator,
    size: tuple[int, int],
) -> Camera:
    """A hand-held camera, not quite level and not quite on the thing."""
    view = _between(rng, 42, 58)
    distance = reach / float(np.tan(np.radians(view) / 2)) * _between(rng, 1.1, 1.6)
    aim = field(centre) + field(rng.uniform(-0.2, 0.2, 3) * reach)
    return look(aim.tolist(), distance, _between(rng, -swing, swing), pitch, view, size, _between(rng, -9, 9))


def _clutter(hero: Family, reach: float, rng: np.random.Generator, in_front: bool = False) -> list[Thing]:
    """Two or three other things around the product, one of them perhaps in front of it."""
    names = [name for name in CLUTTER[hero.setting] if name != hero.name]
    # Places as multiples of the product's reach: beside, behind, in front at one side.
    spots = [(-1.7, -0.55), (1.65, -0.75), (0.5, -1.8), (-1.25, 1.0), (1.35, 0.95)]
    if in_front:
        spots = [(-0.78, -0.2), (0.7, -0.35), (0.05, -0.15), (-0.4, 0.3), (1.0, 0.1)]
    things = []
    for k in rng.permutation(len(spots))[: int(rng.integers(2, 4))]:
        family = FAMILIES[str(rng.choice(names))]
        design = family.designs[int(rng.integers(len(family.designs)))]
        shape = move(family.shape(design.variant, "home"), rotation(yaw=_between(rng, -70, 70)), rest=True)
        # Things of another scale than the product would fill the picture or vanish from it.
        wanted = reach * _between(rng, 0.45, 0.7)
        shape = move(shape, scale=float(np.clip(wanted / _size(shape), 0.5, 1.8)), rest=True)
        low, high = bounds(shape)
        middle = (low + high) / 2
        x, z = spots[k][0] * reach * 1.1 - float(middle[0]), spots[k][1] * reach * 1.1 - float(middle[2])
        things.append(Thing(family, design, move(shape, by=(x, 0.0, z))))
    return things


def _size(shape: Shape) -> float:
    low, high = bounds(shape)
    return float(np.linalg.norm(high - low)) / 2


def _planes(setting: Setting, reach: float, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """What things stand on and what is behind them."""
    paint = Surface(plaster(colour(str(rng.choice(PAINTS))), int(rng.integers(3))))
    papered = Surface(draw_print(str(rng.choice(WALLPAPERS)), str(rng.choice(["sage", "sand", "charcoal", "delft"]))))
    back = papered if rng.uniform() < 0.3 else paint
    ground = _ground(str(rng.choice(FLOORINGS[setting])), rng)
    return ground, Plane(True, -reach * _between(rng, 1.9, 3.4), back, (0.6, 0.6))


def _ground(kind: str, rng: np.random.Generator) -> Plane:
    tone, dark = WOODS[int(rng.integers(len(WOODS)))]
    way = str(rng.choice(list(COLOURWAYS)))
    cloth = str(rng.choice(CLOTHS))
    counter = str(rng.choice(["#d9d5cc", "#6d6a68", "#b8b2a6"]))
    if kind == "cloth":
        return Plane(False, 0.0, Surface(woven(draw_print(cloth, way), 128, 0.2)), (0.3, 0.3), 1.0)
    if kind == "pile":
        return Plane(False, 0.0, Surface(carpet(COLOURWAYS[way].inks[1])), (0.35, 0.35))
    if kind == "top":
        return Plane(False, 0.0, Surface(stone(colour(counter)), Material(shine=0.7, softness=0.3)), (0.6, 0.6))
    return Plane(False, 0.0, Surface(wood(colour(tone), colour(dark), 4)), (0.55, 0.55))
