Feature: A run can be repeated and its trail cannot be bent

  An auditor wants the same evidence tomorrow, and to know that nobody has touched it.

  Scenario: One scenario and seed give one history
    Given the scenario "usdt-cliff-9m"
    When it is run in two processes with different hash seeds
    Then both digests are the same

  Scenario: Another seed gives another history
    Given the scenario "usdt-cliff-9m"
    When it is run with the seeds 1 and 2
    Then the digests differ

  Scenario: A trail with one changed byte is found out
    Given the scenario "usdt-cliff-9m"
    When it is run
    And one byte of its trail is changed
    Then the verifier names the entry
