Feature: A price has several sources, and what one of them alone says is not a price

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
    And no critical alert fired

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
