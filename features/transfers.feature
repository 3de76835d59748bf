Feature: Withdrawals can be frozen, and the monitor notices by asking what has become of them

  Scenario: The custodian takes withdrawals and lets nothing leave
    Given the scenario "withdrawal-freeze-short"
    When it is run
    Then the verdict is PASS
    And the critical alert transfer_overdue on alpha fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts
