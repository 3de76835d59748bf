Feature: A pair of two crypto assets, in the world that is shipped with one

  Background:
    Given the venue of crosses, without its background

  Scenario: Fees of ETH/BTC are in bitcoin
    When alpha sells 10 ETH for 0.042 BTC each
    And beta buys 10 ETH for 0.042 BTC each
    Then alpha has paid a fee of 0.000021 BTC
    And beta has paid a fee of 0.000084 BTC
    And beta has 410 ETH and 14.579916 BTC

  Scenario: The least order is so many bitcoin
    When alpha sells 0.01 ETH for 0.019999 BTC each
    Then it is rejected for below_minimum_notional
    When alpha sells 0.01 ETH for 0.02 BTC each
    Then it is taken

  Scenario: The largest order is so many ether
    When alpha sells 2000.01 ETH for 0.042 BTC each
    Then it is rejected for invalid_quantity

  Scenario: What was paid in bitcoin counts in US dollars
    Given a monitor to which bitcoin is worth 60000 USD and ether 2600 USD
    When alpha sells 10 ETH for 0.042 BTC each
    And beta buys 10 ETH for 0.042 BTC each
    Then the monitor counts for beta a profit of 794.96 USD, and -5.04 USD of it as realised
    When bitcoin comes to be worth 50000 USD
    Then the monitor counts for beta a loss of 145799.16 USD more

  Scenario Outline: Ether is carried round by bitcoin where that pays
    Given a desk that is told of 2500 to 2501 USD for ether and 60000 to 60001 USD for bitcoin
    When ETH/BTC is at <bid> to <ask>
    Then the desk sends <legs>

    Examples:
      | bid      | ask      | legs                                     |
      | 0.041660 | 0.041690 | nothing                                  |
      | 0.041760 | 0.041790 | buy ETH/USD, sell ETH/BTC, sell BTC/USD  |
      | 0.041560 | 0.041590 | sell ETH/USD, buy ETH/BTC, buy BTC/USD   |
