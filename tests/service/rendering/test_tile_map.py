"""The map of tiles."""

from babel import Locale

from service.rendering.tile_map import _GRID, places, size, tiles


def test_every_country_has_one_place():
    codes = [code for code in _GRID.split() if code != ".."]
    assert len(codes) == len(set(codes))
    assert set(codes) <= set(Locale("en").territories)
    assert len({len(line.split()) for line in _GRID.strip().splitlines()}) == 1
    assert len(codes) > 195


def test_countries_lie_as_on_a_globe():
    at = places()
    for west, east in (("US", "GB"), ("GB", "DE"), ("ES", "TR"), ("IN", "CN"), ("CN", "JP"), ("BR", "ZA")):
        assert at[west][0] < at[east][0], (west, east)
    for north, south in (("NO", "ES"), ("ES", "MA"), ("EG", "ZA"), ("JP", "AU"), ("CA", "MX"), ("MX", "AR")):
        assert at[north][1] < at[south][1], (north, south)


def test_shades_follow_the_probability():
    shades = {tile.code: tile.shade for tile in tiles({"NL": 0.6, "BE": 0.2, "DE": 0.06, "FR": 0.01})}
    assert [shades[code] for code in ("NL", "BE", "DE", "FR", "JP")] == [4, 3, 2, 1, 0]
    assert all(tile.column < size()[0] and tile.row < size()[1] for tile in tiles({}))
