Feature: What a service stands on can fail while it runs

  Scenario Outline: The exchange stands still and goes on
    Given the scenario "exchange-stands-still-short"
    And "inject: <fault>" stands where "inject: service.pause" stood
    When it is run
    Then the verdict is PASS
    And the critical alert venue_down on exchange fired and was resolved
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault         |
      | service.pause |
      | store.away    |
      | store.full    |

  Scenario: The exchange's store is slow
    Given the scenario "exchange-slow-store-short"
    When it is run
    Then the verdict is PASS
    And no alert fired
    And exchange and custody agree at the end

  Scenario: The custodian's clock is ahead and is put right
    Given the scenario "custodian-clock-ahead-short"
    When it is run
    Then the verdict is PASS
    And no alert fired
    And exchange and custody agree at the end

  Scenario Outline: What cannot be done in virtual time tests nothing, and says so
    Given the scenario "exchange-stands-still-short"
    And "<step>" stands where "inject: service.pause, service: exchange" stood
    When it is run
    Then the verdict is INVALID
    And the reason says: <answer>

    Examples:
      | step                                                        | answer                                                    |
      | inject: network.reset, from: [exchange], to: [risk_monitor] | network.reset is of connections, and virtual time has messages alone |
      | inject: store.away, service: risk_monitor                   | risk_monitor keeps no journal                             |
