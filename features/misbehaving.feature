Feature: A strategy that misbehaves is seen by the monitor, or held back by its own desk

  A price wakes each of them. What the price does by itself is no reason for an alert: with the strategy asleep, none fires.

  Scenario Outline: The monitor sees what <strategy> leads to
    Given the shipped scenario "<strategy>-strategy"
    When it is run
    Then the verdict is PASS
    And the critical alert <rule> on <subject> fired within its deadline
    And the critical alert <rule> on <subject> fired exactly once
    And the twin without the injection raised none of the expected alerts

    Examples:
      | strategy             | rule           | subject |
      | risk-ignorant        | position_limit | BTC     |
      | volatility-amplifier | position_limit | SOL     |
      | correlation-breaker  | delta_exposure | firm    |
      | slow-leak            | pnl_drawdown   | firm    |

  Scenario Outline: The same price, with <strategy> asleep
    Given the shipped scenario "<strategy>-strategy"
    And the world "misbehaving", with "<never>" in place of "<wakes>"
    When it is run
    Then the verdict is INVALID
    And no alert fired

    Examples:
      | strategy             | wakes        | never         |
      | risk-ignorant        | below: 58500 | below: 1      |
      | volatility-amplifier | above: 154   | above: 900    |
      | correlation-breaker  | above: 61500 | above: 900000 |
      | slow-leak            | below: 0.997 | below: 0.1    |

  Scenario: A fat finger never leaves the desk, whole or in slices
    Given the shipped scenario "fat-finger"
    When it is run
    Then the verdict is PASS
    And the critical alert max_order_value on finger fired within its deadline
    And the critical alert max_order_value on finger fired exactly once
    And the twin without the injection raised none of the expected alerts
    And the desk of finger held back 41 orders, each for order_value
    And no order of finger reached the venue

  Scenario: Slices that are thin enough for the check of their value stop at what the account has
    Given the shipped scenario "fat-finger"
    And the world "misbehaving", with "slices: 1000" in place of "slices: 40"
    When it is run
    Then the verdict is PASS
    And the desk of finger held back 1001 orders, one for order_value and all others for insufficient_funds
    And no order of finger reached the venue

  Scenario: Orders at any price stop at the collar of their own desk
    Given the shipped scenario "gdax-2017-06-21"
    When it is run
    Then the verdict is PASS
    And the critical alert price_collar on sweeper fired within its deadline
    And the critical alert price_collar on sweeper fired exactly once
    And the twin without the injection raised none of the expected alerts
    And the desk of sweeper held back 21 orders, each for price_collar
    And no order of sweeper reached the venue

  Scenario: Fills of one kind are noticed before the loss that they add up to
    Given the shipped scenario "slow-leak-strategy"
    When it is run
    Then the verdict is PASS
    And the critical alert repeated_execution on leak fired within its deadline
    And the twin without the injection raised none of the expected alerts

  Scenario: A strategy that repeats itself is stopped by its own desk, however slow it is
    Given the shipped scenario "repeating-strategy"
    When it is run
    Then the verdict is PASS
    And the critical alert duplicate_order on repeater fired within its deadline
    And the critical alert duplicate_order on repeater fired exactly once
    And the critical alert kill_switch on repeater fired within its deadline
    And the twin without the injection raised none of the expected alerts

  Scenario: What a runaway bought and nobody was told of is found in custody
    Given the shipped scenario "runaway-unreported"
    When it is run
    Then the verdict is PASS
    And the critical alert reconciliation_break on BTC fired within its deadline
    And the twin without the injection raised none of the expected alerts
