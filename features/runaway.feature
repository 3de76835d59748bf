Feature: A strategy that sends orders without end is stopped, and stays stopped

  Scenario: The monitor stops the desk, and a restart does not let it trade again
    Given the shipped scenario "runaway-strategy"
    When it is run
    Then the verdict is PASS
    And the critical alert order_rate on alpha:second fired within its deadline
    And the critical alert kill_switch on alpha fired exactly once
    And risk_monitor stopped the desk of alpha within 2 s of the breach
    And no order of alpha was in a book when 1 s had passed
    And after its restart the desk said again that it is stopped, and held back what the strategy wanted
    And the twin without the injection raised none of the expected alerts

  Scenario: At the limit of 20 in a second
    Given the scenario "runaway-short"
    And the world "runaway", with "every: 52ms" in place of "every: 40ms"
    And the world "runaway", whose market maker is never hit and never quotes anew
    When it is run
    Then the verdict is PASS
    And risk_monitor stopped the desk of alpha within 2 s of the breach

  Scenario: Just under it, with 19
    Given the scenario "runaway-short"
    And the world "runaway", with "every: 53ms" in place of "every: 40ms"
    And the world "runaway", whose market maker is never hit and never quotes anew
    And the world "runaway", with "minute:" of its limits raised out of the way
    When it is run
    Then the verdict is INVALID
    And no critical alert fired
    And the desk of alpha was never stopped

  Scenario: A desk that holds back its own strategy stops itself
    Given the scenario "runaway-held-back-short"
    And the world "runaway", with "orders_per_second: 8" besides its limits
    When it is run
    Then the verdict is PASS
    And trading_engine.alpha stopped the desk of alpha
    And no order of alpha was in a book when 1 s had passed
