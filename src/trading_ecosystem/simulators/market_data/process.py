"""How the values of assets move when nobody touches them, in the numeraire.

Rule 1: the state after step k depends on the configuration, the seed and k, and on nothing else.
Rule 2: every draw is addressed by the number of its step or of its block of about a minute.

Crypto assets follow geometric Brownian motion with jumps. Their volatility is common to all and log-normal: the sum of
three mean-reverting factors (minutes, hours, days) and a daily wave. That gives returns of one minute the fat tails and
the slowly fading memory of absolute returns that recorded ones have (see `tests`, which measure both).
"""

import math
from typing import final

from trading_ecosystem.chance import Dice
from trading_ecosystem.messages.runtime import Plain
from trading_ecosystem.reference import ReferenceData
from trading_ecosystem.simulators.market_data.config import (
    CryptoConfig,
    MarketDataConfig,
    PeggedConfig,
    Reversion,
)
from trading_ecosystem.simulators.market_data.recorded import Recorded, Track

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
YEAR_NS = 365 * DAY_NS

FACTOR_VARIANCES = (0.20, 0.16, 0.03)  # Of the logarithm of volatility.
FACTOR_TIMES_NS = (4 * MINUTE_NS, 300 * MINUTE_NS, 2 * DAY_NS)
DAILY_WAVE = 0.7
BUSIEST_NS = 15 * 60 * MINUTE_NS  # After midnight UTC.
HIGHEST_LOGARITHM = 2.0
STRESSED = 3.0  # Of the mean volatility: where spreads are as wide as they get.
SMALLEST_JUMP, JUMP_RANGE = 0.5, 1.0  # In mean jumps: sizes are uniform from 0.5 to 1.5.

START_LANE = 8
JUMP_LANE, JUMP_STEP_LANE, JUMP_SIZE_LANE, JUMP_SIDE_LANE = 1, 2, 3, 4


@final
class Volatility:
    """The factor on the volatility of all crypto assets; the mean of its square is 1. It turns once per block."""

    __slots__ = ("_decays", "_dice", "_factors", "_level", "_noises", "factor")

    def __init__(self, seed: int, block_ns: int) -> None:
        self._dice = Dice(seed, "market.volatility")
        self._decays = [math.exp(-block_ns / time_ns) for time_ns in FACTOR_TIMES_NS]
        self._noises = [
            math.sqrt(variance * (1.0 - decay * decay))
            for variance, decay in zip(FACTOR_VARIANCES, self._decays, strict=True)
        ]
        self._factors = [
            math.sqrt(variance) * self._dice.normal(0, START_LANE + i) for i, variance in enumerate(FACTOR_VARIANCES)
        ]
        self._level = sum(FACTOR_VARIANCES) + DAILY_WAVE * DAILY_WAVE / 2.0
        self.factor = 1.0

    def turn(self, block: int, at_ns: int) -> None:
        logarithm = DAILY_WAVE * math.cos(2.0 * math.pi * ((at_ns % DAY_NS - BUSIEST_NS) / DAY_NS))
        for i in range(len(self._factors)):
            value = self._decays[i] * self._factors[i] + self._noises[i] * self._dice.normal(block, i)
            self._factors[i] = value
            logarithm += value
        self.factor = math.exp(min(logarithm, HIGHEST_LOGARITHM) - self._level)

    def save(self) -> Plain:
        return [list(self._factors), self.factor]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self._factors = list(state[0])
        self.factor = state[1]


@final
class Crypto:
    """The value of one crypto asset."""

    __slots__ = (
        "_common",
        "_dice",
        "_jump",
        "_jump_chance",
        "_jump_size",
        "_jump_step",
        "_own",
        "_sigma",
        "asset",
        "logarithm",
    )

    def __init__(self, asset: int, config: CryptoConfig, dice: Dice, step_ns: int, block_ns: int) -> None:
        self.asset = asset
        self._dice = dice
        self._sigma = config.volatility_ppm / 1e6 * math.sqrt(step_ns / YEAR_NS)
        self._common = float(config.correlation)
        self._own = math.sqrt(1.0 - self._common * self._common)
        self._jump_chance = 1.0 - math.exp(-float(config.jumps_per_day) * (block_ns / DAY_NS))
        self._jump_size = config.jump_size_ppm / 1e6
        self._jump_step = -1
        self._jump = 0.0
        self.logarithm = math.log(float(config.value))

    def turn(self, block: int, first_step: int, steps: int) -> None:
        """Draw whether, when and how far the value jumps in a block."""
        dice = self._dice
        self._jump_step = -1
        if dice.uniform(block, JUMP_LANE) < self._jump_chance:
            self._jump_step = first_step + int(dice.below(steps, block, JUMP_STEP_LANE))
            size = self._jump_size * (SMALLEST_JUMP + JUMP_RANGE * dice.uniform(block, JUMP_SIZE_LANE))
            self._jump = size if dice.below(2, block, JUMP_SIDE_LANE) == 1 else -size

    def step(self, step: int, volatility: float, common: float) -> float:
        """The value after this step."""
        sigma = self._sigma * volatility
        noise = self._common * common + self._own * self._dice.normal(step)
        logarithm = self.logarithm + sigma * (noise - 0.5 * sigma)
        if step == self._jump_step:
            logarithm += self._jump
        self.logarithm = logarithm
        return math.exp(logarithm)

    def save(self) -> Plain:
        return [self.logarithm, self._jump_step, self._jump]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self.logarithm = state[0]
        self._jump_step = state[1]
        self._jump = state[2]


