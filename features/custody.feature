Feature: A custodian can do wrong, and the monitor notices what of it can be noticed

  Scenario Outline: What is due does not settle
    Given the scenario "custodian-goes-wrong-short"
    And "<fault>" stands where "inject: settlement.reject" stood
    When it is run
    Then the verdict is PASS
    And the critical alert settlement_overdue on alpha fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault                                 |
      | inject: settlement.reject             |
      | inject: settlement.delay, by: 1h      |
      | inject: settlement.partial, share: 1% |

  Scenario Outline: What the custodian tells of its books is not so, or what it had is gone
    Given the scenario "custodian-misreports-short"
    And "<fault>" stands where "inject: custodian.says_done" stood
    When it is run
    Then the verdict is PASS
    And the critical alert reconciliation_break on USD fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault                                                          |
      | inject: custodian.says_done                                    |
      | inject: settlement.duplicate                                   |
      | inject: custodian.outflow, account: beta, asset: USD, share: 1% |
