"""Rooms: a product in use, among other things, on a floor and before a wall, as a camera at home sees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from service.sample import rigs
from service.sample.camera import Camera, look
from service.sample.families import FAMILIES
from service.sample.family import Design, Family
from service.sample.furs import grow
from service.sample.light import Rig, bake
from service.sample.materials import carpet, plaster, stone, wood, woven
from service.sample.mesh import Patch, Shape, bounds, move, rotation, sheet
from service.sample.noise import fractal
from service.sample.palettes import COLOURWAYS, colour, plain
from service.sample.patterns import draw_print
from service.sample.pixels import (
    Field,
    Mask,
    Pixels,
    blur,
    field,
    resize_pixels,
    sample_field,
    sample_pixels,
    to_linear,
)
from service.sample.raster import rasterise
from service.sample.render import Material, Surface, develop, finish

CLUTTER: dict[str, tuple[str, ...]] = {
    "table": ("mug", "box", "bottle", "plate"),
    "soft": ("cushion", "toy", "beanie", "box"),
    "floor": ("shoe", "bag", "box", "toy"),
    "wall": ("mug", "bottle", "plate", "box", "lamp"),
    "spread": ("mug", "toy", "cushion", "box", "bottle"),
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


@dataclass(frozen=True)
class Plane:
    """The ground (y = 0) or a wall (z = `at`), its texture and how large one repeat of it is, in metres."""

    upright: bool
    at: float
    surface: Surface
    tile: tuple[float, float]
    creases: float = 0.0


@dataclass(frozen=True)
class Scene:
    """A picture taken in a room, linear light [h, w, 3], and where in it the product shows, [h, w]."""

    light: Field
    product: Mask


def furnish(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """The product in a room of its kind, seen from where someone would stand. `size` is width, height."""
    if family.flat is not None:
        return _covering(family, design, rng, size)
    shape = family.shape(design.variant, "home")
    stance = rotation(yaw=float(rng.uniform(-50, 50)))
    lying = family.setting in ("soft", "floor") and rng.uniform() < 0.35 and family.name not in ("shoe",)
    if lying:
        stance = field(
            rotation(roll=float(rng.uniform(-14, 14)))
            @ rotation(pitch=float(rng.uniform(-75, -45)))
            @ rotation(yaw=float(rng.uniform(-20, 20)))
        )
    shape = move(shape, stance, rest=True)
    low, high = bounds(shape)
    reach = float(np.linalg.norm(high - low)) / 2
    middle = field((low + high) / 2)
    shape = move(shape, by=(-float(middle[0]), 0.0, -float(middle[2])))
    centre = (0.0, float(middle[1]), 0.0)
    pitch = float(rng.uniform(14, 38)) + (18 if lying else 0)
    view = float(rng.uniform(42, 58))
    distance = reach / float(np.tan(np.radians(view) / 2)) * float(rng.uniform(1.15, 1.75))
    aim = field(centre) + field(rng.uniform(-0.22, 0.22, 3) * reach)
    camera = look(aim.tolist(), distance, float(rng.uniform(-28, 28)), pitch, view, size, float(rng.uniform(-9, 9)))
    pieces = [(family, design, shape), *_clutter(family, reach, rng)]
    ground, wall = _planes(family.setting, reach, rng)
    return _take(pieces, (ground, wall), camera, rng, hero_plane=None)


def _covering(family: Family, design: Design, rng: np.random.Generator, size: tuple[int, int]) -> Scene:
    """A wall covering on its wall, or cloth spread out, with things in front that cover some of it."""
    assert family.flat is not None
    surface, tile = family.flat(design)
    upright = family.setting == "wall"
    span = tile * float(rng.uniform(2.2, 3.6)) if family.name == "tile" else tile * float(rng.uniform(1.3, 2.4))
    pieces = _clutter(family, span * 0.42, rng, near=True)
    hero = Plane(upright, -span * 0.45 if upright else 0.0, surface, (tile, tile), 0.0 if upright else 1.0)
    if upright:
        ground, _ = _planes("table", span, rng)
        planes: tuple[Plane, ...] = (ground, hero)
        aim = [float(rng.uniform(-0.2, 0.2)) * span, span * float(rng.uniform(0.36, 0.55)), -span * 0.4]
        camera = look(
            aim,
            span * 1.25,
            float(rng.uniform(-38, 38)),
            float(rng.uniform(-4, 14)),
            52,
            size,
            float(rng.uniform(-6, 6)),
        )
    else:
        _, wall = _planes("soft", span * 1.2, rng)
        planes = (hero, replace(wall, at=-span * 1.6))
        aim = [float(rng.uniform(-0.1, 0.1)) * span, 0.0, float(rng.uniform(-0.1, 0.2)) * span]
        camera = look(
            aim,
            span * 1.0,
            float(rng.uniform(-40, 40)),
            float(rng.uniform(30, 62)),
            52,
            size,
            float(rng.uniform(-10, 10)),
        )
    return _take(pieces, planes, camera, rng, hero_plane=planes.index(hero))


def _clutter(
    hero: Family, reach: float, rng: np.random.Generator, near: bool = False
) -> list[tuple[Family, Design, Shape]]:
    """Two or three other things around the product, one of them perhaps in front of it."""
    names = [n for n in CLUTTER[hero.setting] if n != hero.name and n in FAMILIES]
    pieces = []
    # Places around the product, as multiples of its reach: beside, behind, in front at one side.
    spots = [(-1.55, -0.5), (1.5, -0.7), (0.5, -1.7), (-0.95, 1.0), (1.05, 0.95)]
    if near:
        spots = [(-0.62, -0.2), (0.55, -0.4), (0.05, -0.1), (-0.3, 0.25), (0.8, 0.1)]
    for k in rng.permutation(len(spots))[: int(rng.integers(2, 4))]:
        family = FAMILIES[str(rng.choice(names))]
        design = family.designs[int(rng.integers(len(family.designs)))]
        shape = move(family.shape(design.variant, "home"), rotation(yaw=float(rng.uniform(-70, 70))), rest=True)
        low, high = bounds(shape)
        size = float(np.linalg.norm(high - low)) / 2
        # Things of another scale than the product would fill the picture or vanish from it.
        want = reach * float(rng.uniform(0.5, 0.8))
        shape = move(shape, scale=float(np.clip(want / size, 0.55, 1.8)), rest=True)
        middle = (low + high) / 2
        x, z = spots[k][0] * reach * 1.1 - float(middle[0]), spots[k][1] * reach * 1.1 - float(middle[2])
        pieces.append((family, design, move(shape, by=(x, 0.0, z))))
    return pieces


def _planes(setting: str, reach: float, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """What things stand on and what is behind them."""
    paint = Surface(plaster(colour(str(rng.choice(PAINTS))), int(rng.integers(3))))
    tone, dark = WOODS[int(rng.integers(len(WOODS)))]
    boards = Surface(wood(colour(tone), colour(dark), 4, int(rng.integers(2))), Material(shine=0.5, softness=0.6))
    way = str(rng.choice(list(COLOURWAYS)))
    cloth = Surface(woven(draw_print(str(rng.choice(CLOTHS)), way), 128, 0.2))
    pile = Surface(carpet(COLOURWAYS[way].inks[1], 0))
    top = Surface(
        stone(colour(str(rng.choice(["#d9d5cc", "#6d6a68", "#b8b2a6"]))), 0), Material(shine=0.7, softness=0.3)
    )
    kind = {
        "table": ["boards", "boards", "cloth", "top"],
        "soft": ["cloth", "cloth", "pile", "boards"],
        "floor": ["boards", "boards", "pile"],
    }[setting]
    chosen = str(rng.choice(kind))
    surface, tile, creases = {
        "boards": (boards, 0.55, 0.0),
        "cloth": (cloth, 0.3, 1.0),
        "pile": (pile, 0.35, 0.0),
        "top": (top, 0.6, 0.0),
    }[chosen]
    if rng.uniform() < 0.3:
        back = draw_print(
            str(rng.choice(["damask", "stripe", "trellis", "fern"])),
            str(rng.choice(["sage", "sand", "charcoal", "delft"])),
        )
        paint = Surface(back)
    return (
        Plane(False, 0.0, surface, (tile, tile), creases),
        Plane(True, -reach * float(rng.uniform(1.9, 3.4)), paint, (0.6, 0.6)),
    )


def _receiver(plane: Plane, reach: float) -> Patch:
    if plane.upright:
        return sheet(
            "wall",
            lambda s, t: ((s - 0.5) * 2 * reach, (0.62 - t) * 2 * reach, field(np.full_like(s, plane.at))),
            72,
            72,
        )
    return sheet("ground", lambda s, t: ((s - 0.5) * 2 * reach, field(np.zeros_like(s)), (t - 0.6) * 2 * reach), 96, 96)


def _take(
    pieces: Sequence[tuple[Family, Design, Shape]],
    planes: Sequence[Plane],
    camera: Camera,
    rng: np.random.Generator,
    hero_plane: int | None,
) -> Scene:
    """Renders the pieces on the planes in found light."""
    light_rig = rigs.found(rng, field(-camera.axes[2]))
    shape: list[Patch] = []
    surfaces: dict[str, Surface] = {}
    cuts: dict[int, Mask] = {}
    owner: list[int] = []
    for number, (family, design, piece) in enumerate(pieces):
        cover = family.surfaces(design)
        cut: Mapping[str, Mask] = family.cut(design.variant) if family.cut else {}
        for patch in piece:
            if patch.slot in cut:
                cuts[len(shape)] = cut[patch.slot]
            slot = f"{number} {patch.slot}"
            surfaces[slot] = cover[patch.slot]
            shape.append(replace(patch, slot=slot))
            owner.append(number)
    all_low, all_high = bounds(tuple(shape))
    reach = float(np.abs(np.concatenate([all_low, all_high])).max()) * 1.6
    receivers = [_receiver(plane, reach) for plane in planes]
    lights, fallen = bake(light_rig, tuple(shape), receivers, resolution=88)
    seen = rasterise(shape, lights, camera, cuts)
    shot = finish(tuple(shape), camera, light_rig, seen)
    layer = develop(shot, surfaces)
    picture, which = _backdrop(planes, receivers, fallen, camera, light_rig, rng)
    picture = blur(picture, 0.7)
    out = field(layer.light + picture * (1 - layer.alpha[..., None]))
    product = np.zeros(camera.width * camera.height, np.bool_)
    if hero_plane is None:
        for part in seen:
            if owner[part.patch] == 0:
                product[part.pixel] = True
    else:
        product = (which == hero_plane).reshape(-1) & (layer.alpha.reshape(-1) < 0.5)
    for number, (family, _, _) in enumerate(pieces):
        if family.fur:
            mine = {f"{number} {slot}": fur for slot, fur in family.fur.items()}
            out = grow(out, shot, mine, rng)
    return Scene(out, product.reshape(camera.height, camera.width))


def _backdrop(
    planes: Sequence[Plane],
    receivers: Sequence[Patch],
    fallen: Sequence[Field],
    camera: Camera,
    light_rig: Rig,
    rng: np.random.Generator,
) -> tuple[Field, Field]:
    """Ground and wall as the camera sees them, and which plane each pixel shows (-1 none)."""
    rays = camera.rays().reshape(-1, 3)
    nearest = np.full(len(rays), 1e6, np.float32)
    which = np.full(len(rays), -1.0, np.float32)
    picture = np.full((len(rays), 3), 0.02, np.float32)
    for index, plane in enumerate(planes):
        axis = 2 if plane.upright else 1
        slope = rays[:, axis]
        safe = np.where(slope < -1e-4, slope, -1e-4)
        distance = np.where(slope < -1e-4, (plane.at - camera.eye[axis]) / safe, 1e6).astype(np.float32)
        hit = np.flatnonzero((distance > 0) & (distance < nearest))
        nearest[hit], which[hit] = distance[hit], index
        point = camera.eye + rays[hit] * distance[hit, None]
        across, along = point[:, 0], (-point[:, 1] if plane.upright else point[:, 2])
        grid = receivers[index].grid
        low, high = grid[0, 0], grid[-1, -1]
        u = np.clip((point[:, 0] - low[0]) / (high[0] - low[0]), 0.01, 0.99)
        other = 1 if plane.upright else 2
        v = np.clip((point[:, other] - low[other]) / (high[other] - low[other]), 0.01, 0.99)
        light = sample_field(blur(fallen[index], 0.9), field(u), field(v))
        if plane.creases:
            light = light * _creases(across, along, light_rig, rng)[:, None]
        texture = _fitted(plane, camera, float(np.median(distance[hit])) if hit.size else 1.0)
        colour_here = to_linear(sample_pixels(texture, field(across / plane.tile[0]), field(along / plane.tile[1])))
        # Corners of rooms are darker: light falls off away from the picture's middle.
        fade = (
            np.exp(-((distance[hit] / float(np.quantile(distance[hit], 0.9) + 1e-6)) ** 2) * 0.18) if hit.size else 1.0
        )
        picture[hit] = colour_here * light * np.asarray(fade, np.float32)[:, None]
    shape = (camera.height, camera.width)
    return picture.reshape(*shape, 3), which.reshape(shape)


def _fitted(plane: Plane, camera: Camera, distance: float) -> Pixels:
    """The texture no finer than the picture can show, so that fine prints do not shimmer."""
    texture = plane.surface.texture
    wanted = camera.focal * plane.tile[0] / max(distance, 1e-3)
    size = texture.shape[1]
    if wanted < size * 0.8:
        small = max(int(wanted * 1.1), 24)
        return resize_pixels(texture, small, round(small * texture.shape[0] / size))
    return texture


def _creases(across: Field, along: Field, light_rig: Rig, rng: np.random.Generator) -> Field:
    """Soft folds in spread cloth, shaded from the side the light comes from."""
    height = fractal(256, 3, rng, 4, 0.45)
    height = field(np.abs(height))
    towards = light_rig.towards[0]
    slope = np.gradient(height, axis=1) * towards[0] + np.gradient(height, axis=0) * towards[2]
    shade = np.clip(1 + blur(field(slope), 1.0) * 9.0, 0.45, 1.5)
    return sample_field(field(shade), field(across / 0.9), field(along / 0.9))


__all__ = ["Scene", "furnish", "plain"]
