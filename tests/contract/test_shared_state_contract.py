"""What servers keep between requests, in memory for one and in the database for several: the same promises."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
import sqlalchemy as sa

from index.records.database import Database
from service.accounts.attempts import Attempt, MemoryAttempts, SharedAttempts, attempts_of
from service.app.rate_limiter import RateLimiter
from service.app.shared_rate_limiter import SharedRateLimiter, limiter_of
from service.problems import Problem
from service.tables import HISTORY, rate_limits, sign_in_attempts


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def postgres(postgres_server):
    with closing(Database.open(postgres_server.database(), HISTORY)) as opened:
        yield opened


@pytest.fixture
def sqlite(tmp_path):
    with closing(Database.open(f"sqlite:///{tmp_path / 'service.sqlite'}", HISTORY)) as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def kept_in(request):
    return None if request.param == "memory" else request.getfixturevalue(request.param)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limiter(kept_in, clock):
    return lambda *of: RateLimiter(*of, clock) if kept_in is None else SharedRateLimiter(kept_in, "x", *of, clock)


def refused(rate, key):
    with pytest.raises(Problem) as caught:
        rate.take(key)
    assert caught.value.status == 429
    return int(caught.value.headers["Retry-After"])


class TestRateLimits:
    def test_a_burst_passes_then_one_at_a_time(self, limiter, clock):
        rate = limiter(2, 10)
        rate.take("a")
        rate.take("a")
        assert refused(rate, "a") == 10
        rate.take("b")
        clock.now += 4
        assert refused(rate, "a") == 6
        clock.now += 6
        rate.take("a")
        refused(rate, "a")
        clock.now += 1000
        rate.take("a")
        rate.take("a")
        refused(rate, "a")

    def test_of_requests_at_once_no_more_pass(self, limiter):
        rate = limiter(5, 1e9)

        def passes(_):
            try:
                rate.take("a")
            except Problem:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(passes, range(24))) == 5

    def test_a_clock_that_is_set_back_takes_nothing_away(self, limiter, clock):
        rate = limiter(2, 10)
        rate.take("a")
        clock.now -= 500
        rate.take("a")
        assert refused(rate, "a") == 10


class TestSharedRateLimits:
    def test_count_what_other_servers_answered(self, postgres):
        first, second = (SharedRateLimiter(postgres, "searches", 2, 60) for _ in range(2))
        first.take("a")
        second.take("a")
        assert refused(first, "a") <= 60
        SharedRateLimiter(postgres, "sign-ins", 2, 60).take("a")

    def test_keep_no_address_and_nothing_for_long(self, postgres, clock):
        rate = SharedRateLimiter(postgres, "sign-ins", 2, 10, clock)
        rate.take("203.0.113.9")
        rate.take("203.0.113.9")
        with postgres.connect() as connection:
            assert "203.0.113" not in str(connection.execute(sa.select(rate_limits)).all())
        clock.now += 21
        SharedRateLimiter(postgres, "sign-ins", 2, 10, clock).take("b")
        with postgres.connect() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(rate_limits)).scalar_one() == 1

    def test_are_used_where_servers_share_a_database(self, postgres, sqlite):
        assert isinstance(limiter_of(postgres, "x", 1, 1), SharedRateLimiter)
        assert isinstance(limiter_of(sqlite, "x", 1, 1), RateLimiter)
        assert isinstance(attempts_of(postgres), SharedAttempts)
        assert isinstance(attempts_of(sqlite), MemoryAttempts)


class TestAttempts:
    @pytest.fixture
    def attempts(self, kept_in):
        return MemoryAttempts() if kept_in is None else SharedAttempts(kept_in)

    def attempt(self, seconds=600):
        return Attempt("nonce", "verifier", "https://here/sign-in/return", "/desk", time.time() + seconds)

    def test_are_taken_once(self, attempts):
        attempts.keep("s", kept := self.attempt())
        assert attempts.take("other") is None
        assert attempts.take("s") == kept
        assert attempts.take("s") is None

    def test_end(self, attempts):
        attempts.keep("s", self.attempt(-1))
        assert attempts.take("s") is None

    def test_that_never_returned_are_deleted(self, postgres):
        attempts = SharedAttempts(postgres)
        attempts.keep("gone", self.attempt(-1))
        attempts.keep("s", self.attempt())
        with postgres.connect() as connection:
            assert len(connection.execute(sa.select(sign_in_attempts)).all()) == 1

    def test_are_taken_by_another_server(self, postgres):
        SharedAttempts(postgres).keep("s", kept := self.attempt())
        assert SharedAttempts(postgres).take("s") == kept
