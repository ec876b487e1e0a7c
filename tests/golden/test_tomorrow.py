"""Tomorrow's version: one migration more, on a populated workspace of each old format, on SQLite and on PostgreSQL."""

import json
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from index.generations.generations import Generation, open_live
from index.jobs.reindex import REFITTED
from index.records.migrations.catalogue.v0001_baseline import TABLES
from index.records.migrations.history import CATALOGUE
from index.records.upgrade import needs_upgrade
from index.workspace import SETTINGS
from service.app.upgrade import require_upgraded
from service.cli.main import main
from service.migrations.v0001_baseline import TABLES as SERVICE_TABLES
from service.tables import HISTORY as SERVICE
from service.tables import service_database_url
from tests.golden.unpacked import ARCHIVES, unpack
from tests.revisions import also_knowing, write_revision

# What a later version may want: a column that may not be NULL, filled from another; an index; and, of a table that
# others refer to, what SQLite can only do by copying it.
MIGRATION = """
op.add_column("entries", sa.Column("seller", sa.Text, nullable=False, server_default=""))
op.execute("UPDATE entries SET seller = retailer")
with op.batch_alter_table("sources") as batch:
    batch.alter_column("location", existing_type=sa.Text, nullable=False, server_default="nowhere")
op.create_index("entries_by_seller", "entries", ["seller", "entry_id"])
"""


@pytest.fixture
def tomorrow(tmp_path):
    """The catalogue's history has one revision more, while the test lasts."""
    number = write_revision(CATALOGUE, tmp_path / "tomorrow", MIGRATION)
    with also_knowing(CATALOGUE, tmp_path / "tomorrow"):
        yield number


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request):
    return request.param


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.split(".")[0])
def golden(request, tmp_path, kind):
    """A golden workspace, its records in SQLite or moved to PostgreSQL as the format's own version would have them."""
    golden = unpack(request.param, tmp_path / "golden")
    if kind == "postgresql":
        url = request.getfixturevalue("postgres_server").database()
        engine = sa.create_engine(url)
        for name, tables in (("catalogue", TABLES), ("service", SERVICE_TABLES)):
            move(golden.root / "workspace" / f"{name}.sqlite", engine, tables)
        engine.dispose()
        settings = golden.root / "workspace" / SETTINGS
        settings.write_text(settings.read_text().replace('database = ""', f'database = "{url}"'))
    return golden


def move(file, engine, tables):
    """The rows of an SQLite database into PostgreSQL, with counters that go on behind them."""
    with closing(sqlite3.connect(file)) as source, engine.begin() as target:
        # A later format has later columns: what the file has is what is made.
        reflected = sa.MetaData()
        origin = sa.create_engine(f"sqlite:///{file}")
        reflected.reflect(origin)
        origin.dispose()
        for column in (column for table in reflected.tables.values() for column in table.c):
            # SQLite writes the default of a Boolean as 0.
            if isinstance(column.type, sa.Boolean) and column.server_default is not None:
                column.server_default = sa.DefaultClause(sa.false())
        reflected.create_all(target)
        source.row_factory = sqlite3.Row
        for table in reflected.sorted_tables:
            rows = [dict(row) for row in source.execute(f'SELECT * FROM "{table.name}"')]
            for row in rows:
                row.update({c.name: bool(row[c.name]) for c in table.c if isinstance(c.type, sa.Boolean)})
            if rows:
                target.execute(sa.insert(table), rows)
            model = tables.tables.get(table.name)  # none of the table of revisions
            counters = [c for c in model.primary_key if c.autoincrement is not False] if model is not None else []
            if len(counters) == 1 and isinstance(counters[0].type, sa.Integer) and rows:
                target.execute(
                    sa.text(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), :last)"),
                    {"last": max(row["id"] for row in rows)},
                )
    file.unlink()


def run(golden, *words):
    return CliRunner().invoke(main, ["--workspace", str(golden.root / "workspace"), *words], catch_exceptions=False)


