Feature: Withdrawals can be frozen, and the monitor notices by asking what has become of them

  Scenario Outline: The custodian takes withdrawals and lets nothing leave
    Given the scenario "withdrawal-freeze-short"
    And "inject: custodian.<fault>" stands where "inject: custodian.freeze_withdrawals" stood
    When it is run
    Then the verdict is PASS
    And the critical alert transfer_overdue on alpha fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault              |
      | freeze_withdrawals |
      | freeze_transfers   |

  Scenario: From one hour to the next dollars move in bank hours alone, and what is told of is not late
    Given the scenario "bank-hours-short"
    When it is run
    Then the verdict is PASS
    And the critical alert transfer_overdue on alpha fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts
