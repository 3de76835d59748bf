Feature: A limit of each level: account, strategy, desk and firm

  Scenario: A desk is beyond its limit, and neither its strategies nor the firm are beyond theirs
    Given the shipped scenario "desk-over-its-limit"
    When it is run
    Then the verdict is PASS
    And the critical alert delta_exposure on majors fired exactly once
    And the critical alert delta_exposure on majors fired within its deadline
    And no alert is about firm
    And no alert is about making
    And the twin without the injection raised none of the expected alerts

  Scenario: The limit of the desk is what notices it
    Given the shipped scenario "desk-over-its-limit"
    And the limits "two-venues-levels", with "{at: 4750000, resolves: 3700000}" in place of "{at: 3750000, resolves: 3700000}"
    When it is run
    Then the verdict is FAIL
    And the reason names the missed alert delta_exposure

  Scenario: A desk is beyond its limit, and then each of its strategies
    Given the shipped scenario "strategies-over-their-limits"
    When it is run
    Then the verdict is PASS
    And the critical alert delta_exposure on majors fired exactly once
    And the critical alert delta_exposure on majors fired within its deadline
    And the critical alert delta_exposure on making-north fired exactly once
    And the critical alert delta_exposure on making-north fired within its deadline
    And the critical alert delta_exposure on making-south fired exactly once
    And the critical alert delta_exposure on making-south fired within its deadline
    And the twin without the injection raised none of the expected alerts

  Scenario Outline: The limit of each strategy is what notices it
    Given the shipped scenario "strategies-over-their-limits"
    And the limits "two-venues-levels", with "<loose>" in place of "<limit>"
    When it is run
    Then the verdict is FAIL
    And the reason names the missed alert delta_exposure on <strategy>

    Examples:
      | limit                            | loose                            | strategy     |
      | {at: 2800000, resolves: 2700000} | {at: 3800000, resolves: 2700000} | making-north |
      | {at: 1700000, resolves: 1600000} | {at: 2700000, resolves: 1600000} | making-south |

  Scenario Outline: A group that is none
    Given the shipped scenario "desk-over-its-limit"
    And the limits "two-venues-levels", with "<wrong>" in place of "<right>"
    When tse run is typed
    Then it ends with code 2
    And the one line says: <answer>
    And nothing is kept

    Examples:
      | right                               | wrong                     | answer                                                        |
      | majors:                             | making-north:             | 'making-north' is the name of a strategy already              |
      | majors:                             | south.gamma:              | 'south.gamma' is the name of an account already               |
      | accounts: [south.beta]              | accounts: [south.bta]     | unknown account 'south.bta'; did you mean 'south.beta'?       |
      | accounts: [south.beta]              | accounts: [north.alpha]   | north.alpha is in making-north already                        |
      | accounts: [north.alpha, south.beta] | accounts: []              | desks.majors.accounts: there is no account in it              |
      | accounts: [north.alpha, south.beta] | accounts: [north.alpha]   | strategies.making-south: its accounts do not lie within one desk |
      | desks:                              | books:                    | unknown key 'books'                                           |