def ask(golden, statement):
    engine = sa.create_engine(golden.workspace.database_url)
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(statement).all()
    engine.dispose()
    return rows


@pytest.fixture
def quick(golden, monkeypatch):
    """No self-test and no face detector: what they do is not asked here."""
    monkeypatch.setattr("index.jobs.self_test.MIN_PRODUCTS", 1000)
    settings = golden.root / "workspace" / SETTINGS
    settings.write_text(settings.read_text().replace('gate = "faces"', 'gate = "off"'))


@pytest.mark.usefixtures("quick")
def test_it_is_upgraded_searched_reindexed_forgotten_and_rolled_back(golden, tomorrow, kind):
    entries = ask(golden, "SELECT id, entry_id, title FROM entries ORDER BY id")
    pictures = ask(golden, "SELECT entry, reference, position FROM pictures ORDER BY entry, reference")
    assert pictures

    outdated = 1 + needs_upgrade(service_database_url(golden.workspace), SERVICE)
    told = run(golden, "reindex")
    line = next(line for line in told.stderr.splitlines() if line.startswith("upgraded for this version"))
    assert f"to {tomorrow}" in line
    copies = sorted((golden.root / "workspace").glob("backups/*"))
    assert len(copies) == (outdated if kind == "sqlite" else 0)
    assert ("no copy was made of it" in line) == (kind == "postgresql")
    require_upgraded(golden.workspace)
    # 3: what the golden feeds are refused for is listed, and all else is done.
    assert told.exit_code == 3
    # All the same, but for the likelihoods, which are fitted to how this version ranks.
    live = golden.expected["live"] + 1
    assert f"generation {live} published" in told.stdout, told.output
    assert REFITTED in told.output
    assert ask(golden, "SELECT id, entry_id, title FROM entries ORDER BY id") == entries
    assert ask(golden, "SELECT entry, reference, position FROM pictures ORDER BY entry, reference") == pictures
    assert ask(golden, "SELECT DISTINCT seller FROM entries WHERE retailer <> ''") == [("Shape Shop",)]
    indexes = sa.inspect(engine := sa.create_engine(golden.workspace.database_url)).get_indexes("entries")
    engine.dispose()
    assert "entries_by_seller" in {index["name"] for index in indexes}

    # A product comes and one goes: what writes knows nothing of the new column.
    feed = golden.root / "feeds" / "shop.csv"
    lines = [line for line in feed.read_text().splitlines() if not line.startswith("S-10,")]
    feed.write_text(
        "\n".join([*lines, next(line for line in lines if "S-00" in line).replace("S-00,", "S-77,", 1), ""])
    )
    told = run(golden, "reindex")
    live += 1
    assert f"generation {live} published" in told.stdout, told.output
    assert ask(golden, "SELECT seller FROM entries WHERE entry_id = 'S-77'") == [("",)]

    wanted = golden.expected["wanted"][1]
    searched = run(golden, "search", str(golden.root / "sent.jpg"), "--no-rerank", "--limit", "1", "--json")
    (first,) = json.loads(searched.stdout)["candidates"]
    # Both have one picture, so one is the other's variant.
    assert {first["product_id"], *(variant["product_id"] for variant in first["variants"])} == {wanted, "S-77"}
    told = run(golden, "forget", "product", wanted)
    assert told.exit_code == 0, told.output
    assert ask(golden, f"SELECT 1 FROM entries WHERE entry_id = '{wanted}'") == []
    for number in range(live - 2, live + 1):
        with closing(Generation(golden.workspace.generations / str(number))) as generation:
            assert generation.records.find("catalogue", wanted) == []
    assert run(golden, "generations", "rollback").stdout == f"generation {live - 1} is live\n"
    assert open_live(golden.workspace).number == live - 1
    searched = run(golden, "search", str(golden.root / "sent.jpg"), "--no-rerank")
    assert searched.exit_code == 0
    assert wanted not in searched.stdout
    assert run(golden, "audit", "verify").exit_code == 0
