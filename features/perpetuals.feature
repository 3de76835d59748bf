Feature: Perpetual futures that a trader would take for real ones

  Background:
    Given a venue with a bitcoin perpetual at 1000, where ann, bob and cid have margin

  Scenario: Who is short pays for a rise, and who is long gets it
    When ann is long 10 and bob short
    And the price goes to 1040
    Then ann's equity is 395 higher than at first
    And bob's equity is 401 lower than at first

  Scenario: An order that margin does not cover is refused
    When ann buys 1000 at 1000
    Then that is rejected for insufficient_margin

  Scenario: A reduce-only order does not turn a position around
    When ann is long 10 and bob short
    And ann sells 11 at 1000, reduce only
    Then that is rejected for would_not_reduce

  Scenario: A liquidation takes a part, and says so
    When cid is long 70 and bob short
    And bob bids for 70 at 960
    And the price goes to 960
    Then cid is called for margin
    And cid's position is liquidated by 18 lots
    And nobody's wallet is below zero

  Scenario: A loss beyond the wallet is covered, and the winner deleveraged
    When cid is long 70 and bob short
    And the price goes to 955
    And the price goes to 910
    Then cid has no position
    And bob is deleveraged by 70 lots
    And nobody's wallet is below zero

  Scenario: Longs pay shorts where the future is dear, each rounded against them
    When ann is long 10 and bob short
    And cid bids 1001 and ann asks 1003 for the future
    And funding is due
    Then ann pays 15 and bob gets 14
