"""Checked records of a run: scenario, profile, target, criterion, and the specification they make together.

Pure data; `scenarios.py` reads them from `params/`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from fireai_analysis.frozen import Frozen as Frozen
from fireai_analysis.frozen import Url
from fireai_analysis.frozen import checked_url as checked_url
from fireai_analysis.origin import Origin
from fireai_analysis.rates import RatePoint, check_curve, peak_rps, stretched

Door = Literal["fastapi", "go"]
LoadModel = Literal["open", "closed", "unknown"]
Bound = Literal["inclusive", "strict", "at_least"]
SIGNS: dict[Bound, str] = {"inclusive": "≤", "strict": "<", "at_least": "≥"}
ASCII_SIGNS: dict[Bound, str] = {"inclusive": "<=", "strict": "<", "at_least": ">="}


class MixEntry(Frozen):
    """One kind of request of a mix: what is asked, at which door, how often, and whether latency judges it."""

    action: Literal[
        "classify",
        "evidence",
        "results",
        "session",
        "health",
        "unique",
        "contended",
        "counter",
        "replay",
        "duplicate",
        "altered",
    ]
    door: Door
    weight: float = Field(gt=0)
    judged: bool


class Scenario(Frozen):
    """One load scenario with its numbers.

    Attributes
    ----------
    users : int
        Distinct identities, at least 1.
    duration_s : float
        Judged window in seconds.
    rate_rps : float
        Offered rate in requests a second, the mean over the judged window.
    arrivals : {'fixed', 'poisson', 'waves'}
        How the open schedule is drawn.
    load_model : {'open', 'closed', 'unknown'}
        Open: arrivals follow the schedule. Closed: each user sends, waits for the answer, thinks, and sends again;
        its latencies are service times, and stalls are hidden. Unknown: results of another tool do not tell when
        requests were due, so that they hold service times only.
    think_s : float or None
        Closed only: mean think time (exponential).
    curve : tuple of RatePoint or None
        Rate over time, linear between its points; a jump is two points at one time. None: constant.
    wave_period_s, wave_spread_s : float or None
        Waves only: distance of two waves, and time over which the users of one wave are spread.
    """

    name: str
    title: str
    question: str
    users: int = Field(ge=1)
    duration_s: float = Field(gt=0)
    rate_rps: float = Field(gt=0)
    arrivals: Literal["fixed", "poisson", "waves"]
    load_model: LoadModel = "open"
    think_s: float | None = Field(default=None, gt=0)
    curve: tuple[RatePoint, ...] | None = None
    mix: tuple[MixEntry, ...]
    wave_period_s: float | None = Field(default=None, gt=0)
    wave_spread_s: float | None = Field(default=None, gt=0)
    hot_paths: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _waves_are_whole(self) -> Scenario:
        given = (self.wave_period_s, self.wave_spread_s, self.hot_paths)
        if self.arrivals == "waves" and None in given:
            raise ValueError("waves need wave_period_s, wave_spread_s and hot_paths")
        return self

    @model_validator(mode="after")
    def _load_model_is_whole(self) -> Scenario:
        if (self.load_model == "closed") != (self.think_s is not None):
            raise ValueError("load_model: closed and think_s belong together")
        if self.load_model == "closed" and (self.arrivals == "waves" or self.curve is not None):
            schedule = "waves" if self.arrivals == "waves" else "curve"
            raise ValueError(f"a closed loop follows its answers and no schedule: no {schedule}")
        return self

    @model_validator(mode="after")
    def _curve_is_whole(self) -> Scenario:
        if self.curve is not None:
            if self.arrivals == "waves":
                raise ValueError("waves have their own times: no curve")
            check_curve(self.curve, self.duration_s, self.rate_rps)
        return self

    @property
    def intended_count(self) -> int:
        """Requests the ticket's arithmetic asks for: rate times duration."""
        return round(self.rate_rps * self.duration_s)

    @property
    def peak_rate_rps(self) -> float:
        """Largest rate: of the curve where there is one; of a closed loop what its users could send at most."""
        if self.think_s is not None:
            return self.users / self.think_s
        return peak_rps(self.curve) if self.curve else self.rate_rps

    def changed(self, change: ScenarioChange) -> Scenario:
        """Return the scenario with other numbers, checked; a curve is stretched to the new duration and rate."""
        changes = change.model_dump(exclude_none=True)
        if self.curve is not None:
            longer = changes.get("duration_s", self.duration_s) / self.duration_s
            more = changes.get("rate_rps", self.rate_rps) / self.rate_rps
            changes["curve"] = stretched(self.curve, longer, more)
        return Scenario.model_validate(dict(self) | changes)


