Feature: A venue that a trader would take for one

  Background:
    Given a venue where ann and bob have money and bitcoin

  Scenario: What is first at the best price is first to trade
    When ann sells 5 at 101 as "late and dear"
    And ann sells 5 at 100 as "first"
    And ann sells 5 at 100 as "second"
    And bob buys 7 at 101 as "taker"
    Then "first" is filled with 5 at 100
    And "second" is filled with 2 at 100
    And "late and dear" is still open with 5

  Scenario: An iceberg shows a part, and queues again with the next
    When ann sells 9 at 100 showing 3 as "iceberg"
    And ann sells 3 at 100 as "behind"
    And bob buys 5 at 100 as "taker"
    Then "iceberg" is filled with 3 at 100
    And "behind" is filled with 2 at 100
    And "iceberg" is still open with 6

  Scenario: Fill or kill takes all or nothing
    When ann sells 5 at 100 as "offer"
    And bob buys 6 at 100 fill-or-kill as "too much"
    And bob buys 5 at 100 fill-or-kill as "just right"
    Then "too much" is canceled with 6 for not_filled
    And "just right" is filled with 5 at 100

  Scenario: A market order spends no more than it says
    When ann sells 5 at 100 as "offer"
    And ann sells 5 at 110 as "dearer"
    And bob buys for 700 as "spender"
    Then "spender" is filled with 5 at 100
    And "spender" is filled with 1 at 110

  Scenario: A stop waits for the price, and then goes at once
    When ann buys 1 at 99 as "bid"
    And ann buys 9 at 95 as "lower bid"
    And bob puts a stop at 99 to sell 4 as "stop"
    Then "stop" waits
    When bob sells 1 at 99 as "seller"
    Then "stop" is triggered at 99
    And "stop" is filled with 4 at 95

  Scenario: A trailing stop follows the best price
    When ann sells 1 at 100 as "a"
    And bob buys 1 at 100 as "b"
    And bob puts a trailing stop 5% away to sell 2 as "trail"
    And ann sells 1 at 110 as "c"
    And bob buys 1 at 110 as "d"
    And ann buys 3 at 104 as "e"
    And bob sells 1 at 104 as "f"
    Then "trail" is triggered at 104
    And "trail" is filled with 2 at 104

  Scenario: Of a pair one cancels the other
    When bob puts a pair: sell 3 at 110 as "aim", or with a stop at 95 as "guard"
    And ann buys 1 at 110 as "buyer"
    Then "aim" is filled with 1 at 110
    And "guard" is canceled with 3 for paired
    And "aim" is still open with 2

  Scenario Outline: Nobody trades with themselves
    When ann sells 5 at 100 as "resting"
    And ann buys 3 at 100 with <mode> as "coming"
    Then "<canceled>" is canceled with <lots> for self_trade

    Examples:
      | mode            | canceled | lots |
      | cancel_resting  | resting  | 5    |
      | cancel_incoming | coming   | 3    |
      | cancel_both     | coming   | 3    |
      | decrement       | coming   | 3    |

  Scenario: Who makes an order smaller keeps the place, who makes it larger loses it
    When ann sells 5 at 100 as "first"
    And ann sells 5 at 100 as "second"
    And ann amends "first" to 4 at 100
    And bob buys 1 at 100 as "b1"
    Then "first" is filled with 1 at 100
    When ann amends "first" to 9 at 100
    And bob buys 1 at 100 as "b2"
    Then "second" is filled with 1 at 100

  Scenario: An order does not outlive its time
    When ann sells 5 at 100 until 50 as "short"
    And 60 have passed
    And bob buys 5 at 100 as "late"
    Then "short" is canceled with 5 for expired
    And "late" is still open with 5

  Scenario: Who gives no sign of life loses all orders
    When ann sells 5 at 100 as "left"
    And ann asks to be canceled after 30
    And 31 have passed
    Then "left" is canceled with 5 for silent_owner
