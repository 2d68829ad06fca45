"""Where files lie, held against what rasterio and PROJ say."""

import sqlite3
import struct
import warnings

import orjson
import pytest

from ades.runner.footprint import footprint
from ades.runner.footprint.geotiff import read_geotiff
from ades.runner.footprint.projections import to_lonlat

rasterio = pytest.importorskip("rasterio")
pyproj = pytest.importorskip("pyproj")


def make(path, crs, transform, size=(30, 20), **profile):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(
            path, "w", driver="GTiff", width=size[0], height=size[1], count=1, dtype="uint8", crs=crs,
            transform=rasterio.Affine(*transform), **profile,
        ) as raster:  # fmt: skip
            return raster.bounds


@pytest.mark.parametrize(
    ("crs", "transform"),
    [
        ("EPSG:4326", (0.1, 0, 10, 0, -0.1, 50)),
        ("EPSG:32632", (10, 0, 600_000, 0, -10, 5_500_000)),
        ("EPSG:32760", (10, 0, 400_000, 0, -10, 6_500_000)),
        ("EPSG:25833", (10, 0, 300_000, 0, -10, 5_800_000)),
        ("EPSG:3857", (100, 0, 1_000_000, 0, -100, 6_000_000)),
        ("EPSG:3035", (1000, 0, 4_000_000, 0, -1000, 3_000_000)),
        ("EPSG:4326", (0.08, 0.02, 10, 0.02, -0.08, 50)),
    ],
)
@pytest.mark.parametrize(
    "profile", [{}, {"BIGTIFF": "YES"}, {"ENDIANNESS": "BIG"}, {"tiled": True, "compress": "deflate"}]
)
def test_rasters(tmp_path, crs, transform, profile):
    """Box, corners and projection of a GeoTIFF, classic or big, of either byte order, rotated or not."""
    from rasterio.warp import transform as warp
    from rasterio.warp import transform_bounds

    path = tmp_path / "x.tif"
    bounds = make(path, crs, transform, **profile)
    found = footprint(path)
    a, b, c, d, e, f = transform
    corners = [(a * x + b * y + c, d * x + e * y + f) for x, y in ((0, 0), (0, 20), (30, 20), (30, 0))]
    xs, ys = warp(crs, "EPSG:4326", *zip(*corners, strict=True))
    for (x, y), expected in zip(found.geometry["coordinates"][0], zip(xs, ys, strict=True), strict=False):
        assert expected == (pytest.approx(x, abs=1e-6), pytest.approx(y, abs=1e-6))
    if not transform[1]:
        expected = transform_bounds(crs, "EPSG:4326", *bounds, densify_pts=21)
        assert expected == pytest.approx(found.bbox, abs=1e-3)
    assert (crs, [20, 30]) == (found.properties["proj:code"], found.properties["proj:shape"])
    assert list(transform) == pytest.approx(found.properties["proj:transform"])


@pytest.mark.parametrize("epsg", [32601, 32632, 32660, 32701, 32756, 25832, 3857])
def test_our_own_reckoning(epsg):
    """UTM and web Mercator agree with PROJ to half a millimetre."""
    there = pyproj.Transformer.from_crs(4326, epsg, always_xy=True)
    zone = epsg % 100 * 6 - 183 if epsg != 3857 else 10
    south = -1 if 32700 < epsg < 32800 else 1
    points = [(zone + x, south * y) for x in (-3, -1, 0, 2.5) for y in (0.5, 20, 45, 70, 83)]
    back = to_lonlat(epsg, [there.transform(*point) for point in points])
    for expected, found in zip(points, back, strict=True):
        assert expected == pytest.approx(found, abs=5e-9)


def test_points_in_place_of_pixels(tmp_path):
    """Where the grid counts centres, half a pixel is taken off."""
    path = tmp_path / "x.tif"
    make(path, "EPSG:4326", (1, 0, 10, 0, -1, 50), AREA_OR_POINT="Point")
    with rasterio.open(path, "r+") as raster:
        raster.update_tags(AREA_OR_POINT="Point")
    with rasterio.open(path) as raster:
        expected = raster.transform[:6]
    assert expected == pytest.approx(read_geotiff(path).transform)


