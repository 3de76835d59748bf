Feature: A price has several sources, a balance a history and a hedge a cost

  Scenario: A venue whose own price leaves the others is told within seconds, and is no loss
    Given the scenario "sources-short"
    When it is run
    Then the verdict is PASS
    And the critical alert price_outlier on exchange.south:BTC/USD fired within its deadline
    And the critical alert price_outlier on exchange.south:BTC/USD fired and was resolved
    And the twin without the injection raised none of the expected alerts

  Scenario: Just under the limit of a critical alert none is owed, and none comes
    Given the scenario "sources-short"
    And its method.0.by is set to -4.7%
    When it is run
    Then the verdict is INVALID
    And the reason says: no alert was owed
    And the warning alert price_outlier on exchange.south:BTC/USD fired exactly once
    And a warning fired, and no critical alert

  Scenario: Just over it one comes
    Given the scenario "sources-short"
    And its method.0.by is set to -5.3%
    When it is run
    Then the verdict is PASS
    And the critical alert price_outlier on exchange.south:BTC/USD fired exactly once

  Scenario: A single print of the provider is no price, however far it is
    Given the example "bad-print"
    And its method.0.by is set to -60%
    And its world is set to two-venues-watched
    When it is run
    Then the verdict is PASS
    And no alert fired

  Scenario Outline: A bid that is at its ask or above is told when it stays there
    Given the scenario "sources-crossed-short"
    And its method.0.for is set to <length>
    When it is run
    Then the verdict is <verdict>
    And <alerts> fired

    Examples:
      | length | verdict | alerts            |
      | 3s     | INVALID | no critical alert |
      | 6s     | PASS    | a critical alert  |

  Scenario Outline: A quote that says nothing new is not fresh because its time is
    Given the scenario "sources-frozen-short"
    And its method.0.for is set to <length>
    When it is run
    Then the verdict is <verdict>
    And <alerts> fired

    Examples:
      | length | verdict | alerts            |
      | 55s    | INVALID | no critical alert |
      | 65s    | PASS    | a critical alert  |

  Scenario Outline: A balance that no fill and no movement explains is an alert, and is counted nowhere
    Given the scenario "balances-short"
    And "<fault>" stands where "inject: venue.phantom_credit, asset: BTC, times: 2" stood
    And its expect.0.within is set to <within>
    When it is run
    Then the verdict is PASS
    And the critical alert balance_sanity on south.beta fired exactly once
    And exchange and custody agree at the end

    Examples:
      | fault                                              | within |
      | inject: venue.phantom_credit, asset: BTC, times: 2 | 22s    |
      | inject: venue.duplicate_reports                    | 22s    |

  Scenario: A report that is wrong for less than the limit is none
    Given the scenario "balances-short"
    And its method.0.for is set to 3s
    When it is run
    Then the verdict is INVALID
    And no alert fired

  Scenario Outline: What a hedged book would pay for its hedge is an alert before it is paid
    Given the scenario "funding-short"
    And its method.1.by is set to <by>
    When it is run
    Then the verdict is <verdict>
    And <alerts> fired

    Examples:
      | by     | verdict | alerts            |
      | -0.25% | INVALID | no critical alert |
      | -0.45% | PASS    | a critical alert  |

  Scenario: A coin is above par at one venue alone, and that is no peg
    Given the shipped scenario "stablecoin-above-par-at-one-venue"
    When it is run
    Then the verdict is PASS
    And the critical alert price_outlier on exchange.south:USDT/USD fired within its deadline
    And the twin without the injection raised none of the expected alerts

  Scenario: Two ways to the same bitcoin do not cost the same
    Given the shipped scenario "flight-from-tether"
    When it is run
    Then the verdict is PASS
    And the critical alert basis_divergence on BTC/USDT fired within its deadline
    And the critical alert basis_divergence on BTC/USDT fired exactly once
    And the twin without the injection raised none of the expected alerts