@final
class Reverting:
    """A deviation, as a share, that reverts to zero: an Ornstein-Uhlenbeck process, exact for any step."""

    __slots__ = ("_decay", "_dice", "_noise", "deviation")

    def __init__(self, reversion: Reversion, dice: Dice, step_ns: int, deviation: float) -> None:
        self._dice = dice
        self._decay = math.exp(-math.log(2.0) * (step_ns / reversion.half_life_ns))
        self._noise = reversion.deviation_ppm / 1e6 * math.sqrt(1.0 - self._decay * self._decay)
        self.deviation = deviation

    def step(self, step: int) -> float:
        deviation = self._decay * self.deviation + self._noise * self._dice.normal(step)
        self.deviation = deviation
        return deviation


@final
class Pegged:
    """The value of a stablecoin or a fiat asset."""

    __slots__ = ("anchor", "asset", "reverting")

    def __init__(self, asset: int, config: PeggedConfig, dice: Dice, step_ns: int) -> None:
        self.asset = asset
        self.anchor = float(config.anchor)
        start = float(config.value) / self.anchor - 1.0
        self.reverting = Reverting(config.reversion, dice, step_ns, start)


@final
class AssetValues:
    """The values of all assets after the same step, in the order of the reference data.

    An asset whose pair with the numeraire is recorded takes its value from there.
    """

    __slots__ = (
        "_block_steps",
        "_common",
        "_cryptos",
        "_pegged",
        "_start_ns",
        "_step_ns",
        "_tracked",
        "_tracks",
        "_volatility",
        "step",
        "values",
    )

    def __init__(
        self, config: MarketDataConfig, reference: ReferenceData, seed: int, start_ns: int, recorded: Recorded
    ) -> None:
        step_ns = config.quotes_every_ns
        self._start_ns, self._step_ns = start_ns, step_ns
        self._block_steps = max(1, MINUTE_NS // step_ns)
        block_ns = self._block_steps * step_ns
        self._volatility = Volatility(seed, block_ns)
        self._common = Dice(seed, "market.common")
        self._cryptos: list[Crypto] = []
        self._pegged: list[Pegged] = []
        self._tracked: list[int] = []
        self._tracks: list[Track] = []
        self.step = 0
        self.values: list[float] = []
        for i, name in enumerate(reference.assets):
            record = recorded.records.get(f"{name}/{reference.numeraire}")
            value = 1.0
            if record is not None:
                track = Track(record, step_ns)
                self._tracked.append(i)
                self._tracks.append(track)
                value = track.price(start_ns)
            elif name in config.cryptos:
                crypto = config.cryptos[name]
                self._cryptos.append(Crypto(i, crypto, Dice(seed, f"market.{name}"), step_ns, block_ns))
                value = float(crypto.value)
            elif name in config.pegged:
                pegged = config.pegged[name]
                self._pegged.append(Pegged(i, pegged, Dice(seed, f"market.{name}"), step_ns))
                value = float(pegged.value)
            self.values.append(value)

    def advance(self) -> None:
        """One step on."""
        step = self.step + 1
        self.step = step
        values = self.values
        if self._cryptos:
            self._advance_cryptos(step)
        for pegged in self._pegged:
            values[pegged.asset] = pegged.anchor * (1.0 + pegged.reverting.step(step))
        if self._tracked:
            at_ns = self._start_ns + step * self._step_ns
            for i in range(len(self._tracked)):
                values[self._tracked[i]] = self._tracks[i].price(at_ns)

    def _advance_cryptos(self, step: int) -> None:
        if (step - 1) % self._block_steps == 0:
            self._turn((step - 1) // self._block_steps, step)
        volatility = self._volatility.factor
        common = self._common.normal(step)
        for crypto in self._cryptos:
            self.values[crypto.asset] = crypto.step(step, volatility, common)

    def _turn(self, block: int, first_step: int) -> None:
        self._volatility.turn(block, self._start_ns + first_step * self._step_ns)
        for crypto in self._cryptos:
            crypto.turn(block, first_step, self._block_steps)

    def stress(self) -> float:
        """How far volatility is from its mean on the way to `STRESSED` times that: 0 to 1. Injections do not count."""
        return min(1.0, max(0.0, (self._volatility.factor - 1.0) / (STRESSED - 1.0)))

    def save(self) -> Plain:
        return [
            self.step,
            list(self.values),
            self._volatility.save(),
            [crypto.save() for crypto in self._cryptos],
            [pegged.reverting.deviation for pegged in self._pegged],
        ]

    def restore(self, state: Plain) -> None:
        assert isinstance(state, list)
        self.step = state[0]
        self.values = list(state[1])
        self._volatility.restore(state[2])
        for crypto, saved in zip(self._cryptos, state[3], strict=True):
            crypto.restore(saved)
        for pegged, deviation in zip(self._pegged, state[4], strict=True):
            pegged.reverting.deviation = deviation