class Scale(Frozen):
    """How far a scenario was scaled from the ticket; 1.0 is full scale, None is not told."""

    duration_ratio: float | None
    users_ratio: float | None
    rate_ratio: float | None

    @property
    def is_full(self) -> bool:
        """Whether the scenario ran at the ticket's scale."""
        return all(one is not None and one >= 1.0 for one in (self.duration_ratio, self.users_ratio, self.rate_ratio))


class ScenarioChange(Frozen):
    """What a profile replaces in a scenario."""

    duration_s: float | None = Field(default=None, gt=0)
    users: int | None = Field(default=None, ge=1)
    rate_rps: float | None = Field(default=None, gt=0)
    load_model: LoadModel | None = None
    think_s: float | None = Field(default=None, gt=0)


class Profile(Frozen):
    """How far the scenarios are scaled, and the waits around them."""

    name: str
    title: str
    settle_s: float = Field(ge=0)
    profiled_s: float = Field(ge=0)
    sample_interval_s: float = Field(gt=0)
    scenarios: dict[str, ScenarioChange]


class DoorAddress(Frozen):
    """Address of one service and the environment variable that overrides it."""

    base_url: Url
    base_url_env: str | None = None


class Auth(Frozen):
    """How a token is had; the value itself comes from the environment variable `env`."""

    kind: Literal["none", "bearer", "hs256"]
    env: str | None = None
    lifetime_s: float = Field(default=300, gt=0)

    @model_validator(mode="after")
    def _env_is_named(self) -> Auth:
        if self.kind != "none" and not self.env:
            raise ValueError(f"authentication of kind {self.kind} needs `env`, the variable that holds the secret")
        return self


class TargetAuth(Frozen):
    """Authentication of the public door and of the service-to-service door."""

    public: Auth
    internal: Auth


class CrdtMapping(Frozen):
    """How CRDT writes land in `session_data`, whether a 409 was applied, and what else the target offers.

    Attributes
    ----------
    reads : dict
        Path of `GET` that reads a session at each door that has one, with `{session_id}` in it.
    counters : bool
        Whether changes with `op: increment` are known.
    """

    document: Literal["auto", "by_path", "by_keys"] = "auto"
    conflict_409_applied: bool = False
    reads: dict[Door, str] = Field(default_factory=dict)
    counters: bool = False

    @model_validator(mode="after")
    def _reads_name_the_session(self) -> CrdtMapping:
        for door, path in self.reads.items():
            if not path.startswith("/") or "{session_id}" not in path:
                raise ValueError(f"reads.{door}: a path with {{session_id}} in it is expected, beginning with /")
        return self


class TargetData(Frozen):
    """Seed data of the target that requests refer to."""

    item_codes: tuple[str, ...] = Field(min_length=1)
    observed_conditions: tuple[str, ...] = Field(min_length=1)
    building_id: str
    user_id: str


class LoadLimits(Frozen):
    """The most load this target may be given."""

    max_users: int = Field(gt=0)
    max_rate_rps: float = Field(gt=0)
    max_duration_s: float = Field(gt=0)


