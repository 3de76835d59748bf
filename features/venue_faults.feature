Feature: A venue can misbehave, and what of it can be noticed is noticed

  Scenario Outline: It fails those who trade there, and tells no lie
    Given the scenario "venue-misbehaves-short"
    And "<fault>" stands where "inject: venue.reject, share: 50%" stood
    When it is run
    Then the verdict is PASS
    And no alert fired
    And exchange and custody agree at the end

    Examples:
      | fault                                      |
      | inject: venue.reject, share: 50%           |
      | inject: venue.latency, by: 2s              |
      | inject: venue.spread, spread: 4, depth: 0.2 |
      | inject: venue.partial_fills, share: 10%    |
      | inject: venue.halt, auction: 1m            |

  Scenario Outline: It tells accounts what is not so
    Given the scenario "venue-misreports-short"
    And "<fault>" stands where "inject: venue.lost_reports" stood
    When it is run
    Then the verdict is PASS
    And the critical alert reconciliation_break on USD fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault                           |
      | inject: venue.lost_reports      |
      | inject: venue.duplicate_reports |
      | inject: venue.stale_balances    |

  Scenario Outline: It is away, and when it is back nothing is lost
    Given the scenario "exchange-stands-still-short"
    And "inject: venue.outage, <orders>, id: dark" stands where "inject: service.pause, service: exchange" stood
    When it is run
    Then the verdict is PASS
    And the critical alert venue_down on exchange fired and was resolved
    And exchange and custody agree at the end

    Examples:
      | orders           |
      | orders: kept     |
      | orders: canceled |

  Scenario: A fault of a market in which nothing is quoted tests nothing, and says so
    Given the scenario "venue-misbehaves-short"
    And "inject: venue.reject, share: 0.0001%" stands where "inject: venue.reject, share: 50%" stood
    When it is run
    Then the verdict is INVALID
    And the reason says: effect of wrong for 5m

  Scenario: It asks for five times the margin, and who has too little is told in time
    Given the shipped scenario "margin-rates-raised"
    When it is run
    Then the verdict is PASS
    And the critical alert margin_buffer on beta fired within its deadline
    And the critical alert margin_buffer on beta fired exactly once
    And the twin without the injection raised none of the expected alerts

  Scenario: It closes a hedge by force and does not say so, and that is found by asking
    Given the shipped scenario "hedge-gone-untold"
    When it is run
    Then the verdict is PASS
    And the critical alert balance_sanity on beta fired within its deadline
    And the critical alert balance_sanity on beta fired exactly once
    And the twin without the injection raised none of the expected alerts
