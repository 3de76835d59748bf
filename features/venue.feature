Feature: How a venue stops, and opens again

  Background:
    Given a venue where ann and bob have money and bitcoin

  Scenario: A halted market takes no order, and lets go of those that it has
    When ann sells 5 at 100 as "resting"
    And the market is halted
    And bob buys 5 at 100 as "late"
    Then "late" is rejected: market_halted
    When ann cancels "resting"
    Then "resting" is canceled with 5 for requested

  Scenario: After a halt orders are collected, and all trade at one price
    When the market is halted
    And the halt ends, with an auction of 20
    And ann sells 4 at 99 as "cheap"
    And ann sells 4 at 101 as "dear"
    And bob buys 6 at 103 as "eager"
    And bob buys 6 at 100 as "patient"
    Then "eager" is still open with 6
    When 20 have passed
    Then "cheap" is filled with 4 at 101
    And "dear" is filled with 2 at 101
    And "eager" is filled with 2 at 101
    And "patient" is still open with 6
    And "dear" is still open with 2

  Scenario: Who can only trade at once has no place in an auction
    When the market is halted
    And the halt ends, with an auction of 20
    And bob buys 5 at 100 fill-or-kill as "now or never"
    Then "now or never" is rejected: not_in_auction

  Scenario: A trade too far from those before it does not happen
    Given the venue halts a market whose price moves by more than 10%
    When ann sells 1 at 100 as "a"
    And bob buys 1 at 100 as "b"
    And ann sells 1 at 111 as "too dear"
    And bob buys 1 at 111 as "too eager"
    Then the market is halted
    And "too eager" is canceled with 1 for market_halted
    And "too dear" is still open with 1
    When 50 have passed
    Then the market is in an auction
    When 20 have passed
    Then the market is open