class Target(Frozen):
    """A system under test: where it is, how to authenticate, what may be done to it. Holds no secret."""

    name: str
    kind: Literal["embedded", "remote"]
    allow_load: bool = False
    production_confirmed: str | None = None
    doors: dict[Door, DoorAddress]
    pprof_url: Url | None = None
    pprof_url_env: str | None = None
    database_url_env: str | None = None
    auth: TargetAuth
    crdt: CrdtMapping
    data: TargetData
    limits: LoadLimits
    request_timeout_s: float = Field(gt=0)
    process_ids: dict[str, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _reads_are_at_doors(self) -> Target:
        strange = sorted(set(self.crdt.reads) - set(self.doors))
        if strange:
            raise ValueError(f"crdt.reads names {strange[0]}, which is not among the doors")
        return self

    def base_url(self, door: Door) -> str:
        """Return the address of a door, without a trailing slash."""
        return self.doors[door].base_url

    def secret_names(self) -> tuple[str, ...]:
        """Return the environment variables whose values must never be written anywhere."""
        names = (self.auth.public.env, self.auth.internal.env, self.database_url_env)
        return tuple(name for name in names if name)


BASES = {
    "p95_latency": ("peak", "response_p95", "ms"),
    "crdt_data_loss": ("crdt_stress", "lost_writes", "writes"),
    "aurora_scaling": ("spike", "capacity_reached_within_120_s", "ACU"),
    "go_memory": ("all", "go_resident_set_high_water", "bytes"),
    "error_rate": ("all", "error_ratio", "ratio"),
}
"""The five criteria: the scenario that each is judged on, its metric and its unit. Limits stand in `params/`."""


class Criterion(Frozen):
    """One acceptance criterion; a limit without a unit is refused."""

    id: str
    title: str
    scenario: str
    metric: str
    limit: float = Field(ge=0)
    unit: Literal["ms", "writes", "ACU", "bytes", "ratio"]
    bound: Bound
    counted: bool

    @model_validator(mode="after")
    def _basis_is_known(self) -> Criterion:
        if self.id not in BASES:
            raise ValueError(f"unknown criterion {self.id!r}; known: {', '.join(BASES)}")
        for key, wanted in zip(("scenario", "metric", "unit"), BASES[self.id], strict=True):
            if getattr(self, key) != wanted:
                raise ValueError(f"{self.id} needs {key}: {wanted}")
        return self

    def within(self, actual: float) -> bool:
        """Return whether a value meets the limit, by the declared bound."""
        if self.bound == "at_least":
            return actual >= self.limit
        return actual < self.limit if self.bound == "strict" else actual <= self.limit


class Waiver(Frozen):
    """A written permission to go without a NOT MEASURED criterion until a day."""

    criterion: str
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=10)]
    approved_by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
    expires: date


class Criteria(Frozen):
    """All criteria and waivers."""

    criteria: tuple[Criterion, ...]
    waivers: tuple[Waiver, ...]

    @model_validator(mode="after")
    def _each_is_there_once(self) -> Criteria:
        found = [one.id for one in self.criteria]
        for name in BASES:
            if found.count(name) != 1:
                raise ValueError(f"criterion {name} is there {found.count(name)} times; READY needs each of five, once")
        return self


class Fleet(Frozen):
    """The generator processes of a run: how many, where they run, and where they meet.

    Attributes
    ----------
    kind : {'single', 'host', 'network'}
        One process; a master and workers on this machine; or workers that come over the network.
    workers : int
        Processes that send load.
    bind_host, bind_port : str, int
        Where the master waits for its workers; port 0 is any free one.
    runs_after_count : int
        Runs of the campaign that follow, for which workers of the network stay.
    """

    kind: Literal["single", "host", "network"] = "single"
    workers: int = Field(default=1, ge=1, le=1000)
    bind_host: str = "127.0.0.1"
    bind_port: int = Field(default=0, ge=0, le=65535)
    runs_after_count: int = Field(default=0, ge=0)

    @property
    def join_s(self) -> float:
        """How long the master waits for its workers, in seconds: those of the network are started by hand."""
        return {"single": 0.0, "host": 60.0, "network": 600.0}[self.kind]


class RunSpec(Frozen):
    """Everything one run needs to know; written to the run bundle, so it holds no secret.

    `origin` says where the results of another tool came from; its scenario is then what the results show.
    """

    run_id: str
    scenario: Scenario
    full: Scenario
    profile: Profile
    target: Target
    seed: int
    fleet: Fleet = Fleet()
    origin: Origin | None = None

    @property
    def scale(self) -> Scale:
        """How far this run is scaled from the ticket."""
        if self.origin is not None:
            told, full = self.origin, self.full
            shares = (
                told.duration_ratio(full.duration_s),
                told.users_ratio(full.users),
                told.rate_ratio(full.rate_rps),
            )
            return Scale(duration_ratio=shares[0], users_ratio=shares[1], rate_ratio=shares[2])
        return Scale(
            duration_ratio=self.scenario.duration_s / self.full.duration_s,
            users_ratio=self.scenario.users / self.full.users,
            rate_ratio=min(self.scenario.rate_rps, self.scenario.peak_rate_rps) / self.full.rate_rps,
        )
