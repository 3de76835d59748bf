Feature: Prices take every shape, and their feed has every fault

  What is injected is measured in the quotes that the production plane sees. If it is not there, nothing was tested.

  Scenario Outline: <step> is seen as <effect>
    Given the scenario "market-short"
    And "inject: <step>" stands where "inject: feed.crossed, instrument: ETH/USDT" stood
    And "{<effect>}" stands where "{crossed: ETH/USDT, for: 5s}" stood
    When it is run
    Then the verdict is PASS
    And no alert fired
    And exchange and custody agree at the end

    Examples:
      | step                                                                      | effect                                    |
      | price.rally, instruments: [ETH/USD], by: 3%, over: 5s                     | price: ETH/USD, above: 2550               |
      | price.gap, instrument: ETH/USD, by: -3%                                   | price: ETH/USD, below: 2450               |
      | price.revert, instrument: ETH/USD, by: -4%, over: 3s, half_life: 2s       | price: ETH/USD, below: 2440               |
      | price.depeg, instrument: USDC/USD, legs: [{to: 0.995, over: 1s, hold: 5s}]| deviation: USDC, above: 45bps, for: 4s    |
      | price.divergence, instrument: BTC/USDT, by: 1%, over: 3s                  | divergence: BTC/USDT, above: 80bps        |
      | volatility.spike, instrument: BTC/USD, factor: 80                         | volatility: BTC/USD, above: 200%, over: 8s|
      | feed.bad_print, instrument: BTC/USD, by: -12%                             | price: BTC/USD, below: 56000              |
      | feed.stale, instrument: BTC/USDT                                          | age: BTC/USDT, for: 7s                    |
      | feed.frozen, instrument: USDC/USD                                         | unchanged: USDC/USD, for: 7s              |
      | feed.crossed, instrument: BTC/USD, by: 5%                                 | crossed: BTC/USD, for: 7s                 |
      | feed.lag, instrument: BTC/USD, by: 4s                                     | lag: BTC/USD, above: 4s, for: 3s          |

  Scenario: What was not seen was not tested
    Given the scenario "market-short"
    And "{lag: ETH/USDT, above: 1s}" stands where "{crossed: ETH/USDT, for: 5s}" stood
    When it is run
    Then the verdict is INVALID
    And the reason names the effect of ETH/USDT

  Scenario: A feed that says nothing cannot say the same again and again
    Given the scenario "market-short"
    And "inject: feed.stale, instrument: ETH/USDT}, {at: 2m, for: 9s, inject: feed.frozen, instrument: ETH/USDT" stands where "inject: feed.crossed, instrument: ETH/USDT" stood
    When it is run
    Then the verdict is INVALID
    And the reason says: ETH/USDT is under feed.stale by feed.stale-1; feed.frozen would not be seen

  Scenario: A crossed and frozen feed is no price, whatever its times say
    Given the example "crossed-feed"
    When it is run
    Then the verdict is PASS
    And the warning alert stale_data on BTC/USD fired within its deadline
    And the critical alert stale_data on BTC/USD fired and was resolved
    And the twin without the injection raised none of the expected alerts

  Scenario: Nobody trades on a single print
    Given the example "bad-print"
    When it is run
    Then the verdict is PASS
    And no alert fired
    And no order was filled more than 1% away from 60000 in BTC/USD

  Scenario: Today the risk monitor believes a single print if it is large enough
    Given the example "bad-print"
    And its method.0.by is set to -60%
    When it is run
    Then the verdict is FAIL
    And the reason says: pnl_drawdown
    And no order was filled more than 1% away from 60000 in BTC/USD
