Feature: What happens at one of two venues is no word about the other

  Scenario Outline: One of them is not there for a quarter of an hour
    Given the scenario "one-of-two-venues-short"
    And "<fault>" stands where "inject: venue.outage, venue: exchange.south" stood
    When it is run
    Then the verdict is PASS
    And the firm had orders in the books of exchange.north when it began
    And the firm had orders in the books of exchange.south when it began
    And the critical alert venue_down on exchange.south fired and was resolved
    And no alert is about exchange.north
    And what lies at exchange.north was certain all the time
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

    Examples:
      | fault                                                         |
      | inject: venue.outage, venue: exchange.south                   |
      | inject: venue.outage, venue: exchange.south, orders: canceled |
      | inject: service.crash, service: exchange.south                |
      | inject: service.pause, service: exchange.south                |

  Scenario: One of them does not tell of its fills, and the break names it
    Given the scenario "one-of-two-venues-misreports-short"
    When it is run
    Then the verdict is PASS
    And the critical alert reconciliation_break on exchange.south:USD fired and was resolved
    And no alert is about exchange.north
    And exchange and custody agree at the end
    And the twin without the injection raised none of the expected alerts

  Scenario: Prices at two venues differ a little, and come back
    Given the scenario "one-of-two-venues-short"
    When it is run
    Then trades in BTC/USD at both were within 40 bps of each other, and apart

  Scenario Outline: A venue that is not there
    Given the scenario "one-of-two-venues-short"
    And "<wrong>" stands where "<right>" stood
    When tse run is typed
    Then it ends with code 2
    And the one line says: <answer>
    And nothing is kept

    Examples:
      | right                         | wrong                        | answer                                                        |
      | outage, venue: exchange.south | outage                       | venue: this world has several; one of exchange.north, exchange.south is right |
      | outage, venue: exchange.south | outage, venue: exchange.sout | unknown venue 'exchange.sout'; did you mean 'exchange.south'? |
      | silence: exchange.south, for: 14m | silence: exchange, for: 14m | unknown 'exchange'; did you mean                           |

  Scenario: Where they fail together, every desk of the firm is stopped at once
    Given the shipped scenario "one-building-dark"
    When it is run
    Then the verdict is PASS
    And the critical alert systemic_venue on venues fired exactly once
    And the critical alert kill_switch on north.alpha fired within its deadline
    And the critical alert kill_switch on south.beta fired within its deadline
    And the desk of north.alpha is still stopped at the end
    And the desk of south.beta is still stopped at the end
    And the critical alert stale_data on BTC/USD fired within its deadline
    And the twin without the injection raised none of the expected alerts
