Feature: Whoever breaks the world may die of it, and the world is put right all the same

  Scenario: The coordinator is killed while its faults are in force
    Given the scenario "coordinator-dies-short"
    When it is run
    Then the verdict is INVALID
    And the reason says: the coordinator died during the run
    And every injection that began has ended within 15 s of its death
    And nothing was injected after its death

  Scenario: The audit cannot be killed in virtual time, where it is the observer of every message
    Given the scenario "exchange-restart-short"
    And "service: audit_correlator" stands where "service: exchange" stood
    When it is run
    Then the verdict is INVALID
    And the reason says: audit_correlator cannot be killed here
