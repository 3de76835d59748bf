Feature: A restart loses nothing and repeats nothing

  Scenario: The risk monitor is killed in a drawdown
    Given the scenario "monitor-restart-short"
    When it is run
    Then the verdict is PASS
    And the critical alert pnl_drawdown on firm fired exactly once
    And the high-water mark after the restart is the one before it

  Scenario: The exchange is killed while desks trade
    Given the scenario "exchange-restart-short"
    When it is run
    Then the verdict is PASS
    And the critical alert venue_down on exchange fired and was resolved
    And exchange and custody agree at the end
