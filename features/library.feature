Feature: What really happened is a scenario, and says who tells of it

  Scenario: A hedge that is closed by force is exposure within seconds, once
    Given the shipped scenario "crash-2025-10-10"
    When it is run
    Then the verdict is PASS
    And the venue took the position of beta for the debts of another
    And the critical alert delta_exposure on firm fired within its deadline
    And the critical alert delta_exposure on firm fired exactly once
    And the twin without the injection raised none of the expected alerts
    And its page names the incident and every source

  Scenario: A price that trembles at its limit is a storm where alerts end at the level at which they begin
    Given the shipped scenario "flapping-peg"
    And the limits "two-desks", with "for: 60s, resolves: 100bps" in place of "for: 60s, resolves: 80bps"
    When it is run
    Then the verdict is FAIL
    And the reason says: episodes: peg_deviation USDT critical: fired 11 times, not 1

  Scenario Outline: What was over and comes again is told again, and what flaps is not
    Given the shipped scenario "<scenario>"
    When it is run
    Then the verdict is PASS
    And the critical alert <rule> on <subject> fired twice, 10 minutes apart or more, the first one over before the second

    Examples:
      | scenario              | rule               | subject  |
      | drawdown-trembles     | pnl_drawdown       | firm     |
      | venue-flaps           | venue_down         | exchange |
      | feed-flaps            | stale_data         | BTC/USD  |
      | settlement-late-twice | settlement_overdue | alpha    |

  Scenario: What flaps is a storm where an alert may fire anew at once
    Given the shipped scenario "feed-flaps"
    And the limits "two-desks", with "fires_at_most_every: 1m" in place of "fires_at_most_every: 10m"
    When it is run
    Then the verdict is FAIL
    And the reason says: episodes: stale_data BTC/USD warning: fired 4 times, not 2
