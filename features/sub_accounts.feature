Feature: A master and its sub-accounts are apart for everything but the fees, the eyes and the owner

  Background:
    Given a venue where who traded 2000 USD pays a taker fee of 20 bps from the next day on, and all others 30
    And cid and dan are sub-accounts of ann

  Scenario: What the group trades counts together
    When cid buys for 1000 USD of bob
    And dan buys for 1000 USD of eve
    And the next day begins
    Then ann, cid and dan pay a taker fee of 20 bps
    And bob and eve pay a taker fee of 30 bps

  Scenario: A sub-account has its own money
    When cid bids 1000 USD for what nobody sells
    Then cid has 1000 USD locked
    And ann has nothing locked

  Scenario: A master can trade with its sub-account, like any two accounts
    When cid buys for 1000 USD of ann
    Then both are filled

  Scenario: A firm's monitor counts the sub-accounts that the firm lists
    Given the scenario "both-books-count"
    When it is run
    Then the verdict is PASS
    And the alert delta_exposure on firm fired

  Scenario: A sub-account that the firm does not list is not the firm's
    Given the scenario "both-books-count"
    And the firm lists alpha alone
    When it is run
    Then the verdict is INVALID

  Scenario: A sub-account of a sub-account is a mistake
    Given the scenario "both-books-count"
    And alpha-reserve is said to be a sub-account of alpha-hedge
    When it is validated
    Then that is refused: "alpha-hedge is itself a sub-account; alpha, its master, is expected here"
