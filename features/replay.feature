Feature: Recorded prices take the place of injected ones

  Scenario: A recorded fall is noticed as an injected one is
    Given the scenario "usdt-cliff-9m"
    And recorded minutes of USDT/USD: 1, 1, 1, 0.999, 0.985, 0.98, 0.98, 0.98, 0.98, 0.98
    When it is run
    Then the verdict is PASS
    And nothing was injected
    And the critical alert peg_deviation on USDT answers the breach of 2026-03-02T00:04:59Z
    And the twin without the injection raised none of the expected alerts

  Scenario: A quiet record tests nothing
    Given the scenario "usdt-cliff-9m"
    And recorded minutes of USDT/USD: 1, 1, 1.0002, 0.9999, 1, 1, 0.9998, 1, 1, 1
    When it is run
    Then the verdict is INVALID
    And no alert fired

  Scenario: Trades as a venue publishes them are noticed as bars are
    Given the scenario "usdt-cliff-9m"
    And zipped trades of USDT/USD, a minute apart: 1, 1, 1, 0.999, 0.985, 0.98, 0.98, 0.98, 0.98, 0.98
    When it is run
    Then the verdict is PASS
    And nothing was injected
    And the critical alert peg_deviation on USDT answers the breach of 2026-03-02T00:04:00Z

  Scenario: A record that is wrong is refused before anything runs
    Given the scenario "usdt-cliff-9m"
    And recorded minutes of USDT/USD: 1, 1, 1, nan, 0.985, 0.98, 0.98, 0.98, 0.98, 0.98
    When tse run is typed
    Then it ends with code 2
    And the one line says: row 4: close nan is not a price above zero
    And nothing is kept

  Scenario: A record that is cut off is refused too
    Given the scenario "usdt-cliff-9m"
    And half a zip of trades of USDT/USD
    When tse run is typed
    Then it ends with code 2
    And the one line says: not a whole zip file of one CSV file
    And nothing is kept