@pytest.mark.parametrize("cut", [0, 2, 7, 9, 60, 150, 250])
def test_broken_rasters(tmp_path, cut):
    """What is no TIFF, or only the beginning of one, has no place and does no harm."""
    path = tmp_path / "x.tif"
    make(path, "EPSG:4326", (1, 0, 10, 0, -1, 50))
    path.write_bytes(path.read_bytes()[:cut])
    assert footprint(path) is None
    path.write_bytes(b"II*\0" + b"\xff" * cut)
    assert footprint(path) is None


def test_rasters_without_a_place(tmp_path):
    """Neither a plain picture nor a system of one's own lies anywhere."""
    path = tmp_path / "x.tif"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8"):
            pass
    assert footprint(path) is None
    make(path, "+proj=laea +lat_0=10 +lon_0=10 +datum=WGS84", (1, 0, 10, 0, -1, 50))
    assert footprint(path) is None


@pytest.mark.parametrize(
    ("document", "bbox"),
    [
        ({"type": "Point", "coordinates": [10, 50, 3]}, (10, 50, 10, 50)),
        ({"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[1, 2], [3, -4]]}}, (1, -4, 3, 2)),
        (
            {
                "type": "FeatureCollection",
                "features": [
                    {
                        "type": "Feature",
                        "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [9, 0], [9, 9], [0, 0]]]},
                    },
                    {"type": "Feature", "geometry": None},
                    {
                        "type": "Feature",
                        "geometry": {
                            "type": "GeometryCollection",
                            "geometries": [{"type": "MultiPoint", "coordinates": [[-5, 1]]}],
                        },
                    },
                ],
            },
            (-5, 0, 9, 9),
        ),
        ({"type": "FeatureCollection", "features": []}, None),
        ({"type": "Point", "coordinates": [600_000, 5_000_000]}, None),
        ({"type": "Point", "coordinates": [1, 1], "crs": {"type": "name"}}, None),
        ({"some": "json"}, None),
        ([1, 2], None),
        ("text", None),
    ],
)
def test_geojson(tmp_path, document, bbox):
    """The box of all geometries; nothing for what is not in degrees, or no GeoJSON."""
    path = tmp_path / "x.geojson"
    path.write_bytes(orjson.dumps(document))
    found = footprint(path)
    assert bbox == (found and found.bbox)


def geopackage(path, srs=4326, layers=((1, 2, 3, 4),)):
    with sqlite3.connect(path) as database:
        database.execute(
            "CREATE TABLE gpkg_spatial_ref_sys (srs_id INTEGER, organization TEXT, organization_coordsys_id INTEGER)"
        )
        database.execute(
            "CREATE TABLE gpkg_contents (table_name TEXT, min_x REAL, min_y REAL, max_x REAL, max_y REAL, srs_id INTEGER)"
        )
        database.execute("INSERT INTO gpkg_spatial_ref_sys VALUES (1, 'EPSG', ?)", (srs,))
        for layer in layers:
            database.execute("INSERT INTO gpkg_contents VALUES ('t', ?, ?, ?, ?, 1)", layer)
    database.close()


def test_geopackages(tmp_path):
    """The extents of all layers."""
    path = tmp_path / "a b.gpkg"
    geopackage(path, layers=((1, 2, 3, 4), (-5, 3, 0, 8), (None, None, None, None)))
    assert (-5, 2, 3, 8) == footprint(path).bbox
    other = tmp_path / "utm.gpkg"
    geopackage(other, 32632, ((500_000, 0, 500_000, 0),))
    assert (9, 0, 9, 0) == footprint(other).bbox
    broken = tmp_path / "broken.gpkg"
    broken.write_bytes(path.read_bytes()[:200])
    assert footprint(broken) is None


def test_shapefiles(tmp_path):
    """The box of the header, if the projection file says degrees."""
    path = tmp_path / "x.shp"
    path.write_bytes(struct.pack(">i", 9994) + bytes(32) + struct.pack("<4d", 1, 2, 3, 4) + bytes(32))
    assert footprint(path) is None
    (tmp_path / "x.prj").write_text('GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984"]]')
    assert (1, 2, 3, 4) == footprint(path).bbox
    (tmp_path / "x.prj").write_text('PROJCS["UTM"]')
    assert footprint(path) is None


def test_other_files(tmp_path):
    """What has no header that is understood has no place."""
    (tmp_path / "x.txt").write_text("x")
    assert footprint(tmp_path / "x.txt") is None
    assert footprint(tmp_path / "none.tif") is None
