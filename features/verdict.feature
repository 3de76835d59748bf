Feature: A scenario ends with a verdict that can be trusted

  A risk engineer breaks the world on purpose and wants to know whether the risk monitor
  raised the right alert, in time, and nothing else.

  Scenario: A stablecoin loses its peg and the monitor says so in time
    Given the scenario "usdt-depeg-short"
    When it is run
    Then the verdict is PASS
    And the critical alert peg_deviation on USDT fired within its deadline
    And the twin without the injection raised none of the expected alerts

  Scenario: An injection that nobody can see tests nothing
    Given the scenario "usdt-cliff-9m"
    And its method.0.to is set to 0.9999
    When it is run
    Then the verdict is INVALID
    And the reason names the effect of USDT/USD

  Scenario: A loosened limit is noticed
    Given the scenario "usdt-cliff-9m"
    And a world whose critical peg limit of USDT is loosened to 2000bps
    When it is run
    Then the verdict is FAIL
    And the reason names the missed alert peg_deviation

  Scenario: An alert that nobody expected is a false alarm
    Given the scenario "usdt-cliff-9m"
    And its permission for a warning is taken out
    When it is run
    Then the verdict is FAIL
    And the reason names the false alarm peg_deviation:USDT:warning:1
