Feature: The evidence of a run stands on its own

  A risk officer puts the page before a regulator, who opens it on a machine without a network.

  Scenario: The page needs nothing but itself
    Given the scenario "usdt-cliff-9m"
    When it is run
    Then its page loads nothing from anywhere
    And its page shows the verdict, the digest, the seed and the command that replays it
    And its page holds the scenario, the world and the limits word for word

  Scenario: The command on the page replays the run
    Given the scenario "usdt-cliff-9m"
    When it is run
    And the command that it left is run
    Then both digests are the same

  Scenario: The trail is verified without anything installed
    Given the scenario "usdt-cliff-9m"
    When it is run
    Then Python alone verifies its trail
