"""The audit's chain holds when several processes write it at once."""

import subprocess
import sys
from contextlib import closing

import pytest

from index.records.database import Database
from service.app.audit import Audit
from service.tables import HISTORY
from tests.paths import ROOT

pytestmark = [pytest.mark.databases("sqlite", "postgres"), pytest.mark.slow]

WRITERS, RECORDS = 4, 50
WRITE = f"""
import sys, threading
from index.records.database import Database
from service.app.audit import Audit
from service.tables import HISTORY
audit = Audit(Database.open(sys.argv[1], HISTORY))
print("ready", flush=True)
sys.stdin.readline()
def write(part):
    for number in range({RECORDS} // 2):
        audit.append("test", sys.argv[2], value=[part, number])
threads = [threading.Thread(target=write, args=(part,)) for part in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_no_record_is_lost_and_the_chain_is_whole(database_url):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITE, database_url, f"writer {number}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )
        for number in range(WRITERS)
    ]  # fmt: skip
    assert [writer.stdout.readline() for writer in writers] == ["ready\n"] * WRITERS
    for writer in writers:
        writer.stdin.write("\n")
        writer.stdin.flush()
    assert [writer.wait(300) for writer in writers] == [0] * WRITERS
    with closing(Database.open(database_url, HISTORY)) as database:
        audit = Audit(database)
        assert audit.verify()[0] == WRITERS * RECORDS
        written = {(record["who"], *record["value"]) for record in audit.records()}
    assert len(written) == WRITERS * RECORDS
